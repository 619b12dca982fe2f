"""The API's document (OpenAPI 3.1), made from the operations."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from stillwatch import __version__
from stillwatch.console.operation import Operation, operations

PREFIX = "/api/v1"  # start of the paths of the API
FAULT = "#/components/schemas/Fault"  # reference to the schema of an error
# Meaning of each status code of an error.
FAULTS = {
    "401": "no valid token or session",
    "403": "the permission is missing",
    "404": "nothing has this name or number",
    "409": "the present state does not allow it",
    "413": "the request is too large",
    "422": "an argument is not as it has to be",
    "429": "too many requests",
    "503": "the audit log or the record of labels cannot be used",
}


def in_path(one: Operation) -> list[str]:
    """Names of the arguments that stand in an operation's path."""
    return re.findall(r"{(\w+)}", one.path)


@cache
def document() -> Mapping[str, Any]:
    """The document, as JSON."""
    paths: dict[str, dict[str, Any]] = {}
    for one in operations().values():
        paths.setdefault(PREFIX + one.path, {})[one.method.lower()] = _operation(one)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Stillwatch console",
            "version": __version__,
            "description": "Everything that the console's pages do. Times are seconds since 1970.",
        },
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "An API token (`swc_...`)."}
            },
            "schemas": {
                "Fault": {
                    "type": "object",
                    "required": ["title", "detail"],
                    "properties": {"title": {"type": "string"}, "detail": {"type": "string"}},
                }
            },
        },
    }


def _operation(one: Operation) -> dict[str, Any]:
    """The description of one operation for the API's document."""
    schema = one.model.model_json_schema()
    definitions = schema.pop("$defs", {})
    schema = _inlined(schema, definitions)
    properties, required = schema.get("properties", {}), schema.get("required", [])
    path = in_path(one)
    described: dict[str, Any] = {
        "operationId": one.name,
        "summary": one.summary,
        "tags": [one.run.__module__.rpartition(".")[2]],
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": properties[name]} for name in path
        ],
        "responses": {
            "200": {
                "description": "done",
                "content": {"application/json": {"schema": {"type": "object"}}},
            }
        }
        | {
            code: {
                "description": words,
                "content": {"application/json": {"schema": {"$ref": FAULT}}},
            }
            for code, words in FAULTS.items()
        },
        "security": [] if one.needs is None else [{"token": []}],
    }
    if one.needs is not None:
        described["description"] = f"Needs the permission `{one.needs}`."
    others = {name: value for name, value in properties.items() if name not in path}
    if not one.writes:
        described["parameters"] += [
            {"name": name, "in": "query", "required": name in required, "schema": value}
            for name, value in others.items()
        ]
    else:
        body = {
            "type": "object",
            "additionalProperties": False,
            "properties": others,
            "required": [name for name in required if name not in path],
        }
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return described


def _inlined(schema: Any, definitions: Mapping[str, Any]) -> Any:  # noqa: ANN401  any JSON
    """A schema with its references to `$defs` replaced by what they name."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            return _inlined(definitions[schema["$ref"].rpartition("/")[2]], definitions)
        return {key: _inlined(value, definitions) for key, value in schema.items()}
    if isinstance(schema, list):
        return [_inlined(value, definitions) for value in schema]
    return schema
