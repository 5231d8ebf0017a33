// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

import {EvidenceLedger} from "../../src/EvidenceLedger.sol";
import {PartyRegistry} from "../../src/PartyRegistry.sol";
import {ReceivableRegistry} from "../../src/ReceivableRegistry.sol";

/// @notice The cheatcodes of halmos that forge has not.
interface SVM {
    /// @notice One calldata for each function of the contract that is neither view nor pure, with arbitrary arguments; an
    /// empty one; and one with a selector that is none of its functions'.
    function createCalldata(string memory contractName) external pure returns (bytes memory);

    /// @notice Gives every storage slot of `account` that was not written yet an arbitrary value.
    function enableSymbolicStorage(address account) external pure;
}

/// @notice The three contracts in an arbitrary state at an arbitrary time.
/// @dev A function `check_...` holds for all its arguments, all states and all times. As the state is arbitrary and not just
/// that of a deployment, what one arbitrary call keeps, any sequence of calls keeps. A function `refute_...` claims too much;
/// that its counterexample is found shows that the calls of the proofs do happen.
///
/// What halmos takes for granted: keccak256 has no collisions, ecrecover gives any address, and no loop and no array is longer
/// than the bounds that stand with each contract.
abstract contract SymbolicBase is Test {
    SVM internal constant svm = SVM(address(uint160(uint256(keccak256("svm cheat code")))));

    PartyRegistry internal registry;
    EvidenceLedger internal ledger;
    ReceivableRegistry internal receivables;

    function setUp() public {
        registry = new PartyRegistry(address(0xad), address(0x4e));
        ledger = new EvidenceLedger(registry);
        receivables = new ReceivableRegistry(ledger);
        svm.enableSymbolicStorage(address(registry));
        svm.enableSymbolicStorage(address(ledger));
        svm.enableSymbolicStorage(address(receivables));
        vm.assume(both(block.timestamp != 0, block.timestamp <= type(uint64).max));
    }

    /// @dev Calls any function of the contract with any arguments; paths on which it reverts end here, for they change
    /// nothing.
    function callAny(address caller, address target, string memory contractName) internal returns (bytes4 selector) {
        return callAnyBut(bytes4(0), caller, target, contractName);
    }

    /// @dev The same without the function `excepted`, for which there are proofs of its own.
    function callAnyBut(bytes4 excepted, address caller, address target, string memory contractName)
        internal
        returns (bytes4 selector)
    {
        bytes memory data = svm.createCalldata(contractName);
        assembly ("memory-safe") {
            selector := mload(add(data, 0x20))
        }
        vm.assume(either(selector != excepted, excepted == bytes4(0)));
        vm.prank(caller);
        (bool success,) = target.call(data);
        vm.assume(success);
    }

    // Without the branches of && and ||, each of which would double the paths.

    function both(bool a, bool b) internal pure returns (bool c) {
        assembly ("memory-safe") {
            c := and(a, b)
        }
    }

    function either(bool a, bool b) internal pure returns (bool c) {
        assembly ("memory-safe") {
            c := or(a, b)
        }
    }
}
