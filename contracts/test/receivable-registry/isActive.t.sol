// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IReceivableRegistry} from "../../src/interfaces/IReceivableRegistry.sol";
import {ReceivableBase} from "./ReceivableBase.t.sol";

contract IsActiveTest is ReceivableBase {
    function testFuzz_GivenThePledgeIsUnknown(bytes32 unknown) public {
        bytes32 name = pledge();
        assertFalse(receivables.isActive(otherThan(name, unknown)));
    }

    function test_GivenTheNameIsZero() public view {
        assertFalse(receivables.isActive(0));
    }

    function testFuzz_GivenThePledgeHolds(uint64 time) public {
        bytes32 name = pledge();
        vm.warp(bound(time, NOW, EXPIRES_AT - 1));
        assertTrue(receivables.isActive(name));
    }

    function testFuzz_GivenThePledgeExpired(uint64 time) public {
        bytes32 name = pledge();
        vm.warp(bound(time, EXPIRES_AT, type(uint64).max));
        assertFalse(receivables.isActive(name));
    }

    function test_GivenThePledgeExpiresNow() public {
        bytes32 name = pledge();
        vm.warp(EXPIRES_AT - 1);
        assertTrue(receivables.isActive(name), "one second before");
        vm.warp(EXPIRES_AT);
        assertFalse(receivables.isActive(name), "at expiresAt");
    }

    function testFuzz_GivenThePledgeWasReleased(uint64 time) public {
        bytes32 name = pledge();
        release(releaseTerms(name));
        vm.warp(bound(time, NOW, type(uint64).max));
        assertFalse(receivables.isActive(name));
    }

    function test_GivenThePledgeWasTransferred() public {
        bytes32 name = pledge();
        transfer(transferTerms(name));
        assertTrue(receivables.isActive(name));
    }

    function test_GivenTheTermsWereCancelled() public {
        cancel(pledgeTerms(), FINANCIER);
        assertFalse(receivables.isActive(nameOf(pledgeTerms())));
    }

    function test_GivenAnotherPledgeFollowed() public {
        bytes32 first = pledge();
        release(releaseTerms(first));
        IReceivableRegistry.PledgeTerms memory terms = pledgeTerms();
        terms.nonce = OTHER_NONCE;
        assertTrue(receivables.isActive(pledge(terms)), "second");
        assertFalse(receivables.isActive(first), "first");
    }
}
