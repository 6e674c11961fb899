"""Positions of consumer groups: committed through the member where this process is one, else directly."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from andon.engines.log.kafka.calls import Calls
from andon.engines.log.kafka.client import admin_library, library, options
from andon.engines.log.kafka.member import Member
from andon.engines.log.kafka.settings import KafkaAddress, KafkaLimits
from andon.engines.log.names import checked
from andon.kit.errors import UnavailableError

log = logging.getLogger(__name__)

_MAX_SHOWN = 100


class Groups:
    """Use it from one event loop."""

    def __init__(self, address: KafkaAddress, limits: KafkaLimits, calls: Calls) -> None:
        self._address = address
        self._limits = limits
        self._calls = calls
        self._admin = admin_library().AdminClient(options(address))
        self._members: dict[tuple[str, str], Member] = {}
        self._clients: dict[str, Any] = {}

    def name(self, group: str) -> str:
        """The group as Kafka knows it. InvalidError when it is no name."""
        return self._address.prefix + checked(group, "group")

    async def join(self, group: str, topic: str) -> Member:
        """Become a member. UnavailableError when this process is one already."""
        name = self.name(group)
        present = self._members.get((name, topic))
        if present is not None and not present.left:
            raise UnavailableError(f"this process is in the group {name} already", cure="end its other consumer first")
        member = self._members[name, topic] = Member(self._address, self._limits, name, topic)
        return member

    async def commit(self, group: str, topic: str, position: int, partition: int) -> None:
        """See `Log.commit`."""
        name = self.name(group)
        member = self._members.get((name, topic))
        if member is not None and not member.left:
            member.commit(position, partition)
        else:
            at = library().TopicPartition(topic, partition, position)
            await self._calls(self._commit, name, at)

    async def committed(self, group: str, topic: str, partition: int) -> int:
        """See `Log.committed`. What another process committed since is known after the partition has moved."""
        name = self.name(group)
        member = self._members.get((name, topic))
        if member is not None and not member.left:
            known = member.committed(partition)
            if known is not None:
                return known
        return await self._calls(self._committed, name, library().TopicPartition(topic, partition))

    async def positions(self, stream: Callable[[str], str]) -> dict[tuple[str, int], dict[str, int]]:
        """What every group has committed: by stream and partition, the position of each group."""
        try:
            groups = await self._calls(self._all)
        except UnavailableError as error:
            log.debug("the groups cannot be listed", extra={"error": error.message})
            return {}
        found: dict[tuple[str, int], dict[str, int]] = {}
        for group in groups[:_MAX_SHOWN]:
            for topic, partition, position in await self._calls(self._of, group):
                positions = found.setdefault((stream(topic), partition), {})
                positions[group.removeprefix(self._address.prefix)] = position
        return found

    async def close(self) -> None:
        """Leave all groups; what was committed is durable."""
        await asyncio.gather(*(member.leave() for member in self._members.values()))
        for client in self._clients.values():
            await asyncio.to_thread(client.close)

    # On threads

    def _client(self, name: str) -> Any:
        client = self._clients.get(name)
        if client is None:
            client = library().Consumer(options(self._address, group_id=name, enable_auto_commit=False))
            self._clients[name] = client
        return client

    def _commit(self, name: str, at: Any) -> None:
        self._client(name).commit(offsets=[at], asynchronous=False)

    def _committed(self, name: str, at: Any) -> int:
        (found,) = self._client(name).committed([at], timeout=self._limits.request_s)
        if found.error is not None:
            raise library().KafkaException(found.error)
        return max(int(found.offset), 0)

    def _all(self) -> list[str]:
        listing = self._admin.list_consumer_groups(request_timeout=self._limits.request_s)
        groups = listing.result(2 * self._limits.request_s).valid
        own = (each.group_id for each in groups if each.group_id.startswith(self._address.prefix))
        return sorted(own)

    def _of(self, group: str) -> list[tuple[str, int, int]]:
        wanted = library().ConsumerGroupTopicPartitions(group)
        future = self._admin.list_consumer_group_offsets([wanted], request_timeout=self._limits.request_s)[group]
        places = future.result(2 * self._limits.request_s).topic_partitions
        return [(at.topic, at.partition, at.offset) for at in places if at.offset >= 0]
