// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {Vm} from "forge-std/Vm.sol";

import {IPartyRegistry} from "../../src/interfaces/IPartyRegistry.sol";
import {BaseTest} from "../Base.t.sol";

/// @notice What the tests of `PartyRegistry` share: ranges of fuzzed inputs and expected refusals.
abstract contract PartyRegistryTest is BaseTest {
    bytes32 internal constant ADMIN_ROLE = 0;
    bytes32 internal constant REGISTRAR_ROLE = keccak256("REGISTRAR_ROLE");

    function expectRefusal(bytes memory refusal) internal {
        vm.expectRevert(refusal, address(registry));
    }

    function expectUnauthorised(address account, bytes32 role) internal {
        expectRefusal(abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, account, role));
    }

    /// @dev Moves the clock to a time from `from` to the last that a window can hold.
    function warpFrom(uint256 from, uint64 seed) internal returns (uint64 time) {
        time = uint64(bound(seed, from, type(uint64).max));
        vm.warp(time);
    }

    function notZero(bytes32 seed) internal pure returns (bytes32) {
        return bytes32(bound(uint256(seed), 1, type(uint256).max));
    }

    function notZero(address seed) internal pure returns (address) {
        return address(uint160(bound(uint160(seed), 1, type(uint160).max)));
    }

    /// @dev `seed`, or the stranger in place of `excluded`.
    function anyoneBut(address excluded, address seed) internal view returns (address) {
        return seed == excluded ? STRANGER : seed;
    }

    function addSigner(bytes32 party, address signer) internal {
        vm.prank(REGISTRAR);
        registry.addSigner(party, signer);
    }

    function revokeSigner(bytes32 party, address signer) internal {
        vm.prank(REGISTRAR);
        registry.revokeSigner(party, signer);
    }

    /// @dev Since `vm.recordLogs`; the recorder also holds what a test emits for `vm.expectEmit`, which does not count.
    function assertNumberOfEvents(uint256 expected) internal {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        uint256 actual = 0;
        for (uint256 i = 0; i < logs.length; i++) {
            if (logs[i].emitter == address(registry)) actual++;
        }
        assertEq(actual, expected, "number of events");
    }

    function assertWindow(bytes32 party, address signer, uint64 addedAt, uint64 revokedAt) internal view {
        IPartyRegistry.SignerWindow memory window = registry.signerWindow(party, signer);
        assertEq(window.addedAt, addedAt, "addedAt");
        assertEq(window.revokedAt, revokedAt, "revokedAt");
    }
}
