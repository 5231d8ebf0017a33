// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {IEvidenceLedger} from "../../src/interfaces/IEvidenceLedger.sol";
import {LedgerTest} from "./LedgerTest.sol";

contract VerifyInclusionTest is LedgerTest {
    /// @dev The arguments of one call of `verifyInclusion`.
    struct Claim {
        address operator;
        uint64 batchId;
        IEvidenceLedger.Entry entry;
        bytes32[] entryProof;
        uint32 count;
        bytes32[] subjectProof;
    }

    // when the entry's index is not below the count

    /// @dev The leaf, the count and the paths are those sealed, so that nothing but the index speaks against it.
    function testFuzz_WhenIndexNotBelowCount(uint256 seed, uint256 size, uint32 count, uint32 index) external {
        count = uint32(bound(count, 1, type(uint32).max));
        index = uint32(bound(index, count, type(uint32).max));
        IEvidenceLedger.Append[] memory appends = randomAppends(seed, bound(size, 1, MAX_SIZE));
        uint256 position = seed % appends.length;
        IEvidenceLedger.Entry memory entry = _randomEntry(appends[position].subject, index, seed);
        appends[position].root = entryLeaf(entry);
        appends[position].count = count;
        seal(OPERATOR, appends);
        bytes32[] memory subjectProof = treePath(subjectLeaves(appends), position, 0, appends.length);

        assertFalse(_verify(Claim(OPERATOR, 0, entry, new bytes32[](0), count, subjectProof)), "index not below count");
    }

    // when the entry is not the one sealed

    function testFuzz_WhenSubjectAltered(uint256 seed, uint256 mask) external {
        Claim memory claim = _sealed(seed);
        claim.entry.subject ^= _notZero(mask);
        _assertRefused(claim);
    }

    function testFuzz_WhenEvidenceIdAltered(uint256 seed, uint256 mask) external {
        Claim memory claim = _sealed(seed);
        claim.entry.evidenceId ^= _notZero(mask);
        _assertRefused(claim);
    }

    function testFuzz_WhenSignaturesHashAltered(uint256 seed, uint256 mask) external {
        Claim memory claim = _sealed(seed);
        claim.entry.signaturesHash ^= _notZero(mask);
        _assertRefused(claim);
    }

    function testFuzz_WhenIndexAltered(uint256 seed, uint256 step) external {
        Claim memory claim = _sealedOf(seed, 1 + bound(seed, 1, MAX_SIZE - 1), bound(seed >> 8, 1, MAX_SIZE));
        step = bound(step, 1, claim.count - 1);
        claim.entry.index = uint32((claim.entry.index + step) % claim.count);
        _assertRefused(claim);
    }

    /// @dev Both subjects stand in the batch, with a root over the same leaves and the same count.
    function testFuzz_WhenAnotherSubjectOfTheBatch(uint256 seed, uint256 size, uint256 entries) external {
        IEvidenceLedger.Append[] memory appends = randomAppends(seed, bound(size, 2, MAX_SIZE));
        uint256 position = seed % (appends.length - 1);
        bytes32[] memory leaves = _entryLeaves(appends[position].subject, bound(entries, 1, MAX_SIZE), seed);
        for (uint256 i = position; i < position + 2; i++) {
            appends[i].root = treeRoot(leaves, 0, leaves.length);
            appends[i].count = uint32(leaves.length);
        }
        seal(OPERATOR, appends);
        Claim memory claim = _claim(appends, position, leaves, seed);
        _assertAccepted(claim);
        bytes32[] memory ownProof = claim.subjectProof;

        claim.subjectProof = treePath(subjectLeaves(appends), position + 1, 0, appends.length);
        _assertRefused(claim);
        claim.entry.subject = appends[position + 1].subject;
        _assertRefused(claim);
        claim.subjectProof = ownProof;
        _assertRefused(claim);
    }

    // when the count is not the one sealed

    /// @dev Never one that is not above the index, which is refused for that.
    function testFuzz_WhenCountAltered(uint256 seed, uint32 count) external {
        Claim memory claim = _sealed(seed);
        count = uint32(bound(count, claim.entry.index + 1, type(uint32).max - 1));
        claim.count = count >= claim.count ? count + 1 : count;
        _assertRefused(claim);
    }

    // when the operator did not seal the batch

    /// @dev The other operator sealed a batch of this id too.
    function testFuzz_WhenOtherOperator(uint256 seed, address operator) external {
        Claim memory claim = _sealed(seed);
        seal(OTHER_OPERATOR, randomAppends(~seed, 5));

        claim.operator = OTHER_OPERATOR;
        _assertRefused(claim);
        claim.operator = operator == OPERATOR ? STRANGER : operator;
        _assertRefused(claim);
    }

    function testFuzz_WhenOtherBatch(uint256 seed) external {
        seal(OPERATOR, randomAppends(~seed, 5));
        Claim memory claim = _sealed(seed);
        seal(OPERATOR, randomAppends(~seed, 6));
        assertEq(claim.batchId, 1, "batch id");

        claim.batchId = 0;
        _assertRefused(claim);
        claim.batchId = 2;
        _assertRefused(claim);
    }

    function testFuzz_WhenBatchNotSealed(uint256 seed, uint64 batchId) external {
        Claim memory claim = _sealed(seed);
        claim.batchId = uint64(bound(batchId, claim.batchId + 1, type(uint64).max));
        _assertRefused(claim);
    }

    function testFuzz_WhenBatchNotSealed_WhateverThePaths(
        Claim memory claim,
        bytes32[] memory entryProof,
        bytes32[] memory subjectProof
    ) external view {
        claim.entryProof = entryProof;
        claim.subjectProof = subjectProof;
        assertFalse(_verify(claim), "nothing was ever sealed");
    }

    // when a path is not the one of the leaf

    function testFuzz_WhenSiblingAltered(uint256 seed, uint256 position, uint256 mask) external {
        Claim memory claim = _sealedWithPaths(seed);
        bytes32[] memory proof = _eitherProof(claim, seed);
        proof[bound(position, 0, proof.length - 1)] ^= _notZero(mask);
        _assertRefused(claim);
    }

    function testFuzz_WhenPathCut(uint256 seed, uint256 from, uint256 to) external {
        Claim memory claim = _sealedWithPaths(seed);
        bytes32[] memory proof = _eitherProof(claim, seed);
        from = bound(from, 0, proof.length);
        to = bound(to, from, from == 0 ? proof.length - 1 : proof.length);
        _setEitherProof(claim, seed, _slice(proof, from, to));
        _assertRefused(claim);
    }

    function testFuzz_WhenPathExtended(uint256 seed, bytes32 sibling, bool atTheLeaf) external {
        Claim memory claim = _sealed(seed);
        bytes32[] memory proof = _eitherProof(claim, seed);
        bytes32[] memory one = new bytes32[](1);
        one[0] = sibling;
        _setEitherProof(claim, seed, atTheLeaf ? _join(one, proof) : _join(proof, one));
        _assertRefused(claim);
    }

    function testFuzz_WhenSiblingsChangePlaces(uint256 seed, uint256 first, uint256 second) external {
        Claim memory claim = _sealedWithPaths(seed);
        bytes32[] memory proof = _eitherProof(claim, seed);
        first = bound(first, 0, proof.length - 2);
        second = bound(second, first + 1, proof.length - 1);
        (proof[first], proof[second]) = (proof[second], proof[first]);
        _assertRefused(claim);
    }

    /// @dev The boundary between the paths is where the subject leaf is made, so it can't move.
    function testFuzz_WhenSiblingsMoveToTheOtherPath(uint256 seed, uint256 boundary) external {
        Claim memory claim = _sealedWithPaths(seed);
        uint256 own = claim.entryProof.length;
        bytes32[] memory all = _join(claim.entryProof, claim.subjectProof);
        boundary = bound(boundary, 0, all.length - 1);
        if (boundary >= own) boundary++;
        claim.entryProof = _slice(all, 0, boundary);
        claim.subjectProof = _slice(all, boundary, all.length);
        _assertRefused(claim);
    }

    // when something else is presented as a leaf

    /// @dev The first inner node above the leaf, with its two children where the entry holds its two hashes.
    function testFuzz_WhenInnerNodeOfEntries(uint256 seed, bool swapped) external {
        Claim memory claim = _sealedWithPaths(seed);
        (bytes32 leaf, bytes32 sibling) = (entryLeaf(claim.entry), claim.entryProof[0]);
        (claim.entry.evidenceId, claim.entry.signaturesHash) = swapped ? (sibling, leaf) : (leaf, sibling);
        claim.entryProof = _slice(claim.entryProof, 1, claim.entryProof.length);
        _assertRefused(claim);
    }

    /// @dev The inner node above the subject leaf, the lower child as subject, the higher as the evidence id of its only
    /// entry: what would pass if subject leaves were hashed over 64 bytes and entries not at all.
    function testFuzz_WhenInnerNodeOfSubjects(uint256 seed, uint32 count) external {
        Claim memory claim = _sealedWithPaths(seed);
        bytes32 root = _processed(claim.entryProof, entryLeaf(claim.entry));
        bytes32 leaf = subjectLeaf(claim.entry.subject, root, claim.count);
        bytes32 sibling = claim.subjectProof[0];
        (claim.entry.subject, claim.entry.evidenceId) = leaf < sibling ? (leaf, sibling) : (sibling, leaf);
        claim.entry.index = 0;
        claim.count = uint32(bound(count, 1, type(uint32).max));
        claim.entryProof = new bytes32[](0);
        claim.subjectProof = _slice(claim.subjectProof, 1, claim.subjectProof.length);
        _assertRefused(claim);
    }

    function testFuzz_WhenEntryHashedOnce(uint256 seed) external {
        IEvidenceLedger.Entry memory entry = _randomEntry(SUPPLIER, 0, seed);

        sealOne(OPERATOR, SUPPLIER, keccak256(abi.encode(entry)), 1);
        _assertRefused(Claim(OPERATOR, 0, entry, new bytes32[](0), 1, new bytes32[](0)));
        sealOne(OPERATOR, SUPPLIER, keccak256(bytes.concat(keccak256(abi.encode(entry)))), 1);
        _assertAccepted(Claim(OPERATOR, 1, entry, new bytes32[](0), 1, new bytes32[](0)));
    }

    /// @dev An operator gives the buyer the root of the supplier's entries; they do not become the buyer's.
    function testFuzz_WhenRootOfAnotherSubject(uint256 seed, uint256 entries) external {
        bytes32[] memory leaves = _entryLeaves(SUPPLIER, bound(entries, 1, MAX_SIZE), seed);
        sealOne(OPERATOR, BUYER, treeRoot(leaves, 0, leaves.length), uint32(leaves.length));
        IEvidenceLedger.Append[] memory appends =
            oneAppend(SUPPLIER, treeRoot(leaves, 0, leaves.length), uint32(leaves.length));
        Claim memory claim = _claim(appends, 0, leaves, seed);

        _assertRefused(claim);
        claim.entry.subject = BUYER;
        _assertRefused(claim);
    }

    // when the calldata is malformed

    function testFuzz_RevertWhen_WordDirty(uint256 seed, uint256 which, uint256 dirt) external {
        Claim memory claim = _sealed(seed);
        bytes memory data = abi.encodeCall(
            IEvidenceLedger.verifyInclusion,
            (claim.operator, claim.batchId, claim.entry, claim.entryProof, claim.count, claim.subjectProof)
        );
        // words of the arguments: operator, batch id, the entry's four, offset, count, offset
        uint256[4] memory words = [uint256(0), 1, 3, 7];
        uint256[4] memory widths = [uint256(160), 64, 32, 32];
        which = bound(which, 0, 3);
        dirt = bound(dirt, 1, type(uint256).max >> widths[which]) << widths[which];
        uint256 offset = 4 + 32 * words[which];
        assembly ("memory-safe") {
            let word := add(add(data, 0x20), offset)
            mstore(word, or(mload(word), dirt))
        }

        (bool accepted, bytes memory answer) = address(ledger).staticcall(data);

        assertFalse(accepted, "accepted");
        assertEq(answer.length, 0, "answer");
    }

    // when entry, count and both paths are the sealed ones

    function testFuzz_WhenAllAreTheSealedOnes(uint256 seed, address caller) external {
        Claim memory claim = _sealed(seed);
        vm.prank(caller);
        _assertAccepted(claim);
    }

    function testFuzz_WhenSealedLongAgo(uint256 seed, uint64 time) external {
        Claim memory claim = _sealed(seed);
        vm.warp(bound(time, START, type(uint64).max));
        seal(OPERATOR, randomAppends(seed, 3));
        seal(OTHER_OPERATOR, randomAppends(seed, 3));
        vm.prank(REGISTRAR);
        registry.removeOperator(OPERATOR);

        _assertAccepted(claim);
    }

    function test_WhenEntriesFrom1To130() external {
        for (uint32 size = 1; size <= 130; size++) {
            this.verifyEveryEntry(size);
        }
    }

    function test_WhenSubjectsFrom1To130() external {
        for (uint32 size = 1; size <= 130; size++) {
            this.verifyEverySubject(size);
        }
    }

    /// @dev External, as the next, so that each size starts with fresh memory.
    function verifyEveryEntry(uint32 size) external {
        bytes32[] memory leaves = _entryLeaves(SUPPLIER, size, size);
        sealOne(OPERATOR, SUPPLIER, treeRoot(leaves, 0, size), size);
        Claim memory claim = Claim({
            operator: OPERATOR,
            batchId: size - 1,
            entry: _randomEntry(SUPPLIER, 0, size),
            entryProof: new bytes32[](0),
            count: size,
            subjectProof: new bytes32[](0)
        });
        bytes32[][] memory levels = _levels(leaves);
        for (uint256 i = 0; i < size; i++) {
            claim.entry = _randomEntry(SUPPLIER, i, size);
            claim.entryProof = _pathIn(levels, i);
            _assertAccepted(claim);
        }
    }

    function verifyEverySubject(uint32 size) external {
        IEvidenceLedger.Append[] memory appends = randomAppends(size, size);
        for (uint256 i = 0; i < size; i++) {
            appends[i].root = entryLeaf(_randomEntry(appends[i].subject, 0, size));
        }
        seal(OPERATOR, appends);
        bytes32[][] memory levels = _levels(subjectLeaves(appends));
        for (uint256 i = 0; i < size; i++) {
            _assertAccepted(
                Claim({
                    operator: OPERATOR,
                    batchId: size - 1,
                    entry: _randomEntry(appends[i].subject, 0, size),
                    entryProof: new bytes32[](0),
                    count: appends[i].count,
                    subjectProof: _pathIn(levels, i)
                })
            );
        }
    }

    // traps

    /// @dev T17: a path names its own siblings alone, one for each level, and the leaf declares the number of entries.
    function testFuzz_T17_PathShowsOnlySiblings(uint256 seed, uint256 entries) external {
        Claim memory claim = _sealedOf(seed, bound(entries, 1, MAX_SIZE), 1);
        assertLe(claim.entryProof.length, 6, "siblings, of at most 64 leaves");
        assertEq(claim.subjectProof.length, 0, "siblings of the only subject");
        _assertAccepted(claim);

        claim.count += 1;
        _assertRefused(claim);
    }

    function _verify(Claim memory claim) private view returns (bool) {
        return ledger.verifyInclusion(
            claim.operator, claim.batchId, claim.entry, claim.entryProof, claim.count, claim.subjectProof
        );
    }

    function _assertAccepted(Claim memory claim) private view {
        assertTrue(_verify(claim), "what was sealed is refused");
    }

    function _assertRefused(Claim memory claim) private view {
        assertLt(claim.entry.index, claim.count, "refused for its index");
        assertFalse(_verify(claim), "what was not sealed is accepted");
    }

    /// @dev A true claim about a random entry in a random batch that the operator just sealed.
    function _sealed(uint256 seed) private returns (Claim memory) {
        return _sealedOf(seed, bound(seed >> 8, 1, MAX_SIZE), bound(seed >> 16, 1, MAX_SIZE));
    }

    /// @dev The same with at least two siblings in each path: the last leaf of an odd tree would have but one.
    function _sealedWithPaths(uint256 seed) private returns (Claim memory) {
        return _sealedOf(seed, 4 * bound(seed >> 8, 1, 15), 4 * bound(seed >> 16, 1, 15));
    }

    function _sealedOf(uint256 seed, uint256 entries, uint256 subjects) private returns (Claim memory claim) {
        IEvidenceLedger.Append[] memory appends = randomAppends(seed, subjects);
        uint256 position = uint256(keccak256(abi.encode(seed))) % subjects;
        bytes32[] memory leaves = _entryLeaves(appends[position].subject, entries, seed);
        appends[position].root = treeRoot(leaves, 0, entries);
        appends[position].count = uint32(leaves.length);
        seal(OPERATOR, appends);
        claim = _claim(appends, position, leaves, seed);
        _assertAccepted(claim);
    }

    /// @dev About a random one of the entries behind `leaves`, which stand at `position` of the last batch.
    function _claim(IEvidenceLedger.Append[] memory appends, uint256 position, bytes32[] memory leaves, uint256 seed)
        private
        view
        returns (Claim memory)
    {
        uint256 index = uint256(keccak256(abi.encode("index", seed))) % leaves.length;
        return Claim({
            operator: OPERATOR,
            batchId: ledger.nextBatch(OPERATOR) - 1,
            entry: _randomEntry(appends[position].subject, index, seed),
            entryProof: treePath(leaves, index, 0, leaves.length),
            count: uint32(leaves.length),
            subjectProof: treePath(subjectLeaves(appends), position, 0, appends.length)
        });
    }

    function _randomEntry(bytes32 subject, uint256 index, uint256 seed)
        private
        pure
        returns (IEvidenceLedger.Entry memory)
    {
        return IEvidenceLedger.Entry({
            subject: subject,
            index: SafeCast.toUint32(index),
            evidenceId: keccak256(abi.encode("evidence", seed, index)),
            signaturesHash: keccak256(abi.encode("signatures", seed, index))
        });
    }

    function _entryLeaves(bytes32 subject, uint256 size, uint256 seed) private pure returns (bytes32[] memory leaves) {
        leaves = new bytes32[](size);
        for (uint256 i = 0; i < size; i++) {
            leaves[i] = entryLeaf(_randomEntry(subject, i, seed));
        }
    }

    function _eitherProof(Claim memory claim, uint256 seed) private pure returns (bytes32[] memory) {
        return seed % 2 == 0 ? claim.entryProof : claim.subjectProof;
    }

    function _setEitherProof(Claim memory claim, uint256 seed, bytes32[] memory proof) private pure {
        if (seed % 2 == 0) claim.entryProof = proof;
        else claim.subjectProof = proof;
    }

    /// @dev The tree once more, level by level from below, where the last node of an odd level rises as it is: cheaper than
    /// the recursion for the paths of all leaves.
    function _levels(bytes32[] memory leaves) private pure returns (bytes32[][] memory levels) {
        uint256 height = 1;
        while (2 ** (height - 1) < leaves.length) height++;
        levels = new bytes32[][](height);
        levels[0] = leaves;
        for (uint256 h = 1; h < height; h++) {
            bytes32[] memory below = levels[h - 1];
            levels[h] = new bytes32[]((below.length + 1) / 2);
            for (uint256 i = 0; i < below.length; i += 2) {
                levels[h][i / 2] = i + 1 < below.length ? Hashes.commutativeKeccak256(below[i], below[i + 1]) : below[i];
            }
        }
    }

    function _pathIn(bytes32[][] memory levels, uint256 index) private pure returns (bytes32[] memory path) {
        path = new bytes32[](levels.length - 1);
        uint256 length = 0;
        for (uint256 h = 0; h + 1 < levels.length; h++) {
            if (index ^ 1 < levels[h].length) path[length++] = levels[h][index ^ 1];
            index >>= 1;
        }
        assembly ("memory-safe") {
            mstore(path, length)
        }
    }

    function _processed(bytes32[] memory proof, bytes32 node) private pure returns (bytes32) {
        for (uint256 i = 0; i < proof.length; i++) {
            node = Hashes.commutativeKeccak256(node, proof[i]);
        }
        return node;
    }

    function _slice(bytes32[] memory all, uint256 from, uint256 to) private pure returns (bytes32[] memory part) {
        part = new bytes32[](to - from);
        for (uint256 i = 0; i < part.length; i++) {
            part[i] = all[from + i];
        }
    }

    function _join(bytes32[] memory left, bytes32[] memory right) private pure returns (bytes32[] memory all) {
        all = new bytes32[](left.length + right.length);
        for (uint256 i = 0; i < all.length; i++) {
            all[i] = i < left.length ? left[i] : right[i - left.length];
        }
    }

    function _notZero(uint256 seed) private pure returns (bytes32) {
        return bytes32(bound(seed, 1, type(uint256).max));
    }
}
