"""History in a folder and in an object store: copied, compared, read, and safe when the archive is away."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pytest
from moto.server import ThreadedMotoServer
from pyarrow.fs import FileType

from andon.historian.rollup import rollup
from andon.historian.stores.columnar.archive import Archive, Archived, ArchiveOptions
from andon.historian.stores.columnar.partfile import PartFile, write_part
from andon.historian.stores.columnar.tierfile import TierFile, write_tier
from andon.kit.errors import StartError, UnavailableError
from historian.columnar.samples import MINUTE, kept, plant

KEY, SECRET = "the-access-key", "the-secret-key"
NAME = "raw/2026-11-20/day-00000001.parquet"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Address of an object store on this machine."""
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    yield f"http://{host}:{port}"
    moto.stop()


def client(server: str) -> Any:
    return boto3.client(
        "s3", endpoint_url=server, aws_access_key_id=KEY, aws_secret_access_key=SECRET, region_name="us-east-1"
    )


def options(url: str, server: str | None = None) -> ArchiveOptions:
    if server is None:
        return ArchiveOptions(url)
    return ArchiveOptions(url, server, None, KEY, SECRET, connect_timeout_s=1, request_timeout_s=20)


@pytest.fixture(params=["folder", "object store"])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Archive:
    if request.param == "folder":
        archive = Archive.open(options(str(tmp_path / "archive")))
        archive.begin()
        return archive
    server = request.getfixturevalue("server")
    bucket = f"history-{abs(hash(request.node.name)):x}"
    client(server).create_bucket(Bucket=bucket)
    return Archive.open(options(f"s3://{bucket}/plant/one", server))


@pytest.fixture
def part(tmp_path: Path) -> Path:
    path = tmp_path / "part.parquet"
    write_part(path, plant(60, 2_000, decimals=None), meta={"seq": "4"})
    return path


def test_what_is_archived_is_read_like_what_is_here(archive: Archive, part: Path, tmp_path: Path) -> None:
    archive.check()
    archived = archive.put(part, NAME)
    assert archived.bytes == part.stat().st_size
    here, there = PartFile.open(part), PartFile.open(*archive.place(NAME))
    assert there.meta["seq"] == "4"
    tags = np.array([3, 40], np.int32)
    assert kept(there.read_many(tags, 0, 1 << 62)) == kept(here.read_many(tags, 0, 1 << 62))
    assert sum(map(len, there.chunks(50_000))) == 120_000

    rows = rollup(plant(5, 500), MINUTE)
    write_tier(tmp_path / "tier", rows, meta={})
    archive.put(tmp_path / "tier", "minute/day.parquet")
    found = TierFile.open(*archive.place("minute/day.parquet")).read(None, 0, 1 << 62)
    assert np.array_equal(found.means, rows.means)


def test_archiving_again_replaces_and_removing_twice_is_no_error(archive: Archive, part: Path) -> None:
    assert archive.put(part, NAME) == archive.put(part, NAME)
    archive.remove(NAME)
    archive.remove(NAME)
    with pytest.raises(UnavailableError):
        archive.verify(Archived(NAME, 1, ""))


def test_a_copy_that_differs_is_not_taken_for_the_file(archive: Archive, part: Path, tmp_path: Path) -> None:
    archived = archive.put(part, NAME)
    (tmp_path / "other").write_bytes(b"x" * archived.bytes)
    archive.put(tmp_path / "other", NAME)
    with pytest.raises(UnavailableError, match="is not the file that was copied there"):
        archive.verify(archived)


def test_a_file_of_many_megabytes_is_archived_in_pieces(archive: Archive, tmp_path: Path) -> None:
    content = np.random.default_rng(1).bytes(13_000_000)
    (tmp_path / "large").write_bytes(content)
    assert archive.put(tmp_path / "large", "large").bytes == len(content)


def test_half_a_file_does_not_stay_in_the_archive(archive: Archive) -> None:
    with pytest.raises(OSError, match="cable pulled"), archive._writing("half") as file:
        file.write(b"half")
        raise OSError("cable pulled")
    path, filesystem = archive.place("half")
    assert filesystem.get_file_info(path).type == FileType.NotFound


def test_an_object_store_that_is_away_says_so_without_its_keys(part: Path) -> None:
    archive = Archive.open(options("s3://bucket/prefix", "http://127.0.0.1:9"))
    for work in (archive.check, lambda: archive.put(part, NAME), lambda: archive.remove(NAME)):
        with pytest.raises(UnavailableError, match="the archive s3://bucket/prefix cannot") as found:
            work()
        assert SECRET not in found.value.message
        assert "files stay on this machine" in str(found.value.cure)
    with pytest.raises(OSError):
        PartFile.open(*archive.place(NAME))
    assert part.exists()


def test_a_bucket_that_is_not_there_is_unavailable(server: str) -> None:
    with pytest.raises(UnavailableError):
        Archive.open(options("s3://nobody-made-this", server)).check()


def test_a_folder_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(UnavailableError, match="cannot be used"):
        Archive.open(options(str(tmp_path / "file"))).check()


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (ArchiveOptions("relative/folder"), "archive_url"),
        (ArchiveOptions("ftp://server/folder"), "archive_url"),
        (ArchiveOptions("s3://"), "archive_url"),
        (ArchiveOptions(f"s3://{KEY}:{SECRET}@bucket"), "archive_url"),
        (ArchiveOptions("s3://bucket", access_key=KEY), "archive_secret_key"),
        (ArchiveOptions("s3://bucket", secret_key=SECRET), "archive_access_key"),
    ],
)
def test_an_archive_that_is_described_wrongly_names_the_setting(wrong: ArchiveOptions, field: str) -> None:
    with pytest.raises(StartError) as found:
        Archive.open(wrong)
    assert found.value.field == field
    assert SECRET not in f"{found.value.message} {found.value.cure}"


def test_keys_are_not_shown() -> None:
    shown = repr(options("s3://bucket", "http://127.0.0.1:9"))
    assert KEY not in shown
    assert SECRET not in shown
