"""What can be set or called is documented."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from andon.app.settings import Settings, load_settings
from andon.app.topology import ALIASES, ALL_ROLES
from andon.cli.main import app
from andon.engines.broker.address import BrokerAddress
from andon.engines.log.kafka.settings import KafkaAddress
from andon.historian.stores.columnar.archive import Archive, ArchiveOptions

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
# Variables that are no settings of the server, besides the simulator's (ANDON_SIM_*).
OTHERS = {
    "ANDON_TOKEN",
    "ANDON_MQTT_PASSWORD",
    "ANDON_PUBLISH",
    "ANDON_SERVER",
    "ANDON_REQUIRE_ENGINES",
    "ANDON_TEST_TIMESCALE",
}
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)


def pages() -> list[Path]:
    """Every page of the project."""
    tops = ("docs", "src", "web", "deploy", "tests", "benchmarks", "tools")
    found = [page for top in tops for page in (ROOT / top).rglob("*.md") if "node_modules" not in page.parts]
    return sorted([*ROOT.glob("*.md"), *found])


@cache
def anchors(page: Path) -> frozenset[str]:
    """What can stand behind `#` in a link to the page, as GitHub makes it of headings."""
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", page.read_text("utf-8")), re.MULTILINE)
    words = (re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading) for heading in headings)
    return frozenset(re.sub(r"[^\w\- ]", "", word.lower()).replace(" ", "-") for word in words)


def links(page: Path) -> Iterator[tuple[Path, str]]:
    """Files that a page links to, with the anchor or ''."""
    for link in _LINK.findall(_FENCE.sub("", page.read_text("utf-8"))):
        if not re.match(r"[a-z]+:", link):
            path, _, anchor = link.partition("#")
            yield ((page.parent / path).resolve() if path else page, anchor)


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for target, anchor in links(page):
        assert target.exists(), f"{page.relative_to(ROOT)} links to {target}, which is not there"
        assert not anchor or anchor in anchors(target), f"{page.name} links to {target.name}#{anchor}"


@pytest.mark.parametrize("folder", ["adr", "how-to", "reference"])
def test_every_page_is_listed(folder: str) -> None:
    listed = {target for target, _ in links(DOCS / folder / "README.md")}
    assert set((DOCS / folder).glob("*.md")) - {DOCS / folder / "README.md"} <= listed


def test_every_variable_that_a_page_names_is_a_setting() -> None:
    known = OTHERS | {f"ANDON_{name.upper()}" for name in Settings.model_fields}
    for page in pages():
        named = set(re.findall(r"\bANDON_[A-Z0-9_]*[A-Z0-9]\b(?!_?\*)", page.read_text("utf-8")))
        unknown = {name for name in named - known if not name.startswith("ANDON_SIM_")}
        assert not unknown, f"{page.relative_to(ROOT)} names {sorted(unknown)}"


def settings_shown() -> Iterator[Any]:
    """What the shell blocks of the pages set, block by block."""
    for page in pages():
        for number, block in enumerate(re.findall(r"```sh\n(.*?)```", page.read_text("utf-8"), re.DOTALL)):
            lines = (line for line in block.splitlines() if re.search(r"ANDON_\w+=", line))
            words = [word for line in lines for word in shlex.split(line, comments=True)]
            shown = dict(word.split("=", 1) for word in words if re.match(r"ANDON_\w+=", word))
            shown = {name: value for name, value in shown.items() if name not in OTHERS}
            if shown:
                yield pytest.param(shown, id=f"{page.relative_to(ROOT)}-{number}")


@pytest.mark.parametrize("shown", list(settings_shown()))
def test_settings_that_a_page_shows_are_taken(
    shown: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in shown.items():
        monkeypatch.setenv(name, value)
    settings = load_settings(data_dir=tmp_path)
    if settings.log_url is not None:
        KafkaAddress.parse(settings.log_url.get_secret_value())
    if settings.mqtt_url is not None:
        BrokerAddress.parse(settings.mqtt_url.get_secret_value())
    if settings.archive_url is not None:
        Archive.open(ArchiveOptions(settings.archive_url, endpoint=settings.archive_endpoint))


def test_every_role_that_a_page_runs_is_one() -> None:
    for page in pages():
        for line in re.findall(r"^(?:[A-Z_]+=\S+ )*andon run ([a-z ]+)", page.read_text("utf-8"), re.MULTILINE):
            assert set(line.split()) <= {*ALL_ROLES, *ALIASES}, f"{page.relative_to(ROOT)}: andon run {line}"


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_in_the_reference_with_its_default(name: str) -> None:
    line = next(
        (
            line
            for line in (DOCS / "reference/settings.md").read_text().splitlines()
            if f"`ANDON_{name.upper()}`" in line
        ),
        None,
    )
    assert line, f"docs/reference/settings.md does not list ANDON_{name.upper()}"
    default = Settings.model_fields[name].get_default(call_default_factory=True)
    assert default is None or f"`{default}`" in line


def test_every_command_is_in_the_reference() -> None:
    text = (DOCS / "reference/command-line.md").read_text()
    for name in get_command(app).commands:  # type: ignore[attr-defined]
        assert f"`andon {name}" in text, f"docs/reference/command-line.md does not list andon {name}"
