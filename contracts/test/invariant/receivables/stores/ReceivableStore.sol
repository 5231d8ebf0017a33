// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IReceivableRegistry} from "../../../../src/interfaces/IReceivableRegistry.sol";

/// @notice What the handler did and saw, kept without looking at the registry's indexes: whether something is taken, it
/// finds by going through all pledges ever made.
contract ReceivableStore {
    struct Closure {
        bytes32 party;
        bytes32 authorisation;
        uint64 closedAt;
    }

    /// @dev The handler's clock; each call and each invariant begins by setting the block to it.
    uint64 public time;

    bytes32[] public names;

    /// @dev Each pledge as it was read right after it was made.
    mapping(bytes32 name => IReceivableRegistry.Pledge) private _made;

    /// @dev Who holds each pledge, by the transfers that both financiers signed.
    mapping(bytes32 name => bytes32 financier) public holder;

    mapping(bytes32 name => bytes32[] financiers) private _formerHolders;

    mapping(bytes32 name => uint64) public releasedAt;

    /// @dev Whether a pledge was ever seen to hold no more.
    mapping(bytes32 name => bool) public ended;

    Closure[] private _closures;
    mapping(bytes32 party => mapping(bytes32 authorisation => uint64)) public closedAt;
    mapping(bytes32 party => mapping(bytes32 authorisation => uint256)) public uses;

    /// @dev Accounts that may sign for a party now.
    mapping(bytes32 party => mapping(address signer => bool)) public isSigner;

    /// @dev How often each action succeeded, and each error was met.
    mapping(string action => uint256) public count;
    mapping(bytes4 selector => uint256) public failures;

    function setTime(uint64 time_) external {
        time = time_;
    }

    function setSigner(bytes32 party, address signer, bool good) external {
        isSigner[party][signer] = good;
    }

    function addPledge(bytes32 name, IReceivableRegistry.Pledge memory made_) external {
        names.push(name);
        _made[name] = made_;
        holder[name] = made_.financier;
    }

    function setHolder(bytes32 name, bytes32 financier) external {
        _formerHolders[name].push(holder[name]);
        holder[name] = financier;
    }

    function setReleased(bytes32 name) external {
        releasedAt[name] = time;
    }

    function setEnded(bytes32 name) external {
        ended[name] = true;
    }

    function close(bytes32 party, bytes32 authorisation) external {
        _closures.push(Closure(party, authorisation, time));
        closedAt[party][authorisation] = time;
        uses[party][authorisation]++;
    }

    function counted(string calldata action) external {
        count[action]++;
    }

    function failed(bytes calldata reason) external {
        failures[bytes4(reason[:4])]++;
    }

    function allNames() external view returns (bytes32[] memory) {
        return names;
    }

    function allClosures() external view returns (Closure[] memory) {
        return _closures;
    }

    function made(bytes32 name) external view returns (IReceivableRegistry.Pledge memory) {
        return _made[name];
    }

    function formerHolders(bytes32 name) external view returns (bytes32[] memory) {
        return _formerHolders[name];
    }

    function holds(bytes32 name) public view returns (bool) {
        return _made[name].pledgedAt != 0 && releasedAt[name] == 0 && time < _made[name].expiresAt;
    }

    /// @dev Since when an active pledge takes the receivable; 0: none does.
    function receivableTaken(bytes32 supplier, bytes32 receivable) external view returns (uint64) {
        for (uint256 i = 0; i < names.length; i++) {
            IReceivableRegistry.Pledge storage found = _made[names[i]];
            if (found.supplier == supplier && found.receivable == receivable && holds(names[i])) {
                return found.pledgedAt;
            }
        }
        return 0;
    }

    /// @dev Since when an active pledge takes the fingerprint; 0: none does.
    function fingerprintTaken(bytes32 supplier, bytes32 fingerprint) external view returns (uint64) {
        for (uint256 i = 0; i < names.length; i++) {
            IReceivableRegistry.Pledge storage found = _made[names[i]];
            if (found.supplier == supplier && found.fingerprint == fingerprint && holds(names[i])) {
                return found.pledgedAt;
            }
        }
        return 0;
    }
}
