"""The OpenAPI document: it says what the server does, and the server does what it says."""

from __future__ import annotations

import asyncio
import itertools
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.config import SchemathesisConfig

from gateway.domain.ids import show
from gateway.web.api.openapi import describe
from gateway.web.api.operation import ID_PARTS, PREFIX
from gateway.web.api.table import OPERATIONS
from gateway.web.server import build
from tests.unit.web.client import Client
from tests.unit.web.world import World, filled_world, serving, token

DOCUMENT = describe(OPERATIONS, title="Test gateway", version="0.1.0")
CONFIG = SchemathesisConfig.from_dict({"generation": {"max-examples": 8}})
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT, config=CONFIG)
NAMES = {
    "conversation": ("kettle", "toaster"),
    "message": ("kettle_question", "toaster_answer"),
    "delivery": ("kettle_dead", "toaster_unknown", "kettle_delivered"),
    "arrival": ("arrival_kettle", "arrival_poison", "arrival_held"),
}
REAL: dict[str, Iterator[str]] = {}


@SCHEMA.hook
def map_path_parameters(context: Any, path_parameters: dict[str, Any] | None) -> Any:
    """Put ids of real records where a sound id was made up."""
    for part, value in (path_parameters or {}).items():
        prefix = ID_PARTS.get(part)
        sound = prefix and re.fullmatch(prefix + "_[0-9a-z]{13}", str(value))
        if path_parameters is not None and sound and REAL:
            path_parameters[part] = next(REAL[part])
    return path_parameters


@pytest.fixture(scope="module")
def base_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server over a filled store, in a thread with a loop of its own."""
    ready, stop = threading.Event(), asyncio.Event()
    found: dict[str, Any] = {}

    async def run(folder: Path) -> None:
        async with (
            filled_world(f"sqlite:///{folder}/api.db") as world,
            serving(world.services()) as client,
        ):
            for part, names in NAMES.items():
                ids = [show(ID_PARTS[part], world.ids[name]) for name in names]
                REAL[part] = itertools.cycle(ids)
            found.update(port=client.port, loop=asyncio.get_running_loop())
            ready.set()
            await stop.wait()

    folder = tmp_path_factory.mktemp("openapi")
    thread = threading.Thread(target=lambda: asyncio.run(run(folder)))
    thread.start()
    assert ready.wait(20)
    yield f"http://127.0.0.1:{found['port']}"
    found["loop"].call_soon_threadsafe(stop.set)
    thread.join(20)
    REAL.clear()


@SCHEMA.parametrize()
@settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
def test_server_keeps_to_the_document(case: Any, base_url: str) -> None:
    """Whatever is sent, sound or not, is answered as declared: no 5xx, no drift."""
    case.call_and_validate(
        base_url=base_url, headers={"Authorization": f"Bearer {token('admin')}"}, timeout=10
    )


async def test_document_is_served_to_everybody(client: Client) -> None:
    """The document needs no token and is what the table says."""
    got = await client.get(f"{PREFIX}/openapi.json")
    assert (got.status, got.json["openapi"], got.json["info"]["title"]) == (
        200, "3.1.0", "Test gateway",
    )  # fmt: skip
    assert got.json["paths"] == DOCUMENT["paths"]


def test_every_schema_is_sound() -> None:
    """Every schema of the document is a JSON Schema of the draft OpenAPI 3.1 uses."""
    for schema in DOCUMENT["components"]["schemas"].values():
        jsonschema_rs.meta.validate(
            {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
        )


def test_references_lead_somewhere() -> None:
    """Every reference names a schema that is there, and every schema is used."""
    used = set(re.findall(r"#/components/schemas/(\w+)", str(DOCUMENT)))
    assert used == set(DOCUMENT["components"]["schemas"])


async def test_no_route_is_undeclared(world: World) -> None:
    """The API's routes and the document's operations are the same."""
    routes = {
        (route.method.lower(), route.resource.canonical)
        for route in build(world.services()).router.routes()
        if route.resource is not None and route.resource.canonical.startswith("/api/")
    }
    declared = {(method, path) for path, item in DOCUMENT["paths"].items() for method in item}
    assert routes == declared


def test_operations_have_names_of_their_own() -> None:
    """No two operations share a name, or a method and path."""
    assert len({one.name for one in OPERATIONS}) == len(OPERATIONS)
    assert len({(one.method, one.path) for one in OPERATIONS}) == len(OPERATIONS)
