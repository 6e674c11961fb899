"""Mapped tables of the equipment tree, schemas, devices and their tags."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, Double, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from andon.engines.database import ID_LENGTH, Base
from andon.identity.tables import ORGANISATION


class EquipmentRow(Base):
    """A place in the ISA-95 tree: enterprise, site, area, work_center or work_unit."""

    __tablename__ = "equipment"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    organization_id: Mapped[str] = mapped_column(String(ID_LENGTH), ForeignKey(ORGANISATION), index=True)
    parent_id: Mapped[str | None] = mapped_column(String(ID_LENGTH), ForeignKey("equipment.id"), index=True)
    kind: Mapped[str] = mapped_column(String(20))
    name: Mapped[str] = mapped_column(String(255))
    timezone: Mapped[str | None] = mapped_column(String(64))  # None: that of the parent


class SchemaRow(Base):
    """A versioned definition of what devices of one kind report."""

    __tablename__ = "data_schemas"
    __table_args__ = (UniqueConstraint("organization_id", "name", "version"),)

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    organization_id: Mapped[str] = mapped_column(String(ID_LENGTH), ForeignKey(ORGANISATION))
    name: Mapped[str] = mapped_column(String(255))
    version: Mapped[str] = mapped_column(String(50))
    schema_definition: Mapped[dict[str, Any]] = mapped_column(JSON)
    is_active: Mapped[bool]
    created_at: Mapped[int] = mapped_column(BigInteger)


class DeviceRow(Base):
    """Registered hardware. A deleted device keeps its row, and with it its history and its alarms."""

    __tablename__ = "devices"
    __table_args__ = (UniqueConstraint("organization_id", "device_id"),)

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    organization_id: Mapped[str] = mapped_column(String(ID_LENGTH), ForeignKey(ORGANISATION))
    equipment_id: Mapped[str] = mapped_column(String(ID_LENGTH), ForeignKey("equipment.id"), index=True)
    device_id: Mapped[str] = mapped_column(String(100))
    name: Mapped[str] = mapped_column(String(255))
    type: Mapped[str] = mapped_column(String(100))
    location: Mapped[str] = mapped_column(String(255))
    schema_id: Mapped[str | None] = mapped_column(String(ID_LENGTH), ForeignKey("data_schemas.id"))
    protocol: Mapped[str] = mapped_column(String(50))
    connection_config: Mapped[dict[str, Any]] = mapped_column(JSON)
    status: Mapped[str] = mapped_column(String(20))
    offline_after_s: Mapped[float] = mapped_column(Double)
    created_at: Mapped[int] = mapped_column(BigInteger)
    updated_at: Mapped[int] = mapped_column(BigInteger)
    # The registry's revision at which the device or one of its tags last changed.
    revision: Mapped[int] = mapped_column(BigInteger, server_default="0", index=True)


class RegistryRevisionRow(Base):
    """The one row that counts changes of the registry."""

    __tablename__ = "registry_revision"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    value: Mapped[int] = mapped_column(BigInteger)


class TagRow(Base):
    """One signal of a device. `id` is the int32 that samples carry."""

    __tablename__ = "tags"
    __table_args__ = (UniqueConstraint("device_id", "name"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    organization_id: Mapped[str] = mapped_column(String(ID_LENGTH), ForeignKey(ORGANISATION), index=True)
    device_id: Mapped[str] = mapped_column(String(ID_LENGTH), ForeignKey("devices.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(255))
    unit: Mapped[str] = mapped_column(String(50))
    kind: Mapped[str] = mapped_column(String(20))
    decimals: Mapped[int]
    is_primary: Mapped[bool]
    normal_min: Mapped[float | None] = mapped_column(Double)
    normal_max: Mapped[float | None] = mapped_column(Double)
    alert_min: Mapped[float | None] = mapped_column(Double)
    alert_max: Mapped[float | None] = mapped_column(Double)
    deadband: Mapped[float] = mapped_column(Double)
    on_delay_s: Mapped[float] = mapped_column(Double)
    off_delay_s: Mapped[float] = mapped_column(Double)
    severity: Mapped[str] = mapped_column(String(20))
    expected_interval_s: Mapped[float | None] = mapped_column(Double)
