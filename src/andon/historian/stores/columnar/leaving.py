"""Files that are no longer history and still lie in the archive: deleted there as soon as it allows that."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from functools import partial
from typing import Final

from andon.historian.stores.columnar.archive import Archive
from andon.historian.stores.columnar.gate import Gate
from andon.historian.stores.columnar.manifest import Manifest
from andon.kit.errors import UnavailableError

logger = logging.getLogger(__name__)
TRY_AGAIN_S: Final = 30.0


class Leaving:
    """Their names, which the manifest remembers from the moment they are no longer history."""

    def __init__(self, manifest: Manifest, gate: Gate) -> None:
        self._manifest = manifest
        self._gate = gate
        self._names = set(manifest.leaving())
        self._not_before = 0.0

    def add(self, name: str) -> None:
        """Nobody reads it any more."""
        self._names.add(name)

    def keep(self, names: Iterable[str]) -> None:
        """Files of these names are history now."""
        self._names.difference_update(names)

    def sweep(self, archive: Archive | None) -> None:
        """Delete what can be deleted; the rest is tried again later, also after a restart."""
        if archive is None or time.monotonic() < self._not_before:
            return
        for name in tuple(self._names):
            try:
                self._gate.run(name, partial(archive.remove, name))
            except UnavailableError as error:
                self._not_before = time.monotonic() + TRY_AGAIN_S
                if self._gate.away is None:
                    logger.warning("a file that is no longer history stays there", extra={"error": error.message})
                return
            self._names.discard(name)
            self._manifest.left([name])
