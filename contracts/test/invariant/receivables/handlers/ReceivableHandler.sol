// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {Vm} from "forge-std/Vm.sol";

import {IReceivableRegistry} from "../../../../src/interfaces/IReceivableRegistry.sol";
import {ReceivableRegistry} from "../../../../src/ReceivableRegistry.sol";
import {ReceivableBase} from "../../../receivable-registry/ReceivableBase.t.sol";
import {EventReplay} from "../stores/EventReplay.sol";
import {ReceivableStore} from "../stores/ReceivableStore.sol";

/// @notice Five parties that sign, keep, relay, repeat and take back whatever they like, while time passes and signers
/// come and go. Before each call the store says how it must end: success, or one error with its values.
contract ReceivableHandler is ReceivableBase {
    /// @dev Terms with the signatures as they were made; it may be relayed at once, later, again, or never.
    struct PledgePaper {
        IReceivableRegistry.PledgeTerms terms;
        Signature bySupplier;
        Signature byFinancier;
    }

    struct TransferPaper {
        IReceivableRegistry.TransferTerms terms;
        Signature byOld;
        Signature byNew;
    }

    struct ReleasePaper {
        IReceivableRegistry.ReleaseTerms terms;
        Signature byFinancier;
    }

    struct Signature {
        address signer;
        bytes content;
    }

    ReceivableStore public store;
    EventReplay public replay;

    PledgePaper[] private _pledgePapers;
    TransferPaper[] private _transferPapers;
    ReleasePaper[] private _releasePapers;

    /// @dev Every key a party ever had, revoked ones too.
    mapping(bytes32 party => uint256[] keys) private _keys;

    bytes32[5] private _parties = [SUPPLIER, BUYER, FINANCIER, OTHER_FINANCIER, keccak256("third financier")];
    bytes32[3] private _receivables = [RECEIVABLE, SECOND_EVIDENCE, OTHER_RECEIVABLE];
    bytes32[3] private _fingerprints = [FINGERPRINT, OTHER_FINGERPRINT, keccak256("third fingerprint")];

    constructor() {
        setUp();
        admit(_parties[4]);
        store = ReceivableStore(deployCode("ReceivableStore.sol"));
        replay = EventReplay(deployCode("test/invariant/receivables/stores/EventReplay.sol:EventReplay"));
        store.setTime(NOW);
        for (uint256 i = 0; i < _parties.length; i++) {
            _keys[_parties[i]].push(keyOf(_parties[i]));
            store.setSigner(_parties[i], signerOf(_parties[i]), true);
        }
    }

    /// @dev Sets the clock before, and notes afterwards which pledges hold no more.
    modifier inTime() {
        vm.warp(store.time());
        _;
        bytes32[] memory names = store.allNames();
        for (uint256 i = 0; i < names.length; i++) {
            if (!store.ended(names[i]) && !receivables.isActive(names[i])) store.setEnded(names[i]);
        }
    }

    // What may be looked at

    function instance() external view returns (ReceivableRegistry) {
        return receivables;
    }

    function suppliers() external view returns (bytes32[2] memory) {
        return [_parties[0], _parties[1]];
    }

    function parties() external view returns (bytes32[5] memory) {
        return _parties;
    }

    function receivableIds() external view returns (bytes32[3] memory) {
        return _receivables;
    }

    function fingerprints() external view returns (bytes32[3] memory) {
        return _fingerprints;
    }

    /// @dev The name of everything that was ever signed, used or not.
    function authorisations() external view returns (bytes32[] memory all) {
        uint256 transfers = _pledgePapers.length;
        uint256 releases = transfers + _transferPapers.length;
        all = new bytes32[](releases + _releasePapers.length);
        for (uint256 i = 0; i < all.length; i++) {
            if (i < transfers) all[i] = nameOf(_pledgePapers[i].terms);
            else if (i < releases) all[i] = nameOf(_transferPapers[i - transfers].terms);
            else all[i] = nameOf(_releasePapers[i - releases].terms);
        }
    }

    // Time and signers

    function passTime(uint32 time) external inTime {
        store.setTime(store.time() + uint64(bound(time, 0, 2 days)));
        vm.warp(store.time());
    }

    /// @dev To the last second of an active pledge, or to the first without it; seldom, as it ends others on its way.
    function passTimeToAnExpiry(uint256 index, bool last) external inTime {
        (bytes32 name,) = _active(index);
        if (name == 0 || index % 4 != 0) return;
        uint64 expiresAt = store.made(name).expiresAt;
        store.setTime(last ? expiresAt - 1 : expiresAt);
        vm.warp(store.time());
    }

    function addSigner(uint8 party) external inTime {
        bytes32 chosen = _party(party);
        uint256 key = keyOf(keccak256(abi.encode(chosen, _keys[chosen].length)));
        vm.prank(REGISTRAR);
        registry.addSigner(chosen, vm.addr(key));
        _keys[chosen].push(key);
        store.setSigner(chosen, vm.addr(key), true);
    }

    function revokeSigner(uint8 party, uint8 key, bool byItself) external inTime {
        bytes32 chosen = _party(party);
        address signer = vm.addr(_keys[chosen][key % _keys[chosen].length]);
        if (!store.isSigner(chosen, signer)) return;
        vm.prank(byItself ? signer : REGISTRAR);
        registry.revokeSigner(chosen, signer);
        store.setSigner(chosen, signer, false);
    }

    // Pledges

    function signPledge(uint8[4] memory who, uint8 key, uint32 life, uint32 patience, bool relayNow) external inTime {
        IReceivableRegistry.PledgeTerms memory terms;
        terms.supplier = _parties[who[0] % 2];
        terms.financier = _party(who[1]);
        terms.receivable = _receivables[who[2] % 3];
        terms.fingerprint = _fingerprints[who[3] % 3];
        terms.expiresAt = uint64(store.time() + bound(life, 0, 60 days));
        terms.deadline = uint64(store.time() + bound(patience, 0, 30 days));
        terms.nonce = bytes32(_pledgePapers.length);
        bytes32 name = nameOf(terms);
        _pledgePapers.push();
        PledgePaper storage paper = _pledgePapers[_pledgePapers.length - 1];
        (paper.terms, paper.bySupplier, paper.byFinancier) =
        (terms, _sign(terms.supplier, key, name), _sign(terms.financier, key, name));
        if (relayNow) _relay(paper);
    }

    function relayPledge(uint256 index) external inTime {
        if (_pledgePapers.length != 0) _relay(_pledgePapers[_recent(_pledgePapers.length, index)]);
    }

    function cancelPledge(uint256 index, uint8 party, uint8 key) external inTime {
        if (_pledgePapers.length == 0) return;
        IReceivableRegistry.PledgeTerms memory terms = _pledgePapers[_recent(_pledgePapers.length, index)].terms;
        (bytes32 chosen, bytes32 name) = (_partyOr(party, terms.supplier, terms.financier), nameOf(terms));
        bool concerned = chosen == terms.supplier || chosen == terms.financier;
        Signature memory by = _sign(chosen, key, digestOf(structOfCancellation(chosen, name)));
        bytes memory reason = _whyNotCancelled(chosen, name, concerned, by.signer);
        if (_begin(reason)) store.counted("cancelPledge");
        cancel(terms, chosen, by.content);
        if (_end(reason)) store.close(chosen, name);
    }

    // Transfers

    function signTransfer(uint256 index, uint8 from, uint8 to, uint8 key, uint32 patience, bool relayNow)
        external
        inTime
    {
        bytes32[] memory names = store.allNames();
        if (names.length == 0) return;
        IReceivableRegistry.TransferTerms memory terms;
        terms.pledge = _pledgeOf(names, index);
        terms.from = _partyOr(from, store.holder(terms.pledge), store.holder(terms.pledge));
        terms.to = _party(to);
        terms.deadline = uint64(store.time() + bound(patience, 0, 30 days));
        terms.nonce = bytes32(_transferPapers.length);
        bytes32 name = nameOf(terms);
        _transferPapers.push();
        TransferPaper storage paper = _transferPapers[_transferPapers.length - 1];
        (paper.terms, paper.byOld, paper.byNew) = (terms, _sign(terms.from, key, name), _sign(terms.to, key, name));
        if (relayNow) _relay(paper);
    }

    function relayTransfer(uint256 index) external inTime {
        if (_transferPapers.length != 0) _relay(_transferPapers[_recent(_transferPapers.length, index)]);
    }

    function cancelTransfer(uint256 index, uint8 party, uint8 key) external inTime {
        if (_transferPapers.length == 0) return;
        IReceivableRegistry.TransferTerms memory terms = _transferPapers[_recent(_transferPapers.length, index)].terms;
        (bytes32 chosen, bytes32 name) = (_partyOr(party, terms.from, terms.to), nameOf(terms));
        bool concerned = chosen == terms.from || chosen == terms.to;
        Signature memory by = _sign(chosen, key, digestOf(structOfCancellation(chosen, name)));
        bytes memory reason = _whyNotCancelled(chosen, name, concerned, by.signer);
        if (_begin(reason)) store.counted("cancelTransfer");
        cancel(terms, chosen, by.content);
        if (_end(reason)) store.close(chosen, name);
    }

    // Releases

    function signRelease(uint256 index, uint8 party, uint8 key, uint32 patience, bool relayNow) external inTime {
        bytes32[] memory names = store.allNames();
        if (names.length == 0) return;
        IReceivableRegistry.ReleaseTerms memory terms;
        terms.pledge = _pledgeOf(names, index);
        terms.financier = _partyOr(party, store.holder(terms.pledge), store.holder(terms.pledge));
        terms.deadline = uint64(store.time() + bound(patience, 0, 30 days));
        terms.nonce = bytes32(_releasePapers.length);
        _releasePapers.push(ReleasePaper(terms, _sign(terms.financier, key, nameOf(terms))));
        if (relayNow) _relay(_releasePapers[_releasePapers.length - 1]);
    }

    function relayRelease(uint256 index) external inTime {
        if (_releasePapers.length != 0) _relay(_releasePapers[_recent(_releasePapers.length, index)]);
    }

    // What is forbidden: each is tried on an active pledge, with all else as it should be

    function forbidden(uint8 kind, uint256 index, uint8 who, uint8 key, uint256 seed) external inTime {
        kind %= 7;
        if (kind == 0) _releaseByAnother(index, who);
        if (kind == 1) _releaseByForgery(index, seed);
        if (kind == 2) _releaseByTwin(index, key);
        if (kind == 3) _transferBySwappedSignatures(index, who, key);
        if (kind == 4) _transferByCancellation(index, who, key);
        if (kind == 5) _transferToNobody(index, key);
        if (kind == 6) _pledgeOutOfTheLog(who, seed);
    }

    function _releaseByAnother(uint256 index, uint8 party) private {
        (bytes32 name, bytes32 holder) = _active(index);
        if (name == 0) return;
        bytes32[] memory former = store.formerHolders(name);
        IReceivableRegistry.ReleaseTerms memory terms = releaseTerms(name);
        terms.deadline = type(uint64).max;
        // A former holder, the supplier, or anyone.
        terms.financier = former.length == 0 ? store.made(name).supplier : former[index % former.length];
        if (party % 3 == 0 || terms.financier == holder) terms.financier = otherThan(holder, _party(party));
        _expect(abi.encodeWithSelector(IReceivableRegistry.NotHolder.selector, name, terms.financier));
        release(terms, signAs(terms.financier, nameOf(terms)));
    }

    function _releaseByForgery(uint256 index, uint256 key) private {
        (bytes32 name, bytes32 holder) = _active(index);
        if (name == 0) return;
        IReceivableRegistry.ReleaseTerms memory terms = releaseTerms(name);
        (terms.financier, terms.deadline) = (holder, type(uint64).max);
        key = bound(key, 1, ORDER - 1);
        _expect(abi.encodeWithSelector(IReceivableRegistry.NotSigner.selector, holder, vm.addr(key)));
        release(terms, sign(key, nameOf(terms)));
    }

    function _releaseByTwin(uint256 index, uint8 key) private {
        (bytes32 name, bytes32 holder) = _active(index);
        if (name == 0) return;
        IReceivableRegistry.ReleaseTerms memory terms = releaseTerms(name);
        (terms.financier, terms.deadline) = (holder, type(uint64).max);
        (bytes32 r, bytes32 s, uint8 v) = split(_sign(holder, key, nameOf(terms)).content);
        bytes32 twin = bytes32(ORDER - uint256(s));
        _expect(abi.encodeWithSelector(ECDSA.ECDSAInvalidSignatureS.selector, twin));
        release(terms, abi.encodePacked(r, twin, 55 - v));
    }

    function _transferBySwappedSignatures(uint256 index, uint8 to, uint8 key) private {
        (IReceivableRegistry.TransferTerms memory terms, bool possible) = _transferOf(index, to);
        if (!possible) return;
        Signature memory byNew = _sign(terms.to, key, nameOf(terms));
        Signature memory byOld = _sign(terms.from, key, nameOf(terms));
        _expect(abi.encodeWithSelector(IReceivableRegistry.NotSigner.selector, terms.from, byNew.signer));
        transfer(terms, byNew.content, byOld.content);
    }

    function _transferByCancellation(uint256 index, uint8 to, uint8 key) private {
        (IReceivableRegistry.TransferTerms memory terms, bool possible) = _transferOf(index, to);
        if (!possible) return;
        bytes32 name = nameOf(terms);
        bytes memory byOld = _sign(terms.from, key, digestOf(structOfCancellation(terms.from, name))).content;
        bytes memory byNew = _sign(terms.to, key, name).content;
        _expect(abi.encodeWithSelector(IReceivableRegistry.NotSigner.selector, terms.from, recovered(name, byOld)));
        transfer(terms, byOld, byNew);
    }

    function _transferToNobody(uint256 index, uint8 kind) private {
        (bytes32 name, bytes32 holder) = _active(index);
        if (name == 0) return;
        bytes32 supplier = store.made(name).supplier;
        IReceivableRegistry.TransferTerms memory terms = transferTerms(name);
        terms.from = holder;
        terms.to = kind % 3 == 0 ? bytes32(0) : kind % 3 == 1 ? supplier : holder;
        if (kind % 3 == 0) _expect(abi.encodeWithSelector(IReceivableRegistry.ZeroParty.selector));
        if (kind % 3 == 1) _expect(abi.encodeWithSelector(IReceivableRegistry.FinancierIsSupplier.selector, supplier));
        if (kind % 3 == 2) {
            _expect(abi.encodeWithSelector(IReceivableRegistry.FinancierUnchanged.selector, name, holder));
        }
        transfer(terms);
    }

    function _pledgeOutOfTheLog(uint8 supplier, uint256 seed) private {
        IReceivableRegistry.PledgeTerms memory terms = pledgeTerms();
        terms.supplier = _parties[supplier % 2];
        terms.receivable = keccak256(abi.encode("in no log", seed));
        terms.fingerprint = _fingerprints[seed % 3];
        terms.expiresAt = terms.deadline = type(uint64).max;
        IReceivableRegistry.Inclusion memory where = inclusionOf[terms.supplier][RECEIVABLE];
        // Either in a batch that is not sealed, or in one that does not hold it.
        if (seed % 2 == 0) where.batchId += 1;
        uint64 taken = store.fingerprintTaken(terms.supplier, terms.fingerprint);
        if (taken != 0) {
            _expect(abi.encodeWithSelector(IReceivableRegistry.FingerprintTaken.selector, terms.fingerprint, taken));
        } else if (seed % 2 == 0) {
            _expect(abi.encodeWithSelector(IReceivableRegistry.BatchNotSealed.selector, OPERATOR, where.batchId));
        } else {
            _expect(
                abi.encodeWithSelector(
                    IReceivableRegistry.NotInLog.selector, terms.supplier, terms.receivable, OPERATOR, where.batchId
                )
            );
        }
        pledge(terms, where);
    }

    // Relaying

    function _relay(PledgePaper memory paper) private {
        IReceivableRegistry.PledgeTerms memory terms = paper.terms;
        bytes32 name = nameOf(terms);
        bytes memory reason = _whyNotPledged(paper, name);
        if (_begin(reason)) store.counted("pledge");
        pledge(
            terms, inclusionOf[terms.supplier][terms.receivable], paper.bySupplier.content, paper.byFinancier.content
        );
        if (!_end(reason)) return;
        store.addPledge(name, receivables.pledgeOf(name));
        store.close(terms.supplier, name);
        store.close(terms.financier, name);
    }

    function _relay(TransferPaper memory paper) private {
        IReceivableRegistry.TransferTerms memory terms = paper.terms;
        bytes32 name = nameOf(terms);
        bytes memory reason = _whyNotTransferred(paper, name);
        if (_begin(reason)) store.counted("transfer");
        transfer(terms, paper.byOld.content, paper.byNew.content);
        if (!_end(reason)) return;
        store.setHolder(terms.pledge, terms.to);
        store.close(terms.from, name);
        store.close(terms.to, name);
    }

    function _relay(ReleasePaper memory paper) private {
        IReceivableRegistry.ReleaseTerms memory terms = paper.terms;
        bytes32 name = nameOf(terms);
        bytes memory reason = _whyNotHeld(terms.pledge, terms.financier);
        if (reason.length == 0) {
            reason = _whyNotAuthorised(terms.financier, name, terms.deadline, paper.byFinancier.signer);
        }
        if (_begin(reason)) store.counted("release");
        release(terms, paper.byFinancier.content);
        if (!_end(reason)) return;
        store.setReleased(terms.pledge);
        store.close(terms.financier, name);
    }

    /// @dev Expects `reason`; true when there is none, so that the call must succeed.
    function _begin(bytes memory reason) private returns (bool) {
        vm.recordLogs();
        if (reason.length == 0) return true;
        _expect(reason);
        return false;
    }

    function _expect(bytes memory reason) private {
        store.failed(reason);
        vm.expectRevert(reason);
    }

    /// @dev After the call: one event if it succeeded, which the replay reads; none if it failed.
    function _end(bytes memory reason) private returns (bool) {
        Vm.Log[] memory entries = vm.getRecordedLogs();
        assertEq(entries.length, reason.length == 0 ? 1 : 0, "events");
        if (reason.length != 0) return false;
        assertEq(entries[0].emitter, address(receivables), "emitter");
        replay.read(entries[0]);
        return true;
    }

    // How a call must end: empty for success, else its error

    function _whyNotPledged(PledgePaper memory paper, bytes32 name) private view returns (bytes memory reason) {
        IReceivableRegistry.PledgeTerms memory terms = paper.terms;
        if (terms.financier == terms.supplier) {
            return abi.encodeWithSelector(IReceivableRegistry.FinancierIsSupplier.selector, terms.supplier);
        }
        if (terms.expiresAt <= store.time()) {
            return abi.encodeWithSelector(IReceivableRegistry.ExpiryNotAhead.selector, terms.expiresAt, store.time());
        }
        uint64 taken = store.receivableTaken(terms.supplier, terms.receivable);
        if (taken != 0) {
            return abi.encodeWithSelector(IReceivableRegistry.ReceivableTaken.selector, terms.receivable, taken);
        }
        taken = store.fingerprintTaken(terms.supplier, terms.fingerprint);
        if (taken != 0) {
            return abi.encodeWithSelector(IReceivableRegistry.FingerprintTaken.selector, terms.fingerprint, taken);
        }
        reason = _whyNotAuthorised(terms.supplier, name, terms.deadline, paper.bySupplier.signer);
        if (reason.length != 0) return reason;
        return _whyNotAuthorised(terms.financier, name, terms.deadline, paper.byFinancier.signer);
    }

    function _whyNotTransferred(TransferPaper memory paper, bytes32 name) private view returns (bytes memory reason) {
        IReceivableRegistry.TransferTerms memory terms = paper.terms;
        reason = _whyNotHeld(terms.pledge, terms.from);
        if (reason.length != 0) return reason;
        if (terms.to == store.made(terms.pledge).supplier) {
            return abi.encodeWithSelector(IReceivableRegistry.FinancierIsSupplier.selector, terms.to);
        }
        if (terms.to == terms.from) {
            return abi.encodeWithSelector(IReceivableRegistry.FinancierUnchanged.selector, terms.pledge, terms.from);
        }
        reason = _whyNotAuthorised(terms.from, name, terms.deadline, paper.byOld.signer);
        if (reason.length != 0) return reason;
        return _whyNotAuthorised(terms.to, name, terms.deadline, paper.byNew.signer);
    }

    function _whyNotHeld(bytes32 name, bytes32 party) private view returns (bytes memory) {
        if (store.releasedAt(name) != 0) {
            return abi.encodeWithSelector(IReceivableRegistry.PledgeReleased.selector, name, store.releasedAt(name));
        }
        uint64 expiresAt = store.made(name).expiresAt;
        if (store.time() >= expiresAt) {
            return abi.encodeWithSelector(IReceivableRegistry.PledgeExpired.selector, name, expiresAt);
        }
        if (store.holder(name) != party) {
            return abi.encodeWithSelector(IReceivableRegistry.NotHolder.selector, name, party);
        }
        return "";
    }

    function _whyNotAuthorised(bytes32 party, bytes32 authorisation, uint64 deadline, address signer)
        private
        view
        returns (bytes memory)
    {
        if (store.time() > deadline) {
            return abi.encodeWithSelector(
                IReceivableRegistry.AuthorisationExpired.selector, authorisation, deadline, store.time()
            );
        }
        return _whyNotClosed(party, authorisation, signer);
    }

    function _whyNotCancelled(bytes32 party, bytes32 authorisation, bool concerned, address signer)
        private
        view
        returns (bytes memory)
    {
        if (!concerned) {
            return abi.encodeWithSelector(IReceivableRegistry.NotConcerned.selector, authorisation, party);
        }
        return _whyNotClosed(party, authorisation, signer);
    }

    function _whyNotClosed(bytes32 party, bytes32 authorisation, address signer) private view returns (bytes memory) {
        uint64 closed = store.closedAt(party, authorisation);
        if (closed != 0) {
            return
                abi.encodeWithSelector(IReceivableRegistry.AuthorisationClosed.selector, party, authorisation, closed);
        }
        if (!store.isSigner(party, signer)) {
            return abi.encodeWithSelector(IReceivableRegistry.NotSigner.selector, party, signer);
        }
        return "";
    }

    // Choices

    function _party(uint8 seed) private view returns (bytes32) {
        return _parties[seed % 5];
    }

    /// @dev Mostly one of the two, sometimes anyone.
    function _partyOr(uint8 seed, bytes32 one, bytes32 another) private view returns (bytes32) {
        if (seed % 8 == 0) return _party(seed / 8);
        return seed % 2 == 0 ? one : another;
    }

    /// @dev Mostly an active pledge, sometimes any.
    function _pledgeOf(bytes32[] memory names, uint256 seed) private view returns (bytes32) {
        (bytes32 active,) = _active(seed / 4);
        return active == 0 || seed % 4 == 0 ? names[(seed / 4) % names.length] : active;
    }

    /// @dev Mostly a place among the newest four, of which most is still open.
    function _recent(uint256 size, uint256 seed) private pure returns (uint256) {
        uint256 newest = size < 4 || seed % 8 == 0 ? size : 4;
        return size - 1 - (seed / 8) % newest;
    }

    /// @dev An active pledge and its holder; zero when there is none.
    function _active(uint256 seed) private view returns (bytes32 name, bytes32 holder) {
        bytes32[] memory names = store.allNames();
        for (uint256 i = 0; i < names.length; i++) {
            name = names[(seed % names.length + i) % names.length];
            if (store.holds(name)) return (name, store.holder(name));
        }
        return (0, 0);
    }

    /// @dev A transfer of an active pledge to another party that may take it.
    function _transferOf(uint256 seed, uint8 to)
        private
        view
        returns (IReceivableRegistry.TransferTerms memory terms, bool possible)
    {
        (bytes32 name, bytes32 holder) = _active(seed);
        terms = transferTerms(name);
        (terms.from, terms.to, terms.deadline) = (holder, _party(to), type(uint64).max);
        possible = name != 0 && terms.to != holder && terms.to != store.made(name).supplier;
    }

    /// @dev Mostly the newest key that is good, sometimes any that the party ever had.
    function _key(bytes32 party, uint8 seed) private view returns (uint256) {
        uint256[] storage keys = _keys[party];
        if (seed % 8 == 0) return keys[(seed / 8) % keys.length];
        for (uint256 i = keys.length; i > 0; i--) {
            if (store.isSigner(party, vm.addr(keys[i - 1]))) return keys[i - 1];
        }
        return keys[keys.length - 1];
    }

    function _sign(bytes32 party, uint8 key, bytes32 digest) private view returns (Signature memory) {
        uint256 chosen = _key(party, key);
        return Signature(vm.addr(chosen), sign(chosen, digest));
    }
}
