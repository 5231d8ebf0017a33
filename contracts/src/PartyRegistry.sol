// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";

import {IPartyRegistry} from "./interfaces/IPartyRegistry.sol";

/// @title PartyRegistry
/// @notice Parties, their signers with windows of validity, and operators.
/// @dev Order of declaration is storage layout, which verifiers rely on: never reorder. Slot 0 is AccessControl's.
contract PartyRegistry is IPartyRegistry, AccessControl {
    /// @inheritdoc IPartyRegistry
    bytes32 public constant override REGISTRAR_ROLE = keccak256("REGISTRAR_ROLE");

    /// @inheritdoc IPartyRegistry
    mapping(bytes32 party => uint64 admittedAt) public override admittedAt;

    mapping(bytes32 party => mapping(address signer => SignerWindow)) private _signerWindow;

    /// @inheritdoc IPartyRegistry
    mapping(address operator => bool) public override isOperator;

    /// @param admin Grants and revokes the roles, among them its own.
    /// @param registrar The first holder of `REGISTRAR_ROLE`.
    constructor(address admin, address registrar) {
        if (admin == address(0) || registrar == address(0)) revert ZeroAddress();
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _grantRole(REGISTRAR_ROLE, registrar);
    }

    /// @inheritdoc IPartyRegistry
    function admit(bytes32 party, address signer) external override onlyRole(REGISTRAR_ROLE) {
        if (party == bytes32(0)) revert ZeroParty();
        if (admittedAt[party] != 0) revert PartyAlreadyAdmitted(party, admittedAt[party]);

        admittedAt[party] = uint64(block.timestamp);
        emit PartyAdmitted(party, msg.sender, uint64(block.timestamp));

        _addSigner(party, signer);
    }

    /// @inheritdoc IPartyRegistry
    function addSigner(bytes32 party, address signer) external override onlyRole(REGISTRAR_ROLE) {
        if (admittedAt[party] == 0) revert UnknownParty(party);

        _addSigner(party, signer);
    }

    /// @inheritdoc IPartyRegistry
    function revokeSigner(bytes32 party, address signer) external override {
        if (msg.sender != signer) _checkRole(REGISTRAR_ROLE);
        SignerWindow storage window = _signerWindow[party][signer];
        if (window.addedAt == 0) revert UnknownSigner(party, signer);
        if (window.revokedAt != 0) revert SignerAlreadyRevoked(party, signer, window.revokedAt);

        window.revokedAt = uint64(block.timestamp);
        emit SignerRevoked(party, signer, msg.sender, uint64(block.timestamp));
    }

    /// @inheritdoc IPartyRegistry
    function addOperator(address operator) external override onlyRole(REGISTRAR_ROLE) {
        if (operator == address(0)) revert ZeroAddress();
        if (isOperator[operator]) revert OperatorAlreadyAdded(operator);

        isOperator[operator] = true;
        emit OperatorAdded(operator, msg.sender);
    }

    /// @inheritdoc IPartyRegistry
    function removeOperator(address operator) external override onlyRole(REGISTRAR_ROLE) {
        if (!isOperator[operator]) revert UnknownOperator(operator);

        isOperator[operator] = false;
        emit OperatorRemoved(operator, msg.sender);
    }

    /// @inheritdoc IPartyRegistry
    function signerWindow(bytes32 party, address signer) external view override returns (SignerWindow memory) {
        return _signerWindow[party][signer];
    }

    /// @inheritdoc IPartyRegistry
    function isSigner(bytes32 party, address signer, uint64 timestamp) external view override returns (bool) {
        SignerWindow memory window = _signerWindow[party][signer];
        return
            window.addedAt != 0 && window.addedAt <= timestamp
                && (window.revokedAt == 0 || timestamp < window.revokedAt);
    }

    /// @inheritdoc IPartyRegistry
    function isParty(bytes32 party) external view override returns (bool) {
        return admittedAt[party] != 0;
    }

    /// @inheritdoc IPartyRegistry
    function version() external pure override returns (string memory) {
        return "1.0.0";
    }

    /// @dev A window that was ever opened is never opened again: that is what "revoked for ever" means.
    function _addSigner(bytes32 party, address signer) private {
        if (signer == address(0)) revert ZeroAddress();
        SignerWindow storage window = _signerWindow[party][signer];
        if (window.revokedAt != 0) revert SignerAlreadyRevoked(party, signer, window.revokedAt);
        if (window.addedAt != 0) revert SignerAlreadyAdded(party, signer, window.addedAt);

        window.addedAt = uint64(block.timestamp);
        emit SignerAdded(party, signer, msg.sender, uint64(block.timestamp));
    }
}
