// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {Vm} from "forge-std/Vm.sol";

import {IEvidenceLedger} from "../../../src/interfaces/IEvidenceLedger.sol";
import {IPartyRegistry} from "../../../src/interfaces/IPartyRegistry.sol";

/// @notice The state of both contracts as an indexer has it, who sees their events and the times of their blocks alone.
/// @dev T6: what another contract emits is passed over, whatever it says.
contract EventReplay {
    error UnknownEvent(bytes32 topic);
    error GapInBatches(address operator, uint64 expected, uint64 actual);

    address private immutable REGISTRY;
    address private immutable LEDGER;

    mapping(bytes32 role => mapping(address account => bool)) public hasRole;
    mapping(bytes32 party => uint64) public admittedAt;
    mapping(address operator => bool) public isOperator;
    mapping(bytes32 subject => bytes32) public head;
    mapping(address operator => uint64) public nextBatch;
    mapping(address operator => mapping(uint64 batchId => bytes32)) public batchRoot;
    mapping(bytes32 party => mapping(address signer => IPartyRegistry.SignerWindow)) private _window;

    constructor(address registry, address ledger) {
        REGISTRY = registry;
        LEDGER = ledger;
    }

    /// @param logs The logs of one block, in order.
    /// @param timestamp The time of that block.
    function play(Vm.Log[] calldata logs, uint64 timestamp) external {
        for (uint256 i = 0; i < logs.length; i++) {
            if (logs[i].emitter == REGISTRY) _playRegistry(logs[i]);
            if (logs[i].emitter == LEDGER) _playLedger(logs[i], timestamp);
        }
    }

    function signerWindow(bytes32 party, address signer) external view returns (IPartyRegistry.SignerWindow memory) {
        return _window[party][signer];
    }

    function _playRegistry(Vm.Log calldata log) private {
        bytes32 topic = log.topics[0];
        if (topic == IPartyRegistry.PartyAdmitted.selector) {
            admittedAt[log.topics[1]] = abi.decode(log.data, (uint64));
        } else if (topic == IPartyRegistry.SignerAdded.selector) {
            _window[log.topics[1]][_account(log.topics[2])].addedAt = abi.decode(log.data, (uint64));
        } else if (topic == IPartyRegistry.SignerRevoked.selector) {
            _window[log.topics[1]][_account(log.topics[2])].revokedAt = abi.decode(log.data, (uint64));
        } else if (topic == IPartyRegistry.OperatorAdded.selector) {
            isOperator[_account(log.topics[1])] = true;
        } else if (topic == IPartyRegistry.OperatorRemoved.selector) {
            isOperator[_account(log.topics[1])] = false;
        } else if (topic == IAccessControl.RoleGranted.selector) {
            hasRole[log.topics[1]][_account(log.topics[2])] = true;
        } else if (topic == IAccessControl.RoleRevoked.selector) {
            hasRole[log.topics[1]][_account(log.topics[2])] = false;
        } else {
            revert UnknownEvent(topic);
        }
    }

    function _playLedger(Vm.Log calldata log, uint64 timestamp) private {
        if (log.topics[0] != IEvidenceLedger.Sealed.selector) revert UnknownEvent(log.topics[0]);
        address operator = _account(log.topics[1]);
        uint64 batchId = uint64(uint256(log.topics[2]));
        if (batchId != nextBatch[operator]) revert GapInBatches(operator, nextBatch[operator], batchId);
        (bytes32 batchRoot_, IEvidenceLedger.Append[] memory appends) =
            abi.decode(log.data, (bytes32, IEvidenceLedger.Append[]));

        nextBatch[operator]++;
        batchRoot[operator][batchId] = batchRoot_;
        for (uint256 i = 0; i < appends.length; i++) {
            bytes32 subject = appends[i].subject;
            head[subject] =
                keccak256(abi.encode(head[subject], operator, batchId, appends[i].count, appends[i].root, timestamp));
        }
    }

    function _account(bytes32 topic) private pure returns (address) {
        return address(uint160(uint256(topic)));
    }
}
