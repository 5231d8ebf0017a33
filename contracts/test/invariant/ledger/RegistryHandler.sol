// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";

import {IPartyRegistry} from "../../../src/interfaces/IPartyRegistry.sol";
import {EventReplay} from "./EventReplay.sol";
import {Handler} from "./Handler.sol";
import {LedgerStore} from "./LedgerStore.sol";

/// @notice Registrars, an admin, signers and strangers at work on the party registry; and time, which passes.
contract RegistryHandler is Handler {
    IPartyRegistry private immutable REGISTRY;
    address private immutable ADMIN;

    constructor(IPartyRegistry registry, address admin, LedgerStore store, EventReplay replay) Handler(store, replay) {
        REGISTRY = registry;
        ADMIN = admin;
    }

    /// @dev Not at all every fourth time, so that blocks of one timestamp follow each other.
    function pass(uint256 seconds_) external {
        if (seconds_ % 4 != 0) STORE.pass(uint64(bound(seconds_, 1, 30 days)));
    }

    function admit(uint256 callerSeed, uint256 partySeed, uint256 signerSeed) external atCurrentTime {
        (address caller, bytes32 party, address signer) = (_caller(callerSeed), _party(partySeed), _signer(signerSeed));
        bytes memory refusal = _refusalOfCaller(caller);
        if (refusal.length == 0 && party == 0) refusal = abi.encodeWithSelector(IPartyRegistry.ZeroParty.selector);
        uint64 admittedAt = STORE.admittedAt(party);
        if (refusal.length == 0 && admittedAt != 0) {
            refusal = abi.encodeWithSelector(IPartyRegistry.PartyAlreadyAdmitted.selector, party, admittedAt);
        }
        if (refusal.length == 0) refusal = _refusalOfSigner(party, signer);

        if (_act(caller, abi.encodeCall(IPartyRegistry.admit, (party, signer)), refusal)) {
            STORE.admitted(party);
            STORE.added(party, signer);
        }
    }

    function addSigner(uint256 callerSeed, uint256 partySeed, uint256 signerSeed) external atCurrentTime {
        (address caller, bytes32 party, address signer) = (_caller(callerSeed), _party(partySeed), _signer(signerSeed));
        bytes memory refusal = _refusalOfCaller(caller);
        if (refusal.length == 0 && STORE.admittedAt(party) == 0) {
            refusal = abi.encodeWithSelector(IPartyRegistry.UnknownParty.selector, party);
        }
        if (refusal.length == 0) refusal = _refusalOfSigner(party, signer);

        if (_act(caller, abi.encodeCall(IPartyRegistry.addSigner, (party, signer)), refusal)) {
            STORE.added(party, signer);
        }
    }

    /// @dev Every third time by the signer itself.
    function revokeSigner(uint256 callerSeed, uint256 partySeed, uint256 signerSeed) external atCurrentTime {
        (bytes32 party, address signer) = (_party(partySeed), _signer(signerSeed));
        address caller = callerSeed % 3 == 0 ? signer : _caller(callerSeed / 3);
        IPartyRegistry.SignerWindow memory window = STORE.signerWindow(party, signer);
        bytes memory refusal = caller == signer ? bytes("") : _refusalOfCaller(caller);
        if (refusal.length == 0 && window.addedAt == 0) {
            refusal = abi.encodeWithSelector(IPartyRegistry.UnknownSigner.selector, party, signer);
        }
        if (refusal.length == 0 && window.revokedAt != 0) {
            refusal =
                abi.encodeWithSelector(IPartyRegistry.SignerAlreadyRevoked.selector, party, signer, window.revokedAt);
        }

        if (_act(caller, abi.encodeCall(IPartyRegistry.revokeSigner, (party, signer)), refusal)) {
            STORE.revoked(party, signer);
        }
    }

    /// @dev Whoever is revoked is added again at once, by a registrar: always refused.
    function addRevokedAgain(uint256 callerSeed, uint256 partySeed, uint256 signerSeed) external atCurrentTime {
        (address caller, bytes32 party, address signer) = (_caller(callerSeed), _party(partySeed), _signer(signerSeed));
        uint64 revokedAt = STORE.signerWindow(party, signer).revokedAt;
        if (revokedAt == 0) return;
        bytes memory refusal = _refusalOfCaller(caller);
        if (refusal.length == 0) {
            refusal = abi.encodeWithSelector(IPartyRegistry.SignerAlreadyRevoked.selector, party, signer, revokedAt);
        }

        assertFalse(_act(caller, abi.encodeCall(IPartyRegistry.addSigner, (party, signer)), refusal), "came back");
    }

    /// @dev Removed every fourth time, so that most are registered most of the time.
    function moveOperator(uint256 callerSeed, uint256 operatorSeed, uint256 waySeed) external atCurrentTime {
        (address caller, address operator) = (_caller(callerSeed), pick(STORE.operators(), operatorSeed));
        bool added = waySeed % 4 != 0;
        bytes memory refusal = _refusalOfCaller(caller);
        if (refusal.length == 0 && added == STORE.isOperator(operator)) {
            refusal = added
                ? abi.encodeWithSelector(IPartyRegistry.OperatorAlreadyAdded.selector, operator)
                : abi.encodeWithSelector(IPartyRegistry.UnknownOperator.selector, operator);
        }
        bytes memory data = added
            ? abi.encodeCall(IPartyRegistry.addOperator, (operator))
            : abi.encodeCall(IPartyRegistry.removeOperator, (operator));

        if (_act(caller, data, refusal)) STORE.setOperator(operator, added);
    }

    /// @dev Revoked every fourth time. The admin never loses its own role, or roles would stand still for the rest of a run.
    function moveRegistrar(uint256 callerSeed, uint256 accountSeed, uint256 waySeed) external atCurrentTime {
        address caller = callerSeed % 2 == 0 ? ADMIN : _caller(callerSeed / 2);
        address account = pick(STORE.registrars(), accountSeed);
        bool granted = waySeed % 4 != 0;
        bytes memory refusal = STORE.hasRole(ADMIN_ROLE, caller) ? bytes("") : unauthorised(caller, ADMIN_ROLE);
        bytes memory data = granted
            ? abi.encodeCall(IAccessControl.grantRole, (REGISTRAR_ROLE, account))
            : abi.encodeCall(IAccessControl.revokeRole, (REGISTRAR_ROLE, account));

        if (_act(caller, data, refusal)) STORE.setRole(REGISTRAR_ROLE, account, granted);
    }

    /// @dev Seldom by a registrar. Whoever holds no role can renounce it all the same, to no effect.
    function renounceRole(uint256 callerSeed) external atCurrentTime {
        address caller = callerSeed % 8 == 0 ? _caller(callerSeed / 8) : _signer(callerSeed / 8);
        bytes memory data = abi.encodeCall(IAccessControl.renounceRole, (REGISTRAR_ROLE, caller));

        if (_act(caller, data, "")) STORE.setRole(REGISTRAR_ROLE, caller, false);
    }

    /// @dev Asks about a second that is over, so that the answer must stay; also about those before the first block.
    function ask(uint256 partySeed, uint256 signerSeed, uint64 secondsAgo) external atCurrentTime {
        (bytes32 party, address signer) = (_party(partySeed), _signer(signerSeed));
        uint64 timestamp = STORE.currentTime() - uint64(bound(secondsAgo, 1, 90 days));

        STORE.answered(party, signer, timestamp, REGISTRY.isSigner(party, signer, timestamp));
    }

    function _act(address caller, bytes memory data, bytes memory refusal) private returns (bool) {
        return act(caller, address(REGISTRY), data, refusal);
    }

    /// @dev In six of ten cases one of the accounts that may be registrars, which they are not always.
    function _caller(uint256 seed) private view returns (address) {
        uint256 die = seed % 10;
        if (die == 0) return STRANGER;
        if (die == 1) return ADMIN;
        if (die == 2) return pick(STORE.operators(), seed / 10);
        if (die == 3) return _signer(seed / 10);
        return pick(STORE.registrars(), seed / 10);
    }

    /// @dev Now and then zero.
    function _party(uint256 seed) private view returns (bytes32) {
        bytes32[] memory parties = STORE.parties();
        return seed % 32 == 0 ? bytes32(0) : parties[seed / 32 % parties.length];
    }

    /// @dev Now and then zero.
    function _signer(uint256 seed) private view returns (address) {
        return seed % 32 == 0 ? address(0) : pick(STORE.signers(), seed / 32);
    }

    function _refusalOfCaller(address caller) private view returns (bytes memory) {
        return STORE.hasRole(REGISTRAR_ROLE, caller) ? bytes("") : unauthorised(caller, REGISTRAR_ROLE);
    }

    function _refusalOfSigner(bytes32 party, address signer) private view returns (bytes memory) {
        IPartyRegistry.SignerWindow memory window = STORE.signerWindow(party, signer);
        if (signer == address(0)) return abi.encodeWithSelector(IPartyRegistry.ZeroAddress.selector);
        if (window.revokedAt != 0) {
            return abi.encodeWithSelector(IPartyRegistry.SignerAlreadyRevoked.selector, party, signer, window.revokedAt);
        }
        if (window.addedAt != 0) {
            return abi.encodeWithSelector(IPartyRegistry.SignerAlreadyAdded.selector, party, signer, window.addedAt);
        }
        return "";
    }
}
