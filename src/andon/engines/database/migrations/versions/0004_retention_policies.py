"""How long history is kept, where somebody decided otherwise than the default."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

ID = sa.String(36)


def upgrade() -> None:
    op.create_table(
        "retention_policies",
        sa.Column("id", ID, nullable=False),
        sa.Column("organization_id", ID, nullable=False),
        sa.Column("device_id", ID, nullable=True),
        sa.Column("tag_id", sa.Integer, nullable=True),
        sa.Column("raw_days", sa.Double, nullable=True),
        sa.Column("minute_days", sa.Double, nullable=True),
        sa.Column("hour_days", sa.Double, nullable=True),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_retention_policies"),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name="fk_retention_policies_organization_id_organizations"
        ),
        sa.ForeignKeyConstraint(
            ["device_id"], ["devices.id"], name="fk_retention_policies_device_id_devices", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["tag_id"], ["tags.id"], name="fk_retention_policies_tag_id_tags", ondelete="CASCADE"),
    )
    op.create_index("ix_retention_policies_organization_id", "retention_policies", ["organization_id"])


def downgrade() -> None:
    op.drop_table("retention_policies")
