"""The tables behind the conveniences of the API: what is found quickly, and what was answered to a repeated request.

Rules:

- ``evidence_subject`` has a row for each evidence and each party into whose log it goes (protocol section 3), so that a
  party's evidence is a range of an index whatever it is narrowed by; ``awaits`` says what the party has yet to answer;
- every row of it follows from the evidence, and is written by the transaction that keeps the evidence;
- ``kept_answer`` is no truth of the ledger: its rows are forgotten after a while (``service/once.py``).
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, LargeBinary, SmallInteger, Table, Text

from tallystick.store.schema import evidence, metadata

evidence_subject = Table(
    "evidence_subject",
    metadata,
    Column("subject", LargeBinary, primary_key=True),
    Column("position", BigInteger, ForeignKey("evidence.position"), primary_key=True, autoincrement=False),
    Column("kind", SmallInteger, nullable=False),
    Column("other", LargeBinary, nullable=False, comment="whom it is about beside the subject; zero: nobody"),
    Column("occurred_at", BigInteger, nullable=False),
    Column("number", Text, nullable=True, comment="of the business document"),
    Column("awaits", Text, nullable=True, comment="countersignature, answer or resolution"),
    Index("ix_evidence_subject_subject_kind_position", "subject", "kind", "position"),
    Index("ix_evidence_subject_subject_other_position", "subject", "other", "position"),
    Index("ix_evidence_subject_subject_occurred_at", "subject", "occurred_at"),
    sqlite_with_rowid=False,
)
Index("ix_evidence_subject_position", evidence_subject.c.position)
_numbered = evidence_subject.c.number.is_not(None)
Index(
    "ix_evidence_subject_number",
    evidence_subject.c.number,
    evidence_subject.c.position,
    sqlite_where=_numbered,
    postgresql_where=_numbered,
)
_awaited = evidence_subject.c.awaits.is_not(None)
Index(
    "ix_evidence_subject_awaits",
    evidence_subject.c.subject,
    evidence_subject.c.position,
    sqlite_where=_awaited,
    postgresql_where=_awaited,
)
# for whoever may see everything
Index("ix_evidence_kind_position", evidence.c.kind, evidence.c.position)
Index("ix_evidence_occurred_at", evidence.c.occurred_at)

kept_answer = Table(
    "kept_answer",
    metadata,
    Column("organisation", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("status", SmallInteger, nullable=False),
    Column("location", Text, nullable=True),
    Column("body", LargeBinary, nullable=False),
    Column("kept_at", BigInteger, nullable=False, index=True),
)
