"""No query forgets the organisation: every row belongs to one, and every repository function asks for it."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from andon.engines.database import Base

SOURCE = Path(__file__).parents[2] / "src" / "andon"
SCOPE = {"organisation_id", "organization_id"}
QUERIES = {"select", "delete", "where", "get"}  # an insert, or an update by key, has the organisation in its row
ACROSS = re.compile(r"(all|every|whichever) organisations?")  # said in the docstring, or above with the reason
NOT_DATA = {
    "organizations",
    # what Andon's processes tell each other
    *("consumer_positions", "leases", "role_heartbeats", "registry_revision", "verification_keys"),
}


def import_every_mapped_table() -> None:
    for path in sorted(SOURCE.rglob("*.py")):
        if re.search(r"^class \w+\(Base\)", path.read_text(), re.MULTILINE):
            importlib.import_module("andon." + ".".join(path.relative_to(SOURCE).with_suffix("").parts))


def scoped_classes() -> set[str]:
    import_every_mapped_table()
    tables = (mapper.class_ for mapper in Base.registry.mappers)
    return {table.__name__ for table in tables if "organization_id" in table.__table__.columns}


def unscoped(source: str, classes: set[str]) -> Iterator[str]:
    """Public functions that query one of `classes`, also through private ones, without using an organisation."""
    lines = source.splitlines()
    functions = {node.name: node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)}
    for function in functions.values():
        if function.name.startswith("_"):
            continue
        names = names_reached(function, functions)
        above = lines[function.lineno - 2] if function.lineno > 1 else ""
        excused = ACROSS.search(above) or ACROSS.search(ast.get_docstring(function) or "")
        if names & classes and names & QUERIES and not told_organisation(function) and not excused:
            yield function.name


def names_reached(function: ast.FunctionDef, functions: dict[str, ast.FunctionDef]) -> set[str]:
    """Names in the bodies of a function and of those of its module that it calls; annotations do not count."""
    reached: set[str] = set()
    open_ones, seen = [function], {function.name}
    while open_ones:
        for statement in open_ones.pop().body:
            for node in ast.walk(statement):
                name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
                reached.add(name)
                if name in functions and name not in seen:
                    seen.add(name)
                    open_ones.append(functions[name])
    return reached


def told_organisation(function: ast.FunctionDef) -> bool:
    """Whether the function has the organisation as an argument and does something with it."""
    arguments = {argument.arg for argument in (*function.args.args, *function.args.kwonlyargs)} & SCOPE
    used = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
    return bool(arguments & used)


def test_every_row_belongs_to_an_organisation() -> None:
    import_every_mapped_table()
    tables = Base.metadata.tables
    for table in tables.values():
        if table.name in NOT_DATA:
            continue
        if "organization_id" in table.columns:
            assert not table.columns["organization_id"].nullable, table.name
            continue
        # a part of a row that has one, and goes with it
        owners = [key for key in table.foreign_keys if key.ondelete == "CASCADE" and not key.parent.nullable]
        assert any("organization_id" in key.column.table.columns for key in owners), table.name


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("repository.py")), ids=lambda path: path.parent.name)
def test_every_repository_function_asks_for_the_organisation(path: Path) -> None:
    assert list(unscoped(path.read_text(), scoped_classes())) == []


def test_the_check_finds_a_query_that_forgets() -> None:
    source = """
def forgets(session, organisation_id):
    return session.scalars(select(DeviceRow)).all()

def untold(session):
    return _all().where(DeviceRow.name == "x")

def _all():
    return select(DeviceRow)

def right(session, organisation_id):
    return _all().where(DeviceRow.organization_id == organisation_id)

# every organisation: the directory holds all of them
def excused(session):
    return select(DeviceRow)

def add(session, device: DeviceRow):
    session.add(DeviceRow())
"""
    assert list(unscoped(source, {"DeviceRow"})) == ["forgets", "untold"]
