// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IPartyRegistry} from "../../src/interfaces/IPartyRegistry.sol";
import {PartyRegistryTest} from "./PartyRegistryTest.sol";

contract AddSignerTest is PartyRegistryTest {
    address internal immutable FIRST = signerOf(SUPPLIER);

    function setUp() public override {
        super.setUp();
        admit(SUPPLIER);
    }

    function testFuzz_RevertWhen_CallerNotRegistrar(address caller, address signer) external {
        caller = anyoneBut(REGISTRAR, caller);

        expectUnauthorised(caller, REGISTRAR_ROLE);
        vm.prank(caller);
        registry.addSigner(SUPPLIER, anyoneBut(FIRST, notZero(signer)));
    }

    function test_RevertWhen_SignerZero() external {
        expectRefusal(abi.encodeWithSelector(IPartyRegistry.ZeroAddress.selector));
        addSigner(SUPPLIER, address(0));
    }

    /// @dev Zero among them: it can't be admitted, so it is as unknown as any other.
    function testFuzz_RevertGiven_PartyUnknown(bytes32 party, address signer) external {
        if (party == SUPPLIER) party = 0;

        expectRefusal(abi.encodeWithSelector(IPartyRegistry.UnknownParty.selector, party));
        addSigner(party, notZero(signer));
    }

    function testFuzz_RevertGiven_SignerAdded(uint64 seed) external {
        warpFrom(START, seed);

        expectRefusal(abi.encodeWithSelector(IPartyRegistry.SignerAlreadyAdded.selector, SUPPLIER, FIRST, START));
        addSigner(SUPPLIER, FIRST);
    }

    function testFuzz_RevertGiven_SignerRevoked(uint64 revokedSeed, uint64 addedSeed) external {
        uint64 revokedAt = warpFrom(START, revokedSeed);
        revokeSigner(SUPPLIER, FIRST);
        warpFrom(revokedAt, addedSeed);

        expectRefusal(abi.encodeWithSelector(IPartyRegistry.SignerAlreadyRevoked.selector, SUPPLIER, FIRST, revokedAt));
        addSigner(SUPPLIER, FIRST);
    }

    function testFuzz_GivenSignerNew(address signer, uint64 seed) external {
        signer = anyoneBut(FIRST, notZero(signer));
        uint64 time = warpFrom(START, seed);

        vm.recordLogs();
        vm.expectEmit(address(registry));
        emit IPartyRegistry.SignerAdded(SUPPLIER, signer, REGISTRAR, time);
        addSigner(SUPPLIER, signer);

        assertNumberOfEvents(1);
        assertWindow(SUPPLIER, signer, time, 0);
        assertWindow(SUPPLIER, FIRST, START, 0);
        assertEq(registry.admittedAt(SUPPLIER), START, "admittedAt");
    }

    function testFuzz_GivenPartyMute(address signer, uint64 seed) external {
        signer = anyoneBut(FIRST, notZero(signer));
        revokeSigner(SUPPLIER, FIRST);
        uint64 time = warpFrom(START, seed);
        assertFalse(registry.isSigner(SUPPLIER, FIRST, time), "mute");

        addSigner(SUPPLIER, signer);

        assertTrue(registry.isSigner(SUPPLIER, signer, time), "speaks again");
        assertFalse(registry.isSigner(SUPPLIER, FIRST, time), "the revoked signer stays revoked");
    }

    function testFuzz_GivenSignerOfAnotherParty(uint64 seed, bool revoked) external {
        admit(BUYER);
        if (revoked) revokeSigner(SUPPLIER, FIRST);
        uint64 time = warpFrom(START, seed);

        addSigner(BUYER, FIRST);

        assertWindow(BUYER, FIRST, time, 0);
        assertWindow(SUPPLIER, FIRST, START, revoked ? START : 0);
    }
}
