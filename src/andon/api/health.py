"""Health: S1's `/health` body with each dependency's state and response time, readiness, liveness."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response

from andon import __version__
from andon.api.context import ApiContext, Dependency, context
from andon.api.system_schemas import AliveBody, HealthBody, ReadyBody
from andon.kit.clock import US_PER_S, now_us, to_iso
from andon.kit.contract import answers
from andon.kit.outage import Outage

router = APIRouter(tags=["health"])
Context = Annotated[ApiContext, Depends(context)]

logger = logging.getLogger(__name__)
PROBE_TIMEOUT_S = 2.0


async def probe(dependency: Dependency, outage: Outage) -> dict[str, Any]:
    """`{"status", "responseTime" (ms)}`; a dependency that fails or hangs is unhealthy, with the reason."""
    started = time.perf_counter()
    body: dict[str, Any] = {}
    try:
        async with asyncio.timeout(PROBE_TIMEOUT_S):
            body["status"] = await dependency()
    except TimeoutError:
        body.update(status="unhealthy", error=f"no answer within {PROBE_TIMEOUT_S:g} s")
        outage.begin(body["error"])
    except Exception as error:  # noqa: BLE001  a probe reports whatever is wrong; it must not fail itself
        body.update(status="unhealthy", error=type(error).__name__)
        outage.begin(str(error))
    else:
        outage.end()
    body["responseTime"] = round((time.perf_counter() - started) * 1000, 3)
    return body


def outage_of(name: str) -> Outage:
    """What the log hears of a dependency: once when it fails, and once when it answers again."""
    return Outage(logger, "dependency is unhealthy", "dependency answers again", dependency=name)


async def probe_all(state: ApiContext) -> dict[str, dict[str, Any]]:
    """All dependencies at once, by name."""
    for name in state.dependencies.keys() - state.outages.keys():
        state.outages[name] = outage_of(name)
    probes = (probe(dependency, state.outages[name]) for name, dependency in state.dependencies.items())
    return dict(zip(state.dependencies, await asyncio.gather(*probes), strict=True))


def overall(dependencies: dict[str, dict[str, Any]]) -> str:
    """`unhealthy` when any is, else `degraded` when any is, else `healthy`."""
    states = {body["status"] for body in dependencies.values()}
    return next((status for status in ("unhealthy", "degraded") if status in states), "healthy")


@router.get("/health", summary="Health with each dependency's state and response time")
@answers(HealthBody, bare=True, also={503: "Something that Andon needs is down"})
async def health(state: Context, response: Response) -> dict[str, Any]:
    """S1 §10.2's body; status 503 when something that Andon needs is down."""
    dependencies = await probe_all(state)
    status = overall(dependencies)
    response.status_code = 503 if status == "unhealthy" else 200
    return {
        "status": status,
        "timestamp": to_iso(now_us()),
        "version": __version__,
        "dependencies": dependencies,
        "metrics": {
            "uptime": (now_us() - state.started_at) // US_PER_S,
            "requestsPerMinute": max(state.requests.this_minute, state.requests.last_minute),
            "errorRate": round(state.requests.error_rate(), 6),
        },
    }


@router.get("/health/ready", summary="Whether this process takes traffic")
@answers(ReadyBody, bare=True, also={503: "It is starting or stopping"})
async def ready(state: Context, response: Response) -> dict[str, Any]:
    """200 once everything has started, 503 before and while stopping."""
    is_ready = state.ready()
    response.status_code = 200 if is_ready else 503
    return {"status": "ready" if is_ready else "starting", "timestamp": to_iso(now_us())}


@router.get("/health/live", summary="Whether this process is alive")
@answers(AliveBody, bare=True)
async def live() -> dict[str, Any]:
    """Answers as long as the event loop turns."""
    return {"status": "alive", "timestamp": to_iso(now_us())}
