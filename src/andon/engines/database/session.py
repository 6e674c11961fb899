"""FastAPI dependencies: one unit of work for each request."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.orm import Session

from andon.engines.database.database import Database


def request_session(request: Request) -> Iterator[Session]:
    """A session for this request, from `request.app.state.database`; reads only for GET and HEAD.

    It is committed when the endpoint has returned and before the answer is sent (see `RequestSession`), so an answer
    means that the change is stored; it is rolled back when the endpoint raises.
    """
    database: Database = request.app.state.database
    unit = database.reading() if request.method in ("GET", "HEAD") else database.session()
    with unit as session:
        yield session


# The scope matters: with FastAPI's default the commit would come after the answer.
RequestSession = Annotated[Session, Depends(request_session, scope="function")]
