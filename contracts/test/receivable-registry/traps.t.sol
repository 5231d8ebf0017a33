// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Vm} from "forge-std/Vm.sol";

import {IReceivableRegistry} from "../../src/interfaces/IReceivableRegistry.sol";
import {ReceivableRegistry} from "../../src/ReceivableRegistry.sol";
import {ReceivableBase} from "./ReceivableBase.t.sol";

/// @notice Defects that were found in registries of the same kind, one number each, tried on this one. Numbers that
/// are missing concern bulk calls (9) and software beside a contract: indexers (4), error pages (15), digests (17).
contract TrapsTest is ReceivableBase {
    /// @dev 1: a key that anyone can take first blocks its owner. The buyer has the invoice in its log, and with a
    /// colluding financier it pledges the same ids.
    function test_T1_TheBuyerAndAColludingFinancierDoNotBlockTheSupplier() public {
        IReceivableRegistry.PledgeTerms memory theirs = pledgeTerms();
        (theirs.supplier, theirs.financier) = (BUYER, OTHER_FINANCIER);
        bytes32 taken = pledge(theirs);
        assertEq(receivables.takenSince(SUPPLIER, RECEIVABLE, FINGERPRINT), 0, "taken");
        bytes32 name = pledge();
        assertTrue(receivables.isActive(name) && receivables.isActive(taken), "both are active");
        assertEq(receivables.lastPledge(SUPPLIER, RECEIVABLE), name, "lastPledge");
        assertEq(receivables.lastPledgeOfFingerprint(SUPPLIER, FINGERPRINT), name, "lastPledgeOfFingerprint");
    }

    /// @dev 1: who relays first what is public brings about exactly what the parties signed.
    function test_T1_WhoRelaysFirstDoesNoHarm() public {
        bytes32 name = nameOf(pledgeTerms());
        vm.prank(makeAddr("front-runner"));
        receivables.pledge(
            pledgeTerms(), inclusionOf[SUPPLIER][RECEIVABLE], signAs(SUPPLIER, name), signAs(FINANCIER, name)
        );
        expectReceivableTaken(RECEIVABLE, NOW);
        pledge();
        assertPledge(name, pledgeTerms(), FINANCIER, NOW, 0);
    }

    /// @dev 1: cancelling what nobody else saw says nothing about the receivable.
    function test_T1_ACancellationByOneFinancierDoesNotBlockAnother() public {
        IReceivableRegistry.PledgeTerms memory theirs = pledgeTerms();
        theirs.financier = OTHER_FINANCIER;
        cancel(theirs, OTHER_FINANCIER);
        assertTrue(receivables.isActive(pledge()), "active");
    }

    /// @dev 2: with ordered nonces a lost signature blocks those after it. Of three here, one is lost and comes last.
    function testFuzz_T2_ALostSignatureBlocksNothing(bytes32[3] memory nonces) public {
        bytes32[3] memory ids = [RECEIVABLE, OTHER_RECEIVABLE, SECOND_EVIDENCE];
        for (uint256 i = 3; i > 0; i--) {
            IReceivableRegistry.PledgeTerms memory terms = pledgeTerms();
            (terms.receivable, terms.nonce) = (ids[i - 1], nonces[i - 1]);
            terms.fingerprint = keccak256(abi.encode("fingerprint of", ids[i - 1]));
            assertTrue(receivables.isActive(pledge(terms)), "active");
        }
    }

    /// @dev 3: an event that names no account can't be found. All four name the receivable, the fingerprint and the
    /// supplier in their topics, and are found by any of them.
    function test_T3_EveryEventNamesWhatItIsAbout() public {
        vm.recordLogs();
        bytes32 name = pledge();
        cancel(returnTerms(name), OTHER_FINANCIER);
        transfer(transferTerms(name));
        IReceivableRegistry.ReleaseTerms memory terms = releaseTerms(name);
        terms.financier = OTHER_FINANCIER;
        release(terms);

        Vm.Log[] memory entries = vm.getRecordedLogs();
        bytes32[4] memory events = [
            IReceivableRegistry.Pledged.selector,
            IReceivableRegistry.Cancelled.selector,
            IReceivableRegistry.Transferred.selector,
            IReceivableRegistry.Released.selector
        ];
        assertEq(entries.length, events.length, "one event each");
        for (uint256 i = 0; i < events.length; i++) {
            assertEq(entries[i].emitter, address(receivables), "emitter");
            assertEq(entries[i].topics[0], events[i], "event");
            assertEq(entries[i].topics[1], RECEIVABLE, "receivable");
            assertEq(entries[i].topics[2], FINGERPRINT, "fingerprint");
            assertEq(entries[i].topics[3], SUPPLIER, "supplier");
        }
    }

    /// @dev 5: the relayer taken for the actor. Two runs that differ by sender and origin alone leave the same words in
    /// storage and the same logs.
    function testFuzz_T5_TheRelayerIsRecordedNowhere(address relayer) public {
        uint256 before = vm.snapshotState();
        bytes32 first = _footprint(STRANGER);
        vm.revertToState(before);
        assertEq(_footprint(relayer), first);
    }

    /// @dev 6: logs of the same topics by another contract. What the registry did not emit is not its word.
    function test_T6_AnotherInstanceEmitsUnderItsOwnAddress() public {
        ReceivableRegistry other = ReceivableRegistry(deployContract("ReceivableRegistry", abi.encode(ledger)));
        bytes32 name = other.hashPledge(pledgeTerms());
        vm.expectEmit(address(other));
        emit IReceivableRegistry.Pledged(RECEIVABLE, FINGERPRINT, SUPPLIER, name, FINANCIER, NOW, EXPIRES_AT);
        other.pledge(pledgeTerms(), inclusionOf[SUPPLIER][RECEIVABLE], signAs(SUPPLIER, name), signAs(FINANCIER, name));
        assertEq(receivables.takenSince(SUPPLIER, RECEIVABLE, FINGERPRINT), 0, "taken here");
    }

    /// @dev 7: an author given as an argument, or taken from the sender. Sending it oneself replaces no signature.
    function test_T7_ThePartyThatSendsMustSignToo() public {
        bytes32 name = nameOf(pledgeTerms());
        bytes memory bySupplier = signAs(SUPPLIER, name);
        expectNotSigner(FINANCIER, signerOf(SUPPLIER));
        vm.prank(signerOf(FINANCIER));
        receivables.pledge(pledgeTerms(), inclusionOf[SUPPLIER][RECEIVABLE], bySupplier, bySupplier);

        pledge();
        bytes memory byStranger = sign(keyOf("nobody"), nameOf(releaseTerms(name)));
        expectNotSigner(FINANCIER, signerOf("nobody"));
        vm.prank(signerOf(FINANCIER));
        receivables.release(releaseTerms(name), byStranger);
    }

    /// @dev 7: the admin and the registrar hold no key to a pledge.
    function test_T7_NoRoleActsForAParty() public {
        bytes32 name = pledge();
        address[3] memory roles = [ADMIN, REGISTRAR, OPERATOR];
        for (uint256 i = 0; i < roles.length; i++) {
            bytes memory signature = sign(keyOf("nobody"), nameOf(releaseTerms(name)));
            expectNotSigner(FINANCIER, signerOf("nobody"));
            vm.prank(roles[i]);
            receivables.release(releaseTerms(name), signature);
        }
    }

    /// @dev 8: signatures without chain, contract or deadline. All four kinds, under the domain of another instance.
    function test_T8_NothingSignedForAnotherInstanceIsGood() public {
        ReceivableRegistry other = ReceivableRegistry(deployContract("ReceivableRegistry", abi.encode(ledger)));
        _assertForeign(domainSeparator(block.chainid, address(other)));
    }

    /// @dev 10: a release without its time. It is the block's, and stays.
    function testFuzz_T10_TheTimeOfAReleaseIsKept(uint64 time) public {
        bytes32 name = pledge();
        time = uint64(bound(time, NOW, DEADLINE));
        vm.warp(time);
        release(releaseTerms(name));
        vm.warp(type(uint64).max);
        assertPledge(name, pledgeTerms(), FINANCIER, NOW, time);
    }

    /// @dev 11: signatures that are stored and never checked. Any 65 bytes that happen to be well-formed are of nobody.
    function testFuzz_T11_WellFormedBytesAreNoSignature(uint256 r, uint256 s, bool odd) public {
        bytes32 name = nameOf(pledgeTerms());
        bytes memory made = abi.encodePacked(bound(r, 1, ORDER - 1), bound(s, 1, ORDER / 2), odd ? 28 : uint8(27));
        address signer = recovered(name, made);
        if (signer == address(0)) vm.expectRevert(bytes4(keccak256("ECDSAInvalidSignature()")));
        else expectNotSigner(SUPPLIER, signer);
        pledge(pledgeTerms(), inclusionOf[SUPPLIER][RECEIVABLE], made, signAs(FINANCIER, name));
        assertEq(receivables.takenSince(SUPPLIER, RECEIVABLE, FINGERPRINT), 0, "taken");
    }

    /// @dev 12: what was signed is replaced afterwards, by one of the signers. Whatever supplier and financier do with
    /// other terms, the pledge stays as both signed it.
    function test_T12_NoSignerChangesWhatBothSigned() public {
        bytes32 name = pledge();
        IReceivableRegistry.PledgeTerms memory longer = pledgeTerms();
        (longer.expiresAt, longer.nonce) = (EXPIRES_AT + 365 days, OTHER_NONCE);
        expectReceivableTaken(RECEIVABLE, NOW);
        pledge(longer);
        cancel(longer, SUPPLIER);
        cancel(longer, FINANCIER);
        assertPledge(name, pledgeTerms(), FINANCIER, NOW, 0);
    }

    /// @dev 12: authorised by the origin of the transaction. The origin may be a party's account, and gives no power.
    function test_T12_TheOriginGivesNoPower() public {
        bytes32 name = pledge();
        bytes memory signature = sign(keyOf("nobody"), nameOf(releaseTerms(name)));
        expectNotSigner(FINANCIER, signerOf("nobody"));
        vm.prank(STRANGER, signerOf(FINANCIER));
        receivables.release(releaseTerms(name), signature);
    }

    /// @dev 13: signers and times as the caller says. Times that are kept are the block's, and signers the registry's.
    function testFuzz_T13_TimesAreTheBlocks(uint64 first, uint64 second) public {
        first = uint64(bound(first, NOW, DEADLINE));
        second = uint64(bound(second, first, DEADLINE));
        vm.warp(first);
        bytes32 name = pledge();
        vm.warp(second);
        bytes32 released = release(releaseTerms(name));
        assertPledge(name, pledgeTerms(), FINANCIER, first, second);
        assertClosed(SUPPLIER, name, first);
        assertClosed(FINANCIER, released, second);
    }

    /// @dev 14: what is anchored is overwritten without a word. Every pledge of one receivable keeps its record.
    function testFuzz_T14_NoPledgeOverwritesAnother(uint8 seed) public {
        uint256 rounds = bound(seed, 2, 6);
        IReceivableRegistry.PledgeTerms memory terms = pledgeTerms();
        bytes32[] memory names = new bytes32[](rounds);
        uint64 time = NOW;
        for (uint256 i = 0; i < rounds; i++) {
            vm.warp(time++);
            terms.nonce = bytes32(i);
            names[i] = pledge(terms);
            release(releaseTerms(names[i]));
        }
        for (uint256 i = rounds; i > 0; i--) {
            time--;
            assertPledge(names[i - 1], terms, FINANCIER, time, time);
        }
        assertEq(receivables.lastPledge(SUPPLIER, RECEIVABLE), names[rounds - 1], "lastPledge");
    }

    /// @dev 16: proofs that do not say of which chain they are. All four kinds, under the domain of another chain.
    function testFuzz_T16_NothingSignedForAnotherChainIsGood(uint64 chainId) public {
        _assertForeign(domainSeparator(chainId == block.chainid ? 1 : chainId, address(receivables)));
    }

    /// @dev 16: a chain splits. What was signed before is good on the old branch alone, and what is pledged stays
    /// pledged on both, under its old name.
    function test_T16_AfterASplitThePledgeHoldsAndOldSignaturesDoNot() public {
        bytes32 name = pledge();
        bytes memory signature = signAs(FINANCIER, nameOf(releaseTerms(name)));
        vm.chainId(61);
        assertTrue(receivables.isActive(name), "active");
        expectReceivableTaken(RECEIVABLE, NOW);
        pledge();
        bytes32 renamed = digestUnder(domainSeparator(61, address(receivables)), structOf(releaseTerms(name)));
        expectNotSigner(FINANCIER, recovered(renamed, signature));
        release(releaseTerms(name), signature);
        release(releaseTerms(name), signAs(FINANCIER, renamed));
        assertFalse(receivables.isActive(name), "active after its release");
    }

    /// @dev 18: what was revoked or ran out is still presented as good. Both are asked when it counts.
    function test_T18_StatusIsThatOfTheMoment() public {
        bytes32 name = pledge();
        bytes memory signature = signAs(FINANCIER, nameOf(releaseTerms(name)));
        vm.prank(REGISTRAR);
        registry.revokeSigner(FINANCIER, signerOf(FINANCIER));
        expectNotSigner(FINANCIER, signerOf(FINANCIER));
        release(releaseTerms(name), signature);
        assertTrue(receivables.isActive(name), "a revoked signer ends no pledge");
        vm.warp(EXPIRES_AT);
        assertFalse(receivables.isActive(name), "but time does");
    }

    /// @dev 19: the signature of a wrong party accepted. Each signature stands in the place of its party.
    function test_T19_EachSignatureIsOfItsParty() public {
        bytes32 name = nameOf(pledgeTerms());
        bytes32[4] memory parties = [SUPPLIER, FINANCIER, BUYER, OTHER_FINANCIER];
        for (uint256 i = 0; i < 4; i++) {
            for (uint256 j = 0; j < 4; j++) {
                if (i == 0 && j == 1) continue;
                bytes32 wrong = i == 0 ? FINANCIER : SUPPLIER;
                expectNotSigner(wrong, signerOf(i == 0 ? parties[j] : parties[i]));
                pledge(
                    pledgeTerms(), inclusionOf[SUPPLIER][RECEIVABLE], signAs(parties[i], name), signAs(parties[j], name)
                );
            }
        }
        pledge();
    }

    /// @dev A pledge, its cancellation, a transfer and a release fail when the parties signed under `separator`.
    function _assertForeign(bytes32 separator) private {
        bytes32 name = nameOf(pledgeTerms());
        bytes32 foreign = digestUnder(separator, structOf(pledgeTerms()));
        expectNotSigner(SUPPLIER, recovered(name, signAs(SUPPLIER, foreign)));
        pledge(pledgeTerms(), inclusionOf[SUPPLIER][RECEIVABLE], signAs(SUPPLIER, foreign), signAs(FINANCIER, foreign));

        bytes memory signature = signAs(SUPPLIER, digestUnder(separator, structOfCancellation(SUPPLIER, foreign)));
        expectNotSigner(SUPPLIER, recovered(digestOf(structOfCancellation(SUPPLIER, name)), signature));
        cancel(pledgeTerms(), SUPPLIER, signature);

        pledge();
        foreign = digestUnder(separator, structOf(transferTerms(name)));
        expectNotSigner(FINANCIER, recovered(nameOf(transferTerms(name)), signAs(FINANCIER, foreign)));
        transfer(transferTerms(name), signAs(FINANCIER, foreign), signAs(OTHER_FINANCIER, foreign));

        foreign = digestUnder(separator, structOf(releaseTerms(name)));
        expectNotSigner(FINANCIER, recovered(nameOf(releaseTerms(name)), signAs(FINANCIER, foreign)));
        release(releaseTerms(name), signAs(FINANCIER, foreign));
    }

    /// @dev All five calls, relayed by `relayer`: a hash of what they wrote and emitted.
    function _footprint(address relayer) private returns (bytes32) {
        bytes32 name = nameOf(pledgeTerms());
        bytes32 moved = nameOf(transferTerms(name));
        IReceivableRegistry.ReleaseTerms memory ending = releaseTerms(name);
        ending.financier = OTHER_FINANCIER;
        IReceivableRegistry.PledgeTerms memory unused = pledgeTerms();
        unused.nonce = OTHER_NONCE;
        IReceivableRegistry.TransferTerms memory unusedReturn = returnTerms(name);

        vm.recordLogs();
        vm.record();
        vm.startPrank(relayer, relayer);
        receivables.pledge(
            pledgeTerms(), inclusionOf[SUPPLIER][RECEIVABLE], signAs(SUPPLIER, name), signAs(FINANCIER, name)
        );
        receivables.cancelPledge(unused, SUPPLIER, signCancellation(SUPPLIER, nameOf(unused)));
        receivables.cancelTransfer(unusedReturn, FINANCIER, signCancellation(FINANCIER, nameOf(unusedReturn)));
        receivables.transfer(transferTerms(name), signAs(FINANCIER, moved), signAs(OTHER_FINANCIER, moved));
        receivables.release(ending, signAs(OTHER_FINANCIER, nameOf(ending)));
        vm.stopPrank();

        (, bytes32[] memory slots) = vm.accesses(address(receivables));
        bytes32[] memory words = new bytes32[](slots.length);
        for (uint256 i = 0; i < slots.length; i++) {
            words[i] = vm.load(address(receivables), slots[i]);
        }
        return keccak256(abi.encode(slots, words, vm.getRecordedLogs()));
    }
}
