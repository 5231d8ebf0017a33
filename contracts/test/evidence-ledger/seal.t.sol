// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Vm} from "forge-std/Vm.sol";

import {IEvidenceLedger} from "../../src/interfaces/IEvidenceLedger.sol";
import {LedgerTest} from "./LedgerTest.sol";

contract SealTest is LedgerTest {
    function testFuzz_RevertWhen_CallerNotOperator(address caller, uint64 batchId, uint256 seed) external {
        if (caller == OPERATOR || caller == OTHER_OPERATOR) caller = STRANGER;

        expectRefusal(abi.encodeWithSelector(IEvidenceLedger.NotOperator.selector, caller));
        vm.prank(caller);
        ledger.seal(batchId, randomAppends(seed, 3));
    }

    function test_RevertWhen_CallerHoldsAnotherRole() external {
        admit(SUPPLIER);
        address[3] memory callers = [ADMIN, REGISTRAR, signerOf(SUPPLIER)];
        for (uint256 i = 0; i < callers.length; i++) {
            expectRefusal(abi.encodeWithSelector(IEvidenceLedger.NotOperator.selector, callers[i]));
            vm.prank(callers[i]);
            ledger.seal(0, oneAppend(SUPPLIER, keccak256("root"), 1));
        }
    }

    function testFuzz_RevertGiven_OperatorRemoved(uint256 seed) external {
        seal(OPERATOR, randomAppends(seed, 3));
        vm.prank(REGISTRAR);
        registry.removeOperator(OPERATOR);

        expectRefusal(abi.encodeWithSelector(IEvidenceLedger.NotOperator.selector, OPERATOR));
        vm.prank(OPERATOR);
        ledger.seal(1, randomAppends(seed, 3));
    }

    function testFuzz_RevertWhen_BatchIdSealed(uint256 seed, uint64 next, uint64 batchId) external {
        next = uint64(bound(next, 1, 5));
        for (uint256 i = 0; i < next; i++) {
            seal(OPERATOR, randomAppends(seed, 2));
        }

        _expectUnexpectedBatchId(next, uint64(bound(batchId, 0, next - 1)), seed);
    }

    function testFuzz_RevertWhen_BatchIdLeavesGap(uint256 seed, uint64 next, uint64 batchId) external {
        next = uint64(bound(next, 0, 5));
        for (uint256 i = 0; i < next; i++) {
            seal(OPERATOR, randomAppends(seed, 2));
        }

        _expectUnexpectedBatchId(next, uint64(bound(batchId, next + 1, type(uint64).max)), seed);
    }

    function test_RevertWhen_NoAppends() external {
        _expectRefused(abi.encodeWithSelector(IEvidenceLedger.EmptyBatch.selector, 0), new IEvidenceLedger.Append[](0));
        seal(OPERATOR, randomAppends(1, 1));
        _expectRefused(abi.encodeWithSelector(IEvidenceLedger.EmptyBatch.selector, 1), new IEvidenceLedger.Append[](0));
    }

    /// forge-config: default.fuzz.runs = 8
    function testFuzz_RevertWhen_TooManyAppends(uint256 seed, uint256 size) external {
        size = bound(size, 2_049, 2_148);

        _expectRefused(
            abi.encodeWithSelector(IEvidenceLedger.BatchTooLarge.selector, 0, size, 2_048), randomAppends(seed, size)
        );
    }

    function test_RevertWhen_OneAppendTooMany() external {
        _expectRefused(
            abi.encodeWithSelector(IEvidenceLedger.BatchTooLarge.selector, 0, 2_049, 2_048), randomAppends(1, 2_049)
        );
    }

    function testFuzz_RevertWhen_SubjectZero(uint256 seed, uint256 size, uint256 position) external {
        IEvidenceLedger.Append[] memory appends = _randomAppends(seed, size);
        position = bound(position, 0, appends.length - 1);
        appends[position].subject = 0;

        _expectRefused(abi.encodeWithSelector(IEvidenceLedger.ZeroSubject.selector, position), appends);
    }

    function testFuzz_RevertWhen_SubjectRepeated(uint256 seed, uint256 size, uint256 position) external {
        IEvidenceLedger.Append[] memory appends = _randomAppends(seed, bound(size, 2, MAX_SIZE));
        position = bound(position, 1, appends.length - 1);
        appends[position].subject = appends[position - 1].subject;

        _expectNotAscending(appends, position);
    }

    function testFuzz_RevertWhen_SubjectDescends(uint256 seed, uint256 size, uint256 position, uint256 below) external {
        IEvidenceLedger.Append[] memory appends = _randomAppends(seed, bound(size, 2, MAX_SIZE));
        position = bound(position, 1, appends.length - 1);
        // The first subject can be 1, and nothing but zero is below that.
        uint256 highest = bound(uint256(appends[position - 1].subject), 2, type(uint256).max);
        appends[position - 1].subject = bytes32(highest);
        appends[position].subject = bytes32(bound(below, 1, highest - 1));

        _expectNotAscending(appends, position);
    }

    function testFuzz_RevertWhen_RootZero(uint256 seed, uint256 size, uint256 position) external {
        IEvidenceLedger.Append[] memory appends = _randomAppends(seed, size);
        position = bound(position, 0, appends.length - 1);
        appends[position].root = 0;

        _expectRefused(
            abi.encodeWithSelector(IEvidenceLedger.ZeroRoot.selector, position, appends[position].subject), appends
        );
    }

    function testFuzz_RevertWhen_CountZero(uint256 seed, uint256 size, uint256 position) external {
        IEvidenceLedger.Append[] memory appends = _randomAppends(seed, size);
        position = bound(position, 0, appends.length - 1);
        appends[position].count = 0;

        _expectRefused(
            abi.encodeWithSelector(IEvidenceLedger.ZeroCount.selector, position, appends[position].subject), appends
        );
    }

    /// @dev A count that means one thing to the tree and another to the event must not be.
    function testFuzz_RevertWhen_CountDirty(uint256 seed, uint256 size, uint256 position, uint256 dirt) external {
        IEvidenceLedger.Append[] memory appends = _randomAppends(seed, size);
        position = bound(position, 0, appends.length - 1);
        dirt = bound(dirt, 1, type(uint256).max >> 32) << 32;
        bytes memory data = abi.encodeCall(IEvidenceLedger.seal, (0, appends));
        // selector, batch id, offset and length come before the appends of three words each
        _orWord(data, 4 + 32 * (3 + 3 * position + 2), dirt);

        _expectMalformed(data);
    }

    function testFuzz_RevertWhen_BatchIdDirty(uint256 seed, uint256 dirt) external {
        bytes memory data = abi.encodeCall(IEvidenceLedger.seal, (0, randomAppends(seed, 2)));
        _orWord(data, 4, bound(dirt, 1, type(uint256).max >> 64) << 64);

        _expectMalformed(data);
    }

    function testFuzz_RevertWhen_CalldataCut(uint256 seed, uint256 size, uint256 cut) external {
        bytes memory data = abi.encodeCall(IEvidenceLedger.seal, (0, _randomAppends(seed, size)));
        cut = bound(cut, 1, data.length - 4);
        assembly ("memory-safe") {
            mstore(data, sub(mload(data), cut))
        }

        _expectMalformed(data);
    }

    /// @dev Also numbers whose size in bytes overflows to one that would fit.
    function testFuzz_RevertWhen_LengthCannotBe(uint256 seed, uint256 length) external {
        bytes memory data = abi.encodeCall(IEvidenceLedger.seal, (0, randomAppends(seed, 2)));
        _orWord(data, 4 + 32 * 2, bound(length, 1, type(uint256).max >> 2) << 2);

        _expectMalformed(data);
    }

    function testFuzz_RevertWhen_MoneySent(uint256 seed, uint256 value) external {
        value = bound(value, 1, type(uint128).max);
        vm.deal(OPERATOR, value);
        vm.prank(OPERATOR);
        (bool accepted,) =
            address(ledger).call{value: value}(abi.encodeCall(IEvidenceLedger.seal, (0, randomAppends(seed, 2))));

        assertFalse(accepted, "accepted");
    }

    function testFuzz_WhenBytesFollow(uint256 seed, uint256 size, bytes calldata extra) external {
        IEvidenceLedger.Append[] memory appends = _randomAppends(seed, size);
        bytes memory data = abi.encodeCall(IEvidenceLedger.seal, (0, appends));

        vm.expectEmit(address(ledger));
        emit IEvidenceLedger.Sealed(OPERATOR, 0, batchRootOf(appends), appends);
        vm.prank(OPERATOR);
        (bool accepted,) = address(ledger).call(bytes.concat(data, extra));

        assertTrue(accepted, "accepted");
        assertEq(ledger.batchRoot(OPERATOR, 0), batchRootOf(appends), "batchRoot");
    }

    /// @dev The ABI lets a caller leave a gap before the appends; the event is encoded anew, without it.
    function testFuzz_WhenBytesPrecede(uint256 seed, uint256 size, bytes32[3] calldata gap) external {
        IEvidenceLedger.Append[] memory appends = _randomAppends(seed, size);
        bytes memory canonical = abi.encode(appends);
        assembly ("memory-safe") {
            // without the offset, its first word
            mstore(add(canonical, 0x20), sub(mload(canonical), 0x20))
            canonical := add(canonical, 0x20)
        }
        uint256 offset = 32 * (2 + gap.length);

        vm.expectEmit(address(ledger));
        emit IEvidenceLedger.Sealed(OPERATOR, 0, batchRootOf(appends), appends);
        vm.prank(OPERATOR);
        (bool accepted,) =
            address(ledger).call(bytes.concat(IEvidenceLedger.seal.selector, abi.encode(0, offset, gap), canonical));

        assertTrue(accepted, "accepted");
    }

    function testFuzz_WhenWellFormed(uint256 seed, uint256 size, uint64 first, uint64 second) external {
        first = uint64(bound(first, START, type(uint64).max));
        vm.warp(first);
        assertSeals(OPERATOR, _randomAppends(seed, size));
        vm.warp(bound(second, first, type(uint64).max));
        // the same subjects again, with other roots and counts
        IEvidenceLedger.Append[] memory appends = _randomAppends(seed, size);
        for (uint256 i = 0; i < appends.length; i++) {
            appends[i].root = keccak256(abi.encode(appends[i].root));
            appends[i].count ^= 2;
        }
        assertSeals(OPERATOR, appends);
    }

    function testFuzz_WhenWellFormed_EmitsNothingElse(uint256 seed, uint256 size) external {
        IEvidenceLedger.Append[] memory appends = _randomAppends(seed, size);

        vm.recordLogs();
        seal(OPERATOR, appends);
        Vm.Log[] memory logs = vm.getRecordedLogs();

        assertEq(logs.length, 1, "number of events");
        assertEq(logs[0].emitter, address(ledger), "emitter");
        assertEq(logs[0].data, abi.encode(batchRootOf(appends), appends), "data");
    }

    function testFuzz_WhenWellFormed_LeavesOthersAlone(uint256 seed, uint256 size, bytes32 other) external {
        IEvidenceLedger.Append[] memory appends = _randomAppends(seed, size);
        for (uint256 i = 0; i < appends.length; i++) {
            if (appends[i].subject == other) other = 0;
        }
        if (other != 0) sealOne(OTHER_OPERATOR, other, keccak256("root"), 1);
        bytes32 head = ledger.head(other);
        uint64 next = ledger.nextBatch(OTHER_OPERATOR);

        seal(OPERATOR, appends);

        assertEq(ledger.head(other), head, "head of another subject");
        assertEq(ledger.nextBatch(OTHER_OPERATOR), next, "nextBatch of another operator");
        assertEq(ledger.batchRoot(OTHER_OPERATOR, next), 0, "batchRoot of another operator");
        assertEq(ledger.batchRoot(OPERATOR, 1), 0, "batchRoot of the next batch");
    }

    function testFuzz_WhenSubjectNoParty(bytes32 subject, bytes32 root, uint32 count) external {
        subject = bytes32(bound(uint256(subject), 1, type(uint256).max));
        root = bytes32(bound(uint256(root), 1, type(uint256).max));
        assertFalse(registry.isParty(subject), "isParty");

        assertSeals(OPERATOR, oneAppend(subject, root, uint32(bound(count, 1, type(uint32).max))));
    }

    function testFuzz_GivenOperatorAddedAgain(uint256 seed) external {
        assertSeals(OPERATOR, randomAppends(seed, 3));
        vm.startPrank(REGISTRAR);
        registry.removeOperator(OPERATOR);
        registry.addOperator(OPERATOR);
        vm.stopPrank();

        assertEq(ledger.nextBatch(OPERATOR), 1, "nextBatch");
        assertSeals(OPERATOR, randomAppends(seed, 3));
    }

    function test_WhenSizesFrom1To130() external {
        for (uint256 size = 1; size <= 130; size++) {
            this.sealSize(size);
        }
    }

    /// @dev External, so that each size starts with fresh memory.
    function sealSize(uint256 size) external {
        assertSeals(OPERATOR, randomAppends(130, size));
    }

    function test_WhenSizeIsTheLargest() external {
        IEvidenceLedger.Append[] memory appends = randomAppends(2_048, 2_048);

        seal(OPERATOR, appends);

        assertEq(ledger.batchRoot(OPERATOR, 0), batchRootOf(appends), "batchRoot");
        for (uint256 i = 0; i < appends.length; i++) {
            bytes32 head = nextHead(0, OPERATOR, 0, appends[i].count, appends[i].root, START);
            assertEq(ledger.head(appends[i].subject), head, "head");
        }
    }

    function _randomAppends(uint256 seed, uint256 size) private pure returns (IEvidenceLedger.Append[] memory) {
        return randomAppends(seed, bound(size, 1, MAX_SIZE));
    }

    function _expectRefused(bytes memory refusal, IEvidenceLedger.Append[] memory appends) private {
        uint64 batchId = ledger.nextBatch(OPERATOR);
        expectRefusal(refusal);
        vm.prank(OPERATOR);
        ledger.seal(batchId, appends);
    }

    function _expectNotAscending(IEvidenceLedger.Append[] memory appends, uint256 position) private {
        _expectRefused(
            abi.encodeWithSelector(
                IEvidenceLedger.SubjectsNotAscending.selector,
                position,
                appends[position - 1].subject,
                appends[position].subject
            ),
            appends
        );
    }

    function _expectUnexpectedBatchId(uint64 expected, uint64 actual, uint256 seed) private {
        expectRefusal(abi.encodeWithSelector(IEvidenceLedger.UnexpectedBatchId.selector, OPERATOR, expected, actual));
        vm.prank(OPERATOR);
        ledger.seal(actual, randomAppends(seed, 2));
    }

    /// @dev The decoder refuses without a word.
    function _expectMalformed(bytes memory data) private {
        vm.prank(OPERATOR);
        (bool accepted, bytes memory answer) = address(ledger).call(data);

        assertFalse(accepted, "accepted");
        assertEq(answer.length, 0, "answer");
        assertEq(ledger.nextBatch(OPERATOR), 0, "nextBatch");
    }

    function _orWord(bytes memory data, uint256 offset, uint256 bits) private pure {
        assembly ("memory-safe") {
            let word := add(add(data, 0x20), offset)
            mstore(word, or(mload(word), bits))
        }
    }
}
