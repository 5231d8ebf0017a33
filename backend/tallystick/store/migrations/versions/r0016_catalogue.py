"""The catalogue: evidence by the names that trade documents have for it. It fills when documents are imported."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.create_table(
        "catalogue",
        sa.Column("name", sa.LargeBinary, nullable=False, comment="16 bytes of a SHA-256"),
        sa.Column("position", sa.BigInteger, nullable=False, autoincrement=False),
        sa.PrimaryKeyConstraint("name", "position", name="pk_catalogue"),
        sa.ForeignKeyConstraint(["position"], ["evidence.position"], name="fk_catalogue_position"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_catalogue_position", "catalogue", ["position"])
    op.create_table(
        "catalogued",
        sa.Column("id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column(
            "position",
            sa.BigInteger,
            nullable=False,
            comment="of the last evidence whose names are in the catalogue",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_catalogued"),
        sa.CheckConstraint("id = 1", name="ck_catalogued_one_row"),
    )
