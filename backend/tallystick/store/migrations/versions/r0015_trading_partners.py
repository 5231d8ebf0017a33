"""Trading partners: each two parties that an evidence names together, so that no evidence is read to tell."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.create_table(
        "trading_partner",
        sa.Column("party", sa.LargeBinary, nullable=False),
        sa.Column("other", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("party", "other", name="pk_trading_partner"),
        sqlite_with_rowid=False,
    )
    evidence = sa.table("evidence", sa.column("issuer"), sa.column("counterparty"))
    partner = sa.table("trading_partner", sa.column("party"), sa.column("other"))
    named = evidence.c.counterparty != bytes(32)
    both_ways = sa.union(
        sa.select(evidence.c.issuer, evidence.c.counterparty).where(named),
        sa.select(evidence.c.counterparty, evidence.c.issuer).where(named),
    )
    op.execute(partner.insert().from_select(["party", "other"], both_ways))
