// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ReceivableRegistry} from "../../src/ReceivableRegistry.sol";
import {ReceivableBase} from "./ReceivableBase.t.sol";

contract Eip712DomainTest is ReceivableBase {
    function testFuzz_WhenTheChainIs(uint64 chainId) public {
        vm.chainId(chainId);
        _assertDomain(receivables, chainId);
    }

    function test_WhenTheInstanceIsAnother() public {
        ReceivableRegistry other = ReceivableRegistry(deployContract("ReceivableRegistry", abi.encode(ledger)));
        _assertDomain(other, block.chainid);
    }

    /// @dev What a wallet makes of the domain alone is what the contract hashes with.
    function testFuzz_WhenTheSeparatorIsBuiltFromTheFields(uint64 chainId, bytes32 party, bytes32 authorisation)
        public
    {
        vm.chainId(chainId);
        (bytes1 fields, string memory name, string memory version, uint256 chain, address verifying,,) =
            receivables.eip712Domain();
        assertEq(fields, bytes1(0x0f), "all but the salt");
        bytes32 separator =
            keccak256(abi.encode(DOMAIN_TYPEHASH, keccak256(bytes(name)), keccak256(bytes(version)), chain, verifying));
        assertEq(
            receivables.hashCancellation(party, authorisation),
            digestUnder(separator, structOfCancellation(party, authorisation))
        );
    }

    function _assertDomain(ReceivableRegistry instance, uint256 expectedChain) private view {
        (
            bytes1 fields,
            string memory name,
            string memory version,
            uint256 chainId,
            address verifyingContract,
            bytes32 salt,
            uint256[] memory extensions
        ) = instance.eip712Domain();
        assertEq(fields, bytes1(0x0f), "fields");
        assertEq(name, "Tallystick", "name");
        assertEq(version, "1", "version");
        assertEq(chainId, expectedChain, "chainId");
        assertEq(verifyingContract, address(instance), "verifyingContract");
        assertEq(salt, 0, "salt");
        assertEq(extensions.length, 0, "extensions");
    }
}
