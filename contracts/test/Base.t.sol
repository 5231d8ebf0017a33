// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";
import {Test} from "forge-std/Test.sol";

import {EvidenceLedger} from "../src/EvidenceLedger.sol";
import {IEvidenceLedger} from "../src/interfaces/IEvidenceLedger.sol";
import {IPartyRegistry} from "../src/interfaces/IPartyRegistry.sol";
import {IReceivableRegistry} from "../src/interfaces/IReceivableRegistry.sol";
import {PartyRegistry} from "../src/PartyRegistry.sol";
import {ReceivableRegistry} from "../src/ReceivableRegistry.sol";

/// @notice The three contracts as a deployment has them, one account per role, and the formulas written a second time.
abstract contract BaseTest is Test {
    uint64 internal constant START = 1_700_000_000;

    address internal immutable ADMIN = makeAddr("admin");
    address internal immutable REGISTRAR = makeAddr("registrar");
    address internal immutable OPERATOR = makeAddr("operator");
    address internal immutable OTHER_OPERATOR = makeAddr("other operator");
    address internal immutable STRANGER = makeAddr("stranger");

    bytes32 internal constant SUPPLIER = keccak256("supplier");
    bytes32 internal constant BUYER = keccak256("buyer");
    bytes32 internal constant FINANCIER = keccak256("financier");
    bytes32 internal constant OTHER_FINANCIER = keccak256("other financier");

    PartyRegistry internal registry;
    EvidenceLedger internal ledger;
    ReceivableRegistry internal receivables;

    /// @dev Operators are registered; no party is admitted yet.
    function setUp() public virtual {
        vm.warp(START);
        registry = PartyRegistry(deployContract("PartyRegistry", abi.encode(ADMIN, REGISTRAR)));
        ledger = EvidenceLedger(deployContract("EvidenceLedger", abi.encode(registry)));
        receivables = ReceivableRegistry(deployContract("ReceivableRegistry", abi.encode(ledger)));
        vm.startPrank(REGISTRAR);
        registry.addOperator(OPERATOR);
        registry.addOperator(OTHER_OPERATOR);
        vm.stopPrank();
    }

    /// @dev The published code of the contract `name` from the folder that TALLYSTICK_ARTIFACTS names; where that is not
    /// set (coverage, mutants), what forge made of the sources with its own, quicker settings.
    function deployContract(string memory name, bytes memory arguments) internal returns (address deployed) {
        string memory folder = vm.envOr("TALLYSTICK_ARTIFACTS", string(""));
        if (bytes(folder).length == 0) return deployCode(string.concat(name, ".sol"), arguments);

        string memory artifact = vm.readFile(string.concat(folder, "/", name, ".json"));
        bytes memory creation = bytes.concat(vm.parseJsonBytes(artifact, ".bytecode"), arguments);
        assembly ("memory-safe") {
            deployed := create(0, add(creation, 0x20), mload(creation))
        }
        assertNotEq(deployed, address(0), name);
    }

    /// @dev The key whose account signs for `party` once `admit` admitted it.
    function keyOf(bytes32 party) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode("signer of", party))) >> 1 | 1;
    }

    function signerOf(bytes32 party) internal pure returns (address) {
        return vm.addr(keyOf(party));
    }

    function admit(bytes32 party) internal {
        vm.prank(REGISTRAR);
        registry.admit(party, signerOf(party));
    }

    /// @dev 65 bytes r, s, v over `digest`, low s.
    function sign(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function seal(address operator, IEvidenceLedger.Append[] memory appends) internal {
        uint64 batchId = ledger.nextBatch(operator);
        vm.prank(operator);
        ledger.seal(batchId, appends);
    }

    function sealOne(address operator, bytes32 subject, bytes32 root, uint32 count) internal {
        IEvidenceLedger.Append[] memory appends = new IEvidenceLedger.Append[](1);
        appends[0] = IEvidenceLedger.Append(subject, root, count);
        seal(operator, appends);
    }

    // The formulas of the interfaces, written plainly and by recursion, to compare the contracts with.

    function entryLeaf(IEvidenceLedger.Entry memory entry) internal pure returns (bytes32) {
        return keccak256(
            bytes.concat(keccak256(abi.encode(entry.subject, entry.index, entry.evidenceId, entry.signaturesHash)))
        );
    }

    function subjectLeaf(bytes32 subject, bytes32 root, uint32 count) internal pure returns (bytes32) {
        return keccak256(bytes.concat(keccak256(abi.encode(subject, root, count))));
    }

    function nextHead(bytes32 current, address operator, uint64 batchId, uint32 count, bytes32 root, uint256 timestamp)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(current, operator, batchId, count, root, timestamp));
    }

    /// @dev RFC 6962 section 2.1 over `leaves[from..to]`, with the sorted pair as inner node.
    function treeRoot(bytes32[] memory leaves, uint256 from, uint256 to) internal pure returns (bytes32) {
        if (to - from == 1) return leaves[from];
        uint256 split = _split(to - from);
        return Hashes.commutativeKeccak256(treeRoot(leaves, from, from + split), treeRoot(leaves, from + split, to));
    }

    /// @dev RFC 6962 section 2.1.1: the siblings of `leaves[index]` within `leaves[from..to]`, its own first.
    function treePath(bytes32[] memory leaves, uint256 index, uint256 from, uint256 to)
        internal
        pure
        returns (bytes32[] memory)
    {
        if (to - from == 1) return new bytes32[](0);
        uint256 middle = from + _split(to - from);
        bool isLeft = index < middle;
        bytes32[] memory below = isLeft ? treePath(leaves, index, from, middle) : treePath(leaves, index, middle, to);
        bytes32[] memory path = new bytes32[](below.length + 1);
        for (uint256 i = 0; i < below.length; i++) {
            path[i] = below[i];
        }
        path[below.length] = isLeft ? treeRoot(leaves, middle, to) : treeRoot(leaves, from, middle);
        return path;
    }

    /// @dev The largest power of two below `size`.
    function _split(uint256 size) private pure returns (uint256 split) {
        split = 1;
        while (split * 2 < size) split *= 2;
    }
}
