// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IReceivableRegistry} from "../../src/interfaces/IReceivableRegistry.sol";
import {ReceivableBase} from "./ReceivableBase.t.sol";

contract TransferTest is ReceivableBase {
    /// @dev The default pledge, made at NOW; every test begins an hour later.
    bytes32 internal name;

    uint64 internal constant LATER = NOW + 1 hours;

    function setUp() public override {
        super.setUp();
        name = pledge();
        vm.warp(LATER);
    }

    // No pledge to transfer

    function testFuzz_RevertGiven_ThePledgeIsUnknown(bytes32 unknown) public {
        unknown = otherThan(name, unknown);
        expectUnknownPledge(unknown);
        transfer(transferTerms(unknown));
    }

    function testFuzz_RevertGiven_ThePledgeWasReleased(uint64 time) public {
        release(releaseTerms(name));
        vm.warp(bound(time, LATER, type(uint64).max));
        expectPledgeReleased(name, LATER);
        transfer(transferTerms(name));
    }

    function testFuzz_RevertGiven_ThePledgeExpired(uint64 time) public {
        vm.warp(bound(time, EXPIRES_AT, type(uint64).max));
        expectPledgeExpired(name, EXPIRES_AT);
        transfer(transferTerms(name));
    }

    function test_RevertGiven_ThePledgeExpiresNow() public {
        vm.warp(EXPIRES_AT);
        expectPledgeExpired(name, EXPIRES_AT);
        transfer(transferTerms(name));
    }

    function testFuzz_RevertGiven_TheOldFinancierNeverHeldThePledge(bytes32 from) public {
        IReceivableRegistry.TransferTerms memory terms = transferTerms(name);
        terms.from = otherThan(FINANCIER, from);
        expectNotHolder(name, terms.from);
        transfer(terms);
    }

    function test_RevertGiven_TheOldFinancierIsTheSupplier() public {
        IReceivableRegistry.TransferTerms memory terms = transferTerms(name);
        terms.from = SUPPLIER;
        expectNotHolder(name, SUPPLIER);
        transfer(terms);
    }

    function test_RevertGiven_TheOldFinancierHoldsThePledgeNoMore() public {
        transfer(transferTerms(name));
        IReceivableRegistry.TransferTerms memory terms = transferTerms(name);
        (terms.to, terms.nonce) = (BUYER, OTHER_NONCE);
        expectNotHolder(name, FINANCIER);
        transfer(terms);
    }

    // Nobody to take it

    function test_RevertWhen_TheNewFinancierIsZero() public {
        IReceivableRegistry.TransferTerms memory terms = transferTerms(name);
        terms.to = 0;
        vm.expectRevert(IReceivableRegistry.ZeroParty.selector);
        transfer(terms);
    }

    function test_RevertWhen_TheNewFinancierIsTheSupplier() public {
        IReceivableRegistry.TransferTerms memory terms = transferTerms(name);
        terms.to = SUPPLIER;
        vm.expectRevert(abi.encodeWithSelector(IReceivableRegistry.FinancierIsSupplier.selector, SUPPLIER));
        transfer(terms);
    }

    function test_RevertWhen_TheNewFinancierIsTheOld() public {
        IReceivableRegistry.TransferTerms memory terms = transferTerms(name);
        terms.to = FINANCIER;
        vm.expectRevert(abi.encodeWithSelector(IReceivableRegistry.FinancierUnchanged.selector, name, FINANCIER));
        transfer(terms);
    }

    // Not authorised

    function testFuzz_RevertWhen_TheDeadlinePassed(uint64 deadline) public {
        IReceivableRegistry.TransferTerms memory terms = transferTerms(name);
        terms.deadline = uint64(bound(deadline, 0, LATER - 1));
        expectAuthorisationExpired(nameOf(terms), terms.deadline, LATER);
        transfer(terms);
    }

    function test_RevertWhen_TheDeadlinePassedOneSecondAgo() public {
        vm.warp(DEADLINE + 1);
        expectAuthorisationExpired(nameOf(transferTerms(name)), DEADLINE, DEADLINE + 1);
        transfer(transferTerms(name));
    }

    function test_RevertGiven_TheTermsWereUsedAndThePledgeCameBack() public {
        bytes32 authorisation = transfer(transferTerms(name));
        vm.warp(LATER + 1);
        transfer(returnTerms(name));
        expectClosed(FINANCIER, authorisation, LATER);
        transfer(transferTerms(name));
    }

    function test_RevertGiven_TheTermsWereUsed() public {
        transfer(transferTerms(name));
        expectNotHolder(name, FINANCIER);
        transfer(transferTerms(name));
    }

    function test_RevertGiven_TheOldFinancierCancelled() public {
        bytes32 authorisation = nameOf(transferTerms(name));
        cancel(transferTerms(name), FINANCIER);
        expectClosed(FINANCIER, authorisation, LATER);
        transfer(transferTerms(name));
        assertClosed(OTHER_FINANCIER, authorisation, 0);
    }

    function test_RevertGiven_TheNewFinancierCancelled() public {
        bytes32 authorisation = nameOf(transferTerms(name));
        cancel(transferTerms(name), OTHER_FINANCIER);
        expectClosed(OTHER_FINANCIER, authorisation, LATER);
        transfer(transferTerms(name));
        assertClosed(FINANCIER, authorisation, 0);
    }

    function test_RevertWhen_TheSignaturesAreSwapped() public {
        bytes32 authorisation = nameOf(transferTerms(name));
        expectNotSigner(FINANCIER, signerOf(OTHER_FINANCIER));
        transfer(transferTerms(name), signAs(OTHER_FINANCIER, authorisation), signAs(FINANCIER, authorisation));
    }

    function test_RevertWhen_TheSupplierSignedForAFinancier() public {
        bytes32 authorisation = nameOf(transferTerms(name));
        expectNotSigner(FINANCIER, signerOf(SUPPLIER));
        transfer(transferTerms(name), signAs(SUPPLIER, authorisation), signAs(OTHER_FINANCIER, authorisation));
        expectNotSigner(OTHER_FINANCIER, signerOf(SUPPLIER));
        transfer(transferTerms(name), signAs(FINANCIER, authorisation), signAs(SUPPLIER, authorisation));
    }

    function test_RevertWhen_AFinancierSignedItsCancellation() public {
        bytes32 authorisation = nameOf(transferTerms(name));
        bytes memory signature = signCancellation(FINANCIER, authorisation);
        expectNotSigner(FINANCIER, recovered(authorisation, signature));
        transfer(transferTerms(name), signature, signAs(OTHER_FINANCIER, authorisation));
        signature = signCancellation(OTHER_FINANCIER, authorisation);
        expectNotSigner(OTHER_FINANCIER, recovered(authorisation, signature));
        transfer(transferTerms(name), signAs(FINANCIER, authorisation), signature);
    }

    function test_RevertWhen_TheOldFinancierSignedARelease() public {
        bytes32 authorisation = nameOf(transferTerms(name));
        bytes memory signature = signAs(FINANCIER, nameOf(releaseTerms(name)));
        expectNotSigner(FINANCIER, recovered(authorisation, signature));
        transfer(transferTerms(name), signature, signAs(OTHER_FINANCIER, authorisation));
    }

    function testFuzz_RevertGiven_TheNewFinancierIsNotAdmitted(bytes32 to) public {
        IReceivableRegistry.TransferTerms memory terms = transferTerms(name);
        terms.to = keccak256(abi.encode("not admitted", to));
        expectNotSigner(terms.to, signerOf(terms.to));
        transfer(terms);
    }

    /// @dev Both signed the default terms; where `from` is another, the pledge is not held by it, as above.
    function testFuzz_RevertWhen_AMemberIsNotAsSigned(uint8 member, bytes32 word) public {
        IReceivableRegistry.PledgeTerms memory another = pledgeTerms();
        (another.receivable, another.fingerprint) = (OTHER_RECEIVABLE, OTHER_FINGERPRINT);
        IReceivableRegistry.TransferTerms memory terms = transferTerms(name);
        bytes32 signed = nameOf(terms);
        member %= 4;
        if (member == 0) terms.pledge = pledge(another);
        if (member == 1) terms.to = BUYER;
        if (member == 2) terms.deadline = uint64(bound(uint256(word), DEADLINE + 1, type(uint64).max));
        if (member == 3) terms.nonce = otherThan(NONCE, word);
        bytes memory signature = signAs(FINANCIER, signed);
        expectNotSigner(FINANCIER, recovered(nameOf(terms), signature));
        transfer(terms, signature, signAs(OTHER_FINANCIER, signed));
    }

    // Good

    function test_WhenBothSigned() public {
        bytes32 authorisation = nameOf(transferTerms(name));
        vm.expectEmit(address(receivables));
        emit IReceivableRegistry.Transferred(
            RECEIVABLE, FINGERPRINT, SUPPLIER, name, authorisation, FINANCIER, OTHER_FINANCIER, LATER
        );
        transfer(transferTerms(name));
        _assertTransferred(transferTerms(name), LATER);
    }

    function testFuzz_WhenBothSigned(bytes32 to, bytes32 nonce, uint64 deadline, uint64 time) public {
        time = uint64(bound(time, LATER, EXPIRES_AT - 1));
        IReceivableRegistry.TransferTerms memory terms = transferTerms(name);
        (terms.to, terms.nonce) = (newParty("new financier", to), nonce);
        terms.deadline = uint64(bound(deadline, time, type(uint64).max));
        vm.warp(time);
        bytes32 authorisation = nameOf(terms);
        vm.expectEmit(address(receivables));
        emit IReceivableRegistry.Transferred(
            RECEIVABLE, FINGERPRINT, SUPPLIER, name, authorisation, FINANCIER, terms.to, time
        );
        transfer(terms);
        _assertTransferred(terms, time);
    }

    function test_WhenTheDeadlineIsNow() public {
        vm.warp(DEADLINE);
        transfer(transferTerms(name));
        _assertTransferred(transferTerms(name), DEADLINE);
    }

    function test_GivenThePledgeExpiresInOneSecond() public {
        IReceivableRegistry.TransferTerms memory terms = transferTerms(name);
        terms.deadline = EXPIRES_AT;
        vm.warp(EXPIRES_AT - 1);
        transfer(terms);
        _assertTransferred(terms, EXPIRES_AT - 1);
        vm.warp(EXPIRES_AT);
        assertFalse(receivables.isActive(name), "expiresAt stays");
    }

    function testFuzz_WhenAnyoneRelays(address relayer) public {
        bytes32 authorisation = nameOf(transferTerms(name));
        vm.prank(relayer);
        receivables.transfer(
            transferTerms(name), signAs(FINANCIER, authorisation), signAs(OTHER_FINANCIER, authorisation)
        );
        _assertTransferred(transferTerms(name), LATER);
    }

    function test_WhenTheNewFinancierIsTheBuyer() public {
        IReceivableRegistry.TransferTerms memory terms = transferTerms(name);
        terms.to = BUYER;
        transfer(terms);
        _assertTransferred(terms, LATER);
    }

    function test_GivenNoSignerOfTheSupplierIsLeft() public {
        vm.prank(REGISTRAR);
        registry.revokeSigner(SUPPLIER, signerOf(SUPPLIER));
        transfer(transferTerms(name));
        _assertTransferred(transferTerms(name), LATER);
    }

    function test_GivenThePledgeCameBack() public {
        transfer(transferTerms(name));
        transfer(returnTerms(name));
        IReceivableRegistry.TransferTerms memory again = transferTerms(name);
        again.nonce = OTHER_NONCE;
        transfer(again);
        _assertTransferred(again, LATER);
    }

    /// @dev What a financier signed and did not use is good until its deadline, whoever held the pledge meanwhile.
    function test_GivenThePledgeCameBackToWhoSignedOtherTermsBefore() public {
        IReceivableRegistry.TransferTerms memory unused = transferTerms(name);
        (unused.to, unused.nonce) = (BUYER, OTHER_NONCE);
        bytes32 authorisation = nameOf(unused);
        (bytes memory from, bytes memory to) = (signAs(FINANCIER, authorisation), signAs(BUYER, authorisation));
        transfer(transferTerms(name));
        transfer(returnTerms(name));
        transfer(unused, from, to);
        _assertTransferred(unused, LATER);
    }

    function testFuzz_GivenThePledgeWentThroughManyHands(uint8 seed) public {
        uint256 hands = bound(seed, 1, 8);
        IReceivableRegistry.TransferTerms memory terms = transferTerms(name);
        for (uint256 i = 0; i < hands; i++) {
            terms.to = newParty("hand", bytes32(i));
            transfer(terms);
            _assertTransferred(terms, LATER);
            terms.from = terms.to;
        }
    }

    function _assertTransferred(IReceivableRegistry.TransferTerms memory terms, uint64 time) private view {
        assertPledge(name, pledgeTerms(), terms.to, NOW, 0);
        assertTrue(receivables.isActive(name), "isActive");
        assertEq(receivables.lastPledge(SUPPLIER, RECEIVABLE), name, "lastPledge");
        assertEq(receivables.lastPledgeOfFingerprint(SUPPLIER, FINGERPRINT), name, "lastPledgeOfFingerprint");
        assertEq(receivables.takenSince(SUPPLIER, RECEIVABLE, FINGERPRINT), NOW, "takenSince");
        assertClosed(terms.from, nameOf(terms), time);
        assertClosed(terms.to, nameOf(terms), time);
    }
}
