// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IPartyRegistry} from "../../src/interfaces/IPartyRegistry.sol";
import {SymbolicBase} from "./SymbolicBase.sol";

/// @notice In any state, whatever anybody calls with whatever arguments: a revoked signer's window stays as it is.
contract PartyRegistrySymbolicTest is SymbolicBase {
    function check_a_revoked_window_never_changes(address caller, bytes32 party, address signer) public {
        IPartyRegistry.SignerWindow memory before = registry.signerWindow(party, signer);
        vm.assume(before.revokedAt != 0);
        bytes memory data = svm.createCalldata("PartyRegistry");
        vm.prank(caller);
        (bool success,) = address(registry).call(data);
        success;
        IPartyRegistry.SignerWindow memory later = registry.signerWindow(party, signer);
        assert(later.addedAt == before.addedAt && later.revokedAt == before.revokedAt);
    }
}
