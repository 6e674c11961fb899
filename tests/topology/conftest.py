"""The same plant in both shapes: one process, and every role apart on real engines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import httpx
import pytest

from support.apart import ROLES, WITH_FILES, ApartAndon, engines
from support.running import PASSWORD, RunningAndon

SHAPES = ("one process", "apart", "apart with files")


class Shape(Protocol):
    """What the scenario may do; it does not know which shape it has."""

    @property
    def url(self) -> str:
        """The front door."""
        ...

    @property
    def mqtt_port(self) -> int:
        """Where devices publish."""
        ...

    def client(self, username: str = "admin", password: str = PASSWORD) -> httpx.Client:
        """An HTTP client that is signed in."""
        ...

    def device_credentials(self) -> dict[str, Any]:
        """Host, port, user and password of devices."""
        ...

    def restart(self) -> None:
        """Everything that is Andon's is asked to end, and started again."""
        ...


class OneProcess(RunningAndon):
    """`andon up`."""

    def restart(self) -> None:
        """Stop and start."""
        assert self.stop() == 0
        self.start()


class Apart(ApartAndon):
    """`andon run …` for every role."""

    def restart(self) -> None:
        """Stop and start all of them."""
        assert set(self.stop()) == {0}
        self.start()


@pytest.fixture(scope="module", params=SHAPES)
def plant(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shape]:
    """A running plant without devices."""
    folder = tmp_path_factory.mktemp("plant")
    if request.param == "one process":
        with OneProcess(folder) as andon:
            yield andon
        return
    servers = [request.getfixturevalue(f"{name}_server") for name in ("kafka", "postgres", "redis")]
    with engines(*servers) as place:
        files = request.param == "apart with files"
        settings = {"ANDON_HISTORIAN": "embedded"} if files else {}
        with Apart(folder, place, WITH_FILES if files else ROLES, **settings) as andon:
            yield andon
