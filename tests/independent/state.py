"""Storage and state proofs (section 9)."""

from independent.primitives import Item, Refused, ascending, integer, keccak, padded, require, unrlp, word

EMPTY = keccak(b"\x80")
REGISTRAR_ROLE = keccak(b"REGISTRAR_ROLE")
REGISTRY_SLOT = word(0)


def head_slot(party: bytes) -> bytes:
    return keccak(party + word(1))


def batch_slot(operator: bytes, batch_id: int) -> bytes:
    return keccak(word(batch_id) + keccak(padded(operator) + word(3)))


def signer_slot(party: bytes, signer: bytes) -> bytes:
    return keccak(padded(signer) + keccak(party + word(2)))


def registrar_slot(account: bytes) -> bytes:
    return keccak(padded(account) + keccak(REGISTRAR_ROLE + word(0)))


def header(data: bytes) -> tuple[bytes, int, int]:
    """State root, number and time."""
    require(len(data) <= 2048, "a header of more than 2,048 bytes")
    items = unrlp(data)
    require(isinstance(items, list) and len(items) >= 15, "a header has at least 15 items")
    require(all(isinstance(item, bytes) for item in items), "a header holds byte strings")
    require(len(items[3]) == 32, "a state root has 32 bytes")
    return items[3], integer(items[8]), integer(items[11])


class Pool:
    """Trie nodes by hash; it remembers which were needed."""

    def __init__(self, nodes: list[bytes]) -> None:
        require(all(len(node) <= 1024 for node in nodes), "a node of more than 1,024 bytes")
        keys = [keccak(node) for node in nodes]
        require(ascending(keys), "nodes not in order")
        self.nodes = dict(zip(keys, nodes, strict=True))
        self.unused = set(keys)

    def _load(self, key: bytes) -> Item:
        require(key in self.nodes, "a node is missing")
        self.unused.discard(key)
        return unrlp(self.nodes[key])

    def _child(self, item: Item) -> Item:
        """The node that a reference stands for: 32 bytes name one in the pool, a list is the node itself."""
        if isinstance(item, list):
            return item
        require(len(item) == 32, "a reference of neither 0 nor 32 bytes")
        return self._load(item)

    def get(self, root: bytes, key: bytes) -> bytes | None:
        """The value under keccak256(key), or None where its absence is proven."""
        if root == EMPTY:
            return None
        path = keccak(key).hex()
        node = self._load(root)
        while True:
            require(isinstance(node, list) and len(node) in (2, 17), "a node has 2 or 17 items")
            if len(node) == 17:
                require(path, "a path ends in a branch")
                child, path = node[int(path[0], 16)], path[1:]
                if child == b"":
                    return None
                node = self._child(child)
                continue
            require(isinstance(node[0], bytes) and node[0], "a node without path")
            flag, rest = node[0].hex()[0], node[0].hex()[1:]
            require(flag in "0123", "a node's path has an unknown flag")
            if flag in "02":
                require(rest[0] == "0", "a node's path has stray bits")
                rest = rest[1:]
            if flag in "23":
                return _value(node[1]) if rest == path else None
            if not path.startswith(rest):
                return None
            path = path[len(rest) :]
            node = self._child(node[1])

    def account(self, root: bytes, address: bytes) -> tuple[bytes, bytes]:
        """Storage root and code hash."""
        found = self.get(root, address)
        if found is None:
            raise Refused("the account is absent")
        items = unrlp(found)
        require(isinstance(items, list) and len(items) == 4, "an account has four items")
        require(all(isinstance(item, bytes) for item in items), "an account holds byte strings")
        return items[2], items[3]

    def slot(self, root: bytes, slot: bytes) -> int:
        found = self.get(root, slot)
        return 0 if found is None else integer(unrlp(found))


def _value(item: Item) -> bytes | None:
    if not isinstance(item, bytes):
        raise Refused("a value is a byte string")
    return item
