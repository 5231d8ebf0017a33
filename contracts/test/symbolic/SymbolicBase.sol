// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

import {EvidenceLedger} from "../../src/EvidenceLedger.sol";
import {PartyRegistry} from "../../src/PartyRegistry.sol";
import {ReceivableRegistry} from "../../src/ReceivableRegistry.sol";

/// @notice The cheatcodes of halmos that forge has not.
interface SVM {
    /// @notice Calldata of any function of the contract that may write, or of none, with arbitrary arguments.
    function createCalldata(string memory contractName) external pure returns (bytes memory);

    /// @notice Gives every storage slot of `account` that was not written yet an arbitrary value.
    function enableSymbolicStorage(address account) external pure;
}

abstract contract SymbolicBase is Test {
    SVM internal constant svm = SVM(address(uint160(uint256(keccak256("svm cheat code")))));

    PartyRegistry internal registry;
    EvidenceLedger internal ledger;
    ReceivableRegistry internal receivables;

    function setUp() public virtual {
        registry = new PartyRegistry(address(0xad), address(0x4e));
        ledger = new EvidenceLedger(registry);
        receivables = new ReceivableRegistry(ledger);
        svm.enableSymbolicStorage(address(registry));
        svm.enableSymbolicStorage(address(ledger));
        svm.enableSymbolicStorage(address(receivables));
    }
}
