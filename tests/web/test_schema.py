"""``scripts/check_api.py`` explores every operation by its document: here, that it leaves none out."""

from __future__ import annotations

from tallystick.service.policy import RULES
from web.exploring import shared_out


def test_every_operation_is_explored() -> None:
    """A route that stands in the table of who may do what is explored as one of the roles that reach it."""
    shares = shared_out(RULES)
    assert sorted(operation for share in shares.values() for operation in share) == sorted(RULES)
