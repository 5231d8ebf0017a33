// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IEvidenceLedger} from "../../src/interfaces/IEvidenceLedger.sol";
import {SymbolicBase} from "./SymbolicBase.sol";

/// @notice In any state, whatever anybody calls with whatever arguments: logs only grow, by operators, and nothing
/// sealed is overwritten.
/// @dev Bounds: batches of at most three appends.
contract EvidenceLedgerSymbolicTest is SymbolicBase {
    /// @custom:halmos --array-lengths appends={0,1,2,3} --loop 5
    function check_append_only(address caller, bytes32 subject) public {
        bytes32 before = ledger.head(subject);
        bool isOperator = registry.isOperator(caller);
        bytes memory data = svm.createCalldata("EvidenceLedger");
        vm.prank(caller);
        (bool success,) = address(ledger).call(data);
        if (ledger.head(subject) != before) {
            assert(success && isOperator && _selector(data) == IEvidenceLedger.seal.selector);
        }
    }

    /// @custom:halmos --array-lengths appends=2 --loop 5
    function check_head_is_the_hash_of_the_old_one(
        address caller,
        uint64 batchId,
        IEvidenceLedger.Append[] calldata appends
    ) public {
        bytes32 before = ledger.head(appends[0].subject);
        vm.prank(caller);
        ledger.seal(batchId, appends);
        bytes32 expected =
            keccak256(abi.encode(before, caller, batchId, appends[0].count, appends[0].root, block.timestamp));
        assert(ledger.head(appends[0].subject) == expected);
    }

    /// @custom:halmos --array-lengths appends={0,1,2,3} --loop 5
    function check_no_overwrite(address caller, address operator, uint64 batchId) public {
        bytes32 before = ledger.batchRoot(operator, batchId);
        vm.assume(before == bytes32(0) || batchId < ledger.nextBatch(operator));
        bytes memory data = svm.createCalldata("EvidenceLedger");
        vm.prank(caller);
        (bool success,) = address(ledger).call(data);
        success;
        bytes32 root = ledger.batchRoot(operator, batchId);
        assert(before == bytes32(0) || root == before);
        // what was assumed holds again: by induction, of every state that calls can reach
        assert(root == bytes32(0) || batchId < ledger.nextBatch(operator));
    }

    function _selector(bytes memory data) private pure returns (bytes4 selector) {
        assembly ("memory-safe") {
            selector := mload(add(data, 0x20))
        }
    }
}
