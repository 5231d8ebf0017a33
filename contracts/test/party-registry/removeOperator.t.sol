// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IPartyRegistry} from "../../src/interfaces/IPartyRegistry.sol";
import {PartyRegistryTest} from "./PartyRegistryTest.sol";

contract RemoveOperatorTest is PartyRegistryTest {
    function testFuzz_RevertWhen_CallerNotRegistrar(address caller) external {
        caller = anyoneBut(REGISTRAR, caller);

        expectUnauthorised(caller, REGISTRAR_ROLE);
        vm.prank(caller);
        registry.removeOperator(OPERATOR);
    }

    function test_RevertWhen_CallerIsTheOperator() external {
        expectUnauthorised(OPERATOR, REGISTRAR_ROLE);
        vm.prank(OPERATOR);
        registry.removeOperator(OPERATOR);
    }

    function testFuzz_RevertGiven_OperatorNeverRegistered(address operator) external {
        operator = anyoneBut(OPERATOR, anyoneBut(OTHER_OPERATOR, operator));

        expectRefusal(abi.encodeWithSelector(IPartyRegistry.UnknownOperator.selector, operator));
        vm.prank(REGISTRAR);
        registry.removeOperator(operator);
    }

    function test_RevertGiven_OperatorRemoved() external {
        vm.startPrank(REGISTRAR);
        registry.removeOperator(OPERATOR);

        expectRefusal(abi.encodeWithSelector(IPartyRegistry.UnknownOperator.selector, OPERATOR));
        registry.removeOperator(OPERATOR);
    }

    function testFuzz_GivenOperatorRegistered(address operator) external {
        operator = notZero(operator);
        vm.startPrank(REGISTRAR);
        if (!registry.isOperator(operator)) registry.addOperator(operator);

        vm.recordLogs();
        vm.expectEmit(address(registry));
        emit IPartyRegistry.OperatorRemoved(operator, REGISTRAR);
        registry.removeOperator(operator);

        assertNumberOfEvents(1);
        assertFalse(registry.isOperator(operator), "removed");
        assertEq(registry.isOperator(OPERATOR), operator != OPERATOR, "operator");
        assertEq(registry.isOperator(OTHER_OPERATOR), operator != OTHER_OPERATOR, "other operator");
    }
}
