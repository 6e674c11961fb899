"""`GET /metrics`: what the parts of this process count, its roles, how far its consumers are, its broker."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from andon.api.context import ApiContext, context
from andon.api.exposition import MEDIA_TYPE, exposition

router = APIRouter(tags=["metrics and system"])


@router.get("/metrics", summary="Prometheus metrics", response_class=Response)
async def prometheus(state: Annotated[ApiContext, Depends(context)]) -> Response:
    """Text exposition format; open to the network that reaches Andon, so it carries no plant data."""
    return Response(exposition(await state.figures()), media_type=MEDIA_TYPE)
