"""Attached documents, webhooks with their deliveries, and the figures that are kept instead of counted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.create_table(
        "attachment",
        sa.Column("organisation", sa.Text, nullable=False),
        sa.Column("sha256", sa.LargeBinary, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("media_type", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("blob", sa.Text, nullable=False, comment="the name of its encrypted bytes"),
        sa.Column("wrapped_key", sa.LargeBinary, nullable=False),
        sa.Column("kept_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("organisation", "sha256", name="pk_attachment"),
        sa.UniqueConstraint("blob", name="uq_attachment_blob"),
        sa.ForeignKeyConstraint(["organisation"], ["organisation.organisation"], name="fk_attachment_organisation"),
    )
    op.create_index("ix_attachment_sha256", "attachment", ["sha256"])
    op.create_table(
        "webhook",
        sa.Column("webhook", sa.Text, nullable=False),
        sa.Column("organisation", sa.Text, nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("secret", sa.LargeBinary, nullable=False, comment="wrapped"),
        sa.Column("old_secret", sa.LargeBinary, nullable=True, comment="wrapped; good until old_until"),
        sa.Column("old_until", sa.BigInteger, nullable=True),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.BigInteger, nullable=True),
        sa.Column("seen", sa.BigInteger, nullable=False, comment="the last status event that it was told of"),
        sa.PrimaryKeyConstraint("webhook", name="pk_webhook"),
        sa.ForeignKeyConstraint(["organisation"], ["organisation.organisation"], name="fk_webhook_organisation"),
    )
    op.create_index("ix_webhook_organisation", "webhook", ["organisation"])
    op.create_table(
        "delivery",
        sa.Column(
            "position",
            sa.BigInteger().with_variant(sa.Integer, "sqlite"),
            primary_key=True,
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("webhook", sa.Text, nullable=False),
        sa.Column("event", sa.BigInteger, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.BigInteger, nullable=False),
        sa.Column("next_at", sa.BigInteger, nullable=True, comment="NULL: not to be tried any more"),
        sa.Column("answered", sa.SmallInteger, nullable=True, comment="the status of the last answer"),
        sa.Column("failure", sa.Text, nullable=True),
        sa.PrimaryKeyConstraint("position", name="pk_delivery"),
        sa.ForeignKeyConstraint(["webhook"], ["webhook.webhook"], name="fk_delivery_webhook"),
    )
    op.create_index("ix_delivery_webhook_position", "delivery", ["webhook", "position"])
    due = sa.text("next_at IS NOT NULL")
    op.create_index("ix_delivery_next_at", "delivery", ["next_at"], sqlite_where=due, postgresql_where=due)
    op.create_table(
        "tally",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_tally"),
    )
    for statement in _TALLIES:
        op.execute(statement)


_TALLIES = (
    "INSERT INTO tally (name, number) SELECT 'parties', count(*) FROM party",
    "INSERT INTO tally (name, number) SELECT 'batch.' || state, count(*) FROM batch GROUP BY state",
    """INSERT INTO tally (name, number)
       SELECT 'evidence.' || CASE WHEN a.position IS NULL THEN 'awaitingCountersignature'
           WHEN b.state IS NULL THEN 'pending' WHEN b.state IN ('included', 'orphaned', 'final') THEN b.state
           ELSE 'sealing' END AS state, count(*)
       FROM evidence e LEFT JOIN acceptance a ON a.evidence_id = e.evidence_id
         LEFT JOIN batch b ON b.operator = a.operator AND b.batch_id = a.batch_id
       GROUP BY 1""",
    "INSERT INTO tally (name, number) SELECT 'sealed', count(*) FROM sealed_batch WHERE canonical",
    "INSERT INTO tally (name, number) SELECT 'entries', coalesce(sum(entry_count), 0) FROM append WHERE canonical",
    "INSERT INTO tally (name, number) SELECT 'undone', count(*) FROM block WHERE NOT canonical",
)
