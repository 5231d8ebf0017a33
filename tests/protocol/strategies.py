"""What Hypothesis draws the protocol's values from."""

from __future__ import annotations

from hypothesis import strategies as st

from tallystick.protocol.evidence import MAX_TIME, Domain, Evidence
from tallystick.protocol.signing import GROUP_ORDER

bytes32 = st.binary(min_size=32, max_size=32)
addresses = st.binary(min_size=20, max_size=20)
times = st.integers(0, MAX_TIME)
private_keys = st.integers(1, GROUP_ORDER - 1).map(lambda number: number.to_bytes(32, "big"))
domains = st.builds(Domain, st.integers(0, 2**53 - 1), addresses)
evidences = st.lists(bytes32, min_size=2, max_size=2, unique=True).flatmap(
    lambda parties: st.builds(
        Evidence,
        issuer=st.just(max(parties)),
        counterparty=st.just(min(parties)),
        kind=st.integers(1, 255),
        deal=bytes32,
        parent=bytes32,
        content_root=bytes32,
        occurred_at=times,
        issued_at=times,
    )
)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
names = st.text(st.characters(max_codepoint=127), max_size=12)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)
field_names = st.from_regex(r"[a-zA-Z][a-zA-Z0-9]{0,15}", fullmatch=True)
