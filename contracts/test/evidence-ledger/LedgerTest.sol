// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IEvidenceLedger} from "../../src/interfaces/IEvidenceLedger.sol";
import {BaseTest} from "../Base.t.sol";

/// @notice What the tests of `EvidenceLedger` share: random batches, and what a seal of them must leave behind.
abstract contract LedgerTest is BaseTest {
    uint256 internal constant MAX_SIZE = 60;

    function expectRefusal(bytes memory refusal) internal {
        vm.expectRevert(refusal, address(ledger));
    }

    /// @dev `size` appends by ascending subject. One gap in four is a single unit, the least that ascends; counts are often
    /// the least or the most there can be. Up to 2**12 of them fit below the highest subject.
    function randomAppends(uint256 seed, uint256 size) internal pure returns (IEvidenceLedger.Append[] memory appends) {
        appends = new IEvidenceLedger.Append[](size);
        uint256 subject = 0;
        for (uint256 i = 0; i < size; i++) {
            bytes32 random = keccak256(abi.encode(seed, i));
            subject += uint8(random[0]) % 4 == 0 ? 1 : 1 + (uint256(random) >> 12);
            appends[i] = IEvidenceLedger.Append(bytes32(subject), keccak256(abi.encode(random)), _randomCount(random));
        }
    }

    function oneAppend(bytes32 subject, bytes32 root, uint32 count)
        internal
        pure
        returns (IEvidenceLedger.Append[] memory appends)
    {
        appends = new IEvidenceLedger.Append[](1);
        appends[0] = IEvidenceLedger.Append(subject, root, count);
    }

    function subjectLeaves(IEvidenceLedger.Append[] memory appends) internal pure returns (bytes32[] memory leaves) {
        leaves = new bytes32[](appends.length);
        for (uint256 i = 0; i < appends.length; i++) {
            leaves[i] = subjectLeaf(appends[i].subject, appends[i].root, appends[i].count);
        }
    }

    function batchRootOf(IEvidenceLedger.Append[] memory appends) internal pure returns (bytes32) {
        return treeRoot(subjectLeaves(appends), 0, appends.length);
    }

    function headsOf(IEvidenceLedger.Append[] memory appends) internal view returns (bytes32[] memory heads) {
        heads = new bytes32[](appends.length);
        for (uint256 i = 0; i < appends.length; i++) {
            heads[i] = ledger.head(appends[i].subject);
        }
    }

    /// @dev Seals `appends` and compares the event and all that is stored with the formulas.
    function assertSeals(address operator, IEvidenceLedger.Append[] memory appends) internal {
        uint64 batchId = ledger.nextBatch(operator);
        bytes32 root = batchRootOf(appends);
        bytes32[] memory heads = headsOf(appends);
        for (uint256 i = 0; i < appends.length; i++) {
            heads[i] = nextHead(heads[i], operator, batchId, appends[i].count, appends[i].root, vm.getBlockTimestamp());
        }

        vm.expectEmit(address(ledger));
        emit IEvidenceLedger.Sealed(operator, batchId, root, appends);
        vm.prank(operator);
        ledger.seal(batchId, appends);

        assertEq(ledger.nextBatch(operator), batchId + 1, "nextBatch");
        assertEq(ledger.batchRoot(operator, batchId), root, "batchRoot");
        assertEq(headsOf(appends), heads, "heads");
    }

    function _randomCount(bytes32 random) private pure returns (uint32) {
        if (uint8(random[1]) % 4 == 0) return 1;
        if (uint8(random[1]) % 4 == 1) return type(uint32).max;
        return uint32(uint256(random) % type(uint32).max) + 1;
    }
}
