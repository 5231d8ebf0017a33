// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IReceivableRegistry} from "../../src/interfaces/IReceivableRegistry.sol";
import {ReceivableBase} from "./ReceivableBase.t.sol";

contract CancelPledgeTest is ReceivableBase {
    /// @dev The name of the default terms, which nobody used.
    bytes32 internal name;

    function setUp() public override {
        super.setUp();
        name = nameOf(pledgeTerms());
    }

    function testFuzz_RevertWhen_ThePartyIsNotConcerned(bytes32 party) public {
        party = keccak256(abi.encode("not concerned", party));
        expectNotConcerned(name, party);
        cancel(pledgeTerms(), party);
    }

    function test_RevertWhen_ThePartyIsNotConcerned() public {
        bytes32[3] memory parties = [BUYER, OTHER_FINANCIER, bytes32(0)];
        for (uint256 i = 0; i < parties.length; i++) {
            expectNotConcerned(name, parties[i]);
            cancel(pledgeTerms(), parties[i]);
        }
    }

    function test_RevertWhen_ThePartyTookThePledgeOverLater() public {
        pledge();
        transfer(transferTerms(name));
        expectNotConcerned(name, OTHER_FINANCIER);
        cancel(pledgeTerms(), OTHER_FINANCIER);
    }

    function test_RevertWhen_ThePartyOfTheTermsIsZero() public {
        IReceivableRegistry.PledgeTerms memory terms = pledgeTerms();
        terms.supplier = 0;
        expectNotSigner(0, signerOf(0));
        cancel(terms, 0);
    }

    function testFuzz_RevertGiven_TheTermsWereUsed(uint64 time) public {
        pledge();
        vm.warp(bound(time, NOW, type(uint64).max));
        expectClosed(SUPPLIER, name, NOW);
        cancel(pledgeTerms(), SUPPLIER);
        expectClosed(FINANCIER, name, NOW);
        cancel(pledgeTerms(), FINANCIER);
    }

    function test_RevertGiven_ThePledgeWasReleased() public {
        pledge();
        release(releaseTerms(name));
        expectClosed(FINANCIER, name, NOW);
        cancel(pledgeTerms(), FINANCIER);
    }

    function testFuzz_RevertGiven_ThePartyCancelledBefore(bool bySupplier, uint64 time) public {
        bytes32 party = bySupplier ? SUPPLIER : FINANCIER;
        bytes memory signature = signCancellation(party, name);
        cancel(pledgeTerms(), party, signature);
        vm.warp(bound(time, NOW, type(uint64).max));
        expectClosed(party, name, NOW);
        cancel(pledgeTerms(), party, signature);
    }

    function test_RevertWhen_TheOtherPartySigned() public {
        bytes memory signature = signCancellation(FINANCIER, name);
        expectNotSigner(SUPPLIER, recovered(digestOf(structOfCancellation(SUPPLIER, name)), signature));
        cancel(pledgeTerms(), SUPPLIER, signature);
    }

    function test_RevertWhen_TheOtherPartySignedForThisOne() public {
        bytes memory signature = signAs(FINANCIER, digestOf(structOfCancellation(SUPPLIER, name)));
        expectNotSigner(SUPPLIER, signerOf(FINANCIER));
        cancel(pledgeTerms(), SUPPLIER, signature);
    }

    function test_RevertWhen_ThePartySignedThePledge() public {
        bytes memory signature = signAs(SUPPLIER, name);
        expectNotSigner(SUPPLIER, recovered(digestOf(structOfCancellation(SUPPLIER, name)), signature));
        cancel(pledgeTerms(), SUPPLIER, signature);
    }

    function testFuzz_RevertWhen_ThePartySignedTheCancellationOfOtherTerms(bytes32 nonce) public {
        IReceivableRegistry.PledgeTerms memory other = pledgeTerms();
        other.nonce = otherThan(NONCE, nonce);
        bytes memory signature = signCancellation(SUPPLIER, nameOf(other));
        expectNotSigner(SUPPLIER, recovered(digestOf(structOfCancellation(SUPPLIER, name)), signature));
        cancel(pledgeTerms(), SUPPLIER, signature);
    }

    // Good

    function test_WhenTheSupplierSigned() public {
        _expectCancelled(SUPPLIER, NOW);
        cancel(pledgeTerms(), SUPPLIER);
        assertClosed(SUPPLIER, name, NOW);
        assertClosed(FINANCIER, name, 0);
    }

    function test_WhenTheFinancierSigned() public {
        _expectCancelled(FINANCIER, NOW);
        cancel(pledgeTerms(), FINANCIER);
        assertClosed(FINANCIER, name, NOW);
        assertClosed(SUPPLIER, name, 0);
    }

    function testFuzz_WhenThePartySigned(IReceivableRegistry.PledgeTerms memory terms, bool bySupplier, uint64 time)
        public
    {
        terms.supplier = newParty("supplier", terms.supplier);
        terms.financier = newParty("financier", terms.financier);
        vm.warp(bound(time, NOW, type(uint64).max));
        time = uint64(vm.getBlockTimestamp());
        bytes32 party = bySupplier ? terms.supplier : terms.financier;
        bytes32 authorisation = nameOf(terms);
        vm.expectEmit(address(receivables));
        emit IReceivableRegistry.Cancelled(
            terms.receivable, terms.fingerprint, terms.supplier, authorisation, party, time
        );
        cancel(terms, party);
        assertClosed(party, authorisation, time);
        assertClosed(bySupplier ? terms.financier : terms.supplier, authorisation, 0);
        assertEq(receivables.pledgeOf(authorisation).pledgedAt, 0, "no pledge");
        assertEq(receivables.lastPledge(terms.supplier, terms.receivable), 0, "no last pledge");
    }

    function test_GivenTheOtherPartyCancelledBefore() public {
        cancel(pledgeTerms(), SUPPLIER);
        vm.warp(NOW + 1);
        _expectCancelled(FINANCIER, NOW + 1);
        cancel(pledgeTerms(), FINANCIER);
        assertClosed(SUPPLIER, name, NOW);
        assertClosed(FINANCIER, name, NOW + 1);
    }

    function test_GivenTheDeadlinePassed() public {
        vm.warp(EXPIRES_AT);
        _expectCancelled(SUPPLIER, EXPIRES_AT);
        cancel(pledgeTerms(), SUPPLIER);
        assertClosed(SUPPLIER, name, EXPIRES_AT);
    }

    function test_GivenTheReceivableIsPledgedUnderOtherTerms() public {
        IReceivableRegistry.PledgeTerms memory others = pledgeTerms();
        (others.financier, others.nonce) = (OTHER_FINANCIER, OTHER_NONCE);
        bytes32 other = pledge(others);
        _expectCancelled(SUPPLIER, NOW);
        cancel(pledgeTerms(), SUPPLIER);
        assertTrue(receivables.isActive(other), "the other pledge is active");
    }

    function testFuzz_WhenAnyoneRelays(address relayer) public {
        bytes memory signature = signCancellation(SUPPLIER, name);
        vm.prank(relayer);
        receivables.cancelPledge(pledgeTerms(), SUPPLIER, signature);
        assertClosed(SUPPLIER, name, NOW);
    }

    function _expectCancelled(bytes32 party, uint64 time) private {
        vm.expectEmit(address(receivables));
        emit IReceivableRegistry.Cancelled(RECEIVABLE, FINGERPRINT, SUPPLIER, name, party, time);
    }
}
