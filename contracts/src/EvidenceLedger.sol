// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";
import {Memory} from "@openzeppelin/contracts/utils/Memory.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";

import {IEvidenceLedger} from "./interfaces/IEvidenceLedger.sol";
import {IPartyRegistry} from "./interfaces/IPartyRegistry.sol";

/// @title EvidenceLedger
/// @notice One append-only log of evidence per party, of which the chain keeps the head alone.
/// @dev Order of declaration is storage layout, which verifiers rely on: never reorder, and add no immutable.
contract EvidenceLedger is IEvidenceLedger {
    /// @inheritdoc IEvidenceLedger
    IPartyRegistry public override registry;

    /// @inheritdoc IEvidenceLedger
    mapping(bytes32 subject => bytes32 head) public override head;

    /// @inheritdoc IEvidenceLedger
    mapping(address operator => uint64 batchId) public override nextBatch;

    /// @inheritdoc IEvidenceLedger
    mapping(address operator => mapping(uint64 batchId => bytes32 root)) public override batchRoot;

    /// @param registry_ The party registry, deployed before.
    constructor(IPartyRegistry registry_) {
        if (address(registry_).code.length == 0) revert RegistryWithoutCode(address(registry_));
        registry = registry_;
    }

    /// @inheritdoc IEvidenceLedger
    function seal(uint64 batchId, Append[] calldata appends) external override {
        if (!registry.isOperator(msg.sender)) revert NotOperator(msg.sender);
        uint64 expected = nextBatch[msg.sender];
        if (batchId != expected) revert UnexpectedBatchId(msg.sender, expected, batchId);
        if (appends.length == 0) revert EmptyBatch(batchId);

        bytes32[] memory leaves = new bytes32[](appends.length);
        Memory.Pointer scratch = Memory.getFreeMemoryPointer();
        bytes32 previous;
        for (uint256 i = 0; i < appends.length; i++) {
            Append calldata append = appends[i];
            (bytes32 subject, bytes32 root, uint32 count) = (append.subject, append.root, append.count);
            if (subject == bytes32(0)) revert ZeroSubject(i);
            if (subject <= previous) revert SubjectsNotAscending(i, previous, subject);
            if (root == bytes32(0)) revert ZeroRoot(i, subject);
            if (count == 0) revert ZeroCount(i, subject);
            previous = subject;

            head[subject] = keccak256(abi.encode(head[subject], msg.sender, batchId, count, root, block.timestamp));
            leaves[i] = _subjectLeaf(subject, root, count);
            // Only hashes outlive a round, so the next one may encode into the same memory. Without this memory grows by
            // half a kilobyte a subject and costs 560 gas each at 1000 subjects.
            Memory.unsafeSetFreeMemoryPointer(scratch);
        }
        bytes32 sealedRoot = _treeRoot(leaves);

        nextBatch[msg.sender] = batchId + 1;
        batchRoot[msg.sender][batchId] = sealedRoot;
        emit Sealed(msg.sender, batchId, sealedRoot, appends);
    }

    /// @inheritdoc IEvidenceLedger
    function verifyInclusion(
        address operator,
        uint64 batchId,
        Entry calldata entry,
        bytes32[] calldata entryProof,
        uint32 count,
        bytes32[] calldata subjectProof
    ) external view override returns (bool) {
        if (entry.index >= count) return false;

        bytes32 subjectRoot = MerkleProof.processProofCalldata(entryProof, _entryLeaf(entry));
        bytes32 leaf = _subjectLeaf(entry.subject, subjectRoot, count);
        // A batch that is not sealed has root zero, which no hash equals.
        return MerkleProof.verifyCalldata(subjectProof, batchRoot[operator][batchId], leaf);
    }

    /// @inheritdoc IEvidenceLedger
    function version() external pure override returns (string memory) {
        return "1.0.0";
    }

    /// @dev Hashed twice, as every leaf, so that no inner node can pass for a leaf, nor a leaf for an inner node.
    function _entryLeaf(Entry calldata entry) private pure returns (bytes32) {
        return keccak256(bytes.concat(keccak256(abi.encode(entry))));
    }

    function _subjectLeaf(bytes32 subject, bytes32 root, uint32 count) private pure returns (bytes32) {
        return keccak256(bytes.concat(keccak256(abi.encode(subject, root, count))));
    }

    /// @dev Overwrites `nodes`, level by level. Pairing from the left and promoting an odd last node unchanged gives the
    /// shape of RFC 6962: every left subtree is full, hence the largest power of two below the number of leaves.
    function _treeRoot(bytes32[] memory nodes) private pure returns (bytes32) {
        uint256 width = nodes.length;
        while (width > 1) {
            uint256 pairs = width / 2;
            for (uint256 i = 0; i < pairs; i++) {
                nodes[i] = Hashes.commutativeKeccak256(nodes[2 * i], nodes[2 * i + 1]);
            }
            if (width % 2 == 1) nodes[pairs] = nodes[width - 1];
            width = pairs + width % 2;
        }
        return nodes[0];
    }
}
