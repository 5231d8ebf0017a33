// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EvidenceLedger} from "../../src/EvidenceLedger.sol";
import {IEvidenceLedger} from "../../src/interfaces/IEvidenceLedger.sol";
import {IPartyRegistry} from "../../src/interfaces/IPartyRegistry.sol";
import {PartyRegistry} from "../../src/PartyRegistry.sol";
import {LedgerTest} from "./LedgerTest.sol";

contract LedgerConstructorTest is LedgerTest {
    function testFuzz_RevertWhen_RegistryWithoutCode(bytes32 seed) external {
        _expectRegistryWithoutCode(address(uint160(uint256(keccak256(abi.encode(seed))))));
    }

    function test_RevertWhen_RegistryZero() external {
        _expectRegistryWithoutCode(address(0));
    }

    function testFuzz_WhenRegistryHasCode(bytes32 subject, address operator, uint64 batchId) external {
        registry = new PartyRegistry(ADMIN, REGISTRAR);

        ledger = new EvidenceLedger(registry);

        assertEq(address(ledger.registry()), address(registry), "registry");
        assertEq(vm.load(address(ledger), 0), bytes32(uint256(uint160(address(registry)))), "slot 0");
        assertEq(ledger.head(subject), 0, "head");
        assertEq(ledger.nextBatch(operator), 0, "nextBatch");
        assertEq(ledger.batchRoot(operator, batchId), 0, "batchRoot");
        assertEq(ledger.version(), "1.0.0", "version");
        assertEq(ledger.MAX_BATCH_SUBJECTS(), 2_048, "MAX_BATCH_SUBJECTS");
    }

    function _expectRegistryWithoutCode(address account) private {
        vm.expectRevert(abi.encodeWithSelector(IEvidenceLedger.RegistryWithoutCode.selector, account));
        new EvidenceLedger(IPartyRegistry(account));
    }
}
