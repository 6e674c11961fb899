"""What history takes and how long it is kept, as the API says it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from andon.historian.retention import PRESETS, Retention
from andon.kit.contract import Answer, example

Tier = Literal["raw", "1m", "1h"]
Preset = Literal["s2", "s1", "keep"]
_LEAST, _MOST = 1 / 24, 36_500


class StorageTier(Answer):
    """One tier on the disk: `rows` are samples, or sums of a minute or an hour. `nextDropAt`: when its oldest file is
    due to go, null when none ever is.
    """

    tier: Tier
    files: int
    rows: int
    bytes: int
    bytes_per_row: float | None
    oldest: str | None
    newest: str | None
    kept_days: float | None
    next_drop_at: str | None
    next_drop_bytes: int


class Unsealed(Answer):
    """Samples that are in the log and in memory, and not in files yet."""

    samples: int
    bytes: int


class Archived(Answer):
    """What lies in the archive, and where that is: `url` null when there is none. Days move there at `afterDays` and
    stay for `keptDays`, null for ever. `problem`: why it cannot be asked, or takes nothing; null while all is well.
    """

    files: int
    bytes: int
    url: str | None
    after_days: float | None
    kept_days: float | None
    problem: str | None


class ConsumerLag(Answer):
    """How far a consumer of the log is behind, over all partitions; `uncommitted`: what the log keeps for it."""

    group: str
    stream: str
    partitions: int
    lag: int
    uncommitted: int


_POLICY: dict[str, Any] = {"rawDays": 7, "minuteDays": 90, "hourDays": 730}


class HistoryStorage(Answer):
    """What history takes. `full`: why nothing is written, null while all is well; `freeBytes` of its disk.
    `uncertainSamples`: how many of `samples` may have been there before, as they came for days that lie in the archive.
    """

    model_config = example(
        {
            "tiers": [
                {
                    "tier": "raw",
                    "files": 8,
                    "rows": 55987200,
                    "bytes": 296732160,
                    "bytesPerRow": 5.3,
                    "oldest": "2025-01-04T00:00:00.000Z",
                    "newest": "2025-01-11T10:00:00.000Z",
                    "keptDays": 7,
                    "nextDropAt": "2025-01-12T00:00:00.000Z",
                    "nextDropBytes": 42390308,
                }
            ],
            "samples": 56012345,
            "uncertainSamples": 0,
            "bytes": 296732160,
            "bytesPerSample": 5.3,
            "pinnedSamples": 22683,
            "unsealed": {"samples": 25145, "bytes": 729205},
            "archived": {"files": 12, "bytes": 508684640, "url": "s3://plant-history", "afterDays": 3}
            | {"keptDays": None, "problem": None},
            "full": None,
            "freeBytes": 83694170112,
            "logBytes": 5431056,
            "consumers": [
                {"group": "historian", "stream": "sensors-data", "partitions": 1, "lag": 0, "uncommitted": 310}
            ],
            "timestamp": "2025-01-11T10:00:00.000Z",
        }
    )

    tiers: list[StorageTier]
    samples: int
    uncertain_samples: int
    bytes: int
    bytes_per_sample: float | None
    pinned_samples: int
    unsealed: Unsealed
    archived: Archived
    full: str | None
    free_bytes: int | None
    log_bytes: int | None
    consumers: list[ConsumerLag]
    timestamp: str


class PolicyView(Answer):
    """Days that each tier is kept; null is for ever."""

    raw_days: float | None
    minute_days: float | None
    hour_days: float | None


class OverrideView(Answer):
    """What differs for a device, or for one of its tags (`tag` null: for all of them)."""

    device_id: str
    tag: str | None
    policy: PolicyView


class RetentionView(Answer):
    """How long history is kept. `preset` null: the days are none of the presets."""

    model_config = example(
        {
            "preset": "s2",
            "policy": _POLICY,
            "overrides": [{"deviceId": "press-1", "tag": None, "policy": {**_POLICY, "rawDays": None}}],
            "presets": {
                "s2": _POLICY,
                "s1": {"rawDays": 90, "minuteDays": 90, "hourDays": 365},
                "keep": {"rawDays": None, "minuteDays": None, "hourDays": None},
            },
        }
    )

    preset: Preset | None
    policy: PolicyView
    overrides: list[OverrideView]
    presets: dict[str, PolicyView]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True)


class PolicyBody(_Body):
    """Days that each tier is kept; null is for ever."""

    raw_days: float | None = Field(ge=_LEAST, le=_MOST)
    minute_days: float | None = Field(ge=_LEAST, le=_MOST)
    hour_days: float | None = Field(ge=_LEAST, le=_MOST)

    def to_retention(self) -> Retention:
        """As the historian understands it."""
        return Retention(self.raw_days, self.minute_days, self.hour_days)


class OverrideBody(_Body):
    """What is to differ for a device or, with `tag`, for one of its tags: a preset, or days."""

    device_id: str = Field(max_length=100)
    tag: str | None = Field(None, max_length=200)
    preset: Preset | None = None
    policy: PolicyBody | None = None


class RetentionBody(_Body):
    """A preset, or days; and all that is to differ from it: what is not listed follows the rest again."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"preset": "s2", "overrides": [{"deviceId": "press-1", "preset": "keep"}]},
                {"policy": _POLICY},
            ]
        }
    )

    preset: Preset | None = None
    policy: PolicyBody | None = None
    overrides: list[OverrideBody] = Field(default_factory=list, max_length=10_000)


def policy_view(retention: Retention) -> dict[str, Any]:
    """Days by tier."""
    return {
        "rawDays": retention.raw_days,
        "minuteDays": retention.minute_days,
        "hourDays": retention.hour_days,
    }


def preset_of(retention: Retention) -> str | None:
    """The name of the preset that it is."""
    return next((name for name, preset in PRESETS.items() if preset == retention), None)
