"""Reads Compose files as `docker compose config` would: variables, `extends`, overrides, env files."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parents[2] / "deploy/compose"
_VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")


def services(*names: str, variables: Mapping[str, str] | None = None) -> dict[str, dict[str, Any]]:
    """The services of some files of `deploy/compose`, the later ones laid over the earlier ones."""
    found: dict[str, dict[str, Any]] = {}
    for name in names:
        for service, body in _load(name, variables or {})["services"].items():
            found[service] = _laid_over(found.get(service, {}), _extended(body, variables or {}))
    return found


def environment(service: Mapping[str, Any], secrets: Path) -> dict[str, str]:
    """What the service's process finds in its environment; `secrets` stands for the folder of that name."""
    found: dict[str, str] = {}
    for file in service.get("env_file", ()):
        for line in (secrets / Path(file).name).read_text().splitlines():
            name, _, value = line.partition("=")
            found[name] = value
    return found | {name: str(value) for name, value in service.get("environment", {}).items()}


def _load(name: str, variables: Mapping[str, str]) -> dict[str, Any]:
    def value(match: re.Match[str]) -> str:
        return variables.get(match[1]) or match[2] or ""

    text = (FOLDER / name).read_text().replace("$$", "\0")
    loaded: dict[str, Any] = yaml.load(_VARIABLE.sub(value, text).replace("\0", "$"), Loader=yaml.CSafeLoader)
    return loaded


def _extended(body: dict[str, Any], variables: Mapping[str, str]) -> dict[str, Any]:
    base = body.pop("extends", None)
    if base is None:
        return body
    return _laid_over(_load(base["file"], variables)["services"][base["service"]], body)


def _laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Mappings are merged, everything else is replaced; the files here override no lists."""
    merged = dict(below)
    for name, value in above.items():
        known = merged.get(name)
        assert not (isinstance(known, list) and name != "command"), f"{name}: Compose would append"
        merged[name] = _laid_over(known, value) if isinstance(known, dict) and isinstance(value, dict) else value
    return merged


def interpolated(name: str) -> set[str]:
    """The variables that a file takes from whoever calls `docker compose`."""
    return {match[1] for match in _VARIABLE.finditer((FOLDER / name).read_text())}


def andon_services(found: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Those that run the image of Andon."""
    return {name: body for name, body in found.items() if body["image"] == "andon"}


def mounted(service: Mapping[str, Any], target: str) -> Path:
    """The file of the repository that lies at `target` in the container."""
    for volume in service["volumes"]:
        source, where = volume.split(":")[:2]
        if where == target:
            return Path(os.path.normpath(FOLDER / source))
    raise AssertionError(f"nothing is mounted at {target}")
