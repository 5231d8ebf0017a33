// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Vm} from "forge-std/Vm.sol";

import {IReceivableRegistry} from "../../../../src/interfaces/IReceivableRegistry.sol";

/// @notice What an indexer has that reads nothing but the registry's logs.
contract EventReplay {
    bytes32[] public names;
    uint256 public closures;

    mapping(bytes32 name => IReceivableRegistry.Pledge) private _pledges;
    mapping(bytes32 supplier => mapping(bytes32 receivable => bytes32 name)) public lastPledge;
    mapping(bytes32 supplier => mapping(bytes32 fingerprint => bytes32 name)) public lastPledgeOfFingerprint;
    mapping(bytes32 party => mapping(bytes32 authorisation => uint64)) public closedAt;

    error UnexpectedEvent(bytes32 topic);
    error PledgedTwice(bytes32 name);
    error ClosedTwice(bytes32 party, bytes32 authorisation);
    error OfAnotherPledge(bytes32 name);
    error NotFromHolder(bytes32 name, bytes32 from);
    error ReleasedTwice(bytes32 name);

    function read(Vm.Log calldata entry) external {
        bytes32 topic = entry.topics[0];
        if (topic == IReceivableRegistry.Pledged.selector) _pledged(entry);
        else if (topic == IReceivableRegistry.Transferred.selector) _transferred(entry);
        else if (topic == IReceivableRegistry.Released.selector) _released(entry);
        else if (topic == IReceivableRegistry.Cancelled.selector) _cancelled(entry);
        else revert UnexpectedEvent(topic);
    }

    function pledgeOf(bytes32 name) external view returns (IReceivableRegistry.Pledge memory) {
        return _pledges[name];
    }

    function allNames() external view returns (bytes32[] memory) {
        return names;
    }

    function _pledged(Vm.Log calldata entry) private {
        (bytes32 name, bytes32 financier, uint64 pledgedAt, uint64 expiresAt) =
            abi.decode(entry.data, (bytes32, bytes32, uint64, uint64));
        (bytes32 receivable, bytes32 fingerprint, bytes32 supplier) =
            (entry.topics[1], entry.topics[2], entry.topics[3]);
        if (_pledges[name].pledgedAt != 0) revert PledgedTwice(name);

        names.push(name);
        _pledges[name] =
            IReceivableRegistry.Pledge(supplier, receivable, fingerprint, financier, pledgedAt, expiresAt, 0);
        lastPledge[supplier][receivable] = name;
        lastPledgeOfFingerprint[supplier][fingerprint] = name;
        _close(supplier, name, pledgedAt);
        _close(financier, name, pledgedAt);
    }

    function _transferred(Vm.Log calldata entry) private {
        (bytes32 name, bytes32 authorisation, bytes32 from, bytes32 to, uint64 transferredAt) =
            abi.decode(entry.data, (bytes32, bytes32, bytes32, bytes32, uint64));
        IReceivableRegistry.Pledge storage held = _sameAs(name, entry);
        if (held.financier != from) revert NotFromHolder(name, from);

        held.financier = to;
        _close(from, authorisation, transferredAt);
        _close(to, authorisation, transferredAt);
    }

    function _released(Vm.Log calldata entry) private {
        (bytes32 name, bytes32 authorisation, bytes32 financier, uint64 releasedAt) =
            abi.decode(entry.data, (bytes32, bytes32, bytes32, uint64));
        IReceivableRegistry.Pledge storage held = _sameAs(name, entry);
        if (held.financier != financier) revert NotFromHolder(name, financier);
        if (held.releasedAt != 0) revert ReleasedTwice(name);

        held.releasedAt = releasedAt;
        _close(financier, authorisation, releasedAt);
    }

    function _cancelled(Vm.Log calldata entry) private {
        (bytes32 authorisation, bytes32 party, uint64 cancelledAt) = abi.decode(entry.data, (bytes32, bytes32, uint64));
        _close(party, authorisation, cancelledAt);
    }

    function _close(bytes32 party, bytes32 authorisation, uint64 time) private {
        if (closedAt[party][authorisation] != 0) revert ClosedTwice(party, authorisation);
        closedAt[party][authorisation] = time;
        closures++;
    }

    /// @dev The pledge of that name, of which the topics say the same as when it was made.
    function _sameAs(bytes32 name, Vm.Log calldata entry)
        private
        view
        returns (IReceivableRegistry.Pledge storage held)
    {
        held = _pledges[name];
        if (
            held.pledgedAt == 0 || held.receivable != entry.topics[1] || held.fingerprint != entry.topics[2]
                || held.supplier != entry.topics[3]
        ) revert OfAnotherPledge(name);
    }
}
