// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IReceivableRegistry} from "../../src/interfaces/IReceivableRegistry.sol";
import {ReceivableBase} from "./ReceivableBase.t.sol";

contract ReleaseTest is ReceivableBase {
    /// @dev The default pledge, made at NOW; every test begins an hour later.
    bytes32 internal name;

    uint64 internal constant LATER = NOW + 1 hours;

    function setUp() public override {
        super.setUp();
        name = pledge();
        vm.warp(LATER);
    }

    // No pledge to release

    function testFuzz_RevertGiven_ThePledgeIsUnknown(bytes32 unknown) public {
        unknown = otherThan(name, unknown);
        expectUnknownPledge(unknown);
        release(releaseTerms(unknown));
    }

    function testFuzz_RevertGiven_ThePledgeWasReleased(bytes32 nonce, uint64 time) public {
        release(releaseTerms(name));
        vm.warp(bound(time, LATER, type(uint64).max));
        IReceivableRegistry.ReleaseTerms memory terms = releaseTerms(name);
        terms.nonce = nonce;
        expectPledgeReleased(name, LATER);
        release(terms);
    }

    function testFuzz_RevertGiven_ThePledgeExpired(uint64 time) public {
        vm.warp(bound(time, EXPIRES_AT, type(uint64).max));
        expectPledgeExpired(name, EXPIRES_AT);
        release(releaseTerms(name));
    }

    function test_RevertGiven_ThePledgeExpiresNow() public {
        vm.warp(EXPIRES_AT);
        expectPledgeExpired(name, EXPIRES_AT);
        release(releaseTerms(name));
    }

    function testFuzz_RevertGiven_ThePartyNeverHeldThePledge(bytes32 party) public {
        IReceivableRegistry.ReleaseTerms memory terms = releaseTerms(name);
        terms.financier = otherThan(FINANCIER, party);
        expectNotHolder(name, terms.financier);
        release(terms);
    }

    function test_RevertGiven_ThePartyIsTheSupplier() public {
        IReceivableRegistry.ReleaseTerms memory terms = releaseTerms(name);
        terms.financier = SUPPLIER;
        expectNotHolder(name, SUPPLIER);
        release(terms);
    }

    function test_RevertGiven_ThePartyHoldsThePledgeNoMore() public {
        transfer(transferTerms(name));
        expectNotHolder(name, FINANCIER);
        release(releaseTerms(name));
    }

    // Not authorised

    function testFuzz_RevertWhen_TheDeadlinePassed(uint64 deadline) public {
        IReceivableRegistry.ReleaseTerms memory terms = releaseTerms(name);
        terms.deadline = uint64(bound(deadline, 0, LATER - 1));
        expectAuthorisationExpired(nameOf(terms), terms.deadline, LATER);
        release(terms);
    }

    function test_RevertWhen_TheDeadlinePassedOneSecondAgo() public {
        vm.warp(DEADLINE + 1);
        expectAuthorisationExpired(nameOf(releaseTerms(name)), DEADLINE, DEADLINE + 1);
        release(releaseTerms(name));
    }

    function test_RevertWhen_TheSupplierSigned() public {
        bytes32 authorisation = nameOf(releaseTerms(name));
        expectNotSigner(FINANCIER, signerOf(SUPPLIER));
        release(releaseTerms(name), signAs(SUPPLIER, authorisation));
    }

    function test_RevertGiven_AFormerHolderSignedForTheNewOne() public {
        transfer(transferTerms(name));
        IReceivableRegistry.ReleaseTerms memory terms = releaseTerms(name);
        terms.financier = OTHER_FINANCIER;
        bytes32 authorisation = nameOf(terms);
        expectNotSigner(OTHER_FINANCIER, signerOf(FINANCIER));
        release(terms, signAs(FINANCIER, authorisation));
    }

    function test_RevertWhen_TheFinancierSignedThePledge() public {
        bytes32 authorisation = nameOf(releaseTerms(name));
        bytes memory signature = signAs(FINANCIER, name);
        expectNotSigner(FINANCIER, recovered(authorisation, signature));
        release(releaseTerms(name), signature);
    }

    function test_RevertWhen_TheFinancierSignedATransfer() public {
        bytes32 authorisation = nameOf(releaseTerms(name));
        bytes memory signature = signAs(FINANCIER, nameOf(transferTerms(name)));
        expectNotSigner(FINANCIER, recovered(authorisation, signature));
        release(releaseTerms(name), signature);
    }

    function test_RevertWhen_TheFinancierSignedACancellation() public {
        bytes32 authorisation = nameOf(releaseTerms(name));
        bytes memory signature = signCancellation(FINANCIER, authorisation);
        expectNotSigner(FINANCIER, recovered(authorisation, signature));
        release(releaseTerms(name), signature);
    }

    /// @dev The financier signed the default terms; where it is another, that one does not hold the pledge, as above.
    function testFuzz_RevertWhen_AMemberIsNotAsSigned(uint8 member, bytes32 word) public {
        IReceivableRegistry.PledgeTerms memory another = pledgeTerms();
        (another.receivable, another.fingerprint) = (OTHER_RECEIVABLE, OTHER_FINGERPRINT);
        IReceivableRegistry.ReleaseTerms memory terms = releaseTerms(name);
        bytes32 signed = nameOf(terms);
        member %= 3;
        if (member == 0) terms.pledge = pledge(another);
        if (member == 1) terms.deadline = uint64(bound(uint256(word), DEADLINE + 1, type(uint64).max));
        if (member == 2) terms.nonce = otherThan(NONCE, word);
        bytes memory signature = signAs(FINANCIER, signed);
        expectNotSigner(FINANCIER, recovered(nameOf(terms), signature));
        release(terms, signature);
    }

    // Good

    function test_WhenTheFinancierSigned() public {
        bytes32 authorisation = nameOf(releaseTerms(name));
        vm.expectEmit(address(receivables));
        emit IReceivableRegistry.Released(RECEIVABLE, FINGERPRINT, SUPPLIER, name, authorisation, FINANCIER, LATER);
        release(releaseTerms(name));
        _assertReleased(releaseTerms(name), LATER);
    }

    function testFuzz_WhenTheFinancierSigned(bytes32 nonce, uint64 deadline, uint64 time) public {
        time = uint64(bound(time, LATER, EXPIRES_AT - 1));
        IReceivableRegistry.ReleaseTerms memory terms = releaseTerms(name);
        (terms.nonce, terms.deadline) = (nonce, uint64(bound(deadline, time, type(uint64).max)));
        vm.warp(time);
        bytes32 authorisation = nameOf(terms);
        vm.expectEmit(address(receivables));
        emit IReceivableRegistry.Released(RECEIVABLE, FINGERPRINT, SUPPLIER, name, authorisation, FINANCIER, time);
        release(terms);
        _assertReleased(terms, time);
    }

    function test_WhenTheDeadlineIsNow() public {
        vm.warp(DEADLINE);
        release(releaseTerms(name));
        _assertReleased(releaseTerms(name), DEADLINE);
    }

    function test_GivenThePledgeExpiresInOneSecond() public {
        IReceivableRegistry.ReleaseTerms memory terms = releaseTerms(name);
        terms.deadline = EXPIRES_AT;
        vm.warp(EXPIRES_AT - 1);
        release(terms);
        _assertReleased(terms, EXPIRES_AT - 1);
    }

    function testFuzz_WhenAnyoneRelays(address relayer) public {
        bytes32 authorisation = nameOf(releaseTerms(name));
        vm.prank(relayer);
        receivables.release(releaseTerms(name), signAs(FINANCIER, authorisation));
        _assertReleased(releaseTerms(name), LATER);
    }

    function test_GivenThePartyGotThePledgeByTransfer() public {
        transfer(transferTerms(name));
        IReceivableRegistry.ReleaseTerms memory terms = releaseTerms(name);
        terms.financier = OTHER_FINANCIER;
        release(terms);
        _assertReleased(terms, LATER);
    }

    /// @dev What a financier signed and nobody relayed is good until its deadline, whoever held the pledge meanwhile.
    function test_GivenThePledgeCameBackToWhoSignedBefore() public {
        bytes memory signature = signAs(FINANCIER, nameOf(releaseTerms(name)));
        transfer(transferTerms(name));
        transfer(returnTerms(name));
        release(releaseTerms(name), signature);
        _assertReleased(releaseTerms(name), LATER);
    }

    function test_GivenThePledgeWasMadeInThisSecond() public {
        IReceivableRegistry.PledgeTerms memory terms = pledgeTerms();
        (terms.receivable, terms.fingerprint) = (OTHER_RECEIVABLE, OTHER_FINGERPRINT);
        bytes32 other = pledge(terms);
        release(releaseTerms(other));
        assertPledge(other, terms, FINANCIER, LATER, LATER);
        assertFalse(receivables.isActive(other), "isActive");
        assertTrue(receivables.isActive(name), "the other pledge is active");
    }

    function _assertReleased(IReceivableRegistry.ReleaseTerms memory terms, uint64 time) private view {
        assertPledge(name, pledgeTerms(), terms.financier, NOW, time);
        assertFalse(receivables.isActive(name), "isActive");
        assertEq(receivables.lastPledge(SUPPLIER, RECEIVABLE), name, "lastPledge");
        assertEq(receivables.lastPledgeOfFingerprint(SUPPLIER, FINGERPRINT), name, "lastPledgeOfFingerprint");
        assertEq(receivables.takenSince(SUPPLIER, RECEIVABLE, FINGERPRINT), 0, "takenSince");
        assertClosed(terms.financier, nameOf(terms), time);
        assertClosed(SUPPLIER, nameOf(terms), 0);
    }
}
