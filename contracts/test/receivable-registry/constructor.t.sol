// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IEvidenceLedger} from "../../src/interfaces/IEvidenceLedger.sol";
import {IReceivableRegistry} from "../../src/interfaces/IReceivableRegistry.sol";
import {ReceivableRegistry} from "../../src/ReceivableRegistry.sol";
import {BaseTest} from "../Base.t.sol";

contract ConstructorTest is BaseTest {
    function testFuzz_RevertWhen_TheLedgerHasNoCode(bytes32 seed) public {
        address account = makeAddr(string(abi.encode("without code", seed)));
        vm.expectRevert(abi.encodeWithSelector(IReceivableRegistry.LedgerWithoutCode.selector, account));
        new ReceivableRegistry(IEvidenceLedger(account));
    }

    function test_RevertWhen_TheLedgerIsZero() public {
        vm.expectRevert(abi.encodeWithSelector(IReceivableRegistry.LedgerWithoutCode.selector, address(0)));
        new ReceivableRegistry(IEvidenceLedger(address(0)));
    }

    function test_WhenTheLedgerHasCode() public view {
        assertEq(address(receivables.ledger()), address(ledger), "ledger");
        assertEq(vm.load(address(receivables), 0), bytes32(uint256(uint160(address(ledger)))), "slot 0");
        assertEq(receivables.version(), "1.0.0", "version");
    }

    function test_WhenTheLedgerIsAnother() public {
        address other = deployContract("EvidenceLedger", abi.encode(registry));
        ReceivableRegistry second = ReceivableRegistry(deployContract("ReceivableRegistry", abi.encode(other)));
        assertEq(address(second.ledger()), other, "ledger");
        assertEq(address(second).code, address(receivables).code, "the same code");
    }
}
