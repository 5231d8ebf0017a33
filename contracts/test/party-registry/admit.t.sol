// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IPartyRegistry} from "../../src/interfaces/IPartyRegistry.sol";
import {PartyRegistryTest} from "./PartyRegistryTest.sol";

contract AdmitTest is PartyRegistryTest {
    function testFuzz_RevertWhen_CallerNotRegistrar(address caller, bytes32 party, address signer) external {
        caller = anyoneBut(REGISTRAR, caller);

        expectUnauthorised(caller, REGISTRAR_ROLE);
        vm.prank(caller);
        registry.admit(notZero(party), notZero(signer));
    }

    function testFuzz_RevertWhen_PartyZero(address signer) external {
        expectRefusal(abi.encodeWithSelector(IPartyRegistry.ZeroParty.selector));
        vm.prank(REGISTRAR);
        registry.admit(0, notZero(signer));
    }

    function testFuzz_RevertWhen_SignerZero(bytes32 party) external {
        expectRefusal(abi.encodeWithSelector(IPartyRegistry.ZeroAddress.selector));
        vm.prank(REGISTRAR);
        registry.admit(notZero(party), address(0));
    }

    function testFuzz_RevertGiven_PartyAdmitted(address signer, uint64 seed, bool signerRevoked) external {
        admit(SUPPLIER);
        warpFrom(START, seed);
        if (signerRevoked) revokeSigner(SUPPLIER, signerOf(SUPPLIER));

        expectRefusal(abi.encodeWithSelector(IPartyRegistry.PartyAlreadyAdmitted.selector, SUPPLIER, START));
        vm.prank(REGISTRAR);
        registry.admit(SUPPLIER, notZero(signer));
    }

    function testFuzz_GivenPartyUnknown_Events(bytes32 party, address signer, uint64 seed) external {
        uint64 time = warpFrom(START, seed);

        vm.recordLogs();
        vm.expectEmit(address(registry));
        emit IPartyRegistry.PartyAdmitted(notZero(party), REGISTRAR, time);
        vm.expectEmit(address(registry));
        emit IPartyRegistry.SignerAdded(notZero(party), notZero(signer), REGISTRAR, time);
        vm.prank(REGISTRAR);
        registry.admit(notZero(party), notZero(signer));

        assertNumberOfEvents(2);
    }

    function testFuzz_GivenPartyUnknown_State(bytes32 party, bytes32 otherParty, address signer, uint64 seed) external {
        party = notZero(party);
        signer = notZero(signer);
        uint64 time = warpFrom(START, seed);

        vm.prank(REGISTRAR);
        registry.admit(party, signer);

        assertTrue(registry.isParty(party), "isParty");
        assertEq(registry.admittedAt(party), time, "admittedAt");
        assertWindow(party, signer, time, 0);
        assertTrue(registry.isSigner(party, signer, time), "isSigner");
        assertEq(registry.isParty(otherParty), otherParty == party, "other party");
        assertWindow(party, anyoneBut(signer, OPERATOR), 0, 0);
    }

    function testFuzz_GivenSignerOfAnotherParty(bytes32 party, uint64 seed, bool revoked) external {
        admit(SUPPLIER);
        address signer = signerOf(SUPPLIER);
        if (revoked) revokeSigner(SUPPLIER, signer);
        party = notZero(party) == SUPPLIER ? BUYER : notZero(party);
        uint64 time = warpFrom(START, seed);

        vm.prank(REGISTRAR);
        registry.admit(party, signer);

        assertWindow(party, signer, time, 0);
        assertWindow(SUPPLIER, signer, START, revoked ? START : 0);
    }
}
