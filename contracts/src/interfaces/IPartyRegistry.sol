// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title IPartyRegistry
/// @notice Who may sign for which party, since when and until when, and who may seal batches.
/// @dev A party is a 32-byte pseudonym of a legal entity, derived off chain under the registrar's network key. A signer is
/// an address that signs evidence for a party. An operator is an address that seals batches in the evidence ledger.
///
/// A signature anchored in a block of time `t` is good when `addedAt <= t < revokedAt`, where `revokedAt == 0` stands for
/// "not revoked". Nothing here is ever deleted, so that this question has the same answer for ever.
///
/// The storage layout is part of the interface, because verifiers read it by storage proof (contracts/README.md).
/// The contract has no immutables, so that one published code hash holds for every deployment.
interface IPartyRegistry {
    /// @notice The period in which a signer's signatures for one party are good, in seconds since 1970.
    /// @dev One storage word: `addedAt` in bits 0 to 63, `revokedAt` in bits 64 to 127, the rest zero.
    /// @param addedAt Time of the block that added the signer; 0: never added.
    /// @param revokedAt Time of the block that revoked the signer; 0: not revoked.
    struct SignerWindow {
        uint64 addedAt;
        uint64 revokedAt;
    }

    /// @notice A party entered the registry.
    /// @param party The party's id.
    /// @param by The registrar.
    /// @param admittedAt Block time.
    event PartyAdmitted(bytes32 indexed party, address indexed by, uint64 admittedAt);

    /// @notice A signer may sign for a party from now on.
    /// @param party The party's id.
    /// @param signer The signer's address.
    /// @param by The registrar.
    /// @param addedAt Block time, the first at which a signature is good.
    event SignerAdded(bytes32 indexed party, address indexed signer, address indexed by, uint64 addedAt);

    /// @notice A signer may no longer sign for a party, and never will again.
    /// @param party The party's id.
    /// @param signer The signer's address.
    /// @param by The registrar, or the signer itself.
    /// @param revokedAt Block time, the first at which a signature is no longer good.
    event SignerRevoked(bytes32 indexed party, address indexed signer, address indexed by, uint64 revokedAt);

    /// @notice An operator may seal batches from now on.
    /// @param operator The operator's address.
    /// @param by The registrar.
    event OperatorAdded(address indexed operator, address indexed by);

    /// @notice An operator may no longer seal batches.
    /// @param operator The operator's address.
    /// @param by The registrar.
    event OperatorRemoved(address indexed operator, address indexed by);

    /// @notice A party id was zero.
    error ZeroParty();

    /// @notice The address of an admin, registrar, signer or operator was zero.
    error ZeroAddress();

    /// @notice The party is in the registry already.
    error PartyAlreadyAdmitted(bytes32 party, uint64 admittedAt);

    /// @notice The party was never admitted.
    error UnknownParty(bytes32 party);

    /// @notice The signer signs for this party already.
    error SignerAlreadyAdded(bytes32 party, address signer, uint64 addedAt);

    /// @notice The signer was revoked for this party, which is for ever.
    error SignerAlreadyRevoked(bytes32 party, address signer, uint64 revokedAt);

    /// @notice The signer was never added to this party.
    error UnknownSigner(bytes32 party, address signer);

    /// @notice The operator is registered already.
    error OperatorAlreadyAdded(address operator);

    /// @notice The address is not a registered operator.
    error UnknownOperator(address operator);

    /// @notice Admits `party` with its first signer `signer`; once per party, by a registrar.
    /// @dev Warning: the contract cannot know which legal entity `party` stands for. The registrar's signed binding, checked
    /// by whoever is shown the identity, is what ties the two together.
    /// @param party The party's id, not zero.
    /// @param signer The first signer's address, not zero.
    function admit(bytes32 party, address signer) external;

    /// @notice Lets `signer` sign for `party` from this block on; by a registrar.
    /// @dev Warning: a registrar can add a signer of its own to any party, and so speak for that party from then on, though
    /// never for the past. Hold the role in a multisig or a timelock and watch `SignerAdded`.
    /// @param party The party's id, admitted before.
    /// @param signer The signer's address, not zero, never revoked for this party.
    function addSigner(bytes32 party, address signer) external;

    /// @notice Ends the window of `signer` for `party` with this block, for ever; by a registrar or by `signer` itself.
    /// @dev Warning: time is counted in blocks' seconds. Evidence anchored in a block of the same timestamp as the revocation
    /// counts as anchored after it, whichever transaction came first.
    /// @dev Warning: a party whose last signer is revoked is mute until a registrar adds another.
    /// @param party The party's id.
    /// @param signer The signer's address.
    function revokeSigner(bytes32 party, address signer) external;

    /// @notice Lets `operator` seal batches; by a registrar.
    /// @dev Warning: an operator can append a root whose entries it never shows to the log of any party. That is visible to
    /// every verifier as withheld entries of that operator, forges nothing, and cannot be undone.
    /// @param operator The operator's address, not zero.
    function addOperator(address operator) external;

    /// @notice Stops `operator` from sealing any further batch; by a registrar. What it sealed stays sealed.
    /// @dev An operator may be added again: its batch ids go on where they stopped.
    /// @param operator The operator's address.
    function removeOperator(address operator) external;

    /// @notice The role that admits parties and keeps signers and operators.
    function REGISTRAR_ROLE() external view returns (bytes32);

    /// @notice The window of `signer` for `party`; both times zero when it was never added.
    function signerWindow(bytes32 party, address signer) external view returns (SignerWindow memory);

    /// @notice Whether a signature of `signer` for `party` that was anchored in a block of time `timestamp` is good.
    /// @dev Warning: an answer for a time later than the current block's is a guess; the signer may still be revoked.
    /// @param party The party's id.
    /// @param signer The signer's address.
    /// @param timestamp Timestamp of the anchoring block, in seconds.
    function isSigner(bytes32 party, address signer, uint64 timestamp) external view returns (bool);

    /// @notice Whether `party` was admitted.
    function isParty(bytes32 party) external view returns (bool);

    /// @notice Block time of the admission of `party`; 0 when it was never admitted.
    function admittedAt(bytes32 party) external view returns (uint64);

    /// @notice Whether `operator` may seal batches now.
    function isOperator(address operator) external view returns (bool);

    /// @notice The version of this contract, "major.minor.patch".
    function version() external pure returns (string memory);
}
