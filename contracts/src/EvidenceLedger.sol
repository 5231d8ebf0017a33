// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";

import {IEvidenceLedger} from "./interfaces/IEvidenceLedger.sol";
import {IPartyRegistry} from "./interfaces/IPartyRegistry.sol";

/// @title EvidenceLedger
/// @notice One append-only log of evidence per party, of which the chain keeps the head alone.
/// @dev Order of declaration is storage layout, which verifiers rely on: never reorder, and add no immutable.
contract EvidenceLedger is IEvidenceLedger {
    /// @inheritdoc IEvidenceLedger
    uint256 public constant override MAX_BATCH_SUBJECTS = 2_048;

    /// @dev The number of bits of `MAX_BATCH_SUBJECTS`.
    uint256 private constant _MAX_HEIGHT = 12;

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
        if (appends.length > MAX_BATCH_SUBJECTS) revert BatchTooLarge(batchId, appends.length, MAX_BATCH_SUBJECTS);

        bytes32[_MAX_HEIGHT] memory peaks;
        bytes32 previous = bytes32(0);
        for (uint256 i = 0; i < appends.length; i++) {
            Append calldata append = appends[i];
            (bytes32 subject, bytes32 root, uint32 count) = (append.subject, append.root, append.count);
            if (subject == bytes32(0)) revert ZeroSubject(i);
            if (subject <= previous) revert SubjectsNotAscending(i, previous, subject);
            if (root == bytes32(0)) revert ZeroRoot(i, subject);
            if (count == 0) revert ZeroCount(i, subject);
            previous = subject;

            head[subject] = _nextHead(head[subject], msg.sender, batchId, count, root);
            _push(peaks, i, _subjectLeaf(subject, root, count));
        }
        bytes32 sealedRoot = _treeRoot(peaks, appends.length);

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

    /// @dev keccak256(abi.encode(current, operator, batchId, count, root, block.timestamp)).
    /// Assembly, because abi.encode reserves new memory for every head: 169 gas more a subject, 2 % of a seal.
    function _nextHead(bytes32 current, address operator, uint64 batchId, uint32 count, bytes32 root)
        private
        view
        returns (bytes32 next)
    {
        assembly ("memory-safe") {
            let words := mload(0x40)
            mstore(words, current)
            mstore(add(words, 0x20), operator)
            mstore(add(words, 0x40), batchId)
            mstore(add(words, 0x60), count)
            mstore(add(words, 0x80), root)
            mstore(add(words, 0xa0), timestamp())
            next := keccak256(words, 0xc0)
        }
    }

    /// @dev Hashed twice, as every leaf, so that no inner node can pass for a leaf, nor a leaf for an inner node.
    function _entryLeaf(Entry calldata entry) private pure returns (bytes32) {
        return keccak256(bytes.concat(keccak256(abi.encode(entry))));
    }

    /// @dev keccak256(bytes.concat(keccak256(abi.encode(subject, root, count)))).
    /// Assembly, because abi.encode reserves new memory for every leaf: 321 gas more a subject, 4 % of a seal.
    function _subjectLeaf(bytes32 subject, bytes32 root, uint32 count) private pure returns (bytes32 leaf) {
        assembly ("memory-safe") {
            let words := mload(0x40)
            mstore(words, subject)
            mstore(add(words, 0x20), root)
            mstore(add(words, 0x40), count)
            mstore(0x00, keccak256(words, 0x60))
            leaf := keccak256(0x00, 0x20)
        }
    }

    /// @dev Adds `node`, the leaf after `size` others, to `peaks`: where bit h of `size` is set, `peaks[h]` is the root of
    /// the full tree over the next 2**h leaves from the left. It carries like adding one to a binary number:
    ///
    ///     size   0      1      2       3         4
    ///     peaks  a      (ab)   (ab) c  ((ab)(cd))
    ///
    function _push(bytes32[_MAX_HEIGHT] memory peaks, uint256 size, bytes32 node) private pure {
        uint256 height = 0;
        for (; size & 1 == 1; size >>= 1) {
            node = Hashes.commutativeKeccak256(peaks[height], node);
            unchecked {
                height++; // below the number of bits of `size`; 51 gas less a subject
            }
        }
        peaks[height] = node;
    }

    /// @dev Joins the `peaks` over `size` leaves, the smallest first: that is the shape of RFC 6962, in which every left
    /// subtree is full, hence of the largest power of two below the number of leaves.
    function _treeRoot(bytes32[_MAX_HEIGHT] memory peaks, uint256 size) private pure returns (bytes32 root) {
        for (uint256 height = 0; size > 0; height++) {
            if (size & 1 == 1) {
                root = root == bytes32(0) ? peaks[height] : Hashes.commutativeKeccak256(peaks[height], root);
            }
            size >>= 1;
        }
    }
}
