// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

import {ReceivableRegistry} from "../../src/ReceivableRegistry.sol";
import {ReceivableBase} from "./ReceivableBase.t.sol";

/// @notice What holds of each of the seven signatures that the contract takes: every test is fuzzed over all of them.
contract SignaturesTest is ReceivableBase {
    enum Slot {
        PledgeBySupplier,
        PledgeByFinancier,
        TransferByOldFinancier,
        TransferByNewFinancier,
        Release,
        CancelPledge,
        CancelTransfer
    }

    Slot internal slot;

    /// @dev The pledge that is transferred or released; none is made where that pledge is under test itself.
    bytes32 internal name;

    modifier forEach(uint8 seed) {
        slot = Slot(seed % 7);
        name = nameOf(pledgeTerms());
        if (slot >= Slot.TransferByOldFinancier && slot != Slot.CancelPledge) pledge();
        _;
    }

    // Malformed

    function testFuzz_RevertWhen_TheSignatureIsEmpty(uint8 seed) public forEach(seed) {
        vm.expectRevert(abi.encodeWithSelector(ECDSA.ECDSAInvalidSignatureLength.selector, 0));
        submit("");
    }

    function testFuzz_RevertWhen_TheSignatureIsCompact(uint8 seed) public forEach(seed) {
        (bytes32 r, bytes32 s, uint8 v) = split(_good());
        vm.expectRevert(abi.encodeWithSelector(ECDSA.ECDSAInvalidSignatureLength.selector, 64));
        submit(abi.encodePacked(r, bytes32(uint256(s) | uint256(v - 27) << 255)));
    }

    function testFuzz_RevertWhen_TheSignatureHasAByteTooMany(uint8 seed) public forEach(seed) {
        vm.expectRevert(abi.encodeWithSelector(ECDSA.ECDSAInvalidSignatureLength.selector, 66));
        submit(bytes.concat(_good(), hex"00"));
    }

    function testFuzz_RevertWhen_TheSignatureIsNot65BytesLong(uint8 seed, bytes memory signature) public forEach(seed) {
        if (signature.length == 65) signature = bytes.concat(signature, hex"00");
        vm.expectRevert(abi.encodeWithSelector(ECDSA.ECDSAInvalidSignatureLength.selector, signature.length));
        submit(signature);
    }

    function testFuzz_RevertWhen_VIsAParityOr29(uint8 seed) public forEach(seed) {
        (bytes32 r, bytes32 s, uint8 v) = split(_good());
        uint8[4] memory wrong = [0, 1, 29, v - 27];
        for (uint256 i = 0; i < wrong.length; i++) {
            vm.expectRevert(ECDSA.ECDSAInvalidSignature.selector);
            submit(abi.encodePacked(r, s, wrong[i]));
        }
    }

    function testFuzz_RevertWhen_VIsNeither27Nor28(uint8 seed, uint8 v) public forEach(seed) {
        if (v == 27 || v == 28) v -= 27;
        (bytes32 r, bytes32 s,) = split(_good());
        vm.expectRevert(ECDSA.ECDSAInvalidSignature.selector);
        submit(abi.encodePacked(r, s, v));
    }

    function testFuzz_RevertWhen_RIsZero(uint8 seed) public forEach(seed) {
        (, bytes32 s, uint8 v) = split(_good());
        vm.expectRevert(ECDSA.ECDSAInvalidSignature.selector);
        submit(abi.encodePacked(bytes32(0), s, v));
    }

    function testFuzz_RevertWhen_RIsNotBelowTheOrder(uint8 seed, uint256 r) public forEach(seed) {
        (, bytes32 s, uint8 v) = split(_good());
        vm.expectRevert(ECDSA.ECDSAInvalidSignature.selector);
        submit(abi.encodePacked(bound(r, ORDER, type(uint256).max), s, v));
    }

    function testFuzz_RevertWhen_RIsOfNoPoint(uint8 seed) public forEach(seed) {
        // 5**3 + 7 is no square modulo the field's prime.
        (, bytes32 s, uint8 v) = split(_good());
        vm.expectRevert(ECDSA.ECDSAInvalidSignature.selector);
        submit(abi.encodePacked(uint256(5), s, v));
    }

    function testFuzz_RevertWhen_SIsZero(uint8 seed) public forEach(seed) {
        (bytes32 r,, uint8 v) = split(_good());
        vm.expectRevert(ECDSA.ECDSAInvalidSignature.selector);
        submit(abi.encodePacked(r, bytes32(0), v));
    }

    function testFuzz_RevertWhen_SIsAboveHalfTheOrder(uint8 seed, uint256 high) public forEach(seed) {
        bytes32 s = bytes32(bound(high, ORDER / 2 + 1, type(uint256).max));
        (bytes32 r,, uint8 v) = split(_good());
        vm.expectRevert(abi.encodeWithSelector(ECDSA.ECDSAInvalidSignatureS.selector, s));
        submit(abi.encodePacked(r, s, v));
    }

    function testFuzz_RevertWhen_TheSignatureIsTheTwinOfAGoodOne(uint8 seed) public forEach(seed) {
        (bytes32 r, bytes32 s, uint8 v) = split(_good());
        bytes32 twin = bytes32(ORDER - uint256(s));
        assertEq(ecrecover(digestOf(structHash()), 55 - v, r, twin), signerOf(party()), "same signer");
        vm.expectRevert(abi.encodeWithSelector(ECDSA.ECDSAInvalidSignatureS.selector, twin));
        submit(abi.encodePacked(r, twin, 55 - v));
    }

    // Of something else

    function testFuzz_RevertWhen_AnotherDigestWasSigned(uint8 seed, bytes32 signed) public forEach(seed) {
        _submitOver(otherThan(digestOf(structHash()), signed));
    }

    function testFuzz_RevertWhen_TheStructHashWasSignedWithoutADomain(uint8 seed) public forEach(seed) {
        _submitOver(structHash());
    }

    function testFuzz_RevertWhen_TheDigestWasSignedAsAPersonalMessage(uint8 seed) public forEach(seed) {
        _submitOver(keccak256(abi.encodePacked("\x19Ethereum Signed Message:\n32", digestOf(structHash()))));
    }

    function testFuzz_RevertWhen_SignedForAnotherChain(uint8 seed, uint64 chainId) public forEach(seed) {
        uint256 other = chainId == block.chainid ? 1 : chainId;
        _submitOver(digestUnder(domainSeparator(other, address(receivables)), structHash()));
    }

    function testFuzz_RevertWhen_SignedForAnotherInstance(uint8 seed) public forEach(seed) {
        ReceivableRegistry other = ReceivableRegistry(deployContract("ReceivableRegistry", abi.encode(ledger)));
        _submitOver(digestUnder(domainSeparator(block.chainid, address(other)), structHash()));
    }

    function testFuzz_RevertWhen_SignedForTheLedger(uint8 seed) public forEach(seed) {
        _submitOver(digestUnder(domainSeparator(block.chainid, address(ledger)), structHash()));
    }

    // By somebody else

    function testFuzz_RevertWhen_AStrangerSigned(uint8 seed, uint256 key) public forEach(seed) {
        key = bound(key, 1, ORDER - 1);
        expectNotSigner(party(), vm.addr(key));
        submit(sign(key, digestOf(structHash())));
    }

    function testFuzz_RevertWhen_ASignerOfAnotherPartySigned(uint8 seed) public forEach(seed) {
        bytes32[4] memory parties = [SUPPLIER, BUYER, FINANCIER, OTHER_FINANCIER];
        for (uint256 i = 0; i < parties.length; i++) {
            if (parties[i] == party()) continue;
            expectNotSigner(party(), signerOf(parties[i]));
            submit(signAs(parties[i], digestOf(structHash())));
        }
    }

    function testFuzz_RevertGiven_TheSignerWasRevoked(uint8 seed, uint64 since) public forEach(seed) {
        vm.prank(signerOf(party()));
        registry.revokeSigner(party(), signerOf(party()));
        vm.warp(bound(since, NOW, DEADLINE));
        expectNotSigner(party(), signerOf(party()));
        submit(_good());
    }

    function testFuzz_RevertGiven_TheSignerIsNotYetAdded(uint8 seed, uint256 account) public forEach(seed) {
        uint256 key = keyOf(keccak256(abi.encode("later signer", account)));
        expectNotSigner(party(), vm.addr(key));
        submit(sign(key, digestOf(structHash())));
    }

    // Good

    function testFuzz_GivenTheSignerWasAddedSinceItSigned(uint8 seed, uint256 account) public forEach(seed) {
        uint256 key = keyOf(keccak256(abi.encode("later signer", account)));
        bytes memory signature = sign(key, digestOf(structHash()));
        vm.prank(REGISTRAR);
        registry.addSigner(party(), vm.addr(key));
        submit(signature);
        assertClosed(party(), authorisation(), NOW);
    }

    function testFuzz_GivenAnotherSignerOfThePartyWasRevoked(uint8 seed, uint256 account) public forEach(seed) {
        uint256 key = keyOf(keccak256(abi.encode("newer signer", account)));
        vm.startPrank(REGISTRAR);
        registry.addSigner(party(), vm.addr(key));
        registry.revokeSigner(party(), signerOf(party()));
        vm.stopPrank();
        submit(sign(key, digestOf(structHash())));
        assertClosed(party(), authorisation(), NOW);
    }

    function testFuzz_WhenACurrentSignerSigned(uint8 seed) public forEach(seed) {
        assertClosed(party(), authorisation(), 0);
        submit(_good());
        assertClosed(party(), authorisation(), NOW);
    }

    /// @dev Whose signature is under test.
    function party() private view returns (bytes32) {
        if (slot == Slot.PledgeBySupplier || slot == Slot.CancelPledge) return SUPPLIER;
        return slot == Slot.TransferByNewFinancier || slot == Slot.CancelTransfer ? OTHER_FINANCIER : FINANCIER;
    }

    /// @dev The EIP-712 struct hash that it signs.
    function structHash() private view returns (bytes32) {
        if (slot <= Slot.PledgeByFinancier) return structOf(pledgeTerms());
        if (slot <= Slot.TransferByNewFinancier) return structOf(transferTerms(name));
        if (slot == Slot.Release) return structOf(releaseTerms(name));
        return structOfCancellation(party(), authorisation());
    }

    /// @dev The authorisation that the call closes for it.
    function authorisation() private view returns (bytes32) {
        if (slot == Slot.CancelPledge) return name;
        if (slot == Slot.CancelTransfer) return nameOf(transferTerms(name));
        return digestOf(structHash());
    }

    /// @dev Calls the function with `signature` as the party's, and all else as it should be.
    function submit(bytes memory signature) private {
        bytes32 signed = digestOf(structHash());
        if (slot == Slot.PledgeBySupplier) {
            pledge(pledgeTerms(), inclusionOf[SUPPLIER][RECEIVABLE], signature, signAs(FINANCIER, signed));
        } else if (slot == Slot.PledgeByFinancier) {
            pledge(pledgeTerms(), inclusionOf[SUPPLIER][RECEIVABLE], signAs(SUPPLIER, signed), signature);
        } else if (slot == Slot.TransferByOldFinancier) {
            transfer(transferTerms(name), signature, signAs(OTHER_FINANCIER, signed));
        } else if (slot == Slot.TransferByNewFinancier) {
            transfer(transferTerms(name), signAs(FINANCIER, signed), signature);
        } else if (slot == Slot.Release) {
            release(releaseTerms(name), signature);
        } else if (slot == Slot.CancelPledge) {
            cancel(pledgeTerms(), SUPPLIER, signature);
        } else {
            cancel(transferTerms(name), OTHER_FINANCIER, signature);
        }
    }

    function _good() private view returns (bytes memory) {
        return signAs(party(), digestOf(structHash()));
    }

    /// @dev The party signs `signed`: for what is asked, that is the signature of an unknown account.
    function _submitOver(bytes32 signed) private {
        bytes memory signature = signAs(party(), signed);
        expectNotSigner(party(), recovered(digestOf(structHash()), signature));
        submit(signature);
    }
}
