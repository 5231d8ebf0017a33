"""The tables of who may look at whose history, who did, and what was erased; on the metadata of ``schema``."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, LargeBinary, Table, Text

from tallystick.store.schema import metadata


def _bytes(name: str, **options: Any) -> Column[bytes]:
    return Column(name, LargeBinary, nullable=options.pop("nullable", False), **options)


def _number(name: str, **options: Any) -> Column[int]:
    return Column(name, BigInteger, nullable=options.pop("nullable", False), **options)


access_grant = Table(
    "access_grant",
    metadata,
    Column("consent", LargeBinary, ForeignKey("evidence.evidence_id"), primary_key=True),
    _bytes("subject", index=True),
    _bytes("grantee", index=True),
    Column("grantee_name", Text, nullable=True),
    _bytes("recorder"),
    Column("scope", Text, nullable=False),
    _number("granted_at"),
    _number("ends_at"),
    _bytes("withdrawal", nullable=True),
    _number("withdrawn_at", nullable=True),
)

access_use = Table(
    "access_use",
    metadata,
    Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("consent", LargeBinary, ForeignKey("access_grant.consent"), nullable=False, index=True),
    _number("at"),
    Column("organisation", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("object", Text, nullable=False),
    _bytes("evidence", nullable=True),
    _number("block", nullable=True),
    Column("access", LargeBinary, ForeignKey("evidence.evidence_id"), nullable=False),
)

erasure = Table(
    "erasure",
    metadata,
    Column("evidence", LargeBinary, ForeignKey("evidence.evidence_id"), primary_key=True),
    Column("reason", Text, nullable=False),
    Column("requested_by", Text, nullable=False),
    _number("requested_at"),
    Column("confirmed_by", Text, nullable=True),
    _number("erased_at", nullable=True),
    _number("fields", nullable=True),
    _number("documents", nullable=True),
)
