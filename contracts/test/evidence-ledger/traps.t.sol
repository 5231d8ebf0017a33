// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Vm} from "forge-std/Vm.sol";

import {EvidenceLedger} from "../../src/EvidenceLedger.sol";
import {IEvidenceLedger} from "../../src/interfaces/IEvidenceLedger.sol";
import {PartyRegistry} from "../../src/PartyRegistry.sol";
import {LedgerTest} from "./LedgerTest.sol";

/// @notice Traps that others fell into, by their number in traps.md.
contract LedgerTrapsTest is LedgerTest {
    /// @dev Somebody who saw the batch coming seals the very same, or whatever else, first: the batch is sealed all the same.
    function testFuzz_T1_NobodyMakesAnothersBatchRevert(uint256 seed, uint256 size, uint256 rounds) external {
        IEvidenceLedger.Append[] memory appends = randomAppends(seed, bound(size, 1, MAX_SIZE));
        for (uint256 i = 0; i < bound(rounds, 1, 3); i++) {
            seal(OTHER_OPERATOR, appends);
        }
        expectRefusal(abi.encodeWithSelector(IEvidenceLedger.NotOperator.selector, STRANGER));
        vm.prank(STRANGER);
        ledger.seal(0, appends);

        assertSeals(OPERATOR, appends);
    }

    /// @dev Nor does anything that a registrar does, short of removing this operator.
    function testFuzz_T1_RegistryChangesLeaveBatchesAlone(uint256 seed) external {
        IEvidenceLedger.Append[] memory appends = randomAppends(seed, 3);
        bytes32 subject = appends[1].subject;
        admit(subject);
        vm.startPrank(REGISTRAR);
        registry.revokeSigner(subject, signerOf(subject));
        registry.removeOperator(OTHER_OPERATOR);
        registry.addOperator(STRANGER);
        vm.stopPrank();

        assertSeals(OPERATOR, appends);
    }

    /// @dev A batch that was lost blocks nothing: another takes its number, and the lost one is refused if it turns up.
    function testFuzz_T2_LostBatchBlocksNothing(uint256 lost, uint256 sent) external {
        assertSeals(OPERATOR, randomAppends(sent, 3));

        expectRefusal(abi.encodeWithSelector(IEvidenceLedger.UnexpectedBatchId.selector, OPERATOR, 1, 0));
        vm.prank(OPERATOR);
        ledger.seal(0, randomAppends(lost, 3));
        assertSeals(OPERATOR, randomAppends(lost, 3));
    }

    function testFuzz_T3_EventNamesOperatorAndBatchIndexed(uint256 seed, uint256 batches) external {
        batches = bound(batches, 1, 4);

        vm.recordLogs();
        for (uint256 i = 0; i < batches; i++) {
            seal(OPERATOR, randomAppends(seed, 2));
        }
        Vm.Log[] memory logs = vm.getRecordedLogs();

        assertEq(logs.length, batches, "number of events");
        for (uint256 i = 0; i < batches; i++) {
            assertEq(logs[i].topics.length, 3, "number of topics");
            assertEq(logs[i].topics[0], IEvidenceLedger.Sealed.selector, "event");
            assertEq(logs[i].topics[1], bytes32(uint256(uint160(OPERATOR))), "operator");
            assertEq(logs[i].topics[2], bytes32(i), "batch id");
        }
    }

    /// @dev A transaction that another account relays is sealed and logged as the caller's, never as the origin's.
    function testFuzz_T5_OperatorIsTheCallerNotTheOrigin(uint256 seed, address origin) external {
        IEvidenceLedger.Append[] memory appends = randomAppends(seed, 2);

        vm.expectEmit(address(ledger));
        emit IEvidenceLedger.Sealed(OPERATOR, 0, batchRootOf(appends), appends);
        vm.prank(OPERATOR, origin);
        ledger.seal(0, appends);

        assertEq(ledger.batchRoot(OPERATOR, 0), batchRootOf(appends), "batchRoot");
    }

    /// @dev Anybody can deploy the same code and log the same words: only the emitter's address tells them apart.
    function testFuzz_T6_AnotherDeploymentIsTakenForNothing(uint256 seed) external {
        IEvidenceLedger.Append[] memory appends = randomAppends(seed, 2);
        PartyRegistry otherRegistry = PartyRegistry(deployContract("PartyRegistry", abi.encode(STRANGER, STRANGER)));
        EvidenceLedger otherLedger = EvidenceLedger(deployContract("EvidenceLedger", abi.encode(otherRegistry)));
        vm.prank(STRANGER);
        otherRegistry.addOperator(OPERATOR);

        vm.recordLogs();
        vm.prank(OPERATOR);
        otherLedger.seal(0, appends);
        seal(OPERATOR, appends);
        Vm.Log[] memory logs = vm.getRecordedLogs();

        assertEq(address(otherLedger).codehash, address(ledger).codehash, "same code");
        assertEq(keccak256(abi.encode(logs[0].topics)), keccak256(abi.encode(logs[1].topics)), "same topics");
        assertEq(logs[0].data, logs[1].data, "same data");
        assertEq(logs[0].emitter, address(otherLedger), "the other's emitter");
        assertEq(logs[1].emitter, address(ledger), "the ledger's emitter");
        assertEq(ledger.nextBatch(OPERATOR), 1, "nextBatch");
    }

    /// @dev No argument names the author: who calls is the operator, even one with another's batch in its hands.
    function testFuzz_T7_AuthorIsNoArgument(uint256 seed) external {
        IEvidenceLedger.Append[] memory appends = randomAppends(seed, 2);
        seal(OPERATOR, appends);

        vm.prank(OTHER_OPERATOR);
        ledger.seal(0, appends);

        assertEq(ledger.nextBatch(OPERATOR), 1, "nextBatch of the operator");
        assertEq(ledger.nextBatch(OTHER_OPERATOR), 1, "nextBatch of the other");
    }

    /// @dev One seal of many gives each subject the head that a seal of this subject alone gives it.
    function testFuzz_T9_OneSealOfManyEqualsManySeals(uint256 seed, uint256 size, uint64 earlier) external {
        for (uint256 i = 0; i < bound(earlier, 0, 2); i++) {
            seal(OPERATOR, randomAppends(seed, MAX_SIZE));
        }
        IEvidenceLedger.Append[] memory appends = randomAppends(seed, bound(size, 1, 20));
        uint256 before = vm.snapshotState();
        bytes32[] memory alone = new bytes32[](appends.length);
        for (uint256 i = 0; i < appends.length; i++) {
            sealOne(OPERATOR, appends[i].subject, appends[i].root, appends[i].count);
            alone[i] = ledger.head(appends[i].subject);
            assertTrue(vm.revertToState(before), "snapshot");
        }

        seal(OPERATOR, appends);

        assertEq(headsOf(appends), alone, "heads");
    }

    /// @dev Many seals in one transaction see the batch ids move on.
    function testFuzz_T9_ManySealsInOneTransaction(uint256 seed, uint256 size) external {
        IEvidenceLedger.Append[] memory appends = randomAppends(seed, bound(size, 1, 20));
        vm.startPrank(OPERATOR);
        for (uint64 i = 0; i < appends.length; i++) {
            ledger.seal(i, oneAppend(appends[i].subject, appends[i].root, appends[i].count));

            bytes32 head = nextHead(0, OPERATOR, i, appends[i].count, appends[i].root, START);
            assertEq(ledger.head(appends[i].subject), head, "head");
        }
        assertEq(ledger.nextBatch(OPERATOR), appends.length, "nextBatch");
    }

    /// @dev The block's time goes into the head, so that nobody can date an entry otherwise afterwards.
    function testFuzz_T10_HeadHoldsTheTime(uint64 time, uint64 otherTime) external {
        time = uint64(bound(time, START, type(uint64).max));
        otherTime = uint64(bound(otherTime, START, type(uint64).max));
        uint256 before = vm.snapshotState();
        vm.warp(time);
        sealOne(OPERATOR, SUPPLIER, keccak256("root"), 1);
        bytes32 head = ledger.head(SUPPLIER);
        assertTrue(vm.revertToState(before), "snapshot");

        vm.warp(otherTime);
        sealOne(OPERATOR, SUPPLIER, keccak256("root"), 1);

        assertEq(ledger.head(SUPPLIER) == head, time == otherTime, "same head");
    }

    function testFuzz_T12_OriginGivesNoPower(address caller) external {
        if (caller == OPERATOR || caller == OTHER_OPERATOR) caller = STRANGER;

        expectRefusal(abi.encodeWithSelector(IEvidenceLedger.NotOperator.selector, caller));
        vm.prank(caller, OPERATOR);
        ledger.seal(0, oneAppend(SUPPLIER, keccak256("root"), 1));
    }

    /// @dev No argument is a time: what follows the appends is not read.
    function testFuzz_T13_TimeIsTheBlocks(uint64 time, uint64 claimed) external {
        time = uint64(bound(time, START, type(uint64).max));
        vm.warp(time);
        bytes memory data = abi.encodeCall(IEvidenceLedger.seal, (0, oneAppend(SUPPLIER, keccak256("root"), 1)));

        vm.prank(OPERATOR);
        (bool accepted,) = address(ledger).call(bytes.concat(data, abi.encode(claimed)));

        assertTrue(accepted, "accepted");
        assertEq(ledger.head(SUPPLIER), nextHead(0, OPERATOR, 0, 1, keccak256("root"), time), "head");
    }

    /// @dev No second root for a batch, no way back to an earlier head: sealing the same again moves the head on.
    function testFuzz_T14_NothingSealedIsOverwritten(uint256 seed, uint256 size, uint256 batches) external {
        IEvidenceLedger.Append[] memory appends = randomAppends(seed, bound(size, 1, 20));
        seal(OPERATOR, appends);
        bytes32 root = ledger.batchRoot(OPERATOR, 0);
        bytes32 head = ledger.head(appends[0].subject);

        for (uint256 i = 0; i < bound(batches, 1, 4); i++) {
            expectRefusal(abi.encodeWithSelector(IEvidenceLedger.UnexpectedBatchId.selector, OPERATOR, i + 1, 0));
            vm.prank(OPERATOR);
            ledger.seal(0, randomAppends(seed, 20));
            seal(i % 2 == 0 ? OTHER_OPERATOR : OPERATOR, appends);
            seal(i % 2 == 0 ? OPERATOR : OTHER_OPERATOR, appends);
            assertNotEq(ledger.head(appends[0].subject), head, "head");
        }

        assertEq(ledger.batchRoot(OPERATOR, 0), root, "batchRoot");
    }

    /// @dev Nothing else writes: there is no other function, no fallback and no way to send money.
    function testFuzz_T14_NoOtherFunction(bytes4 selector, bytes calldata arguments, uint128 value) external {
        if (_isFunction(selector)) selector = ~selector;
        vm.deal(OPERATOR, value);

        vm.startPrank(OPERATOR);
        (bool accepted, bytes memory answer) = address(ledger).call(bytes.concat(selector, arguments));
        assertFalse(accepted, "accepted");
        assertEq(answer.length, 0, "answer");
        (accepted,) = address(ledger).call{value: value}("");
        assertFalse(accepted, "money");
    }

    function _isFunction(bytes4 selector) private pure returns (bool) {
        bytes4[8] memory selectors = [
            IEvidenceLedger.seal.selector,
            IEvidenceLedger.MAX_BATCH_SUBJECTS.selector,
            IEvidenceLedger.registry.selector,
            IEvidenceLedger.head.selector,
            IEvidenceLedger.nextBatch.selector,
            IEvidenceLedger.batchRoot.selector,
            IEvidenceLedger.verifyInclusion.selector,
            IEvidenceLedger.version.selector
        ];
        for (uint256 i = 0; i < selectors.length; i++) {
            if (selectors[i] == selector) return true;
        }
        return false;
    }
}
