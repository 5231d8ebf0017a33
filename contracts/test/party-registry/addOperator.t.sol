// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IPartyRegistry} from "../../src/interfaces/IPartyRegistry.sol";
import {PartyRegistryTest} from "./PartyRegistryTest.sol";

contract AddOperatorTest is PartyRegistryTest {
    function testFuzz_RevertWhen_CallerNotRegistrar(address caller, address operator) external {
        caller = anyoneBut(REGISTRAR, caller);

        expectUnauthorised(caller, REGISTRAR_ROLE);
        vm.prank(caller);
        registry.addOperator(_unregistered(operator));
    }

    function test_RevertWhen_OperatorZero() external {
        expectRefusal(abi.encodeWithSelector(IPartyRegistry.ZeroAddress.selector));
        vm.prank(REGISTRAR);
        registry.addOperator(address(0));
    }

    function test_RevertGiven_OperatorRegistered() external {
        expectRefusal(abi.encodeWithSelector(IPartyRegistry.OperatorAlreadyAdded.selector, OPERATOR));
        vm.prank(REGISTRAR);
        registry.addOperator(OPERATOR);
    }

    function testFuzz_GivenOperatorNotRegistered(address operator, address other) external {
        operator = _unregistered(operator);
        other = _unregistered(other);

        _assertRegisters(operator);
        assertEq(registry.isOperator(other), other == operator, "other account");
    }

    function testFuzz_GivenOperatorRemoved(address operator) external {
        operator = _unregistered(operator);
        _assertRegisters(operator);
        vm.prank(REGISTRAR);
        registry.removeOperator(operator);

        _assertRegisters(operator);
    }

    function _assertRegisters(address operator) private {
        vm.recordLogs();
        vm.expectEmit(address(registry));
        emit IPartyRegistry.OperatorAdded(operator, REGISTRAR);
        vm.prank(REGISTRAR);
        registry.addOperator(operator);

        assertNumberOfEvents(1);
        assertTrue(registry.isOperator(operator), "isOperator");
    }

    function _unregistered(address seed) private view returns (address) {
        return anyoneBut(OPERATOR, anyoneBut(OTHER_OPERATOR, notZero(seed)));
    }
}
