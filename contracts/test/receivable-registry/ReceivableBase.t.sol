// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IReceivableRegistry} from "../../src/interfaces/IReceivableRegistry.sol";
import {BaseTest} from "../Base.t.sol";
import {SealedLogs} from "./SealedLogs.sol";

/// @notice Four parties, their invoices sealed among other entries, and one place for default terms: tests state only
/// what differs. All that is signed here is hashed by formulas of this file, never by the contract under test.
abstract contract ReceivableBase is BaseTest {
    bytes32 internal constant RECEIVABLE = keccak256("receivable");
    bytes32 internal constant SECOND_EVIDENCE = keccak256("second evidence of the same invoice");
    bytes32 internal constant OTHER_RECEIVABLE = keccak256("other receivable");
    bytes32 internal constant FINGERPRINT = keccak256("fingerprint");
    bytes32 internal constant OTHER_FINGERPRINT = keccak256("other fingerprint");
    bytes32 internal constant NONCE = keccak256("nonce");
    bytes32 internal constant OTHER_NONCE = keccak256("other nonce");

    /// @dev The time at which each test begins.
    uint64 internal constant NOW = START + 1 hours;
    uint64 internal constant DEADLINE = NOW + 1 days;
    uint64 internal constant EXPIRES_AT = NOW + 90 days;

    /// @dev The order of secp256k1.
    uint256 internal constant ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;

    bytes32 internal constant DOMAIN_TYPEHASH =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    string internal constant PLEDGE_TYPE = string.concat(
        "Pledge(bytes32 supplier,bytes32 receivable,bytes32 fingerprint,bytes32 financier,",
        "uint64 expiresAt,uint64 deadline,bytes32 nonce)"
    );
    string internal constant TRANSFER_TYPE =
        "Transfer(bytes32 pledge,bytes32 from,bytes32 to,uint64 deadline,bytes32 nonce)";
    string internal constant RELEASE_TYPE = "Release(bytes32 pledge,bytes32 financier,uint64 deadline,bytes32 nonce)";
    string internal constant CANCELLATION_TYPE = "Cancellation(bytes32 party,bytes32 authorisation)";

    SealedLogs internal sealedLogs;

    /// @dev Where the three receivables stand in the logs of supplier and buyer; empty for all else.
    mapping(bytes32 subject => mapping(bytes32 receivable => IReceivableRegistry.Inclusion)) internal inclusionOf;

    function setUp() public virtual override {
        super.setUp();
        admit(SUPPLIER);
        admit(BUYER);
        admit(FINANCIER);
        admit(OTHER_FINANCIER);
        sealedLogs = SealedLogs(deployCode("SealedLogs.sol"));

        // Both operators have batches 0 and 1, and batch 1 of OPERATOR alone holds the invoices.
        sealBatch(OPERATOR, sealedLogs.subjectsWith(SUPPLIER, BUYER, 1), someEvidence("earlier", 3));
        sealBatch(OTHER_OPERATOR, sealedLogs.subjectsWith(SUPPLIER, BUYER, 2), someEvidence("elsewhere", 2));
        sealBatch(OTHER_OPERATOR, sealedLogs.subjectsWith(SUPPLIER, BUYER, 0), someEvidence("elsewhere again", 5));
        bytes32[] memory evidence = someEvidence("invoices", 5);
        evidence[1] = OTHER_RECEIVABLE;
        evidence[2] = RECEIVABLE;
        evidence[4] = SECOND_EVIDENCE;
        SealedLogs.Batch memory invoices = sealBatch(OPERATOR, sealedLogs.subjectsWith(SUPPLIER, BUYER, 5), evidence);
        bytes32[3] memory receivablesOfBoth = [RECEIVABLE, SECOND_EVIDENCE, OTHER_RECEIVABLE];
        for (uint256 i = 0; i < 3; i++) {
            bytes32 receivable = receivablesOfBoth[i];
            inclusionOf[SUPPLIER][receivable] = sealedLogs.inclusionIn(invoices, SUPPLIER, receivable);
            inclusionOf[BUYER][receivable] = sealedLogs.inclusionIn(invoices, BUYER, receivable);
        }
        vm.warp(NOW);
    }

    // What the ledger holds

    function someEvidence(string memory label, uint256 count) internal pure returns (bytes32[] memory evidence) {
        evidence = new bytes32[](count);
        for (uint256 i = 0; i < count; i++) {
            evidence[i] = keccak256(abi.encode("evidence", label, i));
        }
    }

    function sealBatch(address operator, bytes32[] memory subjects, bytes32[] memory evidence)
        internal
        returns (SealedLogs.Batch memory batch)
    {
        batch = SealedLogs.Batch(operator, ledger.nextBatch(operator), subjects, evidence);
        seal(operator, sealedLogs.appendsOf(batch));
    }

    // Default terms

    function pledgeTerms() internal pure returns (IReceivableRegistry.PledgeTerms memory) {
        return IReceivableRegistry.PledgeTerms({
            supplier: SUPPLIER,
            receivable: RECEIVABLE,
            fingerprint: FINGERPRINT,
            financier: FINANCIER,
            expiresAt: EXPIRES_AT,
            deadline: DEADLINE,
            nonce: NONCE
        });
    }

    function transferTerms(bytes32 name) internal pure returns (IReceivableRegistry.TransferTerms memory) {
        return IReceivableRegistry.TransferTerms({
            pledge: name, from: FINANCIER, to: OTHER_FINANCIER, deadline: DEADLINE, nonce: NONCE
        });
    }

    /// @dev The way back of the default transfer.
    function returnTerms(bytes32 name) internal pure returns (IReceivableRegistry.TransferTerms memory terms) {
        terms = transferTerms(name);
        (terms.from, terms.to) = (OTHER_FINANCIER, FINANCIER);
    }

    function releaseTerms(bytes32 name) internal pure returns (IReceivableRegistry.ReleaseTerms memory) {
        return IReceivableRegistry.ReleaseTerms({pledge: name, financier: FINANCIER, deadline: DEADLINE, nonce: NONCE});
    }

    // What is signed

    function domainSeparator(uint256 chainId, address verifyingContract) internal pure returns (bytes32) {
        return
            keccak256(abi.encode(DOMAIN_TYPEHASH, keccak256("Tallystick"), keccak256("1"), chainId, verifyingContract));
    }

    function digestUnder(bytes32 separator, bytes32 structHash) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(hex"1901", separator, structHash));
    }

    function digestOf(bytes32 structHash) internal view returns (bytes32) {
        return digestUnder(domainSeparator(block.chainid, address(receivables)), structHash);
    }

    function structOf(IReceivableRegistry.PledgeTerms memory terms) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256(bytes(PLEDGE_TYPE)),
                terms.supplier,
                terms.receivable,
                terms.fingerprint,
                terms.financier,
                terms.expiresAt,
                terms.deadline,
                terms.nonce
            )
        );
    }

    function structOf(IReceivableRegistry.TransferTerms memory terms) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(keccak256(bytes(TRANSFER_TYPE)), terms.pledge, terms.from, terms.to, terms.deadline, terms.nonce)
        );
    }

    function structOf(IReceivableRegistry.ReleaseTerms memory terms) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(keccak256(bytes(RELEASE_TYPE)), terms.pledge, terms.financier, terms.deadline, terms.nonce)
        );
    }

    function structOfCancellation(bytes32 party, bytes32 authorisation) internal pure returns (bytes32) {
        return keccak256(abi.encode(keccak256(bytes(CANCELLATION_TYPE)), party, authorisation));
    }

    function nameOf(IReceivableRegistry.PledgeTerms memory terms) internal view returns (bytes32) {
        return digestOf(structOf(terms));
    }

    function nameOf(IReceivableRegistry.TransferTerms memory terms) internal view returns (bytes32) {
        return digestOf(structOf(terms));
    }

    function nameOf(IReceivableRegistry.ReleaseTerms memory terms) internal view returns (bytes32) {
        return digestOf(structOf(terms));
    }

    /// @dev The signature of `party` over what bears the name `digest`.
    function signAs(bytes32 party, bytes32 digest) internal pure returns (bytes memory) {
        return sign(keyOf(party), digest);
    }

    function signCancellation(bytes32 party, bytes32 authorisation) internal view returns (bytes memory) {
        return signAs(party, digestOf(structOfCancellation(party, authorisation)));
    }

    /// @dev Whom the contract takes for the signer when `signature` is given for `digest`.
    function recovered(bytes32 digest, bytes memory signature) internal pure returns (address) {
        (bytes32 r, bytes32 s, uint8 v) = split(signature);
        return ecrecover(digest, v, r, s);
    }

    function split(bytes memory signature) internal pure returns (bytes32 r, bytes32 s, uint8 v) {
        assembly ("memory-safe") {
            r := mload(add(signature, 0x20))
            s := mload(add(signature, 0x40))
            v := byte(0, mload(add(signature, 0x60)))
        }
    }

    // Calls as the parties mean them: each makes exactly one call to the contract, relayed by a stranger

    function pledge() internal returns (bytes32) {
        return pledge(pledgeTerms());
    }

    function pledge(IReceivableRegistry.PledgeTerms memory terms) internal returns (bytes32) {
        return pledge(terms, inclusionOf[terms.supplier][terms.receivable]);
    }

    function pledge(IReceivableRegistry.PledgeTerms memory terms, IReceivableRegistry.Inclusion memory where)
        internal
        returns (bytes32 name)
    {
        name = nameOf(terms);
        pledge(terms, where, signAs(terms.supplier, name), signAs(terms.financier, name));
    }

    function pledge(
        IReceivableRegistry.PledgeTerms memory terms,
        IReceivableRegistry.Inclusion memory where,
        bytes memory supplierSignature,
        bytes memory financierSignature
    ) internal {
        vm.prank(STRANGER);
        receivables.pledge(terms, where, supplierSignature, financierSignature);
    }

    function transfer(IReceivableRegistry.TransferTerms memory terms) internal returns (bytes32 name) {
        name = nameOf(terms);
        transfer(terms, signAs(terms.from, name), signAs(terms.to, name));
    }

    function transfer(
        IReceivableRegistry.TransferTerms memory terms,
        bytes memory fromSignature,
        bytes memory toSignature
    ) internal {
        vm.prank(STRANGER);
        receivables.transfer(terms, fromSignature, toSignature);
    }

    function release(IReceivableRegistry.ReleaseTerms memory terms) internal returns (bytes32 name) {
        name = nameOf(terms);
        release(terms, signAs(terms.financier, name));
    }

    function release(IReceivableRegistry.ReleaseTerms memory terms, bytes memory signature) internal {
        vm.prank(STRANGER);
        receivables.release(terms, signature);
    }

    function cancel(IReceivableRegistry.PledgeTerms memory terms, bytes32 party) internal {
        cancel(terms, party, signCancellation(party, nameOf(terms)));
    }

    function cancel(IReceivableRegistry.PledgeTerms memory terms, bytes32 party, bytes memory signature) internal {
        vm.prank(STRANGER);
        receivables.cancelPledge(terms, party, signature);
    }

    function cancel(IReceivableRegistry.TransferTerms memory terms, bytes32 party) internal {
        cancel(terms, party, signCancellation(party, nameOf(terms)));
    }

    function cancel(IReceivableRegistry.TransferTerms memory terms, bytes32 party, bytes memory signature) internal {
        vm.prank(STRANGER);
        receivables.cancelTransfer(terms, party, signature);
    }

    // Failures

    function expectNotSigner(bytes32 party, address signer) internal {
        vm.expectRevert(abi.encodeWithSelector(IReceivableRegistry.NotSigner.selector, party, signer));
    }

    function expectClosed(bytes32 party, bytes32 authorisation, uint64 closedAt) internal {
        vm.expectRevert(
            abi.encodeWithSelector(IReceivableRegistry.AuthorisationClosed.selector, party, authorisation, closedAt)
        );
    }

    function expectAuthorisationExpired(bytes32 authorisation, uint64 deadline, uint64 timestamp) internal {
        vm.expectRevert(
            abi.encodeWithSelector(
                IReceivableRegistry.AuthorisationExpired.selector, authorisation, deadline, timestamp
            )
        );
    }

    function expectReceivableTaken(bytes32 receivable, uint64 pledgedAt) internal {
        vm.expectRevert(abi.encodeWithSelector(IReceivableRegistry.ReceivableTaken.selector, receivable, pledgedAt));
    }

    function expectFingerprintTaken(bytes32 fingerprint, uint64 pledgedAt) internal {
        vm.expectRevert(abi.encodeWithSelector(IReceivableRegistry.FingerprintTaken.selector, fingerprint, pledgedAt));
    }

    function expectUnknownPledge(bytes32 name) internal {
        vm.expectRevert(abi.encodeWithSelector(IReceivableRegistry.UnknownPledge.selector, name));
    }

    function expectPledgeReleased(bytes32 name, uint64 releasedAt) internal {
        vm.expectRevert(abi.encodeWithSelector(IReceivableRegistry.PledgeReleased.selector, name, releasedAt));
    }

    function expectPledgeExpired(bytes32 name, uint64 expiresAt) internal {
        vm.expectRevert(abi.encodeWithSelector(IReceivableRegistry.PledgeExpired.selector, name, expiresAt));
    }

    function expectNotHolder(bytes32 name, bytes32 party) internal {
        vm.expectRevert(abi.encodeWithSelector(IReceivableRegistry.NotHolder.selector, name, party));
    }

    function expectNotConcerned(bytes32 authorisation, bytes32 party) internal {
        vm.expectRevert(abi.encodeWithSelector(IReceivableRegistry.NotConcerned.selector, authorisation, party));
    }

    // Fuzz input

    /// @dev Any value but zero.
    function nonZero(bytes32 value) internal pure returns (bytes32) {
        return value == 0 ? bytes32(uint256(1)) : value;
    }

    /// @dev Any value but `avoided`.
    function otherThan(bytes32 avoided, bytes32 value) internal pure returns (bytes32) {
        return value == avoided ? ~value : value;
    }

    /// @dev Any party but those of the base, admitted with its signer.
    function newParty(string memory role, bytes32 seed) internal returns (bytes32 party) {
        party = keccak256(abi.encode("new party", role, seed));
        admit(party);
    }

    // What is kept

    function assertPledge(
        bytes32 name,
        IReceivableRegistry.PledgeTerms memory terms,
        bytes32 holder,
        uint64 pledgedAt,
        uint64 releasedAt
    ) internal view {
        IReceivableRegistry.Pledge memory kept = receivables.pledgeOf(name);
        assertEq(kept.supplier, terms.supplier, "supplier");
        assertEq(kept.receivable, terms.receivable, "receivable");
        assertEq(kept.fingerprint, terms.fingerprint, "fingerprint");
        assertEq(kept.financier, holder, "financier");
        assertEq(kept.pledgedAt, pledgedAt, "pledgedAt");
        assertEq(kept.expiresAt, terms.expiresAt, "expiresAt");
        assertEq(kept.releasedAt, releasedAt, "releasedAt");
    }

    function assertClosed(bytes32 party, bytes32 authorisation, uint64 closedAt) internal view {
        assertEq(receivables.closedAt(party, authorisation), closedAt, "closedAt");
    }
}
