"""The operator's signed receipt of what it accepted; NULL for what was accepted before there were receipts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("acceptance", sa.Column("received_at", sa.BigInteger, nullable=True))
    op.add_column("acceptance", sa.Column("seal_by", sa.BigInteger, nullable=True))
    op.add_column("acceptance", sa.Column("receipt_operator", sa.LargeBinary, nullable=True))
    op.add_column("acceptance", sa.Column("receipt_signature", sa.LargeBinary, nullable=True))
