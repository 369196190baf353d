"""Answers of the classroom API in OpenAPI: every one with its fields, down to the last object."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI

from teleward_gateway.classroom.rooms.orders import order_kinds
from teleward_gateway.classroom.start import add_routes

OPEN = {"DeviceSpec.options"}
"""Keywords of a simulated device's constructor: each kind has its own."""


def document() -> dict[str, Any]:
    """Return the OpenAPI document of the classroom alone."""
    app = FastAPI()
    add_routes(app)
    return app.openapi()


def untyped(schema: dict[str, Any], all_schemas: dict[str, Any], path: str) -> Iterator[str]:
    """Yield the paths of objects below ``schema`` whose fields nobody can know."""
    name = schema.get("$ref", "").rpartition("/")[2]
    if name:
        yield from untyped(all_schemas[name], all_schemas, name)
        return
    if "oneOf" in schema and "properties" in schema:
        return  # an envelope whose `kind` decides the rest: every kind is spelled out
    if not schema or (schema.get("type") == "object" and not schema.get("properties")):
        values = schema.get("additionalProperties")
        if not isinstance(values, dict):
            yield path
            return
        yield from untyped(values, all_schemas, path)
    for field, below in schema.get("properties", {}).items():
        yield from untyped(below, all_schemas, f"{path}.{field}")
    for part in (*schema.get("anyOf", []), *schema.get("oneOf", [])):
        yield from untyped(part, all_schemas, path)
    if isinstance(schema.get("items"), dict):
        yield from untyped(schema["items"], all_schemas, path)


def test_every_answer_is_typed() -> None:
    found = document()
    answers = 0
    for path, methods in found["paths"].items():
        for method, route in methods.items():
            for status, answer in route["responses"].items():
                if not status.startswith("2") or "content" not in answer:
                    continue
                schema = answer["content"]["application/json"]["schema"]
                where = set(untyped(schema, found["components"]["schemas"], f"{method} {path}"))
                assert where <= OPEN
                answers += 1
    assert answers >= 25


def test_an_untyped_answer_is_found() -> None:
    app = FastAPI()

    @app.get("/loose")
    def loose() -> dict[str, list[dict[str, Any]]]:
        return {}

    schema = app.openapi()["paths"]["/loose"]["get"]["responses"]["200"]["content"]
    assert list(untyped(schema["application/json"]["schema"], {}, "loose")) == ["loose"]


def test_lines_events_and_orders_are_shown_kind_by_kind() -> None:
    schemas = document()["components"]["schemas"]
    assert schemas["Screen"]["properties"]["lines"]["items"]["discriminator"]["propertyName"] == (
        "what"
    )
    event = {each["title"]: each["properties"]["body"] for each in schemas["EventJson"]["oneOf"]}
    done = {"task", "name", "dose", "tick", "confirmed", "waited"}
    assert event["act.done"]["properties"].keys() == done
    order = {each["title"]: each["properties"]["data"] for each in schemas["LogRow"]["oneOf"]}
    assert order["fault"]["properties"].keys() == {"fault", "sensor", "for", "value"}
    assert [each["title"] for each in order_kinds()] == list(order)
