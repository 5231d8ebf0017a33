"""Evidence by whom it concerns, what awaits an answer, and the answers to requests that may come again."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

_ZERO = bytes(32)
_NUMBER = re.compile(r"(?!ACKN)[A-Z_]+ (.*?) by 0x[0-9a-f]{64}(?: to 0x[0-9a-f]{64})?\Z", re.DOTALL)
_CONTRACT, _INVOICE, _ACKNOWLEDGEMENT, _DISPUTE, _RESOLUTION, _CORRECTION, _ASSIGNMENT = 1, 3, 5, 6, 7, 8, 11
_AT_ONCE = 1_000


def upgrade() -> None:
    op.create_table(
        "evidence_subject",
        sa.Column("subject", sa.LargeBinary, nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("kind", sa.SmallInteger, nullable=False),
        sa.Column("other", sa.LargeBinary, nullable=False, comment="whom it is about beside the subject; zero: nobody"),
        sa.Column("occurred_at", sa.BigInteger, nullable=False),
        sa.Column("number", sa.Text, nullable=True, comment="of the business document"),
        sa.Column("awaits", sa.Text, nullable=True, comment="countersignature, answer or resolution"),
        sa.PrimaryKeyConstraint("subject", "position", name="pk_evidence_subject"),
        sa.ForeignKeyConstraint(["position"], ["evidence.position"], name="fk_evidence_subject_position"),
        sqlite_with_rowid=False,
    )
    _fill()
    op.create_index("ix_evidence_subject_subject_kind_position", "evidence_subject", ["subject", "kind", "position"])
    op.create_index("ix_evidence_subject_subject_other_position", "evidence_subject", ["subject", "other", "position"])
    op.create_index("ix_evidence_subject_subject_occurred_at", "evidence_subject", ["subject", "occurred_at"])
    op.create_index("ix_evidence_subject_position", "evidence_subject", ["position"])
    _partial("ix_evidence_subject_number", ["number", "position"], "number IS NOT NULL")
    _partial("ix_evidence_subject_awaits", ["subject", "position"], "awaits IS NOT NULL")
    op.create_index("ix_evidence_kind_position", "evidence", ["kind", "position"])
    op.create_index("ix_evidence_occurred_at", "evidence", ["occurred_at"])
    op.create_table(
        "kept_answer",
        sa.Column("organisation", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("fingerprint", sa.LargeBinary, nullable=False),
        sa.Column("status", sa.SmallInteger, nullable=False),
        sa.Column("location", sa.Text, nullable=True),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("kept_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("organisation", "key", name="pk_kept_answer"),
    )
    op.create_index("ix_kept_answer_kept_at", "kept_answer", ["kept_at"])


def _partial(name: str, columns: list[str], where: str) -> None:
    op.create_index(name, "evidence_subject", columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def _fill() -> None:
    """The rows of the evidence that is there, in its order, some at a time."""
    connection = op.get_bind()
    after = 0
    while rows := connection.execute(_EVIDENCE, {"after": after, "most": _AT_ONCE}).all():
        made = [one for row in rows for one in _subjects(row)]
        connection.execute(_INSERT, made)
        for row in rows:
            _clear(connection, row)
        after = rows[-1].position


def _subjects(row: Any) -> list[dict[str, Any]]:
    named = {row.issuer, row.counterparty, row.parent_issuer, row.parent_counterparty} - {None, _ZERO}
    numbered = _NUMBER.match(row.document_key or "")
    return [
        {
            "subject": subject,
            "position": row.position,
            "kind": row.kind,
            "other": row.counterparty if subject == row.issuer else row.issuer,
            "occurred_at": row.occurred_at,
            "number": None if numbered is None else numbered.group(1),
            "awaits": _awaits(row) if subject == row.counterparty else None,
        }
        for subject in sorted(bytes(one) for one in named)
    ]


def _awaits(row: Any) -> str | None:
    if row.accepted is None:
        return "countersignature"
    if row.kind in (_INVOICE, _ASSIGNMENT):
        return "answer"
    return "resolution" if row.kind == _DISPUTE else None


def _clear(connection: sa.Connection, row: Any) -> None:
    """What awaits nothing any more because of ``row``."""
    if row.parent_position is None:
        return
    if row.kind in (_ACKNOWLEDGEMENT, _DISPUTE):
        scope = "subject = :issuer AND awaits = 'answer'"
    elif row.kind == _RESOLUTION:
        withdrawn = "withdrawn" in _said(row.disclosures, "outcome")
        if row.issuer != (row.parent_issuer if withdrawn else row.parent_counterparty):
            return
        scope = "awaits = 'resolution'"
    elif row.kind == _CORRECTION and "cancelled" in _said(row.disclosures, "correctionType"):
        scope = "awaits IS NOT NULL"
    else:
        return
    statement = sa.text(f"UPDATE evidence_subject SET awaits = NULL WHERE position = :parent AND {scope}")  # noqa: S608 - no input  # nosec B608
    named = {"issuer": row.issuer} if ":issuer" in scope else {}
    connection.execute(statement, {"parent": row.parent_position, **named})
    accepts = row.kind == _ACKNOWLEDGEMENT and row.issuer == row.parent_counterparty
    if accepts and row.parent_kind == _RESOLUTION and row.above_position is not None:
        resolved = sa.text(
            "UPDATE evidence_subject SET awaits = NULL WHERE position = :above AND awaits = 'resolution'"
        )
        connection.execute(resolved, {"above": row.above_position})


def _said(disclosures: str, name: str) -> set[str]:
    """What the content says under ``name``."""
    found = set()
    for text in json.loads(disclosures):
        try:
            item = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        except ValueError:
            continue
        if isinstance(item, list) and len(item) == 3 and item[1] == name and isinstance(item[2], str):
            found.add(item[2])
    return found


_evidence = sa.table(
    "evidence",
    *(
        sa.column(name)
        for name in (
            "position",
            "evidence_id",
            "issuer",
            "counterparty",
            "kind",
            "parent",
            "occurred_at",
            "document_key",
            "disclosures",
        )
    ),
)
_parent = _evidence.alias("parent")
_above = _evidence.alias("above")
_acceptance = sa.table("acceptance", sa.column("position"), sa.column("evidence_id"))
_EVIDENCE = (
    sa.select(
        _evidence.c.position,
        _evidence.c.issuer,
        _evidence.c.counterparty,
        _evidence.c.kind,
        _evidence.c.occurred_at,
        _evidence.c.document_key,
        _evidence.c.disclosures,
        _parent.c.position.label("parent_position"),
        _parent.c.issuer.label("parent_issuer"),
        _parent.c.counterparty.label("parent_counterparty"),
        _parent.c.kind.label("parent_kind"),
        _above.c.position.label("above_position"),
        _acceptance.c.position.label("accepted"),
    )
    .select_from(
        _evidence.outerjoin(_parent, _parent.c.evidence_id == _evidence.c.parent)
        .outerjoin(_above, _above.c.evidence_id == _parent.c.parent)
        .outerjoin(_acceptance, _acceptance.c.evidence_id == _evidence.c.evidence_id)
    )
    .where(_evidence.c.position > sa.bindparam("after"))
    .order_by(_evidence.c.position)
    .limit(sa.bindparam("most"))
)
_INSERT = sa.table(
    "evidence_subject",
    *(sa.column(name) for name in ("subject", "position", "kind", "other", "occurred_at", "number", "awaits")),
).insert()
