"""What the Compose files and the image say is true of the product."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from andon.api import health
from andon.app.settings import Settings, load_settings
from andon.app.topology import PLANT_ROLES, Topology
from andon.engines.broker.credentials import DEVICE, GRANTS
from support.compose import FOLDER, andon_services, environment, interpolated, mounted, services

ROOT = FOLDER.parents[1]
DOCKERFILE = ROOT / "deploy/docker/Dockerfile"
BIN = Path(sys.executable).parent
VARIANTS = {
    "one": ("compose.one.yaml",),
    "apart": ("compose.yaml",),
    "scaled": ("compose.yaml", "compose.scaled.yaml"),
}


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `make_secrets.py` makes."""
    folder: Path = tmp_path_factory.mktemp("compose") / "secrets"
    make_secrets(folder)
    return folder


def make_secrets(folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, str(FOLDER / "make_secrets.py"), str(folder)], check=True, capture_output=True, text=True
    )
    return done.stdout


def each_service() -> Iterator[Any]:
    for variant, files in VARIANTS.items():
        for name, service in services(*files).items():
            yield pytest.param(service, id=f"{variant}-{name}")


def each_andon() -> Iterator[Any]:
    for variant, files in VARIANTS.items():
        for name, service in andon_services(services(*files)).items():
            yield pytest.param(service, id=f"{variant}-{name}")


def image_environment() -> dict[str, str]:
    """What the image sets."""
    return dict(re.findall(r"^\s*(?:ENV )?(ANDON_\w+)=(\S+)", DOCKERFILE.read_text(), re.MULTILINE))


def settings_of(
    service: dict[str, Any], secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Settings, dict[str, str]]:
    given = image_environment() | environment(service, secrets)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    return load_settings(), given


