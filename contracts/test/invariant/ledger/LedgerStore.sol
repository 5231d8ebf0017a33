// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IEvidenceLedger} from "../../../src/interfaces/IEvidenceLedger.sol";
import {IPartyRegistry} from "../../../src/interfaces/IPartyRegistry.sol";

/// @notice What the handlers did that was accepted, and the state of both contracts that must come of it.
/// @dev Knows the actors, and the clock, which the handlers alone move. It never reads the contracts.
contract LedgerStore {
    struct Appended {
        address operator;
        uint64 batchId;
        uint32 count;
        bytes32 root;
        uint64 timestamp;
    }

    /// @dev An answer of `isSigner` about a second that was over when it was given.
    struct Answer {
        bytes32 party;
        address signer;
        uint64 timestamp;
        bool good;
    }

    error WrittenTwice();

    bytes32[] private _parties;
    address[] private _signers;
    address[] private _operators;
    address[] private _registrars;

    uint64 public currentTime;
    mapping(bytes32 role => mapping(address account => bool)) public hasRole;
    mapping(bytes32 party => uint64) public admittedAt;
    mapping(address operator => bool) public isOperator;
    mapping(bytes32 subject => bytes32) public head;

    mapping(bytes32 party => mapping(address signer => IPartyRegistry.SignerWindow)) private _window;
    mapping(bytes32 subject => Appended[]) private _log;
    mapping(address operator => bytes[]) private _batches;
    Answer[] private _answers;

    constructor(
        bytes32[] memory parties_,
        address[] memory signers_,
        address[] memory operators_,
        address[] memory registrars_,
        uint64 time
    ) {
        _parties = parties_;
        _signers = signers_;
        _operators = operators_;
        _registrars = registrars_;
        currentTime = time;
    }

    function pass(uint64 seconds_) external {
        currentTime += seconds_;
    }

    function setRole(bytes32 role, address account, bool held) external {
        hasRole[role][account] = held;
    }

    function setOperator(address operator, bool registered) external {
        isOperator[operator] = registered;
    }

    function admitted(bytes32 party) external {
        if (admittedAt[party] != 0) revert WrittenTwice();
        admittedAt[party] = currentTime;
    }

    function added(bytes32 party, address signer) external {
        if (_window[party][signer].addedAt != 0) revert WrittenTwice();
        _window[party][signer].addedAt = currentTime;
    }

    function revoked(bytes32 party, address signer) external {
        if (_window[party][signer].revokedAt != 0) revert WrittenTwice();
        _window[party][signer].revokedAt = currentTime;
    }

    function answered(bytes32 party, address signer, uint64 timestamp, bool good) external {
        _answers.push(Answer(party, signer, timestamp, good));
    }

    function sealedBatch(address operator, IEvidenceLedger.Append[] calldata appends) external {
        uint64 batchId = uint64(_batches[operator].length);
        _batches[operator].push(abi.encode(appends));
        for (uint256 i = 0; i < appends.length; i++) {
            (bytes32 subject, bytes32 root, uint32 count) = (appends[i].subject, appends[i].root, appends[i].count);
            _log[subject].push(Appended(operator, batchId, count, root, currentTime));
            head[subject] = keccak256(abi.encode(head[subject], operator, batchId, count, root, currentTime));
        }
    }

    function nextBatch(address operator) external view returns (uint64) {
        return uint64(_batches[operator].length);
    }

    function batch(address operator, uint64 batchId) external view returns (IEvidenceLedger.Append[] memory) {
        return abi.decode(_batches[operator][batchId], (IEvidenceLedger.Append[]));
    }

    function log(bytes32 subject) external view returns (Appended[] memory) {
        return _log[subject];
    }

    function signerWindow(bytes32 party, address signer) external view returns (IPartyRegistry.SignerWindow memory) {
        return _window[party][signer];
    }

    function answers() external view returns (Answer[] memory) {
        return _answers;
    }

    function parties() external view returns (bytes32[] memory) {
        return _parties;
    }

    function signers() external view returns (address[] memory) {
        return _signers;
    }

    function operators() external view returns (address[] memory) {
        return _operators;
    }

    function registrars() external view returns (address[] memory) {
        return _registrars;
    }
}
