"""What processes that share a database tell each other: who runs, who leads, what changed, which keys sign."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _registry_revision()
    op.create_table(
        "leases",
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Column("beat", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
    )
    op.create_table(
        "role_heartbeats",
        sa.Column("process", sa.String(200), nullable=False),
        sa.Column("role", sa.String(50), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("url", sa.String(255), nullable=True),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("pid", sa.BigInteger, nullable=False),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("seen_at", sa.BigInteger, nullable=False),
        sa.Column("figures", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("process", "role", name="pk_role_heartbeats"),
    )
    op.create_table(
        "verification_keys",
        sa.Column("key_id", sa.String(100), nullable=False),
        sa.Column("pem", sa.Text, nullable=False),
        sa.Column("seen_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("key_id", name="pk_verification_keys"),
    )


def downgrade() -> None:
    for table in ("verification_keys", "role_heartbeats", "leases", "registry_revision"):
        op.drop_table(table)
    op.drop_index("ix_devices_revision", "devices")
    with op.batch_alter_table("devices") as devices:
        devices.drop_column("revision")


def _registry_revision() -> None:
    """One number for all of the registry; each device bears the one of its last change."""
    table = op.create_table(
        "registry_revision",
        sa.Column("id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("value", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_registry_revision"),
    )
    op.bulk_insert(table, [{"id": 1, "value": 0}])
    op.add_column("devices", sa.Column("revision", sa.BigInteger, nullable=False, server_default="0"))
    op.create_index("ix_devices_revision", "devices", ["revision"])
