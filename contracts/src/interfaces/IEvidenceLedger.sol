// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IPartyRegistry} from "./IPartyRegistry.sol";

/// @title IEvidenceLedger
/// @notice One append-only log of evidence per party, of which the chain keeps the head alone.
/// @dev A subject is the party id whose log an entry enters. Operators append entries in batches; each batch touches each
/// of its subjects once, whatever the number of its entries. All hashes are keccak256, all encodings `abi.encode`:
///
///     entry leaf    keccak256(keccak256(subject, index, evidenceId, signaturesHash))
///     subject root  tree over the entry leaves of one subject in this batch, by index
///     subject leaf  keccak256(keccak256(subject, root, count))
///     batch root    tree over the subject leaves of this batch, by subject
///     head'         keccak256(head, operator, batchId, count, root, block.timestamp), starting from zero
///
/// A tree has the shape of RFC 6962: `n` leaves split at the largest power of two below `n`; a tree of one leaf is that
/// leaf. Its inner node is `keccak256(min(a, b), max(a, b))`, so that OpenZeppelin's MerkleProof verifies it.
///
/// There are no immutables, so that the runtime code is the same for every deployment: a verifier compares the code hash
/// in an account proof with the one published, and proves storage slot 0, the registry, beside it. An immutable
/// registry would stand in the code and give each deployment a hash of its own. No function changes the slot.
interface IEvidenceLedger {
    /// @notice What a batch appends to the log of one subject.
    /// @param subject The party id, not zero.
    /// @param root Root over the leaves of the subject's entries in this batch, not zero.
    /// @param count Number of these entries, not zero.
    struct Append {
        bytes32 subject;
        bytes32 root;
        uint32 count;
    }

    /// @notice One entry of a subject's log, as its leaf commits to it.
    /// @param subject The party id whose log holds the entry.
    /// @param index The entry's place among this batch's entries of the subject, from 0.
    /// @param evidenceId EIP-712 digest of the evidence.
    /// @param signaturesHash keccak256 of the subject and the signatures over the evidence, joined: particular to this log, so
    /// that whoever is shown one entry can't find the same evidence in the log of another subject.
    struct Entry {
        bytes32 subject;
        uint32 index;
        bytes32 evidenceId;
        bytes32 signaturesHash;
    }

    /// @notice An operator sealed a batch.
    /// @dev The events of an operator, with the timestamps of their blocks, rebuild all that this contract stores.
    /// @param operator Who sealed it.
    /// @param batchId The number of the batch among those of this operator, from 0, without a gap.
    /// @param root The batch root.
    /// @param appends All appends, strictly ascending by subject.
    event Sealed(address indexed operator, uint64 indexed batchId, bytes32 root, Append[] appends);

    /// @notice The ledger was given a registry at an address without code.
    error RegistryWithoutCode(address registry);

    /// @notice The sender is not a registered operator.
    error NotOperator(address account);

    /// @notice The batch id is not the operator's next.
    error UnexpectedBatchId(address operator, uint64 expected, uint64 actual);

    /// @notice The batch appends nothing.
    error EmptyBatch(uint64 batchId);

    /// @notice The batch appends to more subjects than one batch may.
    error BatchTooLarge(uint64 batchId, uint256 size, uint256 limit);

    /// @notice The append at `position` names subject zero.
    error ZeroSubject(uint256 position);

    /// @notice The append at `position` names a subject that is not above the one before it.
    error SubjectsNotAscending(uint256 position, bytes32 previous, bytes32 subject);

    /// @notice The append at `position` has root zero.
    error ZeroRoot(uint256 position, bytes32 subject);

    /// @notice The append at `position` has count zero.
    error ZeroCount(uint256 position, bytes32 subject);

    /// @notice Appends to the log of every subject in `appends`, as batch `batchId` of the sender, a registered operator.
    /// @dev Naming the batch makes a resend harmless: it reverts with `UnexpectedBatchId` once the first was mined. Batches
    /// are numbered by operator, so that nobody can take another's number or make another's batch revert.
    /// @dev Warning: the ledger cannot see entries. Signatures, counts and the entries behind a root are checked by every
    /// verifier; an operator that seals a root it never opens leaves "withheld entries" in that log for all to see.
    /// @dev Warning: a subject need not be an admitted party; verifiers check that.
    /// @dev Warning: entries are dated by `block.timestamp`, which is as honest as the chain's validators.
    /// @dev Warning: the batch must fit into one transaction: about 9 thousand gas for a subject touched before, about 26
    /// thousand for a new one.
    /// @param batchId Equal to `nextBatch(msg.sender)`.
    /// @param appends Not empty, strictly ascending by subject.
    function seal(uint64 batchId, Append[] calldata appends) external;

    /// @notice The number of subjects that one batch may touch at most.
    /// @dev Slightly more than fit into one transaction under EIP-7825 when all were touched before.
    function MAX_BATCH_SUBJECTS() external view returns (uint256);

    /// @notice The registry that says who is an operator, and who may sign; fixed at deployment.
    function registry() external view returns (IPartyRegistry);

    /// @notice Head of the log of `subject`; zero when nothing was ever appended.
    function head(bytes32 subject) external view returns (bytes32);

    /// @notice The id of the next batch of `operator`, which is the number of those it sealed.
    function nextBatch(address operator) external view returns (uint64);

    /// @notice Root of batch `batchId` of `operator`; zero when it is not sealed.
    function batchRoot(address operator, uint64 batchId) external view returns (bytes32);

    /// @notice Whether `entry` stands in batch `batchId` of `operator`.
    /// @dev Warning: this proves that the operator sealed it, not that its signatures are good, nor that its parties agreed.
    /// @dev Warning: pairs are hashed in sorted order, so a proof does not show at which place a leaf stands. `entry.index`
    /// is what the operator wrote into the leaf; only the complete list of a subject's entries proves it right.
    /// @param operator Who sealed the batch.
    /// @param batchId The batch.
    /// @param entry The entry.
    /// @param entryProof Path from the entry leaf to the subject root, leaf's sibling first.
    /// @param count Number of entries of the subject in this batch.
    /// @param subjectProof Path from the subject leaf to the batch root, leaf's sibling first.
    function verifyInclusion(
        address operator,
        uint64 batchId,
        Entry calldata entry,
        bytes32[] calldata entryProof,
        uint32 count,
        bytes32[] calldata subjectProof
    ) external view returns (bool);

    /// @notice The version of this contract, "major.minor.patch".
    function version() external pure returns (string memory);
}
