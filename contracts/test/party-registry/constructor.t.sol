// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";

import {IPartyRegistry} from "../../src/interfaces/IPartyRegistry.sol";
import {PartyRegistry} from "../../src/PartyRegistry.sol";
import {PartyRegistryTest} from "./PartyRegistryTest.sol";

contract PartyRegistryConstructorTest is PartyRegistryTest {
    function testFuzz_RevertWhen_AdminZero(address registrar) external {
        vm.expectRevert(IPartyRegistry.ZeroAddress.selector);
        new PartyRegistry(address(0), notZero(registrar));
    }

    function testFuzz_RevertWhen_RegistrarZero(address admin) external {
        vm.expectRevert(IPartyRegistry.ZeroAddress.selector);
        new PartyRegistry(notZero(admin), address(0));
    }

    function testFuzz_WhenNeitherZero(address admin, address registrar, bytes32 party, address account) external {
        admin = notZero(admin);
        registrar = notZero(registrar);
        address deployed = vm.computeCreateAddress(address(this), vm.getNonce(address(this)));

        vm.expectEmit(deployed);
        emit IAccessControl.RoleGranted(ADMIN_ROLE, admin, address(this));
        vm.expectEmit(deployed);
        emit IAccessControl.RoleGranted(REGISTRAR_ROLE, registrar, address(this));
        registry = new PartyRegistry(admin, registrar);

        assertEq(registry.version(), "1.0.0", "version");
        assertEq(registry.REGISTRAR_ROLE(), REGISTRAR_ROLE, "registrar's role");
        assertTrue(registry.hasRole(ADMIN_ROLE, admin), "admin is admin");
        assertTrue(registry.hasRole(REGISTRAR_ROLE, registrar), "registrar is registrar");
        assertEq(registry.hasRole(REGISTRAR_ROLE, admin), admin == registrar, "admin is registrar");
        assertEq(registry.hasRole(ADMIN_ROLE, registrar), admin == registrar, "registrar is admin");
        assertEq(registry.hasRole(ADMIN_ROLE, address(this)), admin == address(this), "deployer is admin");
        assertEq(registry.getRoleAdmin(REGISTRAR_ROLE), ADMIN_ROLE, "who administers registrars");
        assertEq(registry.getRoleAdmin(ADMIN_ROLE), ADMIN_ROLE, "who administers admins");

        assertFalse(registry.isParty(party), "party");
        assertFalse(registry.isOperator(account), "operator");
        assertWindow(party, account, 0, 0);
    }
}
