"""Query parameters that an endpoint does not know are refused: mistyped, they would silently mean something else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from fastapi import Request
from fastapi.dependencies.models import Dependant

from andon.kit.errors import InvalidError


async def only_known_parameters(request: Request) -> None:
    """A dependency of every endpoint. InvalidError names the first parameter that it does not have."""
    asked = request.query_params
    if not asked:
        return
    known = list(known_parameters(request.scope["route"].dependant))
    for name in asked:
        if name not in known:
            raise InvalidError(f"{name} is not a query parameter here", field=name, cure=_cure(name, known))


def known_parameters(dependant: Dependant) -> Iterator[str]:
    """What an endpoint and all that it depends on take from the query."""
    for parameter in dependant.query_params:
        yield parameter.alias
    for each in dependant.dependencies:
        yield from known_parameters(each)


def _cure(name: str, known: Sequence[str]) -> str:
    if not known:
        return f"leave {name} out: there are none here"
    nearest = get_close_matches(name, known, 1)
    return f"write {nearest[0]}" if nearest else f"leave {name} out, or use one of {', '.join(known)}"
