"""The OpenAPI document: what the routes say, with permissions, contracts and refusals added. Built when asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from andon.api.schemas import NOW, Error
from andon.identity.guard import Guard
from andon.kit.contract import Contract, contract_of

JSON = "application/json"
SIGNED_IN = "signed in"
NO_PERMISSION = "none"
_REF = "#/components/schemas/{model}"
_RESPONSE_REF = "#/components/responses/{name}"
_SHARED = {
    401: ("Unauthenticated", "Nobody is signed in, or the token is no longer good"),
    403: ("Forbidden", "The role does not have the permission that `x-permission` names"),
    422: ("Invalid", "The request is malformed; `details` name the field and the cure"),
    429: ("TooManyRequests", "Too many requests in this minute; `Retry-After` says how many seconds to wait"),
}
_UNREAD = {"HTTPValidationError", "ValidationError"}  # FastAPI's own error shapes, which are never sent

Document = dict[str, Any]


class _Schemas(GenerateJsonSchema):
    """Without a title for every field: it only says the name again."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def complete_openapi(app: FastAPI, routers: Sequence[APIRouter], prefix: str) -> Document:
    """The document of `routers`, which are mounted under `prefix`. ValueError when an endpoint has no contract."""
    document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    routes = [route for router in routers for route in router.routes if isinstance(route, APIRoute)]
    uses = Counter(route.name for route in routes)
    models: dict[type[BaseModel], None] = {Error: None}
    for route in routes:
        contract = contract_of(route.endpoint)
        if contract is None:
            raise ValueError(f"{route.endpoint.__qualname__} does not say what it answers; see kit/contract.py")
        models |= dict.fromkeys(model for model in (contract.data, contract.meta) if model is not None)
        for method in route.methods or ():
            operation = document["paths"][prefix + route.path_format][method.lower()]
            unique = uses[route.name] == 1
            operation["operationId"] = route.name if unique else f"{route.name}_{method.lower()}"
            _describe(operation, route, contract)
    components = document["components"]
    components["schemas"] = _schemas(components["schemas"], list(models))
    components["responses"] = {name: _refusal(status, why) for status, (name, why) in _SHARED.items()}
    return document


def permission_of(route: APIRoute) -> str:
    """The permission that a route needs, `signed in`, or `none` for a route that is open to everybody."""
    guards = [found for found in _dependencies(route.dependant) if isinstance(found, Guard)]
    return " ".join(guard.permission or SIGNED_IN for guard in guards) or NO_PERMISSION


def _dependencies(dependant: Dependant) -> Iterator[Any]:
    for each in dependant.dependencies:
        yield each.call
        yield from _dependencies(each)


def _describe(operation: Document, route: APIRoute, contract: Contract) -> None:
    permission = permission_of(route)
    operation["x-permission"] = permission
    needs = {NO_PERMISSION: "Open to everybody.", SIGNED_IN: "Needs a sign-in."}
    _drop_titles(parameter["schema"] for parameter in operation.get("parameters", ()))
    text = operation.get("description", "")
    operation["description"] = f"{text}\n\n{needs.get(permission, f'Needs the permission `{permission}`.')}".strip()
    status = str(route.status_code or 200)
    old = operation["responses"]
    content = {**old[status].get("content", {}), JSON: _answer(contract)}
    responses = {status: {"description": "Done" if status == "200" else "Created", "content": content}}
    for code, why in contract.also.items():
        responses[str(code)] = {"description": why, "content": {JSON: _answer(contract)}}
    operation["responses"] = responses | _refusals(contract, permission)


def _drop_titles(schemas: Iterable[Document]) -> None:
    """FastAPI's titles of fields only say the name again."""
    for schema in schemas:
        schema.pop("title", None)


def _refusals(contract: Contract, permission: str) -> Document:
    """The error responses by status: what the contract says of itself, what all routes share by reference."""
    shared = {422, 429}  # an endpoint that takes no parameters refuses them
    if permission != NO_PERMISSION:
        shared.add(401)
    if permission not in (NO_PERMISSION, SIGNED_IN):
        shared.add(403)
    own = {code: _refusal(code, why) for code, why in contract.refuses.items()}
    found = {code: {"$ref": _RESPONSE_REF.format(name=_SHARED[code][0])} for code in shared} | own
    return {str(code): found[code] for code in sorted(found)}


def _refusal(status: int, why: str) -> Document:
    example = {
        "success": False,
        "error": why.split(";")[0],
        "status": status,
        "timestamp": NOW,
        "path": "/api/v1/…",
        "request_id": "req-9f2c41d07a5be863",
    }
    return {"description": why, "content": {JSON: {"schema": _ref(Error), "example": example}}}


def _answer(contract: Contract) -> Document:
    """Schema and example of the body: the envelope, unless the contract is bare."""
    if contract.bare:
        return {"schema": _ref(contract.data), "example": _example(contract.data)}
    parts = {"data": contract.data} | ({"meta": contract.meta} if contract.meta else {})
    properties = {"success": {"type": "boolean", "const": True}} | {name: _ref(part) for name, part in parts.items()}
    return {
        "schema": {"type": "object", "required": list(properties), "properties": properties},
        "example": {"success": True} | {name: _example(part) for name, part in parts.items()},
    }


def _ref(model: type[BaseModel]) -> Document:
    return {"$ref": _REF.format(model=model.__name__)}


def _example(model: type[BaseModel]) -> Any:
    extra = model.model_config.get("json_schema_extra")
    examples = extra.get("examples") if isinstance(extra, dict) else None
    if not isinstance(examples, list):
        raise ValueError(f"{model.__qualname__} has no example; see kit.contract.example")
    return examples[0]


def _schemas(taken: Document, models: Iterable[type[BaseModel]]) -> Document:
    """The schemas of what is sent beside those of what is answered. ValueError when two have the same name."""
    _, found = models_json_schema(
        [(model, "validation") for model in models], ref_template=_REF, schema_generator=_Schemas
    )
    answers = found["$defs"]
    sent = {name: schema for name, schema in taken.items() if name not in _UNREAD}
    both = sorted(answers.keys() & sent.keys()) + [name for name in answers if "__" in name]
    if both:
        raise ValueError(f"these schemas share a name: {', '.join(both)}")
    for schema in answers.values():
        # Strict in tests, open in the contract: a new field is no break for those who read.
        schema.pop("additionalProperties", None)
        schema.pop("examples", None)  # it stands with the response, in its envelope
    for schema in sent.values():
        _drop_titles(schema.get("properties", {}).values())
    return dict(sorted({**sent, **answers}.items()))
