// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";

import {IPartyRegistry} from "../../src/interfaces/IPartyRegistry.sol";
import {PartyRegistryTest} from "./PartyRegistryTest.sol";

/// @notice The table of powers in contracts/README.md.
contract RolesTest is PartyRegistryTest {
    address internal immutable NEW_REGISTRAR = makeAddr("new registrar");
    address internal immutable SECOND_SIGNER = makeAddr("second signer");

    function setUp() public override {
        super.setUp();
        admit(SUPPLIER);
        addSigner(SUPPLIER, SECOND_SIGNER);
    }

    // grantRole

    function testFuzz_GrantRole_RevertWhen_CallerNotAdmin(address caller, address account, bool asAdmin) external {
        caller = anyoneBut(ADMIN, caller);

        expectUnauthorised(caller, ADMIN_ROLE);
        vm.prank(caller);
        registry.grantRole(asAdmin ? ADMIN_ROLE : REGISTRAR_ROLE, account);
    }

    function test_GrantRole_RevertWhen_CallerRegistrar() external {
        expectUnauthorised(REGISTRAR, ADMIN_ROLE);
        vm.prank(REGISTRAR);
        registry.grantRole(REGISTRAR_ROLE, NEW_REGISTRAR);
    }

    function testFuzz_GrantRole_WhenCallerAdmin(address account) external {
        account = anyoneBut(REGISTRAR, account);

        vm.expectEmit(address(registry));
        emit IAccessControl.RoleGranted(REGISTRAR_ROLE, account, ADMIN);
        vm.prank(ADMIN);
        registry.grantRole(REGISTRAR_ROLE, account);

        _assertActsAsRegistrar(account);
        _assertActsAsRegistrar(REGISTRAR);
    }

    function test_GrantRole_WhenAdminGrantsItself() external {
        vm.prank(ADMIN);
        registry.grantRole(REGISTRAR_ROLE, ADMIN);

        _assertActsAsRegistrar(ADMIN);
    }

    // revokeRole

    function testFuzz_RevokeRole_RevertWhen_CallerNotAdmin(address caller) external {
        caller = anyoneBut(ADMIN, caller);

        expectUnauthorised(caller, ADMIN_ROLE);
        vm.prank(caller);
        registry.revokeRole(REGISTRAR_ROLE, REGISTRAR);
    }

    function test_RevokeRole_RevertWhen_CallerRegistrar() external {
        vm.prank(ADMIN);
        registry.grantRole(REGISTRAR_ROLE, NEW_REGISTRAR);

        expectUnauthorised(REGISTRAR, ADMIN_ROLE);
        vm.prank(REGISTRAR);
        registry.revokeRole(REGISTRAR_ROLE, NEW_REGISTRAR);
    }

    function test_RevokeRole_WhenCallerAdmin() external {
        vm.expectEmit(address(registry));
        emit IAccessControl.RoleRevoked(REGISTRAR_ROLE, REGISTRAR, ADMIN);
        vm.prank(ADMIN);
        registry.revokeRole(REGISTRAR_ROLE, REGISTRAR);

        _assertRefused(REGISTRAR);
        assertEq(registry.admittedAt(SUPPLIER), START, "party stays");
        assertWindow(SUPPLIER, signerOf(SUPPLIER), START, 0);
        assertTrue(registry.isOperator(OPERATOR), "operator stays");
    }

    // renounceRole

    function testFuzz_RenounceRole_RevertWhen_ConfirmationOfAnother(address caller, address confirmation) external {
        if (confirmation == caller) confirmation = address(uint160(caller) ^ 1);

        expectRefusal(abi.encodeWithSelector(IAccessControl.AccessControlBadConfirmation.selector));
        vm.prank(caller);
        registry.renounceRole(REGISTRAR_ROLE, confirmation);
    }

    function test_RenounceRole_WhenCallerRegistrar() external {
        vm.expectEmit(address(registry));
        emit IAccessControl.RoleRevoked(REGISTRAR_ROLE, REGISTRAR, REGISTRAR);
        vm.prank(REGISTRAR);
        registry.renounceRole(REGISTRAR_ROLE, REGISTRAR);

        _assertRefused(REGISTRAR);
    }

    function test_RenounceRole_WhenCallerLastAdmin() external {
        vm.prank(ADMIN);
        registry.renounceRole(ADMIN_ROLE, ADMIN);

        address[3] memory callers = [ADMIN, REGISTRAR, STRANGER];
        for (uint256 i = 0; i < callers.length; i++) {
            expectUnauthorised(callers[i], ADMIN_ROLE);
            vm.prank(callers[i]);
            registry.grantRole(REGISTRAR_ROLE, NEW_REGISTRAR);
            expectUnauthorised(callers[i], ADMIN_ROLE);
            vm.prank(callers[i]);
            registry.revokeRole(REGISTRAR_ROLE, REGISTRAR);
        }
        _assertActsAsRegistrar(REGISTRAR);
    }

    // powers

    function test_Powers_RevertWhen_CallerNotRegistrar() external {
        _assertRefused(ADMIN);
        _assertRefused(OPERATOR);
        _assertRefused(signerOf(SUPPLIER));
        _assertRefused(STRANGER);
    }

    function testFuzz_Powers_RevertWhen_FunctionUnknown(bytes4 selector, bytes calldata arguments) external {
        if (_isFunction(selector)) selector = ~selector;

        vm.prank(REGISTRAR);
        (bool accepted, bytes memory answer) = address(registry).call(bytes.concat(selector, arguments));

        assertFalse(accepted, "accepted");
        assertEq(answer.length, 0, "answer");
    }

    function testFuzz_Powers_RevertWhen_MoneySent(uint256 value) external {
        value = bound(value, 1, type(uint128).max);
        vm.deal(REGISTRAR, value);

        vm.startPrank(REGISTRAR);
        (bool accepted,) = address(registry).call{value: value}("");
        assertFalse(accepted, "without a function");
        bytes[5] memory calls = _callsOfARegistrar();
        for (uint256 i = 0; i < calls.length; i++) {
            (accepted,) = address(registry).call{value: value}(calls[i]);
            assertFalse(accepted, "with a function");
        }
    }

    /// @dev Every function of a registrar, with arguments that are accepted from one.
    function _callsOfARegistrar() private view returns (bytes[5] memory) {
        return [
            abi.encodeCall(IPartyRegistry.admit, (BUYER, signerOf(BUYER))),
            abi.encodeCall(IPartyRegistry.addSigner, (SUPPLIER, signerOf(BUYER))),
            abi.encodeCall(IPartyRegistry.revokeSigner, (SUPPLIER, SECOND_SIGNER)),
            abi.encodeCall(IPartyRegistry.addOperator, (NEW_REGISTRAR)),
            abi.encodeCall(IPartyRegistry.removeOperator, (OPERATOR))
        ];
    }

    function _assertRefused(address caller) private {
        bytes[5] memory calls = _callsOfARegistrar();
        for (uint256 i = 0; i < calls.length; i++) {
            expectUnauthorised(caller, REGISTRAR_ROLE);
            vm.prank(caller);
            (bool accepted,) = address(registry).call(calls[i]);
            assertTrue(accepted, "expected revert did not happen");
        }
    }

    /// @dev The state is put back afterwards.
    function _assertActsAsRegistrar(address caller) private {
        uint256 before = vm.snapshotState();
        bytes[5] memory calls = _callsOfARegistrar();
        for (uint256 i = 0; i < calls.length; i++) {
            vm.prank(caller);
            (bool accepted,) = address(registry).call(calls[i]);
            assertTrue(accepted, "refused");
        }
        assertTrue(vm.revertToState(before), "snapshot");
    }

    function _isFunction(bytes4 selector) private view returns (bool) {
        bytes4[19] memory selectors = [
            IPartyRegistry.admit.selector,
            IPartyRegistry.addSigner.selector,
            IPartyRegistry.revokeSigner.selector,
            IPartyRegistry.addOperator.selector,
            IPartyRegistry.removeOperator.selector,
            IPartyRegistry.REGISTRAR_ROLE.selector,
            IPartyRegistry.signerWindow.selector,
            IPartyRegistry.isSigner.selector,
            IPartyRegistry.isParty.selector,
            IPartyRegistry.admittedAt.selector,
            IPartyRegistry.isOperator.selector,
            IPartyRegistry.version.selector,
            IAccessControl.hasRole.selector,
            IAccessControl.getRoleAdmin.selector,
            IAccessControl.grantRole.selector,
            IAccessControl.revokeRole.selector,
            IAccessControl.renounceRole.selector,
            IERC165.supportsInterface.selector,
            AccessControl(address(registry)).DEFAULT_ADMIN_ROLE.selector
        ];
        for (uint256 i = 0; i < selectors.length; i++) {
            if (selectors[i] == selector) return true;
        }
        return false;
    }
}
