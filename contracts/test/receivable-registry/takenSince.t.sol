// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IReceivableRegistry} from "../../src/interfaces/IReceivableRegistry.sol";
import {ReceivableBase} from "./ReceivableBase.t.sol";

contract TakenSinceTest is ReceivableBase {
    function testFuzz_GivenNothingIsPledged(bytes32 supplier, bytes32 receivable, bytes32 fingerprint) public view {
        assertEq(receivables.takenSince(supplier, receivable, fingerprint), 0);
    }

    function test_GivenNothingIsPledgedAndTheIdsAreZero() public {
        pledge();
        assertEq(receivables.takenSince(0, 0, 0), 0, "all zero");
        assertEq(receivables.takenSince(SUPPLIER, 0, 0), 0, "of the supplier");
    }

    function testFuzz_GivenTheReceivableIsPledged(bytes32 fingerprint, uint64 time) public {
        pledge();
        vm.warp(bound(time, NOW, EXPIRES_AT - 1));
        assertEq(receivables.takenSince(SUPPLIER, RECEIVABLE, fingerprint), NOW);
    }

    function testFuzz_GivenTheFingerprintIsPledged(bytes32 receivable, uint64 time) public {
        pledge();
        vm.warp(bound(time, NOW, EXPIRES_AT - 1));
        assertEq(receivables.takenSince(SUPPLIER, receivable, FINGERPRINT), NOW);
    }

    function testFuzz_GivenNeitherIsPledged(bytes32 receivable, bytes32 fingerprint) public {
        pledge();
        receivable = otherThan(RECEIVABLE, receivable);
        fingerprint = otherThan(FINGERPRINT, fingerprint);
        assertEq(receivables.takenSince(SUPPLIER, receivable, fingerprint), 0);
    }

    function testFuzz_GivenAnotherSupplierPledgedBoth(bytes32 supplier) public {
        pledge();
        assertEq(receivables.takenSince(otherThan(SUPPLIER, supplier), RECEIVABLE, FINGERPRINT), 0);
    }

    function test_GivenTwoPledgesTakeReceivableAndFingerprint() public {
        _pledgeOther(NOW + 2 hours);
        assertEq(receivables.takenSince(SUPPLIER, RECEIVABLE, OTHER_FINGERPRINT), NOW, "the receivable's first");
        assertEq(receivables.takenSince(SUPPLIER, OTHER_RECEIVABLE, FINGERPRINT), NOW + 2 hours, "here too");
    }

    function test_GivenThePledgeOfTheReceivableWasReleasedAndThatOfTheFingerprintHolds() public {
        bytes32 name = _pledgeOther(NOW + 2 hours);
        release(releaseTerms(name));
        assertEq(receivables.takenSince(SUPPLIER, RECEIVABLE, OTHER_FINGERPRINT), NOW + 2 hours);
    }

    function testFuzz_GivenThePledgeWasTransferred(uint64 time) public {
        bytes32 name = pledge();
        vm.warp(bound(time, NOW, DEADLINE));
        transfer(transferTerms(name));
        assertEq(receivables.takenSince(SUPPLIER, RECEIVABLE, FINGERPRINT), NOW);
    }

    function testFuzz_GivenThePledgeWasReleased(uint64 time) public {
        release(releaseTerms(pledge()));
        vm.warp(bound(time, NOW, type(uint64).max));
        assertEq(receivables.takenSince(SUPPLIER, RECEIVABLE, FINGERPRINT), 0);
    }

    function testFuzz_GivenThePledgeExpired(uint64 time) public {
        pledge();
        vm.warp(bound(time, EXPIRES_AT, type(uint64).max));
        assertEq(receivables.takenSince(SUPPLIER, RECEIVABLE, FINGERPRINT), 0);
    }

    function test_GivenThePledgeExpiresNow() public {
        pledge();
        vm.warp(EXPIRES_AT - 1);
        assertEq(receivables.takenSince(SUPPLIER, RECEIVABLE, FINGERPRINT), NOW, "one second before");
        vm.warp(EXPIRES_AT);
        assertEq(receivables.takenSince(SUPPLIER, RECEIVABLE, FINGERPRINT), 0, "at expiresAt");
    }

    function test_GivenItIsPledgedAgain() public {
        release(releaseTerms(pledge()));
        vm.warp(NOW + 1 hours);
        IReceivableRegistry.PledgeTerms memory terms = pledgeTerms();
        terms.nonce = OTHER_NONCE;
        pledge(terms);
        assertEq(receivables.takenSince(SUPPLIER, RECEIVABLE, FINGERPRINT), NOW + 1 hours);
    }

    function test_GivenTheTermsWereCancelled() public {
        cancel(pledgeTerms(), SUPPLIER);
        assertEq(receivables.takenSince(SUPPLIER, RECEIVABLE, FINGERPRINT), 0);
    }

    /// @dev The default pledge now, and one of the other receivable and fingerprint at `time`.
    function _pledgeOther(uint64 time) private returns (bytes32 name) {
        name = pledge();
        vm.warp(time);
        IReceivableRegistry.PledgeTerms memory terms = pledgeTerms();
        (terms.receivable, terms.fingerprint) = (OTHER_RECEIVABLE, OTHER_FINGERPRINT);
        pledge(terms);
    }
}
