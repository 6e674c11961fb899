"""Queries on imports and their parts."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from andon.ingest.imports.model import OVER, Import, Status
from andon.ingest.imports.tables import ImportPartRow, ImportRow

_LISTED = 100


def add(session: Session, new: Import) -> None:
    """Keep a new import."""
    session.add(
        ImportRow(
            id=new.id,
            organization_id=new.organisation_id,
            device_id=new.device_uuid,
            source=new.source,
            file_name=new.file_name,
            units=dict(new.units),
            keep=new.keep,
            status=new.status,
            parts=new.parts,
            samples=new.samples,
            first_at=new.first_at,
            last_at=new.last_at,
            upto={},
            created_by=new.created_by,
            created_at=new.created_at,
            updated_at=new.updated_at,
        )
    )


def get(session: Session, organisation_id: str, import_id: str) -> Import | None:
    """The import of that id."""
    row = _row(session, organisation_id, import_id)
    return None if row is None else _import(row)


def unfinished(session: Session, organisation_id: str, device_uuid: str, source: str) -> Import | None:
    """The newest import of that source into the device that is not over."""
    query = (
        select(ImportRow)
        .where(
            ImportRow.organization_id == organisation_id,
            ImportRow.device_id == device_uuid,
            ImportRow.source == source,
            ImportRow.status.not_in(OVER),
        )
        .order_by(ImportRow.created_at.desc())
        .limit(1)
    )
    row = session.scalar(query)
    return None if row is None else _import(row)


def count_unfinished(session: Session, organisation_id: str) -> int:
    """How many are not over."""
    query = (
        select(func.count())
        .select_from(ImportRow)
        .where(ImportRow.organization_id == organisation_id, ImportRow.status.not_in(OVER))
    )
    return session.scalar(query) or 0


def newest(session: Session, organisation_id: str) -> list[Import]:
    """The last hundred, the newest first."""
    query = (
        select(ImportRow)
        .where(ImportRow.organization_id == organisation_id)
        .order_by(ImportRow.created_at.desc(), ImportRow.id.desc())
        .limit(_LISTED)
    )
    return [_import(row) for row in session.scalars(query)]


def part_digest(session: Session, organisation_id: str, import_id: str, number: int) -> tuple[str, int] | None:
    """(digest, samples) of a part that is durable."""
    query = select(ImportPartRow.digest, ImportPartRow.samples).where(
        ImportPartRow.organization_id == organisation_id,
        ImportPartRow.import_id == import_id,
        ImportPartRow.number == number,
    )
    found = session.execute(query).first()
    return None if found is None else (found[0], found[1])


def part_numbers(session: Session, organisation_id: str, import_id: str) -> Sequence[int]:
    """The numbers of the parts that are durable, ascending."""
    query = (
        select(ImportPartRow.number)
        .where(ImportPartRow.organization_id == organisation_id, ImportPartRow.import_id == import_id)
        .order_by(ImportPartRow.number)
    )
    return session.scalars(query).all()


def add_part(
    session: Session,
    organisation_id: str,
    import_id: str,
    part: tuple[int, str, int],
    spanned: tuple[int, int] | None,
    at: int,
) -> None:
    """Note that a part (number, digest, samples) is durable, and the range of time that it spans."""
    number, digest, samples = part
    session.add(
        ImportPartRow(
            import_id=import_id, number=number, organization_id=organisation_id, digest=digest, samples=samples
        )
    )
    row = _row(session, organisation_id, import_id)
    if row is not None:
        row.parts += 1
        row.samples += samples
        row.updated_at = at
        if spanned is not None:
            row.first_at = spanned[0] if row.first_at is None else min(row.first_at, spanned[0])
            row.last_at = spanned[1] if row.last_at is None else max(row.last_at, spanned[1])


def set_status(
    session: Session, organisation_id: str, import_id: str, status: Status, at: int, upto: dict[int, int] | None = None
) -> None:
    """Go on to a status; the parts of an import that is over are forgotten, their sums stay."""
    values: dict[str, object] = {"status": status, "updated_at": at}
    if upto is not None:
        values["upto"] = {str(partition): position for partition, position in upto.items()}
    session.execute(
        update(ImportRow)
        .where(ImportRow.organization_id == organisation_id, ImportRow.id == import_id)
        .values(**values)
    )
    if status in OVER:
        session.execute(
            delete(ImportPartRow).where(
                ImportPartRow.organization_id == organisation_id, ImportPartRow.import_id == import_id
            )
        )


def forgotten(session: Session, organisation_id: str, before: int) -> Sequence[str]:
    """Ids of imports that are not over and that nothing was sent to since `before` (µs)."""
    query = select(ImportRow.id).where(
        ImportRow.organization_id == organisation_id,
        ImportRow.status.not_in(OVER),
        ImportRow.updated_at < before,
    )
    return session.scalars(query).all()


def _row(session: Session, organisation_id: str, import_id: str) -> ImportRow | None:
    query = select(ImportRow).where(ImportRow.organization_id == organisation_id, ImportRow.id == import_id)
    return session.scalar(query)


def _import(row: ImportRow) -> Import:
    return Import(
        id=row.id,
        organisation_id=row.organization_id,
        device_uuid=row.device_id,
        source=row.source,
        file_name=row.file_name,
        units=row.units,
        keep=row.keep,
        status=row.status,  # type: ignore[arg-type]
        parts=row.parts,
        samples=row.samples,
        first_at=row.first_at,
        last_at=row.last_at,
        upto={int(partition): position for partition, position in row.upto.items()},
        created_by=row.created_by,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
