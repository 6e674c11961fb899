"""The engines that tests run on start, answer, and come back with their data after a crash."""

from __future__ import annotations

import urllib.request

import psycopg
import redis

from support.engines import start
from support.servers import Influx, Kafka, Mosquitto, Postgres, Redis


def test_postgres_gives_empty_databases(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)


def test_postgres_keeps_what_was_committed_over_a_crash() -> None:
    with start(Postgres) as server, server.database() as url:
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS value")
        server.kill()
        server.start()
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT value FROM kept").fetchone() == (7,)


def test_redis_keeps_its_keys_over_a_crash() -> None:
    with start(Redis) as server:
        with redis.Redis.from_url(server.url) as client:
            client.set("a", "b")
        server.kill()
        server.start()
        with redis.Redis.from_url(server.url) as client:
            assert client.get("a") == b"b"


def test_the_shared_redis_is_emptied(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0


def test_influx_answers(influx_url: str, influx_server: Influx) -> None:
    database = influx_url.rsplit("/", 1)[1]
    data = b"t value=1 1000"
    with urllib.request.urlopen(f"{influx_server.url}/write?db={database}", data=data, timeout=10) as answer:
        assert answer.status == 204


def test_mosquitto_answers(mosquitto_server: Mosquitto) -> None:
    assert mosquitto_server.answers()


def test_kafka_answers(kafka_server: Kafka) -> None:
    assert kafka_server.answers()
