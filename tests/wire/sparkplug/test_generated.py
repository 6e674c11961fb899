"""The generated protobuf classes are those of the .proto file beside them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from andon.wire.sparkplug import sparkplug_b_pb2

HERE = Path(sparkplug_b_pb2.__file__).parent


def test_generating_again_gives_the_same_files(tmp_path: Path) -> None:
    pytest.importorskip("grpc_tools")
    arguments = [f"-I{HERE}", f"--python_out={tmp_path}", f"--pyi_out={tmp_path}", "sparkplug_b.proto"]
    subprocess.run([sys.executable, "-m", "grpc_tools.protoc", *arguments], check=True, cwd=HERE)
    for name in ("sparkplug_b_pb2.py", "sparkplug_b_pb2.pyi"):
        assert (tmp_path / name).read_text() == (HERE / name).read_text(), f"{name}: generate it anew, see the README"
