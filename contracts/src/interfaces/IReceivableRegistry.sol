// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";

import {IEvidenceLedger} from "./IEvidenceLedger.sol";

/// @title IReceivableRegistry
/// @notice At most one financier holds a receivable: what is pledged can't be pledged again until it is released or expires.
/// @dev A receivable is named by the evidence id of its INVOICE, and proven to stand in the supplier's log; neither its
/// buyer nor any of its content is shown. A financier is a party of the registry like any other.
///
///     pledge --> active --(release by the financier)--> released
///                 |  ^  \
///                 |  |   --(time reaches expiresAt)----> expired
///      (transfer by old and new financier)
///
/// Released and expired are for ever: the receivable is free again, and a new pledge has a name of its own.
///
/// Everything is authorised by EIP-712 signatures of current signers and may be relayed by anyone. The digest of what is
/// signed is the name of the authorisation, and that of a pledge is the name of the pledge. An authorisation is good until
/// its deadline, in any order among others, and once: as in ERC-3009, each party that signs one has it closed by its use or,
/// where two sign, by its cancellation. Signers are accounts with a key; contract wallets (ERC-1271) can't sign.
///
/// Receivables and fingerprints belong to a supplier: the same values under another supplier are something else. The buyer
/// has the invoice in its log too, and whoever reads the chain sees every fingerprint: if either alone were taken, they
/// could block the supplier by a pledge of their own. The one pledge that counts is under the party that issued the
/// invoice, which its evidence names and every verifier compares.
///
/// There are no immutables, so that one published code hash holds for every deployment; the ledger stands in slot 0.
interface IReceivableRegistry is IERC5267 {
    /// @notice What supplier and financier sign: `receivable` is pledged to `financier` until `expiresAt`.
    /// @dev EIP-712 type `Pledge(bytes32 supplier,bytes32 receivable,bytes32 fingerprint,bytes32 financier,uint64
    /// expiresAt,uint64 deadline,bytes32 nonce)`.
    /// @param supplier The party that issued the invoice.
    /// @param receivable The evidence id of the invoice, not zero.
    /// @param fingerprint Keyed hash of the normalised invoice, not zero; the same for every evidence of one invoice.
    /// @param financier The party that finances it, not the supplier.
    /// @param expiresAt The first block time at which the pledge holds no more, in seconds.
    /// @param deadline The last block time at which these terms may be used, in seconds.
    /// @param nonce Any value; it makes authorisations of otherwise equal terms different.
    struct PledgeTerms {
        bytes32 supplier;
        bytes32 receivable;
        bytes32 fingerprint;
        bytes32 financier;
        uint64 expiresAt;
        uint64 deadline;
        bytes32 nonce;
    }

    /// @notice What old and new financier sign: `pledge` goes from one to the other.
    /// @dev EIP-712 type `Transfer(bytes32 pledge,bytes32 from,bytes32 to,uint64 deadline,bytes32 nonce)`.
    /// @param pledge The name of the pledge.
    /// @param from The financier that holds it.
    /// @param to The financier that takes it over, not the supplier.
    /// @param deadline The last block time at which these terms may be used, in seconds.
    /// @param nonce Any value; it makes authorisations of otherwise equal terms different.
    struct TransferTerms {
        bytes32 pledge;
        bytes32 from;
        bytes32 to;
        uint64 deadline;
        bytes32 nonce;
    }

    /// @notice What the financier signs: it holds `pledge` no more.
    /// @dev EIP-712 type `Release(bytes32 pledge,bytes32 financier,uint64 deadline,bytes32 nonce)`.
    /// @param pledge The name of the pledge.
    /// @param financier The financier that holds it.
    /// @param deadline The last block time at which these terms may be used, in seconds.
    /// @param nonce Any value; it makes authorisations of otherwise equal terms different.
    struct ReleaseTerms {
        bytes32 pledge;
        bytes32 financier;
        uint64 deadline;
        bytes32 nonce;
    }

