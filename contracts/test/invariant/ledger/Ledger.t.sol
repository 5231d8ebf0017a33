// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IEvidenceLedger} from "../../../src/interfaces/IEvidenceLedger.sol";
import {IPartyRegistry} from "../../../src/interfaces/IPartyRegistry.sol";
import {BaseTest} from "../../Base.t.sol";
import {EventReplay} from "./EventReplay.sol";
import {LedgerStore} from "./LedgerStore.sol";
import {RegistryHandler} from "./RegistryHandler.sol";
import {SealHandler} from "./SealHandler.sol";

/// @notice The invariants of `PartyRegistry` and `EvidenceLedger` that ../README.md states in words.
contract LedgerInvariantTest is BaseTest {
    bytes32 private constant ADMIN_ROLE = 0;
    bytes32 private constant REGISTRAR_ROLE = keccak256("REGISTRAR_ROLE");

    LedgerStore private _store;
    EventReplay private _replay;

    function setUp() public override {
        vm.recordLogs();
        super.setUp();
        _store = new LedgerStore(_fourParties(), _fourSigners(), _threeOperators(), _twoRegistrars(), START);
        _store.setRole(ADMIN_ROLE, ADMIN, true);
        _store.setRole(REGISTRAR_ROLE, REGISTRAR, true);
        _store.setOperator(OPERATOR, true);
        _store.setOperator(OTHER_OPERATOR, true);
        _replay = new EventReplay(address(registry), address(ledger));
        _replay.play(vm.getRecordedLogs(), START);

        targetContract(address(new RegistryHandler(registry, ADMIN, _store, _replay)));
        targetContract(address(new SealHandler(ledger, _store, _replay)));
    }

    function invariant_LogsOnlyGrow() external view {
        _assertHeadsMoveBySealsAlone();
        _assertBatchIdsHaveNoGap();
    }

    function invariant_WindowsAreFinal() external view {
        _assertWindowsAreWrittenOnce();
        _assertRevokedSignersNeverReturn();
        _assertAnswersAboutThePastStay();
    }

    function invariant_EventsRebuildTheState() external view {
        _assertEventsRebuildTheRegistry();
        _assertEventsRebuildTheLedger();
    }

    /// @dev At the end of each run, because they go through all that was ever sealed.
    function afterInvariant() external view {
        _assertHeadsAreFolds();
        _assertNoBatchWasOverwritten();
    }

    function _assertHeadsMoveBySealsAlone() private view {
        bytes32[] memory parties = _store.parties();
        for (uint256 i = 0; i < parties.length; i++) {
            assertEq(ledger.head(parties[i]), _store.head(parties[i]), "head");
        }
    }

    function _assertBatchIdsHaveNoGap() private view {
        address[] memory operators = _store.operators();
        for (uint256 i = 0; i < operators.length; i++) {
            uint64 next = _store.nextBatch(operators[i]);
            assertEq(ledger.nextBatch(operators[i]), next, "nextBatch");
            assertEq(ledger.batchRoot(operators[i], next), 0, "root of the next batch");
            if (next > 0) assertNotEq(ledger.batchRoot(operators[i], next - 1), 0, "root of the last batch");
        }
    }

    function _assertWindowsAreWrittenOnce() private view {
        bytes32[] memory parties = _store.parties();
        address[] memory signers = _store.signers();
        for (uint256 i = 0; i < parties.length; i++) {
            assertEq(registry.admittedAt(parties[i]), _store.admittedAt(parties[i]), "admittedAt");
            for (uint256 j = 0; j < signers.length; j++) {
                IPartyRegistry.SignerWindow memory actual = registry.signerWindow(parties[i], signers[j]);
                _assertSame(actual, _store.signerWindow(parties[i], signers[j]));
                assertTrue(actual.revokedAt == 0 || actual.addedAt <= actual.revokedAt, "revoked before added");
                assertTrue(actual.addedAt == 0 || _store.admittedAt(parties[i]) <= actual.addedAt, "signer of no party");
            }
        }
    }

    function _assertRevokedSignersNeverReturn() private view {
        bytes32[] memory parties = _store.parties();
        address[] memory signers = _store.signers();
        uint64 time = _store.currentTime();
        for (uint256 i = 0; i < parties.length; i++) {
            for (uint256 j = 0; j < signers.length; j++) {
                IPartyRegistry.SignerWindow memory window = _store.signerWindow(parties[i], signers[j]);
                if (window.revokedAt == 0) continue;
                assertFalse(registry.isSigner(parties[i], signers[j], window.revokedAt), "when revoked");
                assertFalse(registry.isSigner(parties[i], signers[j], time), "now");
                assertFalse(registry.isSigner(parties[i], signers[j], type(uint64).max), "ever");
                assertFalse(registry.isSigner(parties[i], signers[j], window.addedAt - 1), "before it was added");
                if (window.addedAt == window.revokedAt) continue;
                assertTrue(registry.isSigner(parties[i], signers[j], window.addedAt), "when added");
                assertTrue(registry.isSigner(parties[i], signers[j], window.revokedAt - 1), "until revoked");
            }
        }
    }

    function _assertAnswersAboutThePastStay() private view {
        LedgerStore.Answer[] memory answers = _store.answers();
        for (uint256 i = 0; i < answers.length; i++) {
            bool good = registry.isSigner(answers[i].party, answers[i].signer, answers[i].timestamp);
            assertEq(good, answers[i].good, "answer");
        }
    }

    function _assertEventsRebuildTheRegistry() private view {
        bytes32[] memory parties = _store.parties();
        address[] memory signers = _store.signers();
        for (uint256 i = 0; i < parties.length; i++) {
            assertEq(registry.admittedAt(parties[i]), _replay.admittedAt(parties[i]), "admittedAt");
            for (uint256 j = 0; j < signers.length; j++) {
                _assertSame(registry.signerWindow(parties[i], signers[j]), _replay.signerWindow(parties[i], signers[j]));
            }
        }
        address[] memory operators = _store.operators();
        for (uint256 i = 0; i < operators.length; i++) {
            assertEq(registry.isOperator(operators[i]), _replay.isOperator(operators[i]), "isOperator");
            _assertSameRoles(operators[i]);
        }
        address[] memory registrars = _store.registrars();
        for (uint256 i = 0; i < registrars.length; i++) {
            _assertSameRoles(registrars[i]);
        }
        _assertSameRoles(ADMIN);
        _assertSameRoles(STRANGER);
    }

    function _assertEventsRebuildTheLedger() private view {
        bytes32[] memory parties = _store.parties();
        for (uint256 i = 0; i < parties.length; i++) {
            assertEq(ledger.head(parties[i]), _replay.head(parties[i]), "head");
        }
        address[] memory operators = _store.operators();
        for (uint256 i = 0; i < operators.length; i++) {
            uint64 next = ledger.nextBatch(operators[i]);
            assertEq(next, _replay.nextBatch(operators[i]), "nextBatch");
            if (next == 0) continue;
            bytes32 root = ledger.batchRoot(operators[i], next - 1);
            assertEq(root, _replay.batchRoot(operators[i], next - 1), "batchRoot");
        }
    }

    /// @dev The fold over the appends of all operators, in the order of their seals, by the formula of Base.t.sol.
    function _assertHeadsAreFolds() private view {
        bytes32[] memory parties = _store.parties();
        for (uint256 i = 0; i < parties.length; i++) {
            LedgerStore.Appended[] memory log = _store.log(parties[i]);
            bytes32 head = 0;
            for (uint256 j = 0; j < log.length; j++) {
                head = nextHead(head, log[j].operator, log[j].batchId, log[j].count, log[j].root, log[j].timestamp);
            }
            assertEq(ledger.head(parties[i]), head, "fold");
        }
    }

    /// @dev Every batch of every operator has the root of its own appends still, and so it has for whoever read the events.
    function _assertNoBatchWasOverwritten() private view {
        address[] memory operators = _store.operators();
        for (uint256 i = 0; i < operators.length; i++) {
            for (uint64 batchId = 0; batchId < _store.nextBatch(operators[i]); batchId++) {
                IEvidenceLedger.Append[] memory appends = _store.batch(operators[i], batchId);
                bytes32[] memory leaves = new bytes32[](appends.length);
                for (uint256 j = 0; j < appends.length; j++) {
                    leaves[j] = subjectLeaf(appends[j].subject, appends[j].root, appends[j].count);
                }
                bytes32 root = treeRoot(leaves, 0, leaves.length);
                assertEq(ledger.batchRoot(operators[i], batchId), root, "root of an old batch");
                assertEq(_replay.batchRoot(operators[i], batchId), root, "root of an old batch, by its event");
            }
        }
    }

    function _assertSame(IPartyRegistry.SignerWindow memory actual, IPartyRegistry.SignerWindow memory expected)
        private
        pure
    {
        assertEq(actual.addedAt, expected.addedAt, "addedAt");
        assertEq(actual.revokedAt, expected.revokedAt, "revokedAt");
    }

    function _assertSameRoles(address account) private view {
        assertEq(registry.hasRole(ADMIN_ROLE, account), _replay.hasRole(ADMIN_ROLE, account), "admin");
        assertEq(registry.hasRole(REGISTRAR_ROLE, account), _replay.hasRole(REGISTRAR_ROLE, account), "registrar");
        assertEq(registry.hasRole(REGISTRAR_ROLE, account), _store.hasRole(REGISTRAR_ROLE, account), "by what was done");
    }

    function _fourParties() private pure returns (bytes32[] memory parties) {
        parties = new bytes32[](4);
        (parties[0], parties[1], parties[2], parties[3]) = (SUPPLIER, BUYER, FINANCIER, OTHER_FINANCIER);
    }

    function _fourSigners() private pure returns (address[] memory signers) {
        signers = new address[](4);
        signers[0] = signerOf(SUPPLIER);
        signers[1] = signerOf(BUYER);
        signers[2] = signerOf(FINANCIER);
        signers[3] = signerOf(OTHER_FINANCIER);
    }

    /// @dev The third is not registered at first.
    function _threeOperators() private returns (address[] memory operators) {
        operators = new address[](3);
        (operators[0], operators[1], operators[2]) = (OPERATOR, OTHER_OPERATOR, makeAddr("third operator"));
    }

    /// @dev The second is no registrar at first.
    function _twoRegistrars() private returns (address[] memory registrars) {
        registrars = new address[](2);
        (registrars[0], registrars[1]) = (REGISTRAR, makeAddr("other registrar"));
    }
}
