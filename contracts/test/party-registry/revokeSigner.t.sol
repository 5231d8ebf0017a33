// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IPartyRegistry} from "../../src/interfaces/IPartyRegistry.sol";
import {PartyRegistryTest} from "./PartyRegistryTest.sol";

contract RevokeSignerTest is PartyRegistryTest {
    address internal immutable SIGNER = signerOf(SUPPLIER);
    address internal immutable OTHER_SIGNER = makeAddr("other signer");

    function setUp() public override {
        super.setUp();
        admit(SUPPLIER);
        addSigner(SUPPLIER, OTHER_SIGNER);
    }

    function testFuzz_RevertWhen_CallerNeitherRegistrarNorSigner(address caller) external {
        caller = anyoneBut(REGISTRAR, anyoneBut(SIGNER, caller));
        _expectUnauthorised(caller);
    }

    function test_RevertWhen_CallerHoldsAnotherRole() external {
        _expectUnauthorised(OTHER_SIGNER);
        _expectUnauthorised(ADMIN);
        _expectUnauthorised(OPERATOR);
    }

    function testFuzz_RevertGiven_SignerUnknown(bytes32 party, address signer) external {
        if (party == SUPPLIER) party = BUYER;

        expectRefusal(abi.encodeWithSelector(IPartyRegistry.UnknownSigner.selector, party, signer));
        revokeSigner(party, signer);
    }

    function testFuzz_RevertGiven_CallerSignsForAnotherParty(bytes32 party) external {
        if (party == SUPPLIER) party = BUYER;

        expectRefusal(abi.encodeWithSelector(IPartyRegistry.UnknownSigner.selector, party, SIGNER));
        vm.prank(SIGNER);
        registry.revokeSigner(party, SIGNER);
    }

    function testFuzz_RevertGiven_SignerRevoked(uint64 firstSeed, uint64 secondSeed, bool byRegistrar) external {
        uint64 revokedAt = warpFrom(START, firstSeed);
        revokeSigner(SUPPLIER, SIGNER);
        warpFrom(revokedAt, secondSeed);

        expectRefusal(abi.encodeWithSelector(IPartyRegistry.SignerAlreadyRevoked.selector, SUPPLIER, SIGNER, revokedAt));
        vm.prank(byRegistrar ? REGISTRAR : SIGNER);
        registry.revokeSigner(SUPPLIER, SIGNER);
    }

    function testFuzz_WhenCallerRegistrar(uint64 seed) external {
        _assertRevokes(REGISTRAR, warpFrom(START, seed));
    }

    function testFuzz_WhenCallerSigner(uint64 seed) external {
        _assertRevokes(SIGNER, warpFrom(START, seed));
    }

    function testFuzz_WhenAddedAtTheSameTime(uint64 timestamp) external {
        revokeSigner(SUPPLIER, SIGNER);

        assertWindow(SUPPLIER, SIGNER, START, START);
        assertFalse(registry.isSigner(SUPPLIER, SIGNER, timestamp), "at any time");
        assertFalse(registry.isSigner(SUPPLIER, SIGNER, START), "at the time of both");
    }

    function test_LeavesOthersAlone() external {
        admit(BUYER);
        addSigner(BUYER, SIGNER);
        vm.warp(START + 1);

        revokeSigner(SUPPLIER, SIGNER);

        assertWindow(BUYER, SIGNER, START, 0);
        assertWindow(SUPPLIER, OTHER_SIGNER, START, 0);
        assertEq(registry.admittedAt(SUPPLIER), START, "admittedAt");
    }

    function _expectUnauthorised(address caller) private {
        expectUnauthorised(caller, REGISTRAR_ROLE);
        vm.prank(caller);
        registry.revokeSigner(SUPPLIER, SIGNER);
    }

    function _assertRevokes(address caller, uint64 time) private {
        vm.recordLogs();
        vm.expectEmit(address(registry));
        emit IPartyRegistry.SignerRevoked(SUPPLIER, SIGNER, caller, time);
        vm.prank(caller);
        registry.revokeSigner(SUPPLIER, SIGNER);

        assertNumberOfEvents(1);
        assertWindow(SUPPLIER, SIGNER, START, time);
    }
}
