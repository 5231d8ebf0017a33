// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IReceivableRegistry} from "../../src/interfaces/IReceivableRegistry.sol";
import {SymbolicBase} from "./SymbolicBase.sol";

/// @notice An active pledge is the only one of its receivable and of its fingerprint: to begin, a pledge needs both free; it
/// then is the last one of both; and no call changes that, or its record, but for its holder and its release.
/// @dev Bounds: signatures of 65 bytes, for others revert; proofs without siblings, for the length of a proof plays no part in
/// what is written, and the state already has an arbitrary batch root.
/// @custom:halmos --array-lengths inclusion.entryProof=0,inclusion.subjectProof=0 --default-bytes-lengths 65 --loop 3
contract ReceivableRegistrySymbolicTest is SymbolicBase {
    struct State {
        IReceivableRegistry.Pledge pledge;
        bytes32 last;
        bytes32 lastOfFingerprint;
        uint64 closedAt;
    }

    function check_Pledge_NeedsAFreeReceivableAndFingerprint(
        IReceivableRegistry.PledgeTerms calldata terms,
        IReceivableRegistry.Inclusion calldata inclusion,
        bytes calldata supplierSignature,
        bytes calldata financierSignature
    ) external {
        State memory before = _state(bytes32(0), bytes32(0), terms.supplier, terms.receivable, terms.fingerprint);
        bool taken = either(
            _isActive(receivables.pledgeOf(before.last)), _isActive(receivables.pledgeOf(before.lastOfFingerprint))
        );

        receivables.pledge(terms, inclusion, supplierSignature, financierSignature);

        assert(!taken);
    }

    function check_Pledge_NeedsAnOpenAuthorisation(
        IReceivableRegistry.PledgeTerms calldata terms,
        IReceivableRegistry.Inclusion calldata inclusion,
        bytes calldata supplierSignature,
        bytes calldata financierSignature
    ) external {
        bytes32 name = receivables.hashPledge(terms);
        bool open =
            both(receivables.closedAt(terms.supplier, name) == 0, receivables.closedAt(terms.financier, name) == 0);

        receivables.pledge(terms, inclusion, supplierSignature, financierSignature);

        assert(open);
    }

    function check_Pledge_BeginsActiveAndLast(
        IReceivableRegistry.PledgeTerms calldata terms,
        IReceivableRegistry.Inclusion calldata inclusion,
        bytes calldata supplierSignature,
        bytes calldata financierSignature
    ) external {
        receivables.pledge(terms, inclusion, supplierSignature, financierSignature);

        bytes32 name = receivables.hashPledge(terms);
        State memory later = _state(name, terms.supplier, terms.supplier, terms.receivable, terms.fingerprint);
        assert(both(later.last == name, later.lastOfFingerprint == name));
        assert(both(_isActive(later.pledge), _isOf(later.pledge, terms)));
        assert(later.closedAt == block.timestamp);
        assert(receivables.closedAt(terms.financier, name) == block.timestamp);
    }

    function check_Pledge_ChangesNothingOfOthers(
        bytes32 name,
        bytes32 party,
        bytes32 supplier,
        bytes32 receivable,
        bytes32 fingerprint,
        IReceivableRegistry.PledgeTerms calldata terms,
        IReceivableRegistry.Inclusion calldata inclusion,
        bytes calldata supplierSignature,
        bytes calldata financierSignature
    ) external {
        vm.assume(name != receivables.hashPledge(terms));
        vm.assume(either(supplier != terms.supplier, receivable != terms.receivable));
        vm.assume(either(supplier != terms.supplier, fingerprint != terms.fingerprint));
        State memory before = _state(name, party, supplier, receivable, fingerprint);

        receivables.pledge(terms, inclusion, supplierSignature, financierSignature);

        assert(_isSameState(before, _state(name, party, supplier, receivable, fingerprint)));
    }

    function check_OtherCalls_KeepAPledgeButForHolderAndRelease(
        address caller,
        bytes32 name,
        bytes32 supplier,
        bytes32 receivable,
        bytes32 fingerprint
    ) external {
        State memory before = _state(name, bytes32(0), supplier, receivable, fingerprint);

        _callAnyButPledge(caller);

        State memory later = _state(name, bytes32(0), supplier, receivable, fingerprint);
        assert(both(later.last == before.last, later.lastOfFingerprint == before.lastOfFingerprint));
        assert(_isSameButForHolderAndRelease(before.pledge, later.pledge));
        assert(either(_isActive(before.pledge), _isSame(before.pledge, later.pledge)));
        assert(either(later.pledge.releasedAt == before.pledge.releasedAt, later.pledge.releasedAt == block.timestamp));
    }

    function check_OtherCalls_KeepAnAuthorisationClosed(address caller, bytes32 party, bytes32 authorisation) external {
        uint64 before = receivables.closedAt(party, authorisation);
        vm.assume(before != 0);

        _callAnyButPledge(caller);

        assert(receivables.closedAt(party, authorisation) == before);
    }

    function refute_OtherCalls_KeepEveryPledge(address caller, bytes32 name) external {
        IReceivableRegistry.Pledge memory before = receivables.pledgeOf(name);

        _callAnyButPledge(caller);

        assert(_isSame(before, receivables.pledgeOf(name)));
    }

    function _callAnyButPledge(address caller) private {
        callAnyBut(IReceivableRegistry.pledge.selector, caller, address(receivables), "ReceivableRegistry");
    }

    function _state(bytes32 name, bytes32 party, bytes32 supplier, bytes32 receivable, bytes32 fingerprint)
        private
        view
        returns (State memory state)
    {
        state.pledge = receivables.pledgeOf(name);
        state.last = receivables.lastPledge(supplier, receivable);
        state.lastOfFingerprint = receivables.lastPledgeOfFingerprint(supplier, fingerprint);
        state.closedAt = receivables.closedAt(party, name);
    }

    function _isActive(IReceivableRegistry.Pledge memory pledge) private view returns (bool) {
        return both(both(pledge.pledgedAt != 0, pledge.releasedAt == 0), block.timestamp < pledge.expiresAt);
    }

    function _isOf(IReceivableRegistry.Pledge memory pledge, IReceivableRegistry.PledgeTerms calldata terms)
        private
        pure
        returns (bool)
    {
        return both(
            both(pledge.supplier == terms.supplier, pledge.receivable == terms.receivable),
            both(
                pledge.fingerprint == terms.fingerprint,
                both(pledge.financier == terms.financier, pledge.expiresAt == terms.expiresAt)
            )
        );
    }

    function _isSameState(State memory a, State memory b) private pure returns (bool) {
        return both(
            both(a.last == b.last, a.lastOfFingerprint == b.lastOfFingerprint),
            both(a.closedAt == b.closedAt, _isSame(a.pledge, b.pledge))
        );
    }

    function _isSame(IReceivableRegistry.Pledge memory a, IReceivableRegistry.Pledge memory b)
        private
        pure
        returns (bool)
    {
        return both(_isSameButForHolderAndRelease(a, b), both(a.financier == b.financier, a.releasedAt == b.releasedAt));
    }

    function _isSameButForHolderAndRelease(IReceivableRegistry.Pledge memory a, IReceivableRegistry.Pledge memory b)
        private
        pure
        returns (bool)
    {
        return both(
            both(a.supplier == b.supplier, a.receivable == b.receivable),
            both(a.fingerprint == b.fingerprint, both(a.pledgedAt == b.pledgedAt, a.expiresAt == b.expiresAt))
        );
    }
}
