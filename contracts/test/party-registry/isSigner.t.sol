// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {PartyRegistryTest} from "./PartyRegistryTest.sol";

contract IsSignerTest is PartyRegistryTest {
    uint64 internal constant END = type(uint64).max;

    address internal immutable SIGNER = signerOf(SUPPLIER);

    function testFuzz_GivenSignerNeverAdded(bytes32 party, address signer, uint64 timestamp) external {
        admit(SUPPLIER);
        if (party == SUPPLIER) signer = anyoneBut(SIGNER, signer);

        assertFalse(registry.isSigner(party, signer, timestamp), "never added");
        assertFalse(registry.isSigner(party, signer, START), "never added, when another was");
        assertFalse(registry.isSigner(BUYER, SIGNER, timestamp), "signer of another party");
        assertFalse(registry.isSigner(SUPPLIER, signerOf(BUYER), timestamp), "nobody's signer");
    }

    function testFuzz_GivenNotRevoked_WhenBeforeAddedAt(uint64 addedSeed, uint64 timestamp) external {
        uint64 addedAt = _add(addedSeed);
        timestamp = uint64(bound(timestamp, 0, addedAt - 1));

        assertFalse(registry.isSigner(SUPPLIER, SIGNER, timestamp), "before");
        assertFalse(registry.isSigner(SUPPLIER, SIGNER, addedAt - 1), "the second before");
    }

    function testFuzz_GivenNotRevoked_WhenAtAddedAt(uint64 addedSeed) external {
        assertTrue(registry.isSigner(SUPPLIER, SIGNER, _add(addedSeed)), "at addedAt");
    }

    function testFuzz_GivenNotRevoked_WhenAfterAddedAt(uint64 addedSeed, uint64 timestamp) external {
        timestamp = uint64(bound(timestamp, _add(addedSeed), END));

        assertTrue(registry.isSigner(SUPPLIER, SIGNER, timestamp), "after");
        assertTrue(registry.isSigner(SUPPLIER, SIGNER, END), "at the end of time");
    }

    function testFuzz_GivenRevoked_WhenBeforeAddedAt(uint64 addedSeed, uint64 revokedSeed, uint64 timestamp) external {
        (uint64 addedAt,) = _addAndRevoke(addedSeed, revokedSeed);

        assertFalse(registry.isSigner(SUPPLIER, SIGNER, uint64(bound(timestamp, 0, addedAt - 1))), "before");
    }

    function testFuzz_GivenRevoked_WhenInside(uint64 addedSeed, uint64 revokedSeed, uint64 timestamp) external {
        (uint64 addedAt, uint64 revokedAt) = _addAndRevoke(addedSeed, revokedSeed);
        vm.warp(END);

        assertTrue(registry.isSigner(SUPPLIER, SIGNER, addedAt), "at addedAt");
        assertTrue(registry.isSigner(SUPPLIER, SIGNER, uint64(bound(timestamp, addedAt, revokedAt - 1))), "inside");
        assertTrue(registry.isSigner(SUPPLIER, SIGNER, revokedAt - 1), "the last second");
    }

    function testFuzz_GivenRevoked_WhenAtRevokedAt(uint64 addedSeed, uint64 revokedSeed) external {
        (, uint64 revokedAt) = _addAndRevoke(addedSeed, revokedSeed);

        assertFalse(registry.isSigner(SUPPLIER, SIGNER, revokedAt), "at revokedAt");
    }

    function testFuzz_GivenRevoked_WhenAfterRevokedAt(uint64 addedSeed, uint64 revokedSeed, uint64 timestamp) external {
        (, uint64 revokedAt) = _addAndRevoke(addedSeed, revokedSeed);

        assertFalse(registry.isSigner(SUPPLIER, SIGNER, uint64(bound(timestamp, revokedAt, END))), "after");
        assertFalse(registry.isSigner(SUPPLIER, SIGNER, END), "at the end of time");
    }

    /// @dev Leaves room for a window after it.
    function _add(uint64 seed) private returns (uint64 addedAt) {
        addedAt = uint64(bound(seed, 1, END - 1));
        vm.warp(addedAt);
        admit(SUPPLIER);
    }

    function _addAndRevoke(uint64 addedSeed, uint64 revokedSeed) private returns (uint64 addedAt, uint64 revokedAt) {
        addedAt = _add(addedSeed);
        revokedAt = warpFrom(addedAt + 1, revokedSeed);
        revokeSigner(SUPPLIER, SIGNER);
    }
}
