// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EvidenceLedger} from "../../../src/EvidenceLedger.sol";
import {IEvidenceLedger} from "../../../src/interfaces/IEvidenceLedger.sol";
import {PartyRegistry} from "../../../src/PartyRegistry.sol";
import {EventReplay} from "./EventReplay.sol";
import {Handler} from "./Handler.sol";
import {LedgerStore} from "./LedgerStore.sol";

/// @notice Operators who seal, registered or not at that moment, whoever else would like to, and another ledger beside.
contract SealHandler is Handler {
    IEvidenceLedger private immutable LEDGER;
    EvidenceLedger private immutable ANOTHER_LEDGER;

    /// @dev Ascending, as a batch wants them.
    bytes32[] private _subjects;

    constructor(IEvidenceLedger ledger, LedgerStore store, EventReplay replay) Handler(store, replay) {
        LEDGER = ledger;
        _subjects = _sorted(store.parties());
        PartyRegistry anotherRegistry = new PartyRegistry(address(this), address(this));
        ANOTHER_LEDGER = new EvidenceLedger(anotherRegistry);
        address[] memory operators = store.operators();
        for (uint256 i = 0; i < operators.length; i++) {
            anotherRegistry.addOperator(operators[i]);
        }
    }

    function seal(uint256 operatorSeed, uint256 seed) external atCurrentTime {
        address operator = pick(STORE.operators(), operatorSeed);
        IEvidenceLedger.Append[] memory appends = _appends(seed);
        bytes memory refusal = _refusalOfCaller(operator);

        if (_seal(operator, STORE.nextBatch(operator), appends, refusal)) STORE.sealedBatch(operator, appends);
    }

    /// @dev Two operators append to the same parties in blocks of the same time.
    function sealBeside(uint256 operatorSeed, uint256 seed) external atCurrentTime {
        IEvidenceLedger.Append[] memory appends = _appends(seed);
        for (uint256 i = 0; i < 2; i++) {
            address operator = pick(STORE.operators(), operatorSeed % 3 + i);
            bytes memory refusal = _refusalOfCaller(operator);
            if (_seal(operator, STORE.nextBatch(operator), appends, refusal)) STORE.sealedBatch(operator, appends);
        }
    }

    /// @dev A batch that was sealed before is sent again, word for word, or another under its number.
    function sealAgain(uint256 operatorSeed, uint256 batchSeed, uint256 seed) external atCurrentTime {
        address operator = pick(STORE.operators(), operatorSeed);
        uint64 next = STORE.nextBatch(operator);
        if (next == 0) return;
        uint64 batchId = uint64(bound(batchSeed, 0, next - 1));
        IEvidenceLedger.Append[] memory appends = seed % 2 == 0 ? STORE.batch(operator, batchId) : _appends(seed);

        _sealRefused(operator, batchId, appends, _unexpected(operator, next, batchId));
    }

    function sealAhead(uint256 operatorSeed, uint64 gap, uint256 seed) external atCurrentTime {
        address operator = pick(STORE.operators(), operatorSeed);
        uint64 next = STORE.nextBatch(operator);
        uint64 batchId = uint64(bound(gap, next + 1, type(uint64).max));

        _sealRefused(operator, batchId, _appends(seed), _unexpected(operator, next, batchId));
    }

    /// @dev Whoever is no operator, with the number of an operator's next batch and of its own.
    function sealAsAnother(uint256 callerSeed, uint256 operatorSeed, uint256 seed) external atCurrentTime {
        uint256 die = callerSeed % 3;
        address caller = die == 0 ? STRANGER : pick(die == 1 ? STORE.signers() : STORE.registrars(), callerSeed / 3);
        uint64 batchId = seed % 2 == 0 ? STORE.nextBatch(pick(STORE.operators(), operatorSeed)) : 0;

        _sealRefused(caller, batchId, _appends(seed), _refusalOfCaller(caller));
    }

    /// @dev One thing at one place of an otherwise good batch is wrong.
    function sealMalformed(uint256 operatorSeed, uint256 placeSeed, uint256 seed) external atCurrentTime {
        address operator = pick(STORE.operators(), operatorSeed);
        uint64 batchId = STORE.nextBatch(operator);
        IEvidenceLedger.Append[] memory appends = _appends(seed);
        uint256 place = placeSeed % appends.length;
        bytes memory refusal;
        uint256 die = seed % 5;
        if (die == 0) {
            appends = new IEvidenceLedger.Append[](0);
            refusal = abi.encodeWithSelector(IEvidenceLedger.EmptyBatch.selector, batchId);
        } else if (die == 1) {
            appends[place].subject = 0;
            refusal = abi.encodeWithSelector(IEvidenceLedger.ZeroSubject.selector, place);
        } else if (die == 2) {
            appends[place].root = 0;
            refusal = abi.encodeWithSelector(IEvidenceLedger.ZeroRoot.selector, place, appends[place].subject);
        } else if (die == 3 || place == 0) {
            appends[place].count = 0;
            refusal = abi.encodeWithSelector(IEvidenceLedger.ZeroCount.selector, place, appends[place].subject);
        } else {
            bytes32 previous = appends[place - 1].subject;
            appends[place].subject = seed % 2 == 0 ? previous : bytes32(uint256(previous) - 1);
            refusal = abi.encodeWithSelector(
                IEvidenceLedger.SubjectsNotAscending.selector, place, previous, appends[place].subject
            );
        }

        _sealRefused(operator, batchId, appends, refusal);
    }

    /// @dev The same operators on another deployment of the same code: its events look the same but for their emitter.
    function sealOnAnotherLedger(uint256 operatorSeed, uint256 seed) external atCurrentTime {
        address operator = pick(STORE.operators(), operatorSeed);
        bytes memory data = abi.encodeCall(IEvidenceLedger.seal, (ANOTHER_LEDGER.nextBatch(operator), _appends(seed)));

        act(operator, address(ANOTHER_LEDGER), data, "");
    }

    function _seal(address caller, uint64 batchId, IEvidenceLedger.Append[] memory appends, bytes memory refusal)
        private
        returns (bool)
    {
        return act(caller, address(LEDGER), abi.encodeCall(IEvidenceLedger.seal, (batchId, appends)), refusal);
    }

    /// @dev Refused with `refusal`, or before that because `caller` is no operator.
    function _sealRefused(address caller, uint64 batchId, IEvidenceLedger.Append[] memory appends, bytes memory refusal)
        private
    {
        bytes memory first = _refusalOfCaller(caller);
        assertFalse(_seal(caller, batchId, appends, first.length == 0 ? refusal : first), "sealed");
    }

    function _refusalOfCaller(address caller) private view returns (bytes memory) {
        return
            STORE.isOperator(caller) ? bytes("") : abi.encodeWithSelector(IEvidenceLedger.NotOperator.selector, caller);
    }

    function _unexpected(address operator, uint64 expected, uint64 actual) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IEvidenceLedger.UnexpectedBatchId.selector, operator, expected, actual);
    }

    /// @dev For some of the subjects, at least one.
    function _appends(uint256 seed) private view returns (IEvidenceLedger.Append[] memory appends) {
        bytes32 random = keccak256(abi.encode(seed));
        uint256 chosen = uint256(random) % (2 ** _subjects.length - 1) + 1;
        appends = new IEvidenceLedger.Append[](_subjects.length);
        uint256 size = 0;
        for (uint256 i = 0; i < _subjects.length; i++) {
            if (chosen >> i & 1 == 0) continue;
            uint32 count = uint32(uint256(keccak256(abi.encode(random, i))) % type(uint32).max) + 1;
            appends[size++] = IEvidenceLedger.Append(_subjects[i], keccak256(abi.encode(i, random)), count);
        }
        assembly ("memory-safe") {
            mstore(appends, size)
        }
    }

    function _sorted(bytes32[] memory words) private pure returns (bytes32[] memory) {
        for (uint256 i = 1; i < words.length; i++) {
            for (uint256 j = i; j > 0 && words[j] < words[j - 1]; j--) {
                (words[j], words[j - 1]) = (words[j - 1], words[j]);
            }
        }
        return words;
    }
}
