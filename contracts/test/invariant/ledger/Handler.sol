// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {Test} from "forge-std/Test.sol";

import {EventReplay} from "./EventReplay.sol";
import {LedgerStore} from "./LedgerStore.sol";

/// @notice How a handler acts: it foretells from the store alone whether a call is accepted, or the very words in which it is
/// refused, and fails when it comes otherwise: a forbidden action that passes is found at once.
abstract contract Handler is Test {
    bytes32 internal constant ADMIN_ROLE = 0;
    bytes32 internal constant REGISTRAR_ROLE = keccak256("REGISTRAR_ROLE");
    address internal immutable STRANGER = makeAddr("stranger");

    LedgerStore internal immutable STORE;
    EventReplay internal immutable REPLAY;

    constructor(LedgerStore store, EventReplay replay) {
        STORE = store;
        REPLAY = replay;
    }

    /// @dev Also in between, so that the clock does not depend on what the runner keeps from call to call.
    modifier atCurrentTime() {
        vm.warp(STORE.currentTime());
        _;
    }

    /// @dev Sends `data` as `caller`; `refusal` is empty when it must be accepted.
    function act(address caller, address target, bytes memory data, bytes memory refusal)
        internal
        returns (bool accepted)
    {
        vm.recordLogs();
        vm.prank(caller);
        bytes memory answer;
        (accepted, answer) = target.call(data);
        assertEq(accepted, refusal.length == 0, "accepted");
        assertEq(answer, refusal, "refusal");
        // The recorder also keeps what a call logged before it was refused, which is in no block.
        if (accepted) REPLAY.play(vm.getRecordedLogs(), STORE.currentTime());
    }

    function unauthorised(address account, bytes32 role) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, account, role);
    }

    function pick(address[] memory accounts, uint256 seed) internal pure returns (address) {
        return accounts[seed % accounts.length];
    }
}
