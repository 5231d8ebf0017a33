"""The address of the ReceivableRegistry; NULL in a store that is bound to a ledger of before there was one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("deployment", sa.Column("receivables", sa.LargeBinary, nullable=True))