    /// @notice Where the receivable stands in its supplier's log: the arguments of `IEvidenceLedger.verifyInclusion`.
    /// @param operator Who sealed the batch.
    /// @param batchId The batch.
    /// @param index The entry's place among the supplier's entries of the batch.
    /// @param signaturesHash As in `IEvidenceLedger.Entry`.
    /// @param count Number of entries of the supplier in the batch.
    /// @param entryProof Path from the entry leaf to the supplier's root.
    /// @param subjectProof Path from the supplier's leaf to the batch root.
    struct Inclusion {
        address operator;
        uint64 batchId;
        uint32 index;
        bytes32 signaturesHash;
        uint32 count;
        bytes32[] entryProof;
        bytes32[] subjectProof;
    }

    /// @notice A pledge as it is kept, for ever. It is active when `pledgedAt != 0`, `releasedAt == 0` and the time is below
    /// `expiresAt`.
    /// @dev Five storage words: the four ids in this order, then `pledgedAt` in bits 0 to 63, `expiresAt` in bits 64 to
    /// 127 and `releasedAt` in bits 128 to 191.
    /// @param supplier The party that pledged.
    /// @param receivable The evidence id of the invoice.
    /// @param fingerprint Keyed hash of the normalised invoice.
    /// @param financier Who holds it now, or held it last.
    /// @param pledgedAt Block time of the pledge.
    /// @param expiresAt The first block time at which it holds no more.
    /// @param releasedAt Block time of the release; 0: not released.
    struct Pledge {
        bytes32 supplier;
        bytes32 receivable;
        bytes32 fingerprint;
        bytes32 financier;
        uint64 pledgedAt;
        uint64 expiresAt;
        uint64 releasedAt;
    }

    /// @notice A receivable was pledged.
    /// @dev The events rebuild all that this contract stores but the address of the ledger, which never changes.
    /// @param receivable The evidence id of the invoice.
    /// @param fingerprint Keyed hash of the normalised invoice.
    /// @param supplier Whose receivable it is.
    /// @param pledge The name of the pledge, which is also the authorisation that both closed by it.
    /// @param financier Who holds it.
    /// @param pledgedAt Block time.
    /// @param expiresAt The first block time at which it holds no more.
    event Pledged(
        bytes32 indexed receivable,
        bytes32 indexed fingerprint,
        bytes32 indexed supplier,
        bytes32 pledge,
        bytes32 financier,
        uint64 pledgedAt,
        uint64 expiresAt
    );

    /// @notice A pledge went from one financier to another.
    /// @param receivable The evidence id of the invoice.
    /// @param fingerprint Keyed hash of the normalised invoice.
    /// @param supplier Whose receivable it is.
    /// @param pledge The name of the pledge.
    /// @param authorisation What both closed by it.
    /// @param from Who held it.
    /// @param to Who holds it.
    /// @param transferredAt Block time.
    event Transferred(
        bytes32 indexed receivable,
        bytes32 indexed fingerprint,
        bytes32 indexed supplier,
        bytes32 pledge,
        bytes32 authorisation,
        bytes32 from,
        bytes32 to,
        uint64 transferredAt
    );

    /// @notice A financier holds a pledge no more; the receivable is free.
    /// @param receivable The evidence id of the invoice.
    /// @param fingerprint Keyed hash of the normalised invoice.
    /// @param supplier Whose receivable it is.
    /// @param pledge The name of the pledge.
    /// @param authorisation What the financier closed by it.
    /// @param financier Who held it.
    /// @param releasedAt Block time.
    event Released(
        bytes32 indexed receivable,
        bytes32 indexed fingerprint,
        bytes32 indexed supplier,
        bytes32 pledge,
        bytes32 authorisation,
        bytes32 financier,
        uint64 releasedAt
    );

    /// @notice A party took back an authorisation of a pledge or of a transfer before it was used.
    /// @param receivable The evidence id of the invoice.
    /// @param fingerprint Keyed hash of the normalised invoice.
    /// @param supplier Whose receivable it is.
    /// @param authorisation What it closed.
    /// @param party Who took it back.
    /// @param cancelledAt Block time.
    event Cancelled(
        bytes32 indexed receivable,
        bytes32 indexed fingerprint,
        bytes32 indexed supplier,
        bytes32 authorisation,
        bytes32 party,
        uint64 cancelledAt
    );

