"""`alerts:active` and `system:metrics` of each organisation."""

from __future__ import annotations

import json
from typing import Any

import redis as redis_client

from andon.engines.livestate.redis_documents import RedisDocuments
from andon.engines.livestate.redis_link import RedisLink
from andon.kit.errors import UnavailableError
from engines.livestate.plant import until


class Alerts:
    """What is open; may be out of reach."""

    def __init__(self) -> None:
        self.open: dict[str, list[str]] = {"org-1": ["alert-001"], "org-2": []}
        self.away = False

    async def __call__(self, organisation_id: str) -> Any:
        if self.away:
            raise UnavailableError("the database is away")
        return [{"id": each} for each in self.open[organisation_id]]


def organisations() -> list[tuple[str, str]]:
    return [("org-1", ""), ("org-2", "org:org-2:")]


async def test_documents_are_written_when_they_change_and_kept_alive(redis_url: str) -> None:
    alerts, leads = Alerts(), [False]
    documents = RedisDocuments(
        RedisLink(redis_url), {"alerts:active": alerts}, organisations, when=lambda: leads[0], interval_s=0.05
    )
    with redis_client.Redis.from_url(redis_url, decode_responses=True) as client:
        await documents.start()
        assert not client.exists("alerts:active"), "who does not lead does not write"
        leads[0] = True
        await until(lambda: client.exists("org:org-2:alerts:active") == 1, "they are written")
        assert json.loads(str(client.get("alerts:active"))) == [{"id": "alert-001"}]
        assert client.get("org:org-2:alerts:active") == "[]"
        assert 3_500 < client.ttl("alerts:active") <= 3_600  # type: ignore[operator]
        client.set("alerts:active", "untouched")
        alerts.open["org-2"] = ["alert-002"]
        await until(lambda: "alert-002" in str(client.get("org:org-2:alerts:active")), "the change is written")
        assert client.get("alerts:active") == "untouched", "what did not change is not written again"
        alerts.away = True
        await until(lambda: documents.problem is not None, "it says that it cannot know")
        alerts.away = False
        await until(lambda: documents.problem is None, "it is back")
        await until(lambda: "alert-001" in str(client.get("alerts:active")), "everything is written anew")
        await documents.stop()


async def test_a_document_that_could_not_be_made_is_made_later(redis_url: str) -> None:
    ready, asked = [False], [0]

    async def render(_organisation_id: str) -> Any:
        asked[0] += 1
        if not ready[0]:
            raise AttributeError("the alarms have not begun")
        return ["ready"]

    documents = RedisDocuments(RedisLink(redis_url), {"early": render}, lambda: [("org-1", "")], interval_s=0.05)
    with redis_client.Redis.from_url(redis_url, decode_responses=True) as client:
        await documents.start()
        await until(lambda: asked[0] > 0, "it has been asked for")
        assert not client.exists("early")
        ready[0] = True
        await until(lambda: client.exists("early") == 1, "it is written")
        await documents.stop()
