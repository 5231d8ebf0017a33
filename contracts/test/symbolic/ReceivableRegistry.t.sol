// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IReceivableRegistry} from "../../src/interfaces/IReceivableRegistry.sol";
import {SymbolicBase} from "./SymbolicBase.sol";

/// @notice In any state, whatever anybody calls with whatever arguments, an active pledge stays the only one of its
/// receivable and of its fingerprint.
/// @dev Bounds: signatures of 65 bytes (others revert), proofs without hashes (their length plays no part in what is
/// written).
/// @custom:halmos --array-lengths inclusion.entryProof=0,inclusion.subjectProof=0,supplierSignature=65,financierSignature=65,fromSignature=65,toSignature=65,signature=65 --loop 5
contract ReceivableRegistrySymbolicTest is SymbolicBase {
    struct State {
        IReceivableRegistry.Pledge record;
        bytes32 last;
        bytes32 lastOfFingerprint;
    }

    function check_single_pledge(address caller, IReceivableRegistry.PledgeTerms calldata terms) public {
        State memory before = _state(terms);
        _assumeActive(before, terms);
        _callAnything(caller);
        assert(_changed(before, _state(terms)) == 0);
    }

    /// @dev Any call that succeeds: one that reverts changes nothing.
    function _callAnything(address caller) private {
        bytes memory data = svm.createCalldata("ReceivableRegistry");
        vm.prank(caller);
        (bool success,) = address(receivables).call(data);
        vm.assume(success);
    }

    /// @dev What an active pledge under `terms` is: the name of both its receivable and its fingerprint, and closed.
    function _assumeActive(State memory state, IReceivableRegistry.PledgeTerms calldata terms) private view {
        bytes32 name = receivables.hashPledge(terms);
        vm.assume(state.record.pledgedAt != 0);
        vm.assume(state.record.releasedAt == 0);
        vm.assume(state.record.expiresAt > block.timestamp);
        vm.assume(state.record.supplier == terms.supplier);
        vm.assume(state.record.receivable == terms.receivable);
        vm.assume(state.record.fingerprint == terms.fingerprint);
        vm.assume(receivables.closedAt(terms.supplier, name) != 0);
        vm.assume(state.last == name);
        vm.assume(state.lastOfFingerprint == name);
    }

    function _state(IReceivableRegistry.PledgeTerms calldata terms) private view returns (State memory state) {
        state.record = receivables.pledgeOf(receivables.hashPledge(terms));
        state.last = receivables.lastPledge(terms.supplier, terms.receivable);
        state.lastOfFingerprint = receivables.lastPledgeOfFingerprint(terms.supplier, terms.fingerprint);
    }

    /// @dev Zero when all is the same but financier and releasedAt. One word, so that the prover has one question.
    function _changed(State memory a, State memory b) private pure returns (bytes32 changed) {
        changed = a.last ^ b.last;
        changed |= a.lastOfFingerprint ^ b.lastOfFingerprint;
        changed |= a.record.supplier ^ b.record.supplier;
        changed |= a.record.receivable ^ b.record.receivable;
        changed |= a.record.fingerprint ^ b.record.fingerprint;
        changed |= bytes32(uint256(a.record.pledgedAt ^ b.record.pledgedAt));
        changed |= bytes32(uint256(a.record.expiresAt ^ b.record.expiresAt));
    }
}
