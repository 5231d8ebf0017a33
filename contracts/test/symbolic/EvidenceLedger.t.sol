// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IEvidenceLedger} from "../../src/interfaces/IEvidenceLedger.sol";
import {SymbolicBase} from "./SymbolicBase.sol";

/// @notice Logs only grow, by seals of registered operators, and nothing sealed is overwritten.
/// @dev Bounds: batches of one to three subjects.
/// @custom:halmos --array-lengths appends={1,2,3} --loop 5
contract EvidenceLedgerSymbolicTest is SymbolicBase {
    function check_Ledger_ChangesOnlyBySealOfAnOperator(
        address caller,
        bytes32 subject,
        address operator,
        uint64 batchId
    ) external {
        bool isOperator = registry.isOperator(caller);
        bytes32 head = ledger.head(subject);
        uint64 nextBatch = ledger.nextBatch(operator);
        bytes32 batchRoot = ledger.batchRoot(operator, batchId);

        bytes4 selector = callAny(caller, address(ledger), "EvidenceLedger");

        bool headKept = ledger.head(subject) == head;
        bool ownKept = both(ledger.nextBatch(operator) == nextBatch, ledger.batchRoot(operator, batchId) == batchRoot);
        bool sealedByOperator = both(isOperator, selector == IEvidenceLedger.seal.selector);
        assert(either(both(headKept, ownKept), sealedByOperator));
        assert(either(ownKept, caller == operator));
    }

    function check_Seal_MovesEachNamedHeadToItsHashAndNoOther(
        address caller,
        uint64 batchId,
        IEvidenceLedger.Append[] calldata appends,
        bytes32 subject
    ) external {
        bytes32 head = ledger.head(subject);
        for (uint256 i = 0; i < appends.length; i++) {
            if (appends[i].subject != subject) continue;
            head = keccak256(abi.encode(head, caller, batchId, appends[i].count, appends[i].root, block.timestamp));
        }

        vm.prank(caller);
        ledger.seal(batchId, appends);

        assert(ledger.head(subject) == head);
    }

    /// @dev By the second claim, which a new ledger fulfils, no batch lies ahead of `nextBatch`; so the first holds for ever.
    function check_BatchRoot_IsNeverOverwritten(address caller, address operator, uint64 batchId) external {
        bytes32 before = ledger.batchRoot(operator, batchId);
        vm.assume(either(before == bytes32(0), batchId < ledger.nextBatch(operator)));

        callAny(caller, address(ledger), "EvidenceLedger");

        bytes32 batchRoot = ledger.batchRoot(operator, batchId);
        assert(either(before == bytes32(0), batchRoot == before));
        assert(either(batchRoot == bytes32(0), batchId < ledger.nextBatch(operator)));
    }

    function check_NextBatch_OnlyCountsUp(address caller, address operator) external {
        uint64 before = ledger.nextBatch(operator);

        callAny(caller, address(ledger), "EvidenceLedger");

        uint64 nextBatch = ledger.nextBatch(operator);
        assert(either(nextBatch == before, nextBatch == uint256(before) + 1));
    }

    function refute_Head_NeverChanges(address caller, bytes32 subject) external {
        bytes32 before = ledger.head(subject);

        callAny(caller, address(ledger), "EvidenceLedger");

        assert(ledger.head(subject) == before);
    }
}
