// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IReceivableRegistry} from "../../src/interfaces/IReceivableRegistry.sol";
import {ReceivableBase} from "./ReceivableBase.t.sol";

contract PledgeTest is ReceivableBase {
    // Terms that can't be

    function testFuzz_RevertWhen_TheReceivableIsZero(bytes32 fingerprint) public {
        IReceivableRegistry.PledgeTerms memory terms = pledgeTerms();
        (terms.receivable, terms.fingerprint) = (0, fingerprint);
        vm.expectRevert(IReceivableRegistry.ZeroReceivable.selector);
        pledge(terms, inclusionOf[SUPPLIER][RECEIVABLE]);
    }

    function testFuzz_RevertWhen_TheFingerprintIsZero(bytes32 receivable) public {
        IReceivableRegistry.PledgeTerms memory terms = pledgeTerms();
        (terms.receivable, terms.fingerprint) = (nonZero(receivable), 0);
        vm.expectRevert(IReceivableRegistry.ZeroFingerprint.selector);
        pledge(terms, inclusionOf[SUPPLIER][RECEIVABLE]);
    }

    function testFuzz_RevertWhen_TheSupplierIsZero(bytes32 financier) public {
        IReceivableRegistry.PledgeTerms memory terms = pledgeTerms();
        (terms.supplier, terms.financier) = (0, financier);
        vm.expectRevert(IReceivableRegistry.ZeroParty.selector);
        pledge(terms, inclusionOf[SUPPLIER][RECEIVABLE]);
    }

    function testFuzz_RevertWhen_TheFinancierIsZero(bytes32 supplier) public {
        IReceivableRegistry.PledgeTerms memory terms = pledgeTerms();
        (terms.supplier, terms.financier) = (supplier, 0);
        vm.expectRevert(IReceivableRegistry.ZeroParty.selector);
        pledge(terms, inclusionOf[SUPPLIER][RECEIVABLE]);
    }

    function testFuzz_RevertWhen_TheFinancierIsTheSupplier(bytes32 supplier) public {
        IReceivableRegistry.PledgeTerms memory terms = pledgeTerms();
        terms.supplier = terms.financier = nonZero(supplier);
        vm.expectRevert(abi.encodeWithSelector(IReceivableRegistry.FinancierIsSupplier.selector, terms.supplier));
        pledge(terms, inclusionOf[SUPPLIER][RECEIVABLE]);
    }

    function testFuzz_RevertWhen_TheExpiryIsNotAhead(uint64 expiresAt) public {
        IReceivableRegistry.PledgeTerms memory terms = pledgeTerms();
        terms.expiresAt = uint64(bound(expiresAt, 0, NOW));
        vm.expectRevert(abi.encodeWithSelector(IReceivableRegistry.ExpiryNotAhead.selector, terms.expiresAt, NOW));
        pledge(terms);
    }

    function test_RevertWhen_TheExpiryIsNow() public {
        IReceivableRegistry.PledgeTerms memory terms = pledgeTerms();
        terms.expiresAt = NOW;
        vm.expectRevert(abi.encodeWithSelector(IReceivableRegistry.ExpiryNotAhead.selector, NOW, NOW));
        pledge(terms);
    }

    /// @dev Times are read from 32-byte words: what stands above their 64 bits must not be cut off unseen.
    function testFuzz_RevertWhen_ATimeIsAbove64Bits(uint8 word, uint256 high) public {
        bytes32 name = nameOf(pledgeTerms());
        bytes memory data = abi.encodeCall(
            receivables.pledge,
            (pledgeTerms(), inclusionOf[SUPPLIER][RECEIVABLE], signAs(SUPPLIER, name), signAs(FINANCIER, name))
        );
        // expiresAt and deadline are words 4 and 5 of the terms, which stand first.
        uint256 offset = 0x24 + 32 * (4 + word % 2);
        high = bound(high, 1, type(uint192).max) << 64;
        assembly ("memory-safe") {
            mstore(add(data, offset), or(mload(add(data, offset)), high))
        }
        (bool success, bytes memory reason) = address(receivables).call(data);
        assertFalse(success, "succeeds");
        assertEq(reason, "", "reason");
    }

    // Taken

    function testFuzz_RevertGiven_TheReceivableIsPledged(bytes32 fingerprint, bytes32 nonce, uint64 time) public {
        pledge();
        vm.warp(bound(time, NOW, EXPIRES_AT - 1));
        IReceivableRegistry.PledgeTerms memory terms = _later();
        (terms.fingerprint, terms.nonce, terms.financier) = (nonZero(fingerprint), nonce, OTHER_FINANCIER);
        expectReceivableTaken(RECEIVABLE, NOW);
        pledge(terms);
    }

    function test_RevertGiven_TheReceivableIsPledgedForOneMoreSecond() public {
        pledge();
        vm.warp(EXPIRES_AT - 1);
        expectReceivableTaken(RECEIVABLE, NOW);
        pledge(_later());
    }

    function test_RevertGiven_TheReceivableIsPledgedAndWasTransferred() public {
        bytes32 name = pledge();
        vm.warp(NOW + 1 hours);
        transfer(transferTerms(name));
        IReceivableRegistry.PledgeTerms memory terms = _later();
        terms.financier = OTHER_FINANCIER;
        expectReceivableTaken(RECEIVABLE, NOW);
        pledge(terms);
    }

    function test_RevertGiven_TheSameTermsAreInUse() public {
        pledge();
        expectReceivableTaken(RECEIVABLE, NOW);
        pledge();
    }

    function testFuzz_RevertGiven_TheFingerprintIsPledgedByAnotherEvidence(bytes32 nonce, uint64 time) public {
        pledge();
        vm.warp(bound(time, NOW, EXPIRES_AT - 1));
        IReceivableRegistry.PledgeTerms memory terms = _later();
        (terms.receivable, terms.nonce, terms.financier) = (SECOND_EVIDENCE, nonce, OTHER_FINANCIER);
        expectFingerprintTaken(FINGERPRINT, NOW);
        pledge(terms);
    }

    function test_RevertGiven_TheFingerprintIsPledgedForOneMoreSecond() public {
        pledge();
        vm.warp(EXPIRES_AT - 1);
        IReceivableRegistry.PledgeTerms memory terms = _later();
        terms.receivable = SECOND_EVIDENCE;
        expectFingerprintTaken(FINGERPRINT, NOW);
        pledge(terms);
    }

    // Not in the log

    function testFuzz_RevertWhen_TheBatchIsNotSealed(uint64 batchId) public {
        IReceivableRegistry.Inclusion memory where = inclusionOf[SUPPLIER][RECEIVABLE];
        where.batchId = uint64(bound(batchId, ledger.nextBatch(OPERATOR), type(uint64).max));
        _expectNotSealed(where);
        pledge(pledgeTerms(), where);
    }

    function testFuzz_RevertWhen_TheOperatorSealedNothing(address operator) public {
        vm.assume(operator != OPERATOR && operator != OTHER_OPERATOR);
        IReceivableRegistry.Inclusion memory where = inclusionOf[SUPPLIER][RECEIVABLE];
        where.operator = operator;
        _expectNotSealed(where);
        pledge(pledgeTerms(), where);
    }

    function test_RevertWhen_TheBatchIsAnother() public {
        IReceivableRegistry.Inclusion memory where = inclusionOf[SUPPLIER][RECEIVABLE];
        where.batchId = 0;
        _expectNotInLog(RECEIVABLE, where);
    }

    function test_RevertWhen_TheOperatorIsAnother() public {
        IReceivableRegistry.Inclusion memory where = inclusionOf[SUPPLIER][RECEIVABLE];
        where.operator = OTHER_OPERATOR;
        _expectNotInLog(RECEIVABLE, where);
    }

    function test_RevertWhen_TheEntryIsInTheLogOfAnother() public {
        _expectNotInLog(RECEIVABLE, inclusionOf[BUYER][RECEIVABLE]);
    }

    function test_RevertWhen_TheEntryIsAnotherOfTheSupplier() public {
        _expectNotInLog(RECEIVABLE, inclusionOf[SUPPLIER][OTHER_RECEIVABLE]);
    }

    function testFuzz_RevertWhen_TheReceivableIsInNoLog(bytes32 receivable) public {
        _expectNotInLog(nonZero(otherThan(RECEIVABLE, receivable)), inclusionOf[SUPPLIER][RECEIVABLE]);
    }

    function testFuzz_RevertWhen_TheIndexIsAnother(uint32 index) public {
        IReceivableRegistry.Inclusion memory where = inclusionOf[SUPPLIER][RECEIVABLE];
        where.index = index == where.index ? ~index : index;
        _expectNotInLog(RECEIVABLE, where);
    }

    function testFuzz_RevertWhen_TheCountIsAnother(uint32 count) public {
        IReceivableRegistry.Inclusion memory where = inclusionOf[SUPPLIER][RECEIVABLE];
        where.count = count == where.count ? ~count : count;
        _expectNotInLog(RECEIVABLE, where);
    }

    function testFuzz_RevertWhen_TheSignaturesHashIsAnother(bytes32 signaturesHash) public {
        IReceivableRegistry.Inclusion memory where = inclusionOf[SUPPLIER][RECEIVABLE];
        where.signaturesHash = otherThan(where.signaturesHash, signaturesHash);
        _expectNotInLog(RECEIVABLE, where);
    }

    function testFuzz_RevertWhen_AWordOfTheEntryProofIsAnother(uint256 place, bytes32 word) public {
        IReceivableRegistry.Inclusion memory where = inclusionOf[SUPPLIER][RECEIVABLE];
        _alter(where.entryProof, place, word);
        _expectNotInLog(RECEIVABLE, where);
    }

    function testFuzz_RevertWhen_AWordOfTheSubjectProofIsAnother(uint256 place, bytes32 word) public {
        IReceivableRegistry.Inclusion memory where = inclusionOf[SUPPLIER][RECEIVABLE];
        _alter(where.subjectProof, place, word);
        _expectNotInLog(RECEIVABLE, where);
    }

    function testFuzz_RevertWhen_AProofIsTooShort(uint256 length) public {
        IReceivableRegistry.Inclusion memory where = inclusionOf[SUPPLIER][RECEIVABLE];
        where.entryProof = _resized(where.entryProof, length % where.entryProof.length);
        _expectNotInLog(RECEIVABLE, where);
        where = inclusionOf[SUPPLIER][RECEIVABLE];
        where.subjectProof = _resized(where.subjectProof, length % where.subjectProof.length);
        _expectNotInLog(RECEIVABLE, where);
    }

    function testFuzz_RevertWhen_AProofIsTooLong(uint256 more) public {
        more = bound(more, 1, 5);
        IReceivableRegistry.Inclusion memory where = inclusionOf[SUPPLIER][RECEIVABLE];
        where.entryProof = _resized(where.entryProof, where.entryProof.length + more);
        _expectNotInLog(RECEIVABLE, where);
        where = inclusionOf[SUPPLIER][RECEIVABLE];
        where.subjectProof = _resized(where.subjectProof, where.subjectProof.length + more);
        _expectNotInLog(RECEIVABLE, where);
    }

    // Not authorised

    function testFuzz_RevertWhen_TheDeadlinePassed(uint64 deadline) public {
        IReceivableRegistry.PledgeTerms memory terms = pledgeTerms();
        terms.deadline = uint64(bound(deadline, 0, NOW - 1));
        expectAuthorisationExpired(nameOf(terms), terms.deadline, NOW);
        pledge(terms);
    }

    function test_RevertWhen_TheDeadlinePassedOneSecondAgo() public {
        bytes32 name = nameOf(pledgeTerms());
        vm.warp(DEADLINE + 1);
        expectAuthorisationExpired(name, DEADLINE, DEADLINE + 1);
        pledge();
    }

    function test_RevertGiven_TheTermsWereUsedAndThePledgeReleased() public {
        bytes32 name = pledge();
        vm.warp(NOW + 1 hours);
        release(releaseTerms(name));
        expectClosed(SUPPLIER, name, NOW);
        pledge();
    }

    function test_RevertGiven_TheSupplierCancelled() public {
        bytes32 name = nameOf(pledgeTerms());
        cancel(pledgeTerms(), SUPPLIER);
        vm.warp(NOW + 1);
        expectClosed(SUPPLIER, name, NOW);
        pledge();
        assertClosed(FINANCIER, name, 0);
    }

    function test_RevertGiven_TheFinancierCancelled() public {
        bytes32 name = nameOf(pledgeTerms());
        cancel(pledgeTerms(), FINANCIER);
        vm.warp(NOW + 1);
        expectClosed(FINANCIER, name, NOW);
        pledge();
        assertClosed(SUPPLIER, name, 0);
    }

    function test_RevertWhen_TheSignaturesAreSwapped() public {
        bytes32 name = nameOf(pledgeTerms());
        expectNotSigner(SUPPLIER, signerOf(FINANCIER));
        pledge(pledgeTerms(), inclusionOf[SUPPLIER][RECEIVABLE], signAs(FINANCIER, name), signAs(SUPPLIER, name));
    }

    function test_RevertWhen_OnePartySignedTwice() public {
        bytes32 name = nameOf(pledgeTerms());
        expectNotSigner(FINANCIER, signerOf(SUPPLIER));
        pledge(pledgeTerms(), inclusionOf[SUPPLIER][RECEIVABLE], signAs(SUPPLIER, name), signAs(SUPPLIER, name));
        expectNotSigner(SUPPLIER, signerOf(FINANCIER));
        pledge(pledgeTerms(), inclusionOf[SUPPLIER][RECEIVABLE], signAs(FINANCIER, name), signAs(FINANCIER, name));
    }

    function test_RevertWhen_TheSupplierSignedItsCancellation() public {
        bytes32 name = nameOf(pledgeTerms());
        bytes memory signature = signCancellation(SUPPLIER, name);
        expectNotSigner(SUPPLIER, recovered(name, signature));
        pledge(pledgeTerms(), inclusionOf[SUPPLIER][RECEIVABLE], signature, signAs(FINANCIER, name));
    }

    function test_RevertWhen_TheFinancierSignedItsCancellation() public {
        bytes32 name = nameOf(pledgeTerms());
        bytes memory signature = signCancellation(FINANCIER, name);
        expectNotSigner(FINANCIER, recovered(name, signature));
        pledge(pledgeTerms(), inclusionOf[SUPPLIER][RECEIVABLE], signAs(SUPPLIER, name), signature);
    }

    function testFuzz_RevertGiven_APartyIsNotAdmitted(bytes32 seed) public {
        IReceivableRegistry.PledgeTerms memory terms = pledgeTerms();
        terms.financier = keccak256(abi.encode("party", seed));
        expectNotSigner(terms.financier, signerOf(terms.financier));
        pledge(terms);
    }

    /// @dev One test for each member of the terms: both signed the default ones.
    function testFuzz_RevertWhen_AMemberIsNotAsSigned(uint8 member, bytes32 word) public {
        IReceivableRegistry.PledgeTerms memory terms = pledgeTerms();
        bytes32 signed = nameOf(terms);
        uint64 time = uint64(bound(uint256(word), NOW + 1, type(uint64).max));
        member %= 7;
        if (member == 0) terms.supplier = BUYER;
        if (member == 1) terms.receivable = OTHER_RECEIVABLE;
        if (member == 2) terms.fingerprint = nonZero(otherThan(FINGERPRINT, word));
        if (member == 3) terms.financier = OTHER_FINANCIER;
        if (member == 4) terms.expiresAt = time == EXPIRES_AT ? time + 1 : time;
        if (member == 5) terms.deadline = time == DEADLINE ? time + 1 : time;
        if (member == 6) terms.nonce = otherThan(NONCE, word);
        bytes memory signature = signAs(SUPPLIER, signed);
        IReceivableRegistry.Inclusion memory where = inclusionOf[terms.supplier][terms.receivable];
        expectNotSigner(terms.supplier, recovered(nameOf(terms), signature));
        pledge(terms, where, signature, signAs(FINANCIER, signed));
    }

    // Good

    function test_WhenBothSigned() public {
        bytes32 name = nameOf(pledgeTerms());
        vm.expectEmit(address(receivables));
        emit IReceivableRegistry.Pledged(RECEIVABLE, FINGERPRINT, SUPPLIER, name, FINANCIER, NOW, EXPIRES_AT);
        pledge();
        _assertPledged(pledgeTerms(), NOW);
    }

    function testFuzz_WhenBothSigned(
        IReceivableRegistry.PledgeTerms memory terms,
        uint64 time,
        uint32 size,
        uint32 place
    ) public {
        (terms.supplier, terms.financier) =
        (newParty("supplier", terms.supplier), newParty("financier", terms.financier));
        (terms.receivable, terms.fingerprint) = (nonZero(terms.receivable), nonZero(terms.fingerprint));
        time = uint64(bound(time, NOW, type(uint64).max - 1));
        terms.expiresAt = uint64(bound(terms.expiresAt, time + 1, type(uint64).max));
        terms.deadline = uint64(bound(terms.deadline, time, type(uint64).max));
        IReceivableRegistry.Inclusion memory where = _sealedAt(terms.supplier, terms.receivable, size, place);

        vm.warp(time);
        bytes32 name = nameOf(terms);
        vm.expectEmit(address(receivables));
        emit IReceivableRegistry.Pledged(
            terms.receivable, terms.fingerprint, terms.supplier, name, terms.financier, time, terms.expiresAt
        );
        pledge(terms, where);
        _assertPledged(terms, time);
    }

    function test_WhenTheDeadlineIsNow() public {
        vm.warp(DEADLINE);
        pledge();
        _assertPledged(pledgeTerms(), DEADLINE);
    }

    function test_WhenTheExpiryIsOneSecondAhead() public {
        IReceivableRegistry.PledgeTerms memory terms = pledgeTerms();
        terms.expiresAt = NOW + 1;
        pledge(terms);
        _assertPledged(terms, NOW);
        vm.warp(NOW + 1);
        assertFalse(receivables.isActive(nameOf(terms)), "active");
    }

    function test_WhenTheEntryIsTheOnlyOneOfTheOnlySubject() public {
        bytes32[] memory subjects = new bytes32[](1);
        subjects[0] = SUPPLIER;
        bytes32[] memory evidence = new bytes32[](1);
        evidence[0] = RECEIVABLE;
        IReceivableRegistry.Inclusion memory where =
            sealedLogs.inclusionIn(sealBatch(OTHER_OPERATOR, subjects, evidence), SUPPLIER, RECEIVABLE);
        assertEq(where.entryProof.length + where.subjectProof.length, 0, "proofs");
        pledge(pledgeTerms(), where);
        _assertPledged(pledgeTerms(), NOW);
    }

    function test_GivenTheOperatorWasRemovedSince() public {
        vm.prank(REGISTRAR);
        registry.removeOperator(OPERATOR);
        pledge();
        _assertPledged(pledgeTerms(), NOW);
    }

    function testFuzz_WhenAnyoneRelays(address relayer) public {
        bytes32 name = nameOf(pledgeTerms());
        vm.prank(relayer);
        receivables.pledge(
            pledgeTerms(), inclusionOf[SUPPLIER][RECEIVABLE], signAs(SUPPLIER, name), signAs(FINANCIER, name)
        );
        _assertPledged(pledgeTerms(), NOW);
    }

    function test_GivenOneAccountSignsForBothParties() public {
        vm.prank(REGISTRAR);
        registry.addSigner(FINANCIER, signerOf(SUPPLIER));
        bytes memory signature = signAs(SUPPLIER, nameOf(pledgeTerms()));
        pledge(pledgeTerms(), inclusionOf[SUPPLIER][RECEIVABLE], signature, signature);
        _assertPledged(pledgeTerms(), NOW);
    }

    function test_GivenThePledgeBeforeWasReleased() public {
        bytes32 first = pledge();
        release(releaseTerms(first));
        IReceivableRegistry.PledgeTerms memory terms = _later();
        terms.financier = OTHER_FINANCIER;
        pledge(terms);
        _assertPledged(terms, NOW);
        assertPledge(first, pledgeTerms(), FINANCIER, NOW, NOW);
    }

    function testFuzz_GivenThePledgeBeforeExpired(uint64 time) public {
        bytes32 first = pledge();
        time = uint64(bound(time, EXPIRES_AT, type(uint64).max - 1));
        _pledgeAfterExpiry(first, time);
    }

    function test_GivenThePledgeBeforeExpiresNow() public {
        _pledgeAfterExpiry(pledge(), EXPIRES_AT);
    }

    /// @dev Two pledges end, and their receivables and fingerprints come back crosswise.
    function test_GivenReceivableAndFingerprintCameFromTwoPledgesBefore() public {
        bytes32 first = pledge();
        IReceivableRegistry.PledgeTerms memory second = pledgeTerms();
        (second.receivable, second.fingerprint) = (OTHER_RECEIVABLE, OTHER_FINGERPRINT);
        bytes32 secondName = pledge(second);
        release(releaseTerms(first));

        IReceivableRegistry.PledgeTerms memory crossed = _later();
        crossed.fingerprint = OTHER_FINGERPRINT;
        expectFingerprintTaken(OTHER_FINGERPRINT, NOW);
        pledge(crossed);

        release(releaseTerms(secondName));
        pledge(crossed);
        _assertPledged(crossed, NOW);
        assertEq(receivables.lastPledgeOfFingerprint(SUPPLIER, FINGERPRINT), first, "first fingerprint");
        assertEq(receivables.lastPledge(SUPPLIER, OTHER_RECEIVABLE), secondName, "second receivable");
    }

    function test_GivenTheSameReceivableAndFingerprintOfAnotherSupplierArePledged() public {
        IReceivableRegistry.PledgeTerms memory theirs = pledgeTerms();
        (theirs.supplier, theirs.financier) = (BUYER, OTHER_FINANCIER);
        pledge(theirs);
        pledge();
        _assertPledged(pledgeTerms(), NOW);
        _assertPledged(theirs, NOW);
    }

    function test_GivenBothPartiesCancelledTermsOfAnotherNonce() public {
        cancel(pledgeTerms(), SUPPLIER);
        cancel(pledgeTerms(), FINANCIER);
        IReceivableRegistry.PledgeTerms memory terms = pledgeTerms();
        terms.nonce = OTHER_NONCE;
        pledge(terms);
        _assertPledged(terms, NOW);
    }

    /// @dev Terms that are good after the default ones: another nonce, and times without end.
    function _later() private pure returns (IReceivableRegistry.PledgeTerms memory terms) {
        terms = pledgeTerms();
        (terms.nonce, terms.expiresAt, terms.deadline) = (OTHER_NONCE, type(uint64).max, type(uint64).max);
    }

    function _pledgeAfterExpiry(bytes32 first, uint64 time) private {
        vm.warp(time);
        IReceivableRegistry.PledgeTerms memory terms = _later();
        pledge(terms);
        _assertPledged(terms, time);
        assertPledge(first, pledgeTerms(), FINANCIER, NOW, 0);
        assertFalse(receivables.isActive(first), "first is active");
    }

    /// @dev Seals `receivable` as one of up to 17 entries, in a batch of up to 18 subjects.
    function _sealedAt(bytes32 supplier, bytes32 receivable, uint32 size, uint32 place)
        private
        returns (IReceivableRegistry.Inclusion memory)
    {
        bytes32[] memory evidence = someEvidence("fuzz", bound(size, 1, 17));
        evidence[place % evidence.length] = receivable;
        return sealedLogs.inclusionIn(
            sealBatch(OPERATOR, sealedLogs.subjectsWith(supplier, BUYER, bound(size >> 16, 0, 16)), evidence),
            supplier,
            receivable
        );
    }

    function _alter(bytes32[] memory proof, uint256 place, bytes32 word) private pure {
        place %= proof.length;
        proof[place] = otherThan(proof[place], word);
    }

    function _resized(bytes32[] memory proof, uint256 length) private pure returns (bytes32[] memory resized) {
        resized = new bytes32[](length);
        for (uint256 i = 0; i < length && i < proof.length; i++) {
            resized[i] = proof[i];
        }
    }

    function _expectNotSealed(IReceivableRegistry.Inclusion memory where) private {
        vm.expectRevert(
            abi.encodeWithSelector(IReceivableRegistry.BatchNotSealed.selector, where.operator, where.batchId)
        );
    }

    /// @dev A pledge of `receivable` fails, as it isn't shown to stand there.
    function _expectNotInLog(bytes32 receivable, IReceivableRegistry.Inclusion memory where) private {
        IReceivableRegistry.PledgeTerms memory terms = pledgeTerms();
        terms.receivable = receivable;
        vm.expectRevert(
            abi.encodeWithSelector(
                IReceivableRegistry.NotInLog.selector, SUPPLIER, receivable, where.operator, where.batchId
            )
        );
        pledge(terms, where);
    }

    function _assertPledged(IReceivableRegistry.PledgeTerms memory terms, uint64 time) private view {
        bytes32 name = nameOf(terms);
        assertPledge(name, terms, terms.financier, time, 0);
        assertTrue(receivables.isActive(name), "isActive");
        assertEq(receivables.lastPledge(terms.supplier, terms.receivable), name, "lastPledge");
        assertEq(
            receivables.lastPledgeOfFingerprint(terms.supplier, terms.fingerprint), name, "lastPledgeOfFingerprint"
        );
        assertEq(receivables.takenSince(terms.supplier, terms.receivable, terms.fingerprint), time, "takenSince");
        assertClosed(terms.supplier, name, time);
        assertClosed(terms.financier, name, time);
    }
}
