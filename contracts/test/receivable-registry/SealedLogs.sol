// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Arrays} from "@openzeppelin/contracts/utils/Arrays.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {IEvidenceLedger} from "../../src/interfaces/IEvidenceLedger.sol";
import {IReceivableRegistry} from "../../src/interfaces/IReceivableRegistry.sol";
import {BaseTest} from "../Base.t.sol";

/// @notice Builds batches as operators do, and proofs as suppliers do. A contract of its own, so that its trees are
/// compiled once and not into each test contract.
contract SealedLogs is BaseTest {
    /// @dev A batch in which every subject's log got the same `evidence`, in this order, as the logs of the parties of
    /// one invoice do.
    struct Batch {
        address operator;
        uint64 batchId;
        bytes32[] subjects;
        bytes32[] evidence;
    }

    /// @dev Two subjects and `others` more, ascending.
    function subjectsWith(bytes32 one, bytes32 another, uint256 others) external pure returns (bytes32[] memory) {
        bytes32[] memory subjects = new bytes32[](others + 2);
        for (uint256 i = 0; i < others; i++) {
            subjects[i] = keccak256(abi.encode("subject", i));
        }
        (subjects[others], subjects[others + 1]) = (one, another);
        return Arrays.sort(subjects);
    }

    /// @dev What the operator of `batch` seals.
    function appendsOf(Batch calldata batch) external pure returns (IEvidenceLedger.Append[] memory appends) {
        appends = new IEvidenceLedger.Append[](batch.subjects.length);
        for (uint256 i = 0; i < appends.length; i++) {
            appends[i] = _appendTo(batch.subjects[i], batch.evidence);
        }
    }

    /// @dev Where `receivable` stands in the log of `subject`, both in `batch`.
    function inclusionIn(Batch calldata batch, bytes32 subject, bytes32 receivable)
        external
        pure
        returns (IReceivableRegistry.Inclusion memory)
    {
        bytes32[] memory subjectLeaves = new bytes32[](batch.subjects.length);
        for (uint256 i = 0; i < subjectLeaves.length; i++) {
            IEvidenceLedger.Append memory append = _appendTo(batch.subjects[i], batch.evidence);
            subjectLeaves[i] = subjectLeaf(append.subject, append.root, append.count);
        }
        uint256 size = batch.evidence.length;
        uint256 index = _placeOf(receivable, batch.evidence);
        return IReceivableRegistry.Inclusion({
            operator: batch.operator,
            batchId: batch.batchId,
            index: SafeCast.toUint32(index),
            signaturesHash: _signaturesHash(subject, receivable),
            count: SafeCast.toUint32(size),
            entryProof: treePath(_entryLeaves(subject, batch.evidence), index, 0, size),
            subjectProof: treePath(subjectLeaves, _placeOf(subject, batch.subjects), 0, subjectLeaves.length)
        });
    }

    function _appendTo(bytes32 subject, bytes32[] calldata evidence)
        private
        pure
        returns (IEvidenceLedger.Append memory)
    {
        bytes32 root = treeRoot(_entryLeaves(subject, evidence), 0, evidence.length);
        return IEvidenceLedger.Append(subject, root, SafeCast.toUint32(evidence.length));
    }

    function _entryLeaves(bytes32 subject, bytes32[] calldata evidence) private pure returns (bytes32[] memory leaves) {
        leaves = new bytes32[](evidence.length);
        for (uint256 i = 0; i < leaves.length; i++) {
            bytes32 signaturesHash = _signaturesHash(subject, evidence[i]);
            leaves[i] = entryLeaf(IEvidenceLedger.Entry(subject, SafeCast.toUint32(i), evidence[i], signaturesHash));
        }
    }

    function _signaturesHash(bytes32 subject, bytes32 evidenceId) private pure returns (bytes32) {
        return keccak256(abi.encode("signatures", subject, evidenceId));
    }

    function _placeOf(bytes32 value, bytes32[] calldata values) private pure returns (uint256 place) {
        while (values[place] != value) place++;
    }
}
