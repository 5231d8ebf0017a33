// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IReceivableRegistry} from "../../src/interfaces/IReceivableRegistry.sol";
import {ReceivableBase} from "./ReceivableBase.t.sol";

contract CancelTransferTest is ReceivableBase {
    /// @dev The default pledge, made at NOW; every test begins an hour later.
    bytes32 internal name;

    /// @dev The name of the default transfer of it, which nobody used.
    bytes32 internal authorisation;

    uint64 internal constant LATER = NOW + 1 hours;

    function setUp() public override {
        super.setUp();
        name = pledge();
        authorisation = nameOf(transferTerms(name));
        vm.warp(LATER);
    }

    function testFuzz_RevertGiven_ThePledgeIsUnknown(bytes32 unknown, bytes32 party) public {
        unknown = otherThan(name, unknown);
        expectUnknownPledge(unknown);
        cancel(transferTerms(unknown), party);
    }

    function testFuzz_RevertWhen_ThePartyIsNotConcerned(bytes32 party) public {
        party = keccak256(abi.encode("not concerned", party));
        expectNotConcerned(authorisation, party);
        cancel(transferTerms(name), party);
    }

    function test_RevertWhen_ThePartyIsNotConcerned() public {
        bytes32[3] memory parties = [SUPPLIER, BUYER, bytes32(0)];
        for (uint256 i = 0; i < parties.length; i++) {
            expectNotConcerned(authorisation, parties[i]);
            cancel(transferTerms(name), parties[i]);
        }
    }

    function test_RevertWhen_ThePartyOfTheTermsIsZero() public {
        IReceivableRegistry.TransferTerms memory terms = transferTerms(name);
        terms.to = 0;
        expectNotSigner(0, signerOf(0));
        cancel(terms, 0);
    }

    function testFuzz_RevertGiven_TheTermsWereUsed(uint64 time) public {
        transfer(transferTerms(name));
        vm.warp(bound(time, LATER, type(uint64).max));
        expectClosed(FINANCIER, authorisation, LATER);
        cancel(transferTerms(name), FINANCIER);
        expectClosed(OTHER_FINANCIER, authorisation, LATER);
        cancel(transferTerms(name), OTHER_FINANCIER);
    }

    function testFuzz_RevertGiven_ThePartyCancelledBefore(bool byOld, uint64 time) public {
        bytes32 party = byOld ? FINANCIER : OTHER_FINANCIER;
        bytes memory signature = signCancellation(party, authorisation);
        cancel(transferTerms(name), party, signature);
        vm.warp(bound(time, LATER, type(uint64).max));
        expectClosed(party, authorisation, LATER);
        cancel(transferTerms(name), party, signature);
    }

    function test_RevertWhen_TheOtherPartySigned() public {
        bytes memory signature = signCancellation(OTHER_FINANCIER, authorisation);
        expectNotSigner(FINANCIER, recovered(digestOf(structOfCancellation(FINANCIER, authorisation)), signature));
        cancel(transferTerms(name), FINANCIER, signature);
    }

    function test_RevertWhen_ThePartySignedTheTransfer() public {
        bytes memory signature = signAs(FINANCIER, authorisation);
        expectNotSigner(FINANCIER, recovered(digestOf(structOfCancellation(FINANCIER, authorisation)), signature));
        cancel(transferTerms(name), FINANCIER, signature);
    }

    function test_RevertWhen_ThePartySignedTheCancellationOfThePledge() public {
        bytes memory signature = signCancellation(FINANCIER, name);
        expectNotSigner(FINANCIER, recovered(digestOf(structOfCancellation(FINANCIER, authorisation)), signature));
        cancel(transferTerms(name), FINANCIER, signature);
    }

    // Good

    function test_WhenTheOldFinancierSigned() public {
        _expectCancelled(FINANCIER, LATER);
        cancel(transferTerms(name), FINANCIER);
        _assertCancelled(FINANCIER, OTHER_FINANCIER, LATER);
    }

    function test_WhenTheNewFinancierSigned() public {
        _expectCancelled(OTHER_FINANCIER, LATER);
        cancel(transferTerms(name), OTHER_FINANCIER);
        _assertCancelled(OTHER_FINANCIER, FINANCIER, LATER);
    }

    /// @dev Neither need ever have held the pledge.
    function testFuzz_WhenThePartySigned(IReceivableRegistry.TransferTerms memory terms, bool byOld, uint64 time)
        public
    {
        terms.pledge = name;
        (terms.from, terms.to) = (newParty("old financier", terms.from), newParty("new financier", terms.to));
        vm.warp(bound(time, LATER, type(uint64).max));
        time = uint64(vm.getBlockTimestamp());
        bytes32 party = byOld ? terms.from : terms.to;
        bytes32 closed = nameOf(terms);
        vm.expectEmit(address(receivables));
        emit IReceivableRegistry.Cancelled(RECEIVABLE, FINGERPRINT, SUPPLIER, closed, party, time);
        cancel(terms, party);
        assertClosed(party, closed, time);
        assertClosed(byOld ? terms.to : terms.from, closed, 0);
        assertPledge(name, pledgeTerms(), FINANCIER, NOW, 0);
    }

    function test_GivenTheOtherPartyCancelledBefore() public {
        cancel(transferTerms(name), FINANCIER);
        vm.warp(LATER + 1);
        _expectCancelled(OTHER_FINANCIER, LATER + 1);
        cancel(transferTerms(name), OTHER_FINANCIER);
        assertClosed(FINANCIER, authorisation, LATER);
        assertClosed(OTHER_FINANCIER, authorisation, LATER + 1);
    }

    function test_GivenThePledgeWasReleased() public {
        release(releaseTerms(name));
        _expectCancelled(FINANCIER, LATER);
        cancel(transferTerms(name), FINANCIER);
        assertClosed(FINANCIER, authorisation, LATER);
    }

    function test_GivenThePledgeExpired() public {
        vm.warp(EXPIRES_AT);
        _expectCancelled(FINANCIER, EXPIRES_AT);
        cancel(transferTerms(name), FINANCIER);
        _assertCancelled(FINANCIER, OTHER_FINANCIER, EXPIRES_AT);
    }

    function testFuzz_WhenAnyoneRelays(address relayer) public {
        bytes memory signature = signCancellation(FINANCIER, authorisation);
        vm.prank(relayer);
        receivables.cancelTransfer(transferTerms(name), FINANCIER, signature);
        _assertCancelled(FINANCIER, OTHER_FINANCIER, LATER);
    }

    function test_WhenTermsOfAnotherNonceAreUsedAfterwards() public {
        cancel(transferTerms(name), FINANCIER);
        IReceivableRegistry.TransferTerms memory terms = transferTerms(name);
        terms.nonce = OTHER_NONCE;
        transfer(terms);
        assertPledge(name, pledgeTerms(), OTHER_FINANCIER, NOW, 0);
    }

    function _expectCancelled(bytes32 party, uint64 time) private {
        vm.expectEmit(address(receivables));
        emit IReceivableRegistry.Cancelled(RECEIVABLE, FINGERPRINT, SUPPLIER, authorisation, party, time);
    }

    function _assertCancelled(bytes32 party, bytes32 other, uint64 time) private view {
        assertClosed(party, authorisation, time);
        assertClosed(other, authorisation, 0);
        assertPledge(name, pledgeTerms(), FINANCIER, NOW, 0);
    }
}
