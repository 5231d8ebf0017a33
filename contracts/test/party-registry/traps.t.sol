// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Vm} from "forge-std/Vm.sol";

import {IPartyRegistry} from "../../src/interfaces/IPartyRegistry.sol";
import {PartyRegistryTest} from "./PartyRegistryTest.sol";

/// @notice Traps that others fell into, by their number in traps.md.
contract PartyRegistryTrapsTest is PartyRegistryTest {
    /// @dev An indexer finds every event of a party, a signer or an operator by topic, and reads the id itself there.
    function testFuzz_T3_EventsNameTheirSubjectIndexed(bytes32 party, address account) external {
        party = notZero(party);
        account = anyoneBut(OPERATOR, anyoneBut(OTHER_OPERATOR, notZero(account)));

        vm.recordLogs();
        vm.startPrank(REGISTRAR);
        registry.admit(party, account);
        registry.revokeSigner(party, account);
        registry.addOperator(account);
        registry.removeOperator(account);
        Vm.Log[] memory logs = vm.getRecordedLogs();

        bytes32 signer = bytes32(uint256(uint160(account)));
        assertEq(logs.length, 5, "number of events");
        _assertTopics(logs[0], IPartyRegistry.PartyAdmitted.selector, party, bytes32(uint256(uint160(REGISTRAR))));
        _assertTopics(logs[1], IPartyRegistry.SignerAdded.selector, party, signer);
        _assertTopics(logs[2], IPartyRegistry.SignerRevoked.selector, party, signer);
        _assertTopics(logs[3], IPartyRegistry.OperatorAdded.selector, signer, bytes32(uint256(uint160(REGISTRAR))));
        _assertTopics(logs[4], IPartyRegistry.OperatorRemoved.selector, signer, bytes32(uint256(uint160(REGISTRAR))));
    }

    /// @dev The event names who revoked, whoever relayed the transaction.
    function testFuzz_T5_ActorIsTheCallerNotTheOrigin(address origin) external {
        admit(SUPPLIER);
        address signer = signerOf(SUPPLIER);

        vm.expectEmit(address(registry));
        emit IPartyRegistry.SignerRevoked(SUPPLIER, signer, signer, START);
        vm.prank(signer, origin);
        registry.revokeSigner(SUPPLIER, signer);
    }

    /// @dev No function takes its author as an argument; a registrar who revokes is named, not the signer.
    function test_T7_AuthorIsNoArgument() external {
        admit(SUPPLIER);

        vm.expectEmit(address(registry));
        emit IPartyRegistry.SignerRevoked(SUPPLIER, signerOf(SUPPLIER), REGISTRAR, START);
        revokeSigner(SUPPLIER, signerOf(SUPPLIER));
    }

    function testFuzz_T10_TimesAreStored(uint64 admittedSeed, uint64 addedSeed, uint64 revokedSeed) external {
        address second = signerOf(BUYER);

        uint64 admittedAt = warpFrom(START, admittedSeed);
        admit(SUPPLIER);
        uint64 addedAt = warpFrom(admittedAt, addedSeed);
        addSigner(SUPPLIER, second);
        uint64 revokedAt = warpFrom(addedAt, revokedSeed);
        revokeSigner(SUPPLIER, second);

        assertEq(registry.admittedAt(SUPPLIER), admittedAt, "admittedAt");
        assertWindow(SUPPLIER, second, addedAt, revokedAt);
    }

    /// @dev A contract that a registrar or a signer calls gets no power from the transaction's origin.
    function test_T12_OriginGivesNoPower() external {
        admit(SUPPLIER);
        address signer = signerOf(SUPPLIER);

        expectUnauthorised(STRANGER, REGISTRAR_ROLE);
        vm.prank(STRANGER, REGISTRAR);
        registry.admit(BUYER, STRANGER);
        expectUnauthorised(STRANGER, REGISTRAR_ROLE);
        vm.prank(STRANGER, signer);
        registry.revokeSigner(SUPPLIER, signer);
    }

    /// @dev No function takes a time: what follows the arguments is not read.
    function testFuzz_T13_TimesAreTheBlocks(uint64 seed, uint64 claimed) external {
        uint64 time = warpFrom(START, seed);

        vm.prank(REGISTRAR);
        (bool accepted,) = address(registry)
            .call(bytes.concat(abi.encodeCall(IPartyRegistry.admit, (SUPPLIER, STRANGER)), abi.encode(claimed)));

        assertTrue(accepted, "accepted");
        assertEq(registry.admittedAt(SUPPLIER), time, "admittedAt");
        assertWindow(SUPPLIER, STRANGER, time, 0);
    }

    /// @dev What was written stays: no second admission, no second window, no second end, even by the admin as registrar.
    function testFuzz_T14_NothingWrittenIsOverwritten(uint64 revokedSeed, uint64 laterSeed) external {
        admit(SUPPLIER);
        address signer = signerOf(SUPPLIER);
        uint64 revokedAt = warpFrom(START, revokedSeed);
        revokeSigner(SUPPLIER, signer);
        warpFrom(revokedAt, laterSeed);

        vm.startPrank(ADMIN);
        registry.grantRole(REGISTRAR_ROLE, ADMIN);
        expectRefusal(abi.encodeWithSelector(IPartyRegistry.PartyAlreadyAdmitted.selector, SUPPLIER, START));
        registry.admit(SUPPLIER, signer);
        bytes memory revoked =
            abi.encodeWithSelector(IPartyRegistry.SignerAlreadyRevoked.selector, SUPPLIER, signer, revokedAt);
        expectRefusal(revoked);
        registry.addSigner(SUPPLIER, signer);
        expectRefusal(revoked);
        registry.revokeSigner(SUPPLIER, signer);

        assertEq(registry.admittedAt(SUPPLIER), START, "admittedAt");
        assertWindow(SUPPLIER, signer, START, revokedAt);
    }

    /// @dev A revoked signer is refused from the second of its revocation, and what it signed before stays good.
    function testFuzz_T18_RevocationCountsAtOnce(uint64 seed) external {
        admit(SUPPLIER);
        uint64 revokedAt = warpFrom(START + 1, seed);
        revokeSigner(SUPPLIER, signerOf(SUPPLIER));

        assertFalse(registry.isSigner(SUPPLIER, signerOf(SUPPLIER), revokedAt), "now");
        assertTrue(registry.isSigner(SUPPLIER, signerOf(SUPPLIER), revokedAt - 1), "a second before");
    }

    function testFuzz_T19_SignerOfOnePartyIsNoOthers(bytes32 party, uint64 timestamp) external {
        admit(SUPPLIER);
        admit(BUYER);
        if (party == SUPPLIER) party = BUYER;

        assertFalse(registry.isSigner(party, signerOf(SUPPLIER), timestamp), "any other party");
        assertFalse(registry.isSigner(BUYER, signerOf(SUPPLIER), START), "an admitted party");
    }

    function _assertTopics(Vm.Log memory log, bytes32 selector, bytes32 first, bytes32 second) private view {
        assertEq(log.emitter, address(registry), "emitter");
        assertEq(log.topics[0], selector, "event");
        assertEq(log.topics[1], first, "first topic");
        assertEq(log.topics[2], second, "second topic");
    }
}
