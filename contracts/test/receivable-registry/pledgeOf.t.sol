// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IReceivableRegistry} from "../../src/interfaces/IReceivableRegistry.sol";
import {ReceivableBase} from "./ReceivableBase.t.sol";

/// @notice What is kept of a pledge, as the function says and as it stands in storage, where verifiers read it.
contract PledgeOfTest is ReceivableBase {
    function testFuzz_GivenThePledgeIsUnknown(bytes32 unknown) public {
        bytes32 name = pledge();
        IReceivableRegistry.Pledge memory none;
        assertEq(abi.encode(receivables.pledgeOf(otherThan(name, unknown))), abi.encode(none));
    }

    function test_GivenTheTermsWereCancelled() public {
        cancel(pledgeTerms(), SUPPLIER);
        IReceivableRegistry.Pledge memory none;
        assertEq(abi.encode(receivables.pledgeOf(nameOf(pledgeTerms()))), abi.encode(none));
    }

    function testFuzz_GivenThePledgeExists(uint64 time) public {
        bytes32 name = pledge();
        vm.warp(bound(time, NOW, type(uint64).max));
        assertPledge(name, pledgeTerms(), FINANCIER, NOW, 0);
        _assertWords(name, FINANCIER, 0);
    }

    function test_GivenThePledgeWasTransferred() public {
        bytes32 name = pledge();
        transfer(transferTerms(name));
        assertPledge(name, pledgeTerms(), OTHER_FINANCIER, NOW, 0);
        _assertWords(name, OTHER_FINANCIER, 0);
    }

    function testFuzz_GivenThePledgeWasReleased(uint64 time) public {
        bytes32 name = pledge();
        time = uint64(bound(time, NOW, DEADLINE));
        vm.warp(time);
        release(releaseTerms(name));
        vm.warp(EXPIRES_AT + 1);
        assertPledge(name, pledgeTerms(), FINANCIER, NOW, time);
        _assertWords(name, FINANCIER, time);
    }

    function test_GivenThePledgeExistsInTheOtherMappings() public {
        bytes32 name = pledge();
        assertEq(_word(_slot(RECEIVABLE, _slot(SUPPLIER, bytes32(uint256(2))))), name, "lastPledge");
        assertEq(_word(_slot(FINGERPRINT, _slot(SUPPLIER, bytes32(uint256(3))))), name, "lastPledgeOfFingerprint");
        bytes32 now_ = bytes32(uint256(NOW));
        assertEq(_word(_slot(name, _slot(SUPPLIER, bytes32(uint256(4))))), now_, "closedAt of the supplier");
        assertEq(_word(_slot(name, _slot(FINANCIER, bytes32(uint256(4))))), now_, "closedAt of the financier");
    }

    function _assertWords(bytes32 name, bytes32 financier, uint64 releasedAt) private view {
        uint256 first = uint256(_slot(name, bytes32(uint256(1))));
        bytes32[4] memory ids = [SUPPLIER, RECEIVABLE, FINGERPRINT, financier];
        for (uint256 i = 0; i < 4; i++) {
            assertEq(_word(bytes32(first + i)), ids[i], "id");
        }
        uint256 times = uint256(NOW) | uint256(EXPIRES_AT) << 64 | uint256(releasedAt) << 128;
        assertEq(_word(bytes32(first + 4)), bytes32(times), "times");
        assertEq(_word(bytes32(first + 5)), 0, "nothing after");
    }

    function _slot(bytes32 key, bytes32 mapping_) private pure returns (bytes32) {
        return keccak256(abi.encode(key, mapping_));
    }

    function _word(bytes32 slot) private view returns (bytes32) {
        return vm.load(address(receivables), slot);
    }
}
