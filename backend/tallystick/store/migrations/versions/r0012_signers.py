"""What is to be done to the registry, which signers were compromised since when, and the registrar's bindings."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "registry_change",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False, autoincrement=True),
        sa.Column("act", sa.Text, nullable=False),
        sa.Column("party", sa.LargeBinary, nullable=False),
        sa.Column("signer", sa.LargeBinary, nullable=False),
        sa.Column("added", sa.Boolean, nullable=False),
        sa.Column("managed", sa.Boolean, nullable=False, comment="the key is in the keystore here"),
        sa.Column("after", sa.BigInteger, nullable=True, comment="position of the change that must be final before"),
        sa.Column("requested_at", sa.BigInteger, nullable=False),
        sa.Column("done_at", sa.BigInteger, nullable=True, comment="when it was seen in a final block"),
        sa.Column("trouble", sa.Text, nullable=True, comment="why the newest attempt failed"),
        sa.PrimaryKeyConstraint("position", name="pk_registry_change"),
        sa.UniqueConstraint("party", "signer", "added", name="uq_registry_change_party_signer_added"),
        sa.ForeignKeyConstraint(["party"], ["party.party"], name="fk_registry_change_party"),
    )
    still_open = sa.text("done_at IS NULL")
    op.create_index(
        "ix_registry_change_open",
        "registry_change",
        ["position"],
        sqlite_where=still_open,
        postgresql_where=still_open,
    )
    op.create_table(
        "signer_compromise",
        sa.Column("party", sa.LargeBinary, nullable=False),
        sa.Column("signer", sa.LargeBinary, nullable=False),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("stated_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("party", "signer", name="pk_signer_compromise"),
        sa.ForeignKeyConstraint(["party"], ["party.party"], name="fk_signer_compromise_party"),
    )
    op.create_table(
        "party_binding",
        sa.Column("party", sa.LargeBinary, nullable=False),
        sa.Column("registrar", sa.LargeBinary, nullable=False),
        sa.Column("signature", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("party", name="pk_party_binding"),
        sa.ForeignKeyConstraint(["party"], ["party.party"], name="fk_party_binding_party"),
    )
