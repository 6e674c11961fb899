"""The tutorial's commands are run as they are printed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.running import PASSWORD, RunningAndon, eventually

pytestmark = pytest.mark.topology

ROOT = Path(__file__).parents[2]
TUTORIAL = ROOT / "docs/tutorials/first-ten-minutes.md"


def blocks() -> list[str]:
    """The shell blocks in order."""
    return re.findall(r"```sh\n(.*?)```", TUTORIAL.read_text(), re.DOTALL)


def test_the_tutorial_begins_with_the_readmes_command() -> None:
    assert blocks()[0].strip() == "make run"


def test_the_tutorials_commands_work_as_printed(tmp_path: Path, engines_required: bool) -> None:
    if not shutil.which("curl"):
        assert not engines_required, "curl is missing"
        pytest.skip("curl is not installed")
    with RunningAndon(tmp_path / "data") as andon, andon.client() as client:
        # A person takes more than a second from one block to the next, and the samples carry whole seconds.
        script = "set -euo pipefail\n" + "\nsleep 1.1\n".join(blocks()[1:])
        for printed, real in (
            ("http://localhost:8080", andon.url),
            (".venv/bin/", f"{Path(sys.executable).parent}/"),
            ("andon replay", f"andon replay --data-dir {andon.data_dir} --mqtt-port {andon.mqtt_port}"),
        ):
            assert printed in script
            script = script.replace(printed, real)
        environment = {**os.environ, "ANDON_ADMIN_PASSWORD": PASSWORD}
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "187.5" in done.stdout and "241.0" in done.stdout, "the export holds both values"
        assert '"high_temperature"' in done.stdout, "the alarm is listed"

        def discovered() -> bool:
            found = client.get("/api/v1/devices/discovered").json()["data"]["discovered"]
            return any(each["deviceId"] == "kiln-2" for each in found)

        eventually(discovered, what="the replayed device under Discovered")
