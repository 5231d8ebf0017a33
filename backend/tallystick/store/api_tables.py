"""The tables behind the conveniences of the API: what is found quickly, and what was answered to a repeated request.

Rules:

- ``evidence_subject`` has a row for each evidence and each party into whose log it goes (protocol section 3), so that a
  party's evidence is a range of an index whatever it is narrowed by; ``awaits`` says what the party has yet to answer;
- ``trading_partner`` has each two parties that an evidence names together, both ways: who may know of whom;
- every row of these two follows from the evidence, and is written by the transaction that keeps the evidence;
- ``catalogue`` has the names by which trade documents find evidence, of all up to ``catalogued``: who looks for one
  brings it up to date first (``service/documents/catalogue.py``);
- ``tally`` has the figures that would take a look at every row, moved by the transactions that move what they count;
- ``kept_answer`` is no truth of the ledger: its rows are forgotten after a while (``service/once.py``).
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
)

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

trading_partner = Table(
    "trading_partner",
    metadata,
    Column("party", LargeBinary, primary_key=True),
    Column("other", LargeBinary, primary_key=True),
    sqlite_with_rowid=False,
)

catalogue = Table(
    "catalogue",
    metadata,
    Column("name", LargeBinary, primary_key=True, comment="16 bytes of a SHA-256"),
    Column("position", BigInteger, ForeignKey("evidence.position"), primary_key=True, autoincrement=False),
    Index("ix_catalogue_position", "position"),
    sqlite_with_rowid=False,
)

catalogued = Table(
    "catalogued",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("position", BigInteger, nullable=False, comment="of the last evidence whose names are in the catalogue"),
    CheckConstraint("id = 1", name="one_row"),
)

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

attachment = Table(
    "attachment",
    metadata,
    Column("organisation", Text, ForeignKey("organisation.organisation"), primary_key=True),
    Column("sha256", LargeBinary, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("blob", Text, nullable=False, unique=True, comment="the name of its encrypted bytes"),
    Column("wrapped_key", LargeBinary, nullable=False),
    Column("kept_at", BigInteger, nullable=False),
    Index("ix_attachment_sha256", "sha256"),
)

webhook = Table(
    "webhook",
    metadata,
    Column("webhook", Text, primary_key=True),
    Column("organisation", Text, ForeignKey("organisation.organisation"), nullable=False, index=True),
    Column("url", Text, nullable=False),
    Column("secret", LargeBinary, nullable=False, comment="wrapped"),
    Column("old_secret", LargeBinary, nullable=True, comment="wrapped; good until old_until"),
    Column("old_until", BigInteger, nullable=True),
    Column("created_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger, nullable=True),
    Column("seen", BigInteger, nullable=False, comment="the last status event that it was told of"),
)

delivery = Table(
    "delivery",
    metadata,
    Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("webhook", Text, ForeignKey("webhook.webhook"), nullable=False),
    Column("event", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", BigInteger, nullable=False),
    Column("next_at", BigInteger, nullable=True, comment="NULL: not to be tried any more"),
    Column("answered", SmallInteger, nullable=True, comment="the status of the last answer"),
    Column("failure", Text, nullable=True),
    Index("ix_delivery_webhook_position", "webhook", "position"),
)
_due = delivery.c.next_at.is_not(None)
Index("ix_delivery_next_at", delivery.c.next_at, sqlite_where=_due, postgresql_where=_due)

tally = Table(
    "tally",
    metadata,
    Column("name", Text, primary_key=True),
    Column("number", BigInteger, nullable=False),
)