    /// @notice The registry was given a ledger at an address without code.
    error LedgerWithoutCode(address ledger);

    /// @notice The receivable is zero.
    error ZeroReceivable();

    /// @notice The fingerprint is zero.
    error ZeroFingerprint();

    /// @notice The supplier or the financier is zero.
    error ZeroParty();

    /// @notice The party would hold its own receivable.
    error FinancierIsSupplier(bytes32 party);

    /// @notice The financier that would take the pledge over holds it already.
    error FinancierUnchanged(bytes32 pledge, bytes32 financier);

    /// @notice The pledge would have expired before it began.
    error ExpiryNotAhead(uint64 expiresAt, uint64 timestamp);

    /// @notice The receivable is pledged, since `pledgedAt`.
    error ReceivableTaken(bytes32 receivable, uint64 pledgedAt);

    /// @notice A receivable of the same fingerprint is pledged, since `pledgedAt`.
    error FingerprintTaken(bytes32 fingerprint, uint64 pledgedAt);

    /// @notice The batch in which the receivable is said to stand is not sealed.
    error BatchNotSealed(address operator, uint64 batchId);

    /// @notice The receivable is not shown to stand in the supplier's log by that batch of that operator.
    error NotInLog(bytes32 supplier, bytes32 receivable, address operator, uint64 batchId);

    /// @notice The authorisation came after its deadline.
    error AuthorisationExpired(bytes32 authorisation, uint64 deadline, uint64 timestamp);

    /// @notice The party used or cancelled the authorisation before, at `closedAt`.
    error AuthorisationClosed(bytes32 party, bytes32 authorisation, uint64 closedAt);

    /// @notice The party has no part in the authorisation, so that it can't cancel it.
    error NotConcerned(bytes32 authorisation, bytes32 party);

    /// @notice The signature is by an account that may not sign for the party now.
    error NotSigner(bytes32 party, address signer);

    /// @notice There is no such pledge.
    error UnknownPledge(bytes32 pledge);

    /// @notice The pledge was released, at `releasedAt`.
    error PledgeReleased(bytes32 pledge, uint64 releasedAt);

    /// @notice The pledge expired, at `expiresAt`.
    error PledgeExpired(bytes32 pledge, uint64 expiresAt);

    /// @notice The party does not hold the pledge.
    error NotHolder(bytes32 pledge, bytes32 party);

    /// @notice Pledges a receivable under `terms`, signed by current signers of its supplier and its financier.
    /// @dev Warning: the contract can't see what an evidence states. That it is an invoice, by this supplier, acknowledged by
    /// its buyer and not paid, and that the fingerprint is that of the invoice, is for the financier's software to check
    /// before it signs, and for every verifier.
    /// @dev Warning: a pledge is worth what the ledger is: an invoice of the same content sealed nowhere, or pledged on another
    /// ledger, is not seen here.
    /// @dev Warning: shows that this supplier deals with this financier, under their pseudonyms. It does not show the buyer:
    /// what the leaf holds of the signatures is particular to the supplier's log.
    /// @dev Warning: until `expiresAt`, only the financier can free the receivable. If it loses its keys, the registrar adds
    /// another signer to it.
    /// @param terms What both signed.
    /// @param inclusion Where the receivable stands in the supplier's log.
    /// @param supplierSignature 65 bytes r, s, v over `hashPledge(terms)`; low s only (EIP-2).
    /// @param financierSignature The same by the financier.
    function pledge(
        PledgeTerms calldata terms,
        Inclusion calldata inclusion,
        bytes calldata supplierSignature,
        bytes calldata financierSignature
    ) external;

    /// @notice Gives an active pledge to another financier under `terms`, signed by current signers of both.
    /// @dev Warning: the supplier is not asked; `expiresAt` stays. Who must know is told by `Transferred`.
    /// @dev Warning: an unused transfer is good again when the pledge comes back to who signed it; cancel it.
    /// @param terms What both signed.
    /// @param fromSignature 65 bytes r, s, v over `hashTransfer(terms)`, by the old financier.
    /// @param toSignature The same by the new financier.
    function transfer(TransferTerms calldata terms, bytes calldata fromSignature, bytes calldata toSignature) external;