def test_the_files_are_compose_files() -> None:
    files = map(str, sorted(FOLDER.glob("*.yaml")))
    checker = [str(BIN / "check-jsonschema"), "--builtin-schema", "vendor.compose-spec", *files]
    done = subprocess.run(checker, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_dockerfile_has_no_lint() -> None:
    done = subprocess.run([str(BIN / "hadolint"), str(DOCKERFILE)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_image_runs_as_nobody_special_on_pinned_bases() -> None:
    text = DOCKERFILE.read_text()
    bases = re.findall(r"^ARG (?:PYTHON|NODE)=(\S+)$", text, re.MULTILINE)
    assert len(bases) == 2
    assert all(re.fullmatch(r"\w+:\d+\.\d+\.\d+-\S+", base) for base in bases)
    assert text.count("--require-hashes") == text.count("-r requirements/") == 2
    final = text[text.rindex("\nFROM ") :]
    assert re.search(r"^USER 10001:10001$", final, re.MULTILINE)
    assert "HEALTHCHECK" in final and "RUN apt" not in final


def test_what_the_image_is_built_from_is_sent_to_the_builder() -> None:
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert all((ROOT / path).exists() for path in sent)
    assert {"src", "web", "requirements", "tools/build_web.py", "pyproject.toml", "hatch_build.py"} <= sent


@pytest.mark.parametrize("name", image_environment())
def test_a_variable_of_the_image_is_a_setting(name: str) -> None:
    assert name.removeprefix("ANDON_").lower() in Settings.model_fields


@pytest.mark.parametrize("service", list(each_service()))
def test_a_service_is_pinned_probed_limited_and_comes_back(service: dict[str, Any]) -> None:
    image = service["image"]
    assert image == "andon" or re.fullmatch(r"[\w/-]+:\d+\.\d+(\.\d+)?(-\w+)?", image)
    assert service["restart"] == "unless-stopped"
    assert service["healthcheck"]["test"]
    assert {"cpus", "memory"} == set(service["deploy"]["resources"]["limits"])


@pytest.mark.parametrize("service", list(each_andon()))
def test_a_service_of_andon_is_started_as_andon_wants_it(
    service: dict[str, Any], secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, given = settings_of(service, secrets, monkeypatch)
    known = {f"ANDON_{name.upper()}" for name in Settings.model_fields}
    assert {name for name in given if name.startswith("ANDON_")} <= known
    command, *roles = service["command"]
    if command == "up":
        assert not roles
    else:
        assert command == "run"
        assert Topology.of(settings, roles).roles == set(roles)
    assert "user" not in service, "the image's own is right"


@pytest.mark.parametrize("service", list(each_andon()))
def test_a_health_check_asks_a_page_that_the_service_has(
    service: dict[str, Any], secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, _ = settings_of(service, secrets, monkeypatch)
    program, url = service["healthcheck"]["test"][1:]
    assert program == "healthcheck"
    role = (service["command"][1:] or ["up"])[0]
    port = {"up": "port", "simulator": "simulator_health_port"}.get(role, f"{role}_port")
    assert urlsplit(url).port == getattr(settings, port)
    pages = {"/health"} if role == "simulator" else {route.path for route in health.router.routes}  # type: ignore[attr-defined]
    assert urlsplit(url).path in pages


def test_published_ports_are_those_that_something_listens_on() -> None:
    defaults = {name: field.default for name, field in Settings.model_fields.items()}
    one = services("compose.one.yaml")["andon"]["ports"]
    assert one == [f"127.0.0.1:{port}:{port}" for port in (defaults["port"], defaults["mqtt_port"])]
    apart = services("compose.yaml")
    assert apart["api"]["ports"] == [f"127.0.0.1:{defaults['port']}:{defaults['api_port']}"]
    assert {name for name, service in apart.items() if "ports" in service} == {"api", "mosquitto"}


@pytest.mark.parametrize("files", list(VARIANTS.values())[1:], ids=list(VARIANTS)[1:])
def test_all_roles_run_and_wait_for_the_engines(files: tuple[str, ...]) -> None:
    found = services(*files)
    andon = andon_services(found)
    assert {service["command"][1] for service in andon.values()} == PLANT_ROLES | {"simulator"}
    for service in andon.values():
        assert set(service["depends_on"]) == {"kafka", "postgres", "redis", "mosquitto"}
        assert all(each == {"condition": "service_healthy"} for each in service["depends_on"].values())
        assert "engines" in service["networks"]


def test_processes_that_share_a_role_have_names_and_shards_of_their_own(
    secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = andon_services(services(*VARIANTS["scaled"]))
    names = [service["environment"].get("ANDON_ADVERTISE_HOST", "simulator") for service in found.values()]
    assert len(set(names)) == len(names)
    assert set(names) == set(found), "each is reached by the name of its service"
    shards = set()
    for service in found.values():
        if service["command"] == ["run", "ingest"]:
            settings, _ = settings_of(service, secrets, monkeypatch)
            shards.add((settings.ingest_shard, settings.ingest_shards))
    assert shards == {(0, 2), (1, 2)}


def test_every_file_that_is_mounted_is_there(secrets: Path) -> None:
    for service in services("compose.yaml").values():
        for volume in service.get("volumes", ()):
            source, target = volume.split(":")[:2]
            if "secrets/" in source:
                assert (secrets / Path(source).name).exists()
            elif source.startswith("."):
                assert mounted(service, target).is_file()
        for file in service.get("env_file", ()):
            assert (secrets / Path(file).name).exists()


def test_variables_for_the_caller_are_settings_or_where_to_publish() -> None:
    known = {f"ANDON_{name.upper()}" for name in Settings.model_fields}
    for files in VARIANTS.values():
        for file in files:
            assert interpolated(file) <= known | {"ANDON_PUBLISH"}


def test_secrets_are_made_once_and_closed_to_others(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    make_secrets(folder)
    before = {file.name: file.read_text() for file in folder.iterdir()}
    assert folder.stat().st_mode & 0o077 == 0
    assert "nothing to do" in make_secrets(folder)
    assert before == {file.name: file.read_text() for file in folder.iterdir()}


def test_mosquitto_grants_devices_what_andons_own_broker_does() -> None:
    text = (ROOT / "deploy/mosquitto/acl").read_text()
    section = text[text.index(f"user {DEVICE}\n") :]
    grants = GRANTS[DEVICE]
    assert tuple(re.findall(r"^topic write (\S+)$", section, re.MULTILINE)) == grants.publish
    assert tuple(re.findall(r"^topic read (\S+)$", section, re.MULTILINE)) == grants.subscribe
