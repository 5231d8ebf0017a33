// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";

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
        assertEq(_heads(ledger), _heads(_ledgerOf(address(_store))), "heads");
        assertEq(_nextBatches(ledger), _nextBatches(_ledgerOf(address(_store))), "next batches");
        _assertRootsUpToTheNextBatch();
    }

    function invariant_WindowsAreFinal() external view {
        assertEq(_admissions(registry), _admissions(_registryOf(address(_store))), "admissions");
        assertEq(_windows(registry), _windows(_registryOf(address(_store))), "windows");
    }

    function invariant_EventsRebuildTheState() external view {
        assertEq(_admissions(registry), _admissions(_registryOf(address(_replay))), "admissions");
        assertEq(_windows(registry), _windows(_registryOf(address(_replay))), "windows");
        assertEq(_operators(registry), _operators(_registryOf(address(_replay))), "operators");
        assertEq(_roles(registry), _roles(IAccessControl(address(_replay))), "roles");
        assertEq(_heads(ledger), _heads(_ledgerOf(address(_replay))), "heads");
        assertEq(_nextBatches(ledger), _nextBatches(_ledgerOf(address(_replay))), "next batches");
    }

    /// @dev At the end of each run, because they go through all that ever happened.
    function afterInvariant() external view {
        _assertHeadsAreFolds();
        _assertNoBatchWasOverwritten();
        _assertRevokedSignersNeverReturn();
        _assertAnswersAboutThePastStay();
        assertEq(_operators(registry), _operators(_registryOf(address(_store))), "operators");
        assertEq(_roles(registry), _roles(IAccessControl(address(_store))), "roles");
    }

    function _assertRootsUpToTheNextBatch() private view {
        address[] memory operators = _store.operators();
        for (uint256 i = 0; i < operators.length; i++) {
            uint64 next = ledger.nextBatch(operators[i]);
            assertEq(ledger.batchRoot(operators[i], next), 0, "root of the next batch");
            if (next > 0) assertNotEq(ledger.batchRoot(operators[i], next - 1), 0, "root of the last batch");
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

    function _assertRevokedSignersNeverReturn() private view {
        bytes32[] memory parties = _store.parties();
        address[] memory signers = _store.signers();
        for (uint256 i = 0; i < parties.length; i++) {
            for (uint256 j = 0; j < signers.length; j++) {
                IPartyRegistry.SignerWindow memory window = _store.signerWindow(parties[i], signers[j]);
                if (window.revokedAt == 0) continue;
                assertLe(_store.admittedAt(parties[i]), window.addedAt, "added before admitted");
                assertLe(window.addedAt, window.revokedAt, "revoked before added");
                assertFalse(registry.isSigner(parties[i], signers[j], window.revokedAt), "when revoked");
                assertFalse(registry.isSigner(parties[i], signers[j], _store.currentTime()), "now");
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

    // Store and replay answer the questions below under the same names as the contracts.

    function _registryOf(address source) private pure returns (IPartyRegistry) {
        return IPartyRegistry(source);
    }

    function _ledgerOf(address source) private pure returns (IEvidenceLedger) {
        return IEvidenceLedger(source);
    }

    function _heads(IEvidenceLedger source) private view returns (bytes32[] memory heads) {
        bytes32[] memory parties = _store.parties();
        heads = new bytes32[](parties.length);
        for (uint256 i = 0; i < parties.length; i++) {
            heads[i] = source.head(parties[i]);
        }
    }

    function _nextBatches(IEvidenceLedger source) private view returns (uint256[] memory ids) {
        address[] memory operators = _store.operators();
        ids = new uint256[](operators.length);
        for (uint256 i = 0; i < operators.length; i++) {
            ids[i] = source.nextBatch(operators[i]);
        }
    }

    function _admissions(IPartyRegistry source) private view returns (uint256[] memory times) {
        bytes32[] memory parties = _store.parties();
        times = new uint256[](parties.length);
        for (uint256 i = 0; i < parties.length; i++) {
            times[i] = source.admittedAt(parties[i]);
        }
    }

    /// @dev Packed as in storage, by party, then signer.
    function _windows(IPartyRegistry source) private view returns (uint256[] memory words) {
        bytes32[] memory parties = _store.parties();
        address[] memory signers = _store.signers();
        words = new uint256[](parties.length * signers.length);
        for (uint256 i = 0; i < words.length; i++) {
            IPartyRegistry.SignerWindow memory window =
                source.signerWindow(parties[i / signers.length], signers[i % signers.length]);
            words[i] = window.addedAt | uint256(window.revokedAt) << 64;
        }
    }

    function _operators(IPartyRegistry source) private view returns (bool[] memory registered) {
        address[] memory operators = _store.operators();
        registered = new bool[](operators.length);
        for (uint256 i = 0; i < operators.length; i++) {
            registered[i] = source.isOperator(operators[i]);
        }
    }

    /// @dev Both roles of all who may ever hold one, and of two who never do.
    function _roles(IAccessControl source) private view returns (bool[] memory held) {
        address[] memory registrars = _store.registrars();
        address[5] memory accounts = [registrars[0], registrars[1], ADMIN, OPERATOR, STRANGER];
        held = new bool[](2 * accounts.length);
        for (uint256 i = 0; i < accounts.length; i++) {
            held[2 * i] = source.hasRole(ADMIN_ROLE, accounts[i]);
            held[2 * i + 1] = source.hasRole(REGISTRAR_ROLE, accounts[i]);
        }
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
