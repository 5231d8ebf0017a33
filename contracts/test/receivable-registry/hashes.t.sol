// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IReceivableRegistry} from "../../src/interfaces/IReceivableRegistry.sol";
import {ReceivableBase} from "./ReceivableBase.t.sol";

/// @notice hashPledge, hashTransfer, hashRelease and hashCancellation, compared with four other encoders: the formulas
/// of the base, forge's struct hash, forge's reading of the JSON that a wallet is given, and digests that Python's
/// eth_account made.
contract HashesTest is ReceivableBase {
    string private constant _DOMAIN_MEMBERS = string.concat(
        '"EIP712Domain":[{"name":"name","type":"string"},{"name":"version","type":"string"},',
        '{"name":"chainId","type":"uint256"},{"name":"verifyingContract","type":"address"}]'
    );

    // Type hashes, as forge's own parser gives them for the types that the interface states

    function test_WhenTheTypesAreHashed() public pure {
        assertEq(vm.eip712HashType(PLEDGE_TYPE), keccak256(bytes(PLEDGE_TYPE)), "Pledge");
        assertEq(vm.eip712HashType(TRANSFER_TYPE), keccak256(bytes(TRANSFER_TYPE)), "Transfer");
        assertEq(vm.eip712HashType(RELEASE_TYPE), keccak256(bytes(RELEASE_TYPE)), "Release");
        assertEq(vm.eip712HashType(CANCELLATION_TYPE), keccak256(bytes(CANCELLATION_TYPE)), "Cancellation");
    }

    function testFuzz_WhenAPledgeIsHashed(IReceivableRegistry.PledgeTerms memory terms, uint64 chainId) public {
        vm.chainId(chainId);
        bytes32 actual = receivables.hashPledge(terms);
        assertEq(actual, _digestOn(chainId, structOf(terms)), "by hand");
        assertEq(actual, _digestOn(chainId, vm.eip712HashStruct(PLEDGE_TYPE, abi.encode(terms))), "by forge");
    }

    function testFuzz_WhenATransferIsHashed(IReceivableRegistry.TransferTerms memory terms, uint64 chainId) public {
        vm.chainId(chainId);
        bytes32 actual = receivables.hashTransfer(terms);
        assertEq(actual, _digestOn(chainId, structOf(terms)), "by hand");
        assertEq(actual, _digestOn(chainId, vm.eip712HashStruct(TRANSFER_TYPE, abi.encode(terms))), "by forge");
    }

    function testFuzz_WhenAReleaseIsHashed(IReceivableRegistry.ReleaseTerms memory terms, uint64 chainId) public {
        vm.chainId(chainId);
        bytes32 actual = receivables.hashRelease(terms);
        assertEq(actual, _digestOn(chainId, structOf(terms)), "by hand");
        assertEq(actual, _digestOn(chainId, vm.eip712HashStruct(RELEASE_TYPE, abi.encode(terms))), "by forge");
    }

    function testFuzz_WhenACancellationIsHashed(bytes32 party, bytes32 authorisation, uint64 chainId) public {
        vm.chainId(chainId);
        bytes32 actual = receivables.hashCancellation(party, authorisation);
        bytes memory members = abi.encode(party, authorisation);
        assertEq(actual, _digestOn(chainId, structOfCancellation(party, authorisation)), "by hand");
        assertEq(actual, _digestOn(chainId, vm.eip712HashStruct(CANCELLATION_TYPE, members)), "by forge");
    }

    function testFuzz_WhenAWalletHashesAPledge(IReceivableRegistry.PledgeTerms memory terms) public view {
        string memory types = string.concat(
            '"Pledge":[{"name":"supplier","type":"bytes32"},{"name":"receivable","type":"bytes32"},',
            '{"name":"fingerprint","type":"bytes32"},{"name":"financier","type":"bytes32"},',
            '{"name":"expiresAt","type":"uint64"},{"name":"deadline","type":"uint64"},',
            '{"name":"nonce","type":"bytes32"}]'
        );
        string memory message = string.concat(
            _member("supplier", terms.supplier),
            _member("receivable", terms.receivable),
            _member("fingerprint", terms.fingerprint),
            _member("financier", terms.financier),
            _member("expiresAt", terms.expiresAt),
            _member("deadline", terms.deadline)
        );
        assertEq(receivables.hashPledge(terms), _digestOfJson("Pledge", types, message, terms.nonce));
    }

    function testFuzz_WhenAWalletHashesATransfer(IReceivableRegistry.TransferTerms memory terms) public view {
        string memory types = string.concat(
            '"Transfer":[{"name":"pledge","type":"bytes32"},{"name":"from","type":"bytes32"},',
            '{"name":"to","type":"bytes32"},{"name":"deadline","type":"uint64"},{"name":"nonce","type":"bytes32"}]'
        );
        string memory message = string.concat(
            _member("pledge", terms.pledge),
            _member("from", terms.from),
            _member("to", terms.to),
            _member("deadline", terms.deadline)
        );
        assertEq(receivables.hashTransfer(terms), _digestOfJson("Transfer", types, message, terms.nonce));
    }

    function testFuzz_WhenAWalletHashesARelease(IReceivableRegistry.ReleaseTerms memory terms) public view {
        string memory types = string.concat(
            '"Release":[{"name":"pledge","type":"bytes32"},{"name":"financier","type":"bytes32"},',
            '{"name":"deadline","type":"uint64"},{"name":"nonce","type":"bytes32"}]'
        );
        string memory message = string.concat(
            _member("pledge", terms.pledge), _member("financier", terms.financier), _member("deadline", terms.deadline)
        );
        assertEq(receivables.hashRelease(terms), _digestOfJson("Release", types, message, terms.nonce));
    }

    /// @dev encode_typed_data of eth_account 0.14 over the default terms, on chain 1, for a contract at 0x7a11.
    function test_WhenPythonHashedTheDefaultTerms() public {
        address fixed_ = address(0x7a11);
        vm.etch(fixed_, address(receivables).code);
        vm.chainId(1);
        IReceivableRegistry instance = IReceivableRegistry(fixed_);
        bytes32 name = 0x4f34a4d16838eda622b8e49cc071ae57114799988dbb0ccdcb58dbbf2e8a0f5d;
        assertEq(instance.hashPledge(pledgeTerms()), name, "pledge");
        assertEq(
            instance.hashTransfer(transferTerms(name)),
            0xdc07478314fd97d3a14f31d61dea751b0a3dd2f46dabfa9e81e62cb9d2ec0ac8,
            "transfer"
        );
        assertEq(
            instance.hashRelease(releaseTerms(name)),
            0xf41a891d08965daeac359587ed156a85b2726c3b6232af749910503f994b466b,
            "release"
        );
        assertEq(
            instance.hashCancellation(SUPPLIER, name),
            0xa3c114dfa2daadd6cdc3e917bfdc04f1167d43f1b5a34f75cdb06d7f3657ae70,
            "cancellation"
        );
    }

    /// @dev What one wallet shows and another contract reads must not differ by bits that are cut off.
    function testFuzz_RevertWhen_ATimeIsAbove64Bits(uint256 high) public view {
        high = bound(high, 1, type(uint192).max) << 64;
        _assertUndecodable(abi.encodeCall(receivables.hashPledge, pledgeTerms()), 4, high);
        _assertUndecodable(abi.encodeCall(receivables.hashPledge, pledgeTerms()), 5, high);
        _assertUndecodable(abi.encodeCall(receivables.hashTransfer, transferTerms(0)), 3, high);
        _assertUndecodable(abi.encodeCall(receivables.hashRelease, releaseTerms(0)), 2, high);
    }

    function _assertUndecodable(bytes memory data, uint256 word, uint256 high) private view {
        uint256 offset = 0x24 + 32 * word;
        assembly ("memory-safe") {
            mstore(add(data, offset), or(mload(add(data, offset)), high))
        }
        (bool success, bytes memory reason) = address(receivables).staticcall(data);
        assertFalse(success, "succeeds");
        assertEq(reason, "", "reason");
    }

    function _digestOn(uint256 chainId, bytes32 structHash) private view returns (bytes32) {
        return digestUnder(domainSeparator(chainId, address(receivables)), structHash);
    }

    function _digestOfJson(string memory primaryType, string memory types, string memory message, bytes32 nonce)
        private
        view
        returns (bytes32)
    {
        string memory domain = string.concat(
            '{"name":"Tallystick","version":"1","chainId":',
            vm.toString(block.chainid),
            ',"verifyingContract":"',
            vm.toString(address(receivables)),
            '"}'
        );
        return vm.eip712HashTypedData(
            string.concat(
                '{"types":{',
                _DOMAIN_MEMBERS,
                ",",
                types,
                '},"primaryType":"',
                primaryType,
                '","domain":',
                domain,
                ',"message":{',
                message,
                '"nonce":"',
                vm.toString(nonce),
                '"}}'
            )
        );
    }

    function _member(string memory name, bytes32 value) private pure returns (string memory) {
        return string.concat('"', name, '":"', vm.toString(value), '",');
    }

    function _member(string memory name, uint64 value) private pure returns (string memory) {
        return string.concat('"', name, '":"', vm.toString(value), '",');
    }
}
