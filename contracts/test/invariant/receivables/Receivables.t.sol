// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {Test} from "forge-std/Test.sol";

import {IReceivableRegistry} from "../../../src/interfaces/IReceivableRegistry.sol";
import {ReceivableRegistry} from "../../../src/ReceivableRegistry.sol";
import {ReceivableHandler} from "./handlers/ReceivableHandler.sol";
import {EventReplay} from "./stores/EventReplay.sol";
import {ReceivableStore} from "./stores/ReceivableStore.sol";

/// @notice In whatever order pledges, transfers, releases and cancellations are signed, relayed and repeated:
///
/// 1. At most one pledge per supplier and receivable is active.
/// 2. At most one pledge per supplier and fingerprint is active.
/// 3. A pledge keeps its record: supplier, receivable, fingerprint, pledgedAt and expiresAt never change, and
///    releasedAt is written once.
/// 4. No party uses or cancels an authorisation twice.
/// 5. What was released or expired never becomes active again.
/// 6. The financier of a pledge changes only by a transfer that the one before and the one after signed.
/// 7. The events alone rebuild pledges, lastPledge, lastPledgeOfFingerprint and closedAt.
/// 8. A receivable or fingerprint is taken exactly while a pledge of it is active, since that pledge.
///
/// The handler asserts beside these that every call ends as its store foretells, with the precise error where it fails.
contract ReceivablesInvariantTest is Test {
    struct Draw {
        uint8 who;
        uint8 other;
        uint8 third;
        uint8 key;
        uint32 span;
        uint32 patience;
        uint256 index;
        bool flag;
    }

    ReceivableHandler internal handler;
    ReceivableRegistry internal receivables;
    ReceivableStore internal store;
    EventReplay internal replay;

    function setUp() public {
        handler = ReceivableHandler(deployCode("ReceivableHandler.sol"));
        (receivables, store, replay) = (handler.instance(), handler.store(), handler.replay());
        targetContract(address(handler));
        targetSelector(FuzzSelector(address(handler), _actions()));
    }

    /// @dev One function for all: with a fixed seed each function would be given the same calls over again.
    /// forge-config: deep.invariant.runs = 400
    function invariant_AllHold() public {
        vm.warp(store.time());
        _assertAtMostOneActivePledgePerReceivable();
        _assertAtMostOneActivePledgePerFingerprint();
        _assertRecordsStay();
        _assertNoAuthorisationIsUsedTwice();
        _assertWhatEndedStaysEnded();
        _assertTheFinancierChangesOnlyByTransfers();
        _assertEventsRebuildTheState();
        _assertTakenExactlyWhileActive();
    }

    /// @dev At the end of a run, since it takes long and a wrong time stays wrong: closedAt of every party for
    /// everything that was ever signed, used or not.
    function afterInvariant() public view {
        bytes32[] memory authorisations = handler.authorisations();
        bytes32[5] memory parties = handler.parties();
        for (uint256 i = 0; i < authorisations.length; i++) {
            for (uint256 j = 0; j < parties.length; j++) {
                uint64 told = replay.closedAt(parties[j], authorisations[i]);
                assertEq(receivables.closedAt(parties[j], authorisations[i]), told, "closedAt");
            }
        }
    }

    /// @dev A handler that achieves nothing would let everything hold: here it is seen to reach every success, and
    /// every error that signed terms can end with.
    function test_TheHandlerReachesEveryOutcome() public {
        for (uint256 i = 0; i < 1_000; i++) {
            _act(uint256(keccak256(abi.encode("step", i))));
        }
        invariant_AllHold();
        afterInvariant();
        string[5] memory successes = ["pledge", "transfer", "release", "cancelPledge", "cancelTransfer"];
        for (uint256 i = 0; i < successes.length; i++) {
            assertGt(store.count(successes[i]), 0, successes[i]);
        }
        bytes4[16] memory errors = [
            IReceivableRegistry.FinancierIsSupplier.selector,
            IReceivableRegistry.ExpiryNotAhead.selector,
            IReceivableRegistry.ReceivableTaken.selector,
            IReceivableRegistry.FingerprintTaken.selector,
            IReceivableRegistry.BatchNotSealed.selector,
            IReceivableRegistry.NotInLog.selector,
            IReceivableRegistry.AuthorisationExpired.selector,
            IReceivableRegistry.AuthorisationClosed.selector,
            IReceivableRegistry.NotSigner.selector,
            IReceivableRegistry.PledgeReleased.selector,
            IReceivableRegistry.PledgeExpired.selector,
            IReceivableRegistry.NotHolder.selector,
            IReceivableRegistry.NotConcerned.selector,
            IReceivableRegistry.FinancierUnchanged.selector,
            IReceivableRegistry.ZeroParty.selector,
            ECDSA.ECDSAInvalidSignatureS.selector
        ];
        for (uint256 i = 0; i < errors.length; i++) {
            assertGt(store.failures(errors[i]), 0, vm.toString(bytes32(errors[i])));
        }
    }

    function _assertAtMostOneActivePledgePerReceivable() private view {
        bytes32[] memory active = _activeNames();
        for (uint256 i = 0; i < active.length; i++) {
            IReceivableRegistry.Pledge memory one = receivables.pledgeOf(active[i]);
            for (uint256 j = 0; j < i; j++) {
                IReceivableRegistry.Pledge memory other = receivables.pledgeOf(active[j]);
                bool same = one.supplier == other.supplier && one.receivable == other.receivable;
                assertFalse(same, "two active pledges of one receivable");
            }
        }
    }

    function _assertAtMostOneActivePledgePerFingerprint() private view {
        bytes32[] memory active = _activeNames();
        for (uint256 i = 0; i < active.length; i++) {
            IReceivableRegistry.Pledge memory one = receivables.pledgeOf(active[i]);
            for (uint256 j = 0; j < i; j++) {
                IReceivableRegistry.Pledge memory other = receivables.pledgeOf(active[j]);
                bool same = one.supplier == other.supplier && one.fingerprint == other.fingerprint;
                assertFalse(same, "two active pledges of one fingerprint");
            }
        }
    }

    function _assertRecordsStay() private view {
        bytes32[] memory names = store.allNames();
        for (uint256 i = 0; i < names.length; i++) {
            IReceivableRegistry.Pledge memory kept = receivables.pledgeOf(names[i]);
            IReceivableRegistry.Pledge memory expected = store.made(names[i]);
            (expected.financier, expected.releasedAt) = (kept.financier, store.releasedAt(names[i]));
            assertEq(abi.encode(kept), abi.encode(expected), "record");
        }
    }

    function _assertNoAuthorisationIsUsedTwice() private view {
        ReceivableStore.Closure[] memory closures = store.allClosures();
        for (uint256 i = 0; i < closures.length; i++) {
            (bytes32 party, bytes32 authorisation) = (closures[i].party, closures[i].authorisation);
            assertEq(store.uses(party, authorisation), 1, "uses");
            assertEq(receivables.closedAt(party, authorisation), closures[i].closedAt, "closedAt");
        }
    }

    function _assertWhatEndedStaysEnded() private view {
        bytes32[] memory names = store.allNames();
        for (uint256 i = 0; i < names.length; i++) {
            if (store.ended(names[i])) assertFalse(receivables.isActive(names[i]), "active again");
        }
    }

    function _assertTheFinancierChangesOnlyByTransfers() private view {
        bytes32[] memory names = store.allNames();
        for (uint256 i = 0; i < names.length; i++) {
            assertEq(receivables.pledgeOf(names[i]).financier, store.holder(names[i]), "financier");
        }
    }

    function _assertEventsRebuildTheState() private view {
        bytes32[] memory names = replay.allNames();
        assertEq(abi.encode(names), abi.encode(store.allNames()), "names");
        for (uint256 i = 0; i < names.length; i++) {
            assertEq(abi.encode(replay.pledgeOf(names[i])), abi.encode(receivables.pledgeOf(names[i])), "pledge");
        }
        assertEq(replay.closures(), store.allClosures().length, "closures");
        _assertSameIndexes();
    }

    function _assertTakenExactlyWhileActive() private view {
        bytes32[3] memory ids = handler.receivableIds();
        bytes32[3] memory fingerprints = handler.fingerprints();
        bytes32[2] memory suppliers = handler.suppliers();
        for (uint256 i = 0; i < 2; i++) {
            for (uint256 j = 0; j < 3; j++) {
                uint64 receivable = store.receivableTaken(suppliers[i], ids[j]);
                uint64 fingerprint = store.fingerprintTaken(suppliers[i], fingerprints[j]);
                uint64 either = receivable != 0 ? receivable : fingerprint;
                assertEq(receivables.takenSince(suppliers[i], ids[j], 0), receivable, "receivable");
                assertEq(receivables.takenSince(suppliers[i], 0, fingerprints[j]), fingerprint, "fingerprint");
                assertEq(receivables.takenSince(suppliers[i], ids[j], fingerprints[j]), either, "either");
            }
        }
    }

    function _assertSameIndexes() private view {
        bytes32[3] memory ids = handler.receivableIds();
        bytes32[3] memory fingerprints = handler.fingerprints();
        bytes32[2] memory suppliers = handler.suppliers();
        for (uint256 i = 0; i < 2; i++) {
            bytes32 supplier = suppliers[i];
            for (uint256 j = 0; j < 3; j++) {
                assertEq(receivables.lastPledge(supplier, ids[j]), replay.lastPledge(supplier, ids[j]), "lastPledge");
                assertEq(
                    receivables.lastPledgeOfFingerprint(supplier, fingerprints[j]),
                    replay.lastPledgeOfFingerprint(supplier, fingerprints[j]),
                    "lastPledgeOfFingerprint"
                );
            }
        }
    }

    function _activeNames() private view returns (bytes32[] memory active) {
        bytes32[] memory names = store.allNames();
        active = new bytes32[](names.length);
        uint256 size = 0;
        for (uint256 i = 0; i < names.length; i++) {
            if (receivables.isActive(names[i])) active[size++] = names[i];
        }
        assembly ("memory-safe") {
            mstore(active, size)
        }
    }

    /// @dev One action of the handler, all its arguments drawn from `seed`.
    function _act(uint256 seed) private {
        Draw memory draw = abi.decode(_drawn(seed), (Draw));
        uint256 action = seed % 14;
        if (action == 0) handler.passTime(draw.span);
        if (action == 1) handler.addSigner(draw.who);
        if (action == 2) handler.revokeSigner(draw.who, draw.key, draw.flag);
        if (action == 3 || action == 12) {
            handler.signPledge(
                [draw.who, draw.other, draw.third, draw.key], draw.key, draw.span, draw.patience, draw.flag
            );
        }
        if (action == 4) handler.relayPledge(draw.index);
        if (action == 5) handler.cancelPledge(draw.index, draw.who, draw.key);
        if (action == 6) handler.signTransfer(draw.index, draw.who, draw.other, draw.key, draw.span, draw.flag);
        if (action == 7) handler.relayTransfer(draw.index);
        if (action == 8) handler.cancelTransfer(draw.index, draw.who, draw.key);
        if (action == 9) handler.signRelease(draw.index, draw.who, draw.key, draw.span, draw.flag);
        if (action == 10) handler.relayRelease(draw.index);
        if (action == 13) handler.passTimeToAnExpiry(draw.index, draw.flag);
        if (action == 11) handler.forbidden(draw.who, draw.index, draw.other, draw.key, seed >> 128);
    }

    function _drawn(uint256 seed) private pure returns (bytes memory) {
        return abi.encode(
            (seed >> 8) % 256,
            (seed >> 16) % 256,
            (seed >> 24) % 256,
            (seed >> 32) % 256,
            (seed >> 64) % 2 ** 32,
            (seed >> 96) % 2 ** 32,
            seed >> 64,
            seed >> 255
        );
    }

    function _actions() private view returns (bytes4[] memory actions) {
        bytes4[13] memory all = [
            handler.passTime.selector,
            handler.passTimeToAnExpiry.selector,
            handler.addSigner.selector,
            handler.revokeSigner.selector,
            handler.signPledge.selector,
            handler.relayPledge.selector,
            handler.cancelPledge.selector,
            handler.signTransfer.selector,
            handler.relayTransfer.selector,
            handler.cancelTransfer.selector,
            handler.signRelease.selector,
            handler.relayRelease.selector,
            handler.forbidden.selector
        ];
        actions = new bytes4[](all.length);
        for (uint256 i = 0; i < all.length; i++) {
            actions[i] = all[i];
        }
    }
}
