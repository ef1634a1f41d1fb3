"""`openapi.json`: made from the declarations of the resources, so that it cannot lag behind them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from koku_core import __version__
from koku_core.api.endpoint import Call, Reply, Resource

_STATUSES = {"GET": 200, "PUT": 200, "PATCH": 200, "POST": 201, "DELETE": 204}
_ERRORS = {
    "400": "The request is not valid; the body says why.", "401": "Nobody is identified.",
    "403": "The caller may not do this.", "404": "There is no such thing.",
}  # fmt: skip


def resource(described: Iterable[Resource]) -> Resource:
    """The resource that describes the others."""
    found = list(described)

    def handler(call: Call) -> Reply:
        return Reply(document(found, call.path.removesuffix("openapi.json")))

    return Resource("openapi.json", {"GET": handler}, "This document.", public=True, slash="never", csv=False)


def document(described: Iterable[Resource], base: str) -> dict[str, Any]:
    """The OpenAPI 3 document of some resources below `base`."""
    return {
        "openapi": "3.0.3",
        "info": {"title": "Cost Management", "version": __version__, "license": {"name": "Apache-2.0"}},
        "servers": [{"url": base}],
        "paths": {_path(r): _operations(r) for r in described},
        "components": {
            "securitySchemes": {
                "identity": {"type": "apiKey", "in": "header", "name": "x-rh-identity"},
                "account": {"type": "http", "scheme": "basic"},
                "token": {"type": "http", "scheme": "bearer"},
            },
            "schemas": {"Errors": _ERRORS_SCHEMA, "List": _LIST_SCHEMA},
        },
        "security": [{"identity": []}, {"account": []}, {"token": []}],
    }


_ERRORS_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"errors": {"type": "array", "items": {"type": "object", "properties": {
        "detail": {"type": "string"}, "source": {"type": "string", "nullable": True}, "status": {"type": "integer"},
    }, "required": ["detail", "status"]}}},
    "required": ["errors"],
}  # fmt: skip
_LINK = {"type": "string", "nullable": True}
_LIST_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "meta": {"type": "object", "properties": {n: {"type": "integer"} for n in ("count", "limit", "offset")}, "required": ["count"]},
        "links": {"type": "object", "properties": dict.fromkeys(("first", "next", "previous", "last"), _LINK)},
        "data": {"type": "array", "items": {}},
    },
    "required": ["meta", "links", "data"],
}  # fmt: skip


def _path(resource: Resource) -> str:
    return "/" + re.sub(r":\w+}", "}", resource.path)


def _operations(resource: Resource) -> dict[str, Any]:
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)", resource.path)
    ]
    return {verb.lower(): _operation(resource, verb, in_path) for verb in resource.methods}


def _operation(resource: Resource, verb: str, in_path: list[dict[str, Any]]) -> dict[str, Any]:
    in_query = [{"name": name, "in": "query", "schema": {"type": "string"}} for name in resource.parameters]
    described = resource.described if verb == "GET" else {}
    stated = {p["name"]: p for p in [*in_path, *(in_query if verb == "GET" else []), *described.get("parameters", ())]}
    made: dict[str, Any] = {
        "summary": resource.doc,
        "operationId": re.sub(r"\W+", "_", f"{verb.lower()}_{resource.path}").strip("_"),
        **described,
        "parameters": list(stated.values()),
        "responses": _responses(resource, verb) | described.get("responses", {}),
    }
    if verb in ("POST", "PUT", "PATCH"):
        made["requestBody"] = {"content": {"application/json": {"schema": dict(resource.takes)}}}
    return made | ({"security": []} if resource.public else {})


def _rows(row: Mapping[str, Any]) -> dict[str, Any]:
    """A page of rows."""
    rows = {"type": "object", "properties": {"data": {"type": "array", "items": dict(row)}}}
    return {"allOf": [{"$ref": "#/components/schemas/List"}, *([rows] if row else [])]}


def _responses(resource: Resource, verb: str) -> dict[str, Any]:
    status = resource.done.get(verb, _STATUSES[verb])
    good: dict[str, Any] = {"description": resource.doc}
    if status in (200, 201) and verb not in resource.done:
        listed = verb == "GET" and {"limit", "offset"} <= set(resource.parameters)
        good["content"] = {"application/json": {"schema": _rows(resource.gives) if listed else dict(resource.gives)}}
        if resource.csv and verb == "GET":
            good["content"]["text/csv"] = {"schema": {}}
    responses = {str(status): good} | {s: {"description": text} for s, text in _ERRORS.items()}
    invalid = {"type": "object"} if resource.bare else {"$ref": "#/components/schemas/Errors"}
    invalid = invalid if resource.refused is None else dict(resource.refused)
    responses["400"] = responses["400"] | {"content": {"application/json": {"schema": invalid}}}
    return responses
