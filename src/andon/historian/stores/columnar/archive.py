"""The archive: files of history on another disk or in an object store, where queries go on reading them.

A file lies under the same name there as under `history/`. Before the one on this machine may go, what arrived is
read back and compared.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol

import pyarrow as pa
from pyarrow import fs

from andon.historian.stores.columnar.safefile import whole
from andon.kit.errors import StartError, UnavailableError

_PIECE: Final = 4 << 20
_S3: Final = "s3://"
_MARK: Final = ".andon-archive"
_PROBE: Final = ".andon-probe"


@dataclass(frozen=True, slots=True)
class ArchiveOptions:
    """`url`: a folder, or `s3://bucket/prefix`. The rest is for object stores: `endpoint` of one that is not Amazon's
    (`https://minio.plant.example:9000`), `region`, and keys (without: what the AWS environment gives).
    """

    url: str
    endpoint: str | None = None
    region: str | None = None
    access_key: str | None = field(default=None, repr=False)
    secret_key: str | None = field(default=None, repr=False)
    connect_timeout_s: float = 5.0
    request_timeout_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Archived:
    """A file that lies in the archive: its name there, its size, and the SHA-256 of its content in hex."""

    name: str
    bytes: int
    checksum: str


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class Archive:
    """Make it with `open`. All methods block, and raise UnavailableError when the archive is away."""

    def __init__(self, options: ArchiveOptions, filesystem: Any, root: str) -> None:
        self._options = options
        self._filesystem = filesystem
        self._root = root
        self._begun = False

    @staticmethod
    def open(options: ArchiveOptions) -> Archive:
        """The archive, which need not be there yet. StartError when it is described wrongly."""
        if options.url.startswith(_S3):
            return Archive(options, _object_store(options), _bucket_and_prefix(options))
        folder = Path(options.url)
        if "://" in options.url or not folder.is_absolute():
            raise StartError(
                f"the archive {options.url} is neither a folder's full path nor an s3:// URL",
                field="archive_url",
                cure="give a path such as /mnt/archive, or s3://bucket/prefix",
            )
        return Archive(options, fs.LocalFileSystem(), folder.as_posix())

    @property
    def url(self) -> str:
        """Where it is, for people."""
        return self._options.url

    def there(self) -> None:
        """Ask for a sign of life. OSError when there is none."""
        if isinstance(self._filesystem, fs.LocalFileSystem):
            root = Path(self._root)
            if not root.is_dir() or (self._begun and not (root / _MARK).exists()):
                raise OSError(f"{root} is not there, or not the folder that files were moved to: it has no {_MARK}")
            return
        bucket = self._root.partition("/")[0]
        try:
            found = self._filesystem.get_file_info(bucket)
        except OSError as error:
            if "ACCESS_DENIED" in str(error):  # whoever refuses is there; reading files may be allowed all the same
                return
            raise OSError(self._without_secrets(str(error))) from None
        if found.type == fs.FileType.NotFound:
            raise OSError(f"there is no bucket {bucket}")

    def begin(self) -> None:
        """Make a folder ready to take files, before the first one. UnavailableError when that cannot be.

        Its mark tells the disk from an empty folder, which is all there is while that is not mounted.
        """
        if isinstance(self._filesystem, fs.LocalFileSystem):
            with self._guarded("be used"), self._writing(_MARK) as file:
                file.write(b"Andon keeps history here; it uses this folder only while this file is in it.\n")
        self._begun = True

    def begun(self) -> None:
        """Files were moved there before: `begin` was called, be it by an earlier process."""
        self._begun = True

    def check(self) -> None:
        """Write, read and delete a small file, to know that all of it is allowed."""
        with self._guarded("be used"):
            with self._writing(_PROBE) as file:
                file.write(b"andon")
            if self._digest(_PROBE)[0] != 5:
                raise OSError("what was written is not what can be read")
            self._filesystem.delete_file(self._path(_PROBE))

    def put(self, path: Path, name: str) -> Archived:
        """Copy a file of this machine there and read it back. Doing it again replaces the copy.

        UnavailableError, too, when the copy differs: the file here must stay. OSError when that cannot be read.
        """
        with self._guarded("take a file"):
            self.there()
        with path.open("rb") as source:
            size, checksum = _digest(source)
            source.seek(0)
            with self._guarded("take a file"), self._writing(name) as target:
                while piece := source.read(_PIECE):
                    target.write(piece)
        archived = Archived(name, size, checksum)
        self.verify(archived)
        return archived

    def verify(self, archived: Archived) -> None:
        """Read a file there from end to end. UnavailableError when it is not what was put there."""
        with self._guarded("be read"):
            found = self._digest(archived.name)
        if found != (archived.bytes, archived.checksum):
            raise UnavailableError(
                f"{archived.name} in the archive {self.url} is not the file that was copied there"
                f" ({found[0]} bytes, expected {archived.bytes})",
                cure="check the archive's disk or object store; the file is copied again while it is still here",
            )

    def place(self, name: str) -> tuple[str, Any]:
        """Path and pyarrow filesystem of a file there, for `PartFile.open` and `TierFile.open`."""
        return self._path(name), self._filesystem

    def remove(self, name: str) -> None:
        """Delete a file there; one that is gone already is no error."""
        with self._guarded("delete a file"), contextlib.suppress(FileNotFoundError):
            self.there()
            self._filesystem.delete_file(self._path(name))

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _digest(self, name: str) -> tuple[int, str]:
        with self._filesystem.open_input_stream(self._path(name)) as stream:
            return _digest(stream)

    @contextlib.contextmanager
    def _writing(self, name: str) -> Iterator[BinaryIO | pa.NativeFile]:
        """A file there that appears when it is complete: on the disk, or uploaded."""
        path = self._path(name)
        if isinstance(self._filesystem, fs.LocalFileSystem):
            with whole(Path(path)) as file:
                yield file
            return
        stream = self._filesystem.open_output_stream(path)
        try:
            yield stream
        except BaseException:
            # Closing is the only end that an upload has: what it makes of half a file is deleted.
            with contextlib.suppress(OSError):
                stream.close()
                self._filesystem.delete_file(path)
            raise
        stream.close()

    @contextlib.contextmanager
    def _guarded(self, what: str) -> Iterator[None]:
        try:
            yield
        except (OSError, pa.ArrowException) as error:
            raise UnavailableError(
                f"the archive {self.url} cannot {what}: {self._without_secrets(str(error))}",
                cure="check that it is reachable, has room, and that its keys may read, write and delete there;"
                " files stay on this machine until then",
            ) from None

    def _without_secrets(self, text: str) -> str:
        for secret in (self._options.secret_key, self._options.access_key):
            text = text.replace(secret, "…") if secret else text
        return text


def _digest(source: _Readable) -> tuple[int, str]:
    size, digest = 0, hashlib.sha256()
    while piece := source.read(_PIECE):
        size += len(piece)
        digest.update(piece)
    return size, digest.hexdigest()


def _bucket_and_prefix(options: ArchiveOptions) -> str:
    root = options.url.removeprefix(_S3).strip("/")
    if not root or "@" in root or "?" in root:
        raise StartError(
            "the archive's URL must be s3://bucket or s3://bucket/prefix, without keys or options",
            field="archive_url",
            cure="keys belong in archive_access_key and archive_secret_key, the server in archive_endpoint",
        )
    return root


def _object_store(options: ArchiveOptions) -> Any:
    if bool(options.access_key) != bool(options.secret_key):
        raise StartError(
            "of the archive's keys only one is given",
            field="archive_secret_key" if options.access_key else "archive_access_key",
            cure="give both, or neither to use what the AWS environment gives",
        )
    # Amazon's bucket names tell their region; other servers have one region, whose name does not matter.
    region = options.region or ("us-east-1" if options.endpoint else None)
    try:
        return fs.S3FileSystem(
            access_key=options.access_key,
            secret_key=options.secret_key,
            region=region,
            endpoint_override=options.endpoint,
            connect_timeout=options.connect_timeout_s,
            request_timeout=options.request_timeout_s,
            retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=3),
            background_writes=False,
        )
    except (OSError, ValueError, pa.ArrowException) as error:
        raise StartError(f"the archive {options.url} cannot be used: {error}", field="archive_endpoint") from error
