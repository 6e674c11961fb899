"""Organisations, equipment, devices, tags, users, alarms: the model from the first day on.

Times are int64 µs UTC. `tags.id` is the int32 tag id of samples: it is never used twice.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ID = sa.String(36)


def upgrade() -> None:
    _organisations()
    _equipment()
    _devices()
    _users()
    _alarms()
    op.create_table(
        "consumer_positions",
        sa.Column("consumer", sa.String(100), nullable=False),
        sa.Column("stream", sa.String(100), nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("consumer", "stream", name="pk_consumer_positions"),
    )


def downgrade() -> None:
    for table in (
        "consumer_positions",
        "alert_comments",
        "alerts",
        "audit_log",
        "refresh_tokens",
        "users",
        "tags",
        "devices",
        "data_schemas",
        "equipment",
        "organizations",
    ):
        op.drop_table(table)


def _key(table: str, column: str = "id") -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(column, name=f"pk_{table}")


def _reference(table: str, column: str, target: str, on_delete: str | None = None) -> sa.ForeignKeyConstraint:
    name = f"fk_{table}_{column}_{target}"
    return sa.ForeignKeyConstraint([column], [f"{target}.id"], name=name, ondelete=on_delete)


def _scope(table: str) -> tuple[sa.Column[str], sa.ForeignKeyConstraint]:
    """The organisation that a row belongs to."""
    return sa.Column("organization_id", ID, nullable=False), _reference(table, "organization_id", "organizations")


def _organisations() -> None:
    op.create_table(
        "organizations",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("domain", sa.String(255), nullable=True),
        sa.Column("timezone", sa.String(64), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        _key("organizations"),
        sa.UniqueConstraint("domain", name="uq_organizations_domain"),
    )


def _equipment() -> None:
    op.create_table(
        "equipment",
        sa.Column("id", ID, nullable=False),
        *_scope("equipment"),
        sa.Column("parent_id", ID, nullable=True),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("timezone", sa.String(64), nullable=True),
        _key("equipment"),
        _reference("equipment", "parent_id", "equipment"),
    )
    op.create_index("ix_equipment_organization_id", "equipment", ["organization_id"])
    op.create_index("ix_equipment_parent_id", "equipment", ["parent_id"])
    op.create_table(
        "data_schemas",
        sa.Column("id", ID, nullable=False),
        *_scope("data_schemas"),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("version", sa.String(50), nullable=False),
        sa.Column("schema_definition", sa.JSON, nullable=False),
        sa.Column("is_active", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        _key("data_schemas"),
        sa.UniqueConstraint("organization_id", "name", "version", name="uq_data_schemas_organization_id_name_version"),
    )


def _devices() -> None:
    op.create_table(
        "devices",
        sa.Column("id", ID, nullable=False),
        *_scope("devices"),
        sa.Column("equipment_id", ID, nullable=False),
        sa.Column("device_id", sa.String(100), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("type", sa.String(100), nullable=False),
        sa.Column("location", sa.String(255), nullable=False),
        sa.Column("schema_id", ID, nullable=True),
        sa.Column("protocol", sa.String(50), nullable=False),
        sa.Column("connection_config", sa.JSON, nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("offline_after_s", sa.Double, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        _key("devices"),
        _reference("devices", "equipment_id", "equipment"),
        _reference("devices", "schema_id", "data_schemas"),
        sa.UniqueConstraint("organization_id", "device_id", name="uq_devices_organization_id_device_id"),
    )
    op.create_index("ix_devices_equipment_id", "devices", ["equipment_id"])
    op.create_table(
        "tags",
        sa.Column("id", sa.Integer, autoincrement=True, nullable=False),
        *_scope("tags"),
        sa.Column("device_id", ID, nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("unit", sa.String(50), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("decimals", sa.Integer, nullable=False),
        sa.Column("is_primary", sa.Boolean, nullable=False),
        *(sa.Column(name, sa.Double, nullable=True) for name in ("normal_min", "normal_max", "alert_min", "alert_max")),
        *(sa.Column(name, sa.Double, nullable=False) for name in ("deadband", "on_delay_s", "off_delay_s")),
        sa.Column("severity", sa.String(20), nullable=False),
        sa.Column("expected_interval_s", sa.Double, nullable=True),
        _key("tags"),
        _reference("tags", "device_id", "devices", "CASCADE"),
        sa.UniqueConstraint("device_id", "name", name="uq_tags_device_id_name"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_tags_organization_id", "tags", ["organization_id"])


def _users() -> None:
    op.create_table(
        "users",
        sa.Column("id", ID, nullable=False),
        *_scope("users"),
        sa.Column("username", sa.String(50), nullable=False),
        sa.Column("email", sa.String(100), nullable=True),
        sa.Column("password_hash", sa.String(255), nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("is_active", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        _key("users"),
        sa.UniqueConstraint("username", name="uq_users_username"),
        sa.UniqueConstraint("email", name="uq_users_email"),
    )
    op.create_index("ix_users_organization_id", "users", ["organization_id"])
    op.create_table(
        "refresh_tokens",
        sa.Column("id", ID, nullable=False),
        *_scope("refresh_tokens"),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("family", ID, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("used_at", sa.BigInteger, nullable=True),
        sa.Column("revoked_at", sa.BigInteger, nullable=True),
        _key("refresh_tokens"),
        _reference("refresh_tokens", "user_id", "users", "CASCADE"),
        sa.UniqueConstraint("token_hash", name="uq_refresh_tokens_token_hash"),
    )
    op.create_index("ix_refresh_tokens_user_id", "refresh_tokens", ["user_id"])
    op.create_index("ix_refresh_tokens_family", "refresh_tokens", ["family"])
    op.create_index("ix_refresh_tokens_expires_at", "refresh_tokens", ["expires_at"])
    op.create_table(
        "audit_log",
        sa.Column("id", ID, nullable=False),
        *_scope("audit_log"),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.String(100), nullable=False),
        sa.Column("action", sa.String(100), nullable=False),
        sa.Column("target", sa.String(255), nullable=False),
        sa.Column("detail", sa.JSON, nullable=False),
        _key("audit_log"),
    )
    op.create_index("ix_audit_log_organization_id_at", "audit_log", ["organization_id", "at"])


def _alarms() -> None:
    op.create_table(
        "alerts",
        sa.Column("id", sa.Integer, autoincrement=True, nullable=False),
        *_scope("alerts"),
        sa.Column("device_id", ID, nullable=False),
        sa.Column("tag_id", sa.Integer, nullable=True),
        sa.Column("alert_type", sa.String(50), nullable=False),
        sa.Column("type", sa.String(255), nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("severity", sa.String(20), nullable=False),
        sa.Column("value", sa.Double, nullable=True),
        sa.Column("threshold", sa.Double, nullable=True),
        sa.Column("unit", sa.String(50), nullable=False),
        sa.Column("state", sa.String(30), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("triggered_at", sa.BigInteger, nullable=False),
        sa.Column("acknowledged_at", sa.BigInteger, nullable=True),
        sa.Column("acknowledged_by", sa.String(100), nullable=True),
        sa.Column("resolved_at", sa.BigInteger, nullable=True),
        sa.Column("resolved_by", sa.String(100), nullable=True),
        sa.Column("escalated_at", sa.BigInteger, nullable=True),
        sa.Column("last_value", sa.Double, nullable=True),
        sa.Column("last_value_at", sa.BigInteger, nullable=True),
        _key("alerts"),
        _reference("alerts", "device_id", "devices"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_alerts_organization_id_status", "alerts", ["organization_id", "status"])
    op.create_index("ix_alerts_organization_id_triggered_at", "alerts", ["organization_id", "triggered_at"])
    op.create_index("ix_alerts_device_id_status", "alerts", ["device_id", "status"])
    op.create_table(
        "alert_comments",
        sa.Column("id", sa.Integer, autoincrement=True, nullable=False),
        sa.Column("alert_id", sa.Integer, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("author", sa.String(100), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        _key("alert_comments"),
        _reference("alert_comments", "alert_id", "alerts", "CASCADE"),
    )
    op.create_index("ix_alert_comments_alert_id", "alert_comments", ["alert_id"])
