// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IPartyRegistry} from "../../src/interfaces/IPartyRegistry.sol";
import {SymbolicBase} from "./SymbolicBase.sol";

/// @notice Parties stay admitted, windows open and close once, and who was revoked never signs again.
/// @dev No bounds: the registry has neither loops nor arrays.
contract PartyRegistrySymbolicTest is SymbolicBase {
    function check_RevokedWindow_NeverChanges(address caller, bytes32 party, address signer) external {
        IPartyRegistry.SignerWindow memory before = registry.signerWindow(party, signer);
        vm.assume(before.revokedAt != 0);

        callAny(caller, address(registry), "PartyRegistry");

        IPartyRegistry.SignerWindow memory window = registry.signerWindow(party, signer);
        assert(both(window.addedAt == before.addedAt, window.revokedAt == before.revokedAt));
    }

    function check_RevokedSigner_NeverSignsAgain(address caller, bytes32 party, address signer, uint64 time) external {
        IPartyRegistry.SignerWindow memory before = registry.signerWindow(party, signer);
        vm.assume(both(before.revokedAt != 0, before.revokedAt <= time));

        callAny(caller, address(registry), "PartyRegistry");

        assert(!registry.isSigner(party, signer, time));
    }

    function check_Window_OpensAndClosesOnce(address caller, bytes32 party, address signer) external {
        IPartyRegistry.SignerWindow memory before = registry.signerWindow(party, signer);

        callAny(caller, address(registry), "PartyRegistry");

        IPartyRegistry.SignerWindow memory window = registry.signerWindow(party, signer);
        bool opened = both(before.addedAt == 0, window.addedAt == block.timestamp);
        bool closed = both(both(before.addedAt != 0, before.revokedAt == 0), window.revokedAt == block.timestamp);
        assert(either(window.addedAt == before.addedAt, opened));
        assert(either(window.revokedAt == before.revokedAt, closed));
    }

    function check_Party_IsAdmittedOnce(address caller, bytes32 party) external {
        uint64 before = registry.admittedAt(party);

        callAny(caller, address(registry), "PartyRegistry");

        uint64 admittedAt = registry.admittedAt(party);
        assert(either(admittedAt == before, both(before == 0, admittedAt == block.timestamp)));
    }

    function refute_Window_NeverCloses(address caller, bytes32 party, address signer) external {
        callAny(caller, address(registry), "PartyRegistry");

        assert(registry.signerWindow(party, signer).revokedAt != block.timestamp);
    }
}
