// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";

import {IEvidenceLedger} from "./interfaces/IEvidenceLedger.sol";
import {IReceivableRegistry} from "./interfaces/IReceivableRegistry.sol";

/// @title ReceivableRegistry
/// @notice At most one financier holds a receivable: what is pledged can't be pledged again until it is released or expires.
/// @dev Order of declaration is storage layout, which verifiers rely on: never reorder, and add no immutable. That is why the
/// domain separator is computed anew each time, where OpenZeppelin's EIP712 would keep it in the code.
contract ReceivableRegistry is IReceivableRegistry {
    bytes32 private constant _PLEDGE_TYPEHASH = keccak256(
        "Pledge(bytes32 supplier,bytes32 receivable,bytes32 fingerprint,bytes32 financier,uint64 expiresAt,uint64 deadline,bytes32 nonce)"
    );
    bytes32 private constant _TRANSFER_TYPEHASH =
        keccak256("Transfer(bytes32 pledge,bytes32 from,bytes32 to,uint64 deadline,bytes32 nonce)");
    bytes32 private constant _RELEASE_TYPEHASH =
        keccak256("Release(bytes32 pledge,bytes32 financier,uint64 deadline,bytes32 nonce)");
    bytes32 private constant _CANCELLATION_TYPEHASH = keccak256("Cancellation(bytes32 party,bytes32 authorisation)");

    /// @dev name, version, chainId and verifyingContract are used (ERC-5267).
    bytes1 private constant _DOMAIN_FIELDS = 0x0f;
    string private constant _DOMAIN_NAME = "Tallystick";
    string private constant _DOMAIN_VERSION = "1";

    /// @inheritdoc IReceivableRegistry
    IEvidenceLedger public override ledger;

    mapping(bytes32 name => Pledge) private _pledges;

    /// @inheritdoc IReceivableRegistry
    mapping(bytes32 supplier => mapping(bytes32 receivable => bytes32 name)) public override lastPledge;

    /// @inheritdoc IReceivableRegistry
    mapping(bytes32 supplier => mapping(bytes32 fingerprint => bytes32 name)) public override lastPledgeOfFingerprint;

    /// @inheritdoc IReceivableRegistry
    mapping(bytes32 party => mapping(bytes32 authorisation => uint64 closedAt)) public override closedAt;

    /// @param ledger_ The evidence ledger, deployed before.
    constructor(IEvidenceLedger ledger_) {
        if (address(ledger_).code.length == 0) revert LedgerWithoutCode(address(ledger_));
        ledger = ledger_;
    }

    /// @inheritdoc IReceivableRegistry
    function pledge(
        PledgeTerms calldata terms,
        Inclusion calldata inclusion,
        bytes calldata supplierSignature,
        bytes calldata financierSignature
    ) external override {
        if (terms.receivable == bytes32(0)) revert ZeroReceivable();
        if (terms.fingerprint == bytes32(0)) revert ZeroFingerprint();
        if (terms.supplier == bytes32(0) || terms.financier == bytes32(0)) revert ZeroParty();
        if (terms.financier == terms.supplier) revert FinancierIsSupplier(terms.supplier);
        if (terms.expiresAt <= block.timestamp) revert ExpiryNotAhead(terms.expiresAt, uint64(block.timestamp));
        uint64 taken = _activeSince(lastPledge[terms.supplier][terms.receivable]);
        if (taken != 0) revert ReceivableTaken(terms.receivable, taken);
        taken = _activeSince(lastPledgeOfFingerprint[terms.supplier][terms.fingerprint]);
        if (taken != 0) revert FingerprintTaken(terms.fingerprint, taken);
        _checkInLog(terms.supplier, terms.receivable, inclusion);

        bytes32 name = hashPledge(terms);
        _authorise(terms.supplier, name, terms.deadline, supplierSignature);
        _authorise(terms.financier, name, terms.deadline, financierSignature);
        _pledges[name] = Pledge({
            supplier: terms.supplier,
            receivable: terms.receivable,
            fingerprint: terms.fingerprint,
            financier: terms.financier,
            pledgedAt: uint64(block.timestamp),
            expiresAt: terms.expiresAt,
            releasedAt: 0
        });
        lastPledge[terms.supplier][terms.receivable] = name;
        lastPledgeOfFingerprint[terms.supplier][terms.fingerprint] = name;
        emit Pledged(
            terms.receivable,
            terms.fingerprint,
            terms.supplier,
            name,
            terms.financier,
            uint64(block.timestamp),
            terms.expiresAt
        );
    }

    /// @inheritdoc IReceivableRegistry
    function transfer(TransferTerms calldata terms, bytes calldata fromSignature, bytes calldata toSignature)
        external
        override
    {
        Pledge storage held = _heldBy(terms.pledge, terms.from);
        if (terms.to == bytes32(0)) revert ZeroParty();
        if (terms.to == held.supplier) revert FinancierIsSupplier(terms.to);
        if (terms.to == terms.from) revert FinancierUnchanged(terms.pledge, terms.from);

        bytes32 authorisation = hashTransfer(terms);
        _authorise(terms.from, authorisation, terms.deadline, fromSignature);
        _authorise(terms.to, authorisation, terms.deadline, toSignature);
        held.financier = terms.to;
        emit Transferred(
            held.receivable,
            held.fingerprint,
            held.supplier,
            terms.pledge,
            authorisation,
            terms.from,
            terms.to,
            uint64(block.timestamp)
        );
    }

    /// @inheritdoc IReceivableRegistry
    function release(ReleaseTerms calldata terms, bytes calldata signature) external override {
        Pledge storage held = _heldBy(terms.pledge, terms.financier);

        bytes32 authorisation = hashRelease(terms);
        _authorise(terms.financier, authorisation, terms.deadline, signature);
        held.releasedAt = uint64(block.timestamp);
        emit Released(
            held.receivable,
            held.fingerprint,
            held.supplier,
            terms.pledge,
            authorisation,
            terms.financier,
            uint64(block.timestamp)
        );
    }

    /// @inheritdoc IReceivableRegistry
    function cancelPledge(PledgeTerms calldata terms, bytes32 party, bytes calldata signature) external override {
        bytes32 authorisation = hashPledge(terms);
        if (party != terms.supplier && party != terms.financier) revert NotConcerned(authorisation, party);

        _close(party, authorisation, hashCancellation(party, authorisation), signature);
        emit Cancelled(
            terms.receivable, terms.fingerprint, terms.supplier, authorisation, party, uint64(block.timestamp)
        );
    }

    /// @inheritdoc IReceivableRegistry
    function cancelTransfer(TransferTerms calldata terms, bytes32 party, bytes calldata signature) external override {
        bytes32 authorisation = hashTransfer(terms);
        Pledge storage held = _known(terms.pledge);
        if (party != terms.from && party != terms.to) revert NotConcerned(authorisation, party);

        _close(party, authorisation, hashCancellation(party, authorisation), signature);
        emit Cancelled(held.receivable, held.fingerprint, held.supplier, authorisation, party, uint64(block.timestamp));
    }

    /// @inheritdoc IReceivableRegistry
    function pledgeOf(bytes32 name) external view override returns (Pledge memory) {
        return _pledges[name];
    }

    /// @inheritdoc IReceivableRegistry
    function takenSince(bytes32 supplier, bytes32 receivable, bytes32 fingerprint)
        external
        view
        override
        returns (uint64)
    {
        uint64 since = _activeSince(lastPledge[supplier][receivable]);
        return since != 0 ? since : _activeSince(lastPledgeOfFingerprint[supplier][fingerprint]);
    }

    /// @inheritdoc IReceivableRegistry
    function isActive(bytes32 name) external view override returns (bool) {
        return _activeSince(name) != 0;
    }

    /// @inheritdoc IReceivableRegistry
    function hashPledge(PledgeTerms calldata terms) public view override returns (bytes32) {
        return _digest(keccak256(abi.encode(_PLEDGE_TYPEHASH, terms)));
    }

    /// @inheritdoc IReceivableRegistry
    function hashTransfer(TransferTerms calldata terms) public view override returns (bytes32) {
        return _digest(keccak256(abi.encode(_TRANSFER_TYPEHASH, terms)));
    }

    /// @inheritdoc IReceivableRegistry
    function hashRelease(ReleaseTerms calldata terms) public view override returns (bytes32) {
        return _digest(keccak256(abi.encode(_RELEASE_TYPEHASH, terms)));
    }

    /// @inheritdoc IReceivableRegistry
    function hashCancellation(bytes32 party, bytes32 authorisation) public view override returns (bytes32) {
        return _digest(keccak256(abi.encode(_CANCELLATION_TYPEHASH, party, authorisation)));
    }

    /// @notice The EIP-712 domain of all that is signed for this contract (ERC-5267).
    function eip712Domain()
        external
        view
        override
        returns (bytes1, string memory, string memory, uint256, address, bytes32, uint256[] memory)
    {
        return (
            _DOMAIN_FIELDS, _DOMAIN_NAME, _DOMAIN_VERSION, block.chainid, address(this), bytes32(0), new uint256[](0)
        );
    }

    /// @inheritdoc IReceivableRegistry
    function version() external pure override returns (string memory) {
        return "1.0.0";
    }

    /// @dev Lets `party` use `authorisation`, once, not after `deadline`.
    function _authorise(bytes32 party, bytes32 authorisation, uint64 deadline, bytes calldata signature) private {
        if (block.timestamp > deadline) {
            revert AuthorisationExpired(authorisation, deadline, uint64(block.timestamp));
        }
        _close(party, authorisation, authorisation, signature);
    }

    /// @dev Closes `authorisation` for `party`, by the `signature` over `digest` of one who may sign for it now.
    function _close(bytes32 party, bytes32 authorisation, bytes32 digest, bytes calldata signature) private {
        uint64 before = closedAt[party][authorisation];
        if (before != 0) revert AuthorisationClosed(party, authorisation, before);
        address signer = ECDSA.recoverCalldata(digest, signature);
        if (!ledger.registry().isSigner(party, signer, uint64(block.timestamp))) revert NotSigner(party, signer);

        closedAt[party][authorisation] = uint64(block.timestamp);
    }

    function _checkInLog(bytes32 supplier, bytes32 receivable, Inclusion calldata inclusion) private view {
        if (ledger.batchRoot(inclusion.operator, inclusion.batchId) == bytes32(0)) {
            revert BatchNotSealed(inclusion.operator, inclusion.batchId);
        }
        bool included = ledger.verifyInclusion(
            inclusion.operator,
            inclusion.batchId,
            IEvidenceLedger.Entry(supplier, inclusion.index, receivable, inclusion.signaturesHash),
            inclusion.entryProof,
            inclusion.count,
            inclusion.subjectProof
        );
        if (!included) revert NotInLog(supplier, receivable, inclusion.operator, inclusion.batchId);
    }

    /// @dev The pledge of that name, which is active and held by `financier`.
    function _heldBy(bytes32 name, bytes32 financier) private view returns (Pledge storage held) {
        held = _known(name);
        if (held.releasedAt != 0) revert PledgeReleased(name, held.releasedAt);
        if (block.timestamp >= held.expiresAt) revert PledgeExpired(name, held.expiresAt);
        if (held.financier != financier) revert NotHolder(name, financier);
    }

    function _known(bytes32 name) private view returns (Pledge storage known) {
        known = _pledges[name];
        if (known.pledgedAt == 0) revert UnknownPledge(name);
    }

    /// @dev Since when the pledge of that name holds; 0 when it does not hold now, or does not exist.
    function _activeSince(bytes32 name) private view returns (uint64) {
        Pledge storage found = _pledges[name];
        return found.releasedAt == 0 && block.timestamp < found.expiresAt ? found.pledgedAt : 0;
    }

    function _digest(bytes32 structHash) private view returns (bytes32) {
        bytes32 separator = MessageHashUtils.toDomainSeparator(
            _DOMAIN_FIELDS, _DOMAIN_NAME, _DOMAIN_VERSION, block.chainid, address(this), bytes32(0)
        );
        return MessageHashUtils.toTypedDataHash(separator, structHash);
    }
}
