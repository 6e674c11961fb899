"""The equipment tree: where a device stands, and in which time zone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy.orm import Session

from andon.identity.tables import OrganisationRow
from andon.kit.ids import new_id
from andon.registry import repository
from andon.registry.tables import EquipmentRow

ENTERPRISE, SITE, AREA, WORK_CENTER, WORK_UNIT = "enterprise", "site", "area", "work_center", "work_unit"
DEFAULT_SITE = "Main site"
DEFAULT_AREA = "Unassigned devices"


class Place(NamedTuple):
    """Names from the site downwards, and the time zone that holds there."""

    path: tuple[str, ...]
    timezone: str


class Places:
    """All places of some organisations, by their id."""

    def __init__(self, equipment: Iterable[EquipmentRow], timezones: dict[str, str]) -> None:
        """`timezones` holds that of each organisation, by its id."""
        self._rows = {row.id: row for row in equipment}
        self._timezones = timezones
        self._known: dict[str, Place] = {}

    def place(self, equipment_id: str) -> Place:
        """The place of that id, which must be there."""
        found = self._known.get(equipment_id)
        if found is None:
            found = self._known[equipment_id] = self._resolve(self._rows[equipment_id])
        return found

    def _resolve(self, row: EquipmentRow) -> Place:
        top = Place((), self._timezones[row.organization_id])
        above = self.place(row.parent_id) if row.parent_id else top
        path = above.path if row.kind == ENTERPRISE else (*above.path, row.name)
        return Place(path, row.timezone or above.timezone)


class Tree:
    """One organisation's tree while it is being extended. Additions belong to the session's unit of work."""

    def __init__(self, session: Session, organisation: OrganisationRow) -> None:
        self._session = session
        self._organisation = organisation
        self._rows = list(repository.equipment(session, organisation.id))

    def ensure(self, kind: str, name: str, parent: EquipmentRow | None) -> EquipmentRow:
        """The place of that kind and name under `parent`, made when there is none."""
        parent_id = parent.id if parent else None
        for row in self._rows:
            if (row.kind, row.name, row.parent_id) == (kind, name, parent_id):
                return row
        row = EquipmentRow(
            id=new_id(), organization_id=self._organisation.id, parent_id=parent_id, kind=kind, name=name, timezone=None
        )
        self._session.add(row)
        self._session.flush()  # now: a child must not be written before its parent
        self._rows.append(row)
        return row

    def root(self) -> EquipmentRow:
        """The enterprise, which is the organisation itself."""
        found = self._first(ENTERPRISE)
        return found or self.ensure(ENTERPRISE, self._organisation.name, None)

    def default_area(self) -> EquipmentRow:
        """Where a device stands that was not given a place: an area of the first site."""
        site = self._first(SITE) or self.ensure(SITE, DEFAULT_SITE, self.root())
        return self.ensure(AREA, DEFAULT_AREA, site)

    def find(self, equipment_id: str) -> EquipmentRow | None:
        """The place of that id."""
        return next((row for row in self._rows if row.id == equipment_id), None)

    def places(self) -> Places:
        """All places as they are now."""
        return Places(self._rows, {self._organisation.id: self._organisation.timezone})

    def _first(self, kind: str) -> EquipmentRow | None:
        return next((row for row in self._rows if row.kind == kind), None)