    /// @notice Ends an active pledge under `terms`, signed by a current signer of its financier.
    /// @dev Warning: a release that is handed out can't be taken back before its deadline, and is good again when the pledge
    /// comes back to who signed it. Sign it against payment, with a near deadline.
    /// @param terms What the financier signed.
    /// @param signature 65 bytes r, s, v over `hashRelease(terms)`.
    function release(ReleaseTerms calldata terms, bytes calldata signature) external;

    /// @notice Takes back `party`'s part in `terms` before they were used: they never can be.
    /// @dev Warning: who relays `pledge` may be first; then this reverts with `AuthorisationClosed`.
    /// @dev Warning: a party can cancel terms that nobody else ever saw. `Cancelled` says what it took back of its own, and
    /// nothing about the receivable.
    /// @param terms What was, or might have been, signed.
    /// @param party Its supplier or its financier.
    /// @param signature 65 bytes r, s, v over `hashCancellation(party, hashPledge(terms))`, by a current signer of `party`.
    function cancelPledge(PledgeTerms calldata terms, bytes32 party, bytes calldata signature) external;

    /// @notice Takes back `party`'s part in `terms` before they were used: they never can be.
    /// @dev Warning: as for `cancelPledge`, `Cancelled` says nothing about the receivable; and what is signed about a pledge
    /// to come can be cancelled only once the pledge exists.
    /// @param terms What was, or might have been, signed; its pledge exists.
    /// @param party The financier from which, or to which, the pledge would go.
    /// @param signature 65 bytes r, s, v over `hashCancellation(party, hashTransfer(terms))`, by a current signer of `party`.
    function cancelTransfer(TransferTerms calldata terms, bytes32 party, bytes calldata signature) external;

    /// @notice The ledger in which receivables stand, and whose registry knows the signers; fixed at deployment.
    function ledger() external view returns (IEvidenceLedger);

    /// @notice The pledge of that name; all zero when there is none.
    function pledgeOf(bytes32 name) external view returns (Pledge memory);

    /// @notice The name of the newest pledge of `receivable` by `supplier`, active or not; zero when there is none.
    function lastPledge(bytes32 supplier, bytes32 receivable) external view returns (bytes32);

    /// @notice The name of the newest pledge of `fingerprint` by `supplier`, active or not; zero when there is none.
    function lastPledgeOfFingerprint(bytes32 supplier, bytes32 fingerprint) external view returns (bytes32);

    /// @notice Since when `receivable`, or another of the same `fingerprint`, of `supplier` is pledged; 0 when it is free now.
    function takenSince(bytes32 supplier, bytes32 receivable, bytes32 fingerprint) external view returns (uint64);

    /// @notice Whether the pledge of that name holds now.
    function isActive(bytes32 name) external view returns (bool);

    /// @notice Block time at which `party` used or cancelled `authorisation`; 0 when it did not.
    function closedAt(bytes32 party, bytes32 authorisation) external view returns (uint64);

    /// @notice The EIP-712 digest of `terms`: the name of the pledge, and what both sign.
    function hashPledge(PledgeTerms calldata terms) external view returns (bytes32);

    /// @notice The EIP-712 digest of `terms`: what both sign.
    function hashTransfer(TransferTerms calldata terms) external view returns (bytes32);

    /// @notice The EIP-712 digest of `terms`: what the financier signs.
    function hashRelease(ReleaseTerms calldata terms) external view returns (bytes32);

    /// @notice The EIP-712 digest that `party` signs to take back `authorisation`.
    /// @dev EIP-712 type `Cancellation(bytes32 party,bytes32 authorisation)`.
    function hashCancellation(bytes32 party, bytes32 authorisation) external view returns (bytes32);

    /// @notice The version of this contract, "major.minor.patch".
    function version() external pure returns (string memory);
}
