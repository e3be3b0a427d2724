from __future__ import annotations

import json
from typing import Annotated, Any

import jsonschema_rs
import msgspec
import pytest
from msgspec import Meta

from gateway.config.addresses import Listen
from gateway.config.json_schema import json_schema
from gateway.config.secret import Secret


class Login(msgspec.Struct, frozen=True, kw_only=True):
    user: Annotated[str, Meta(min_length=1)]
    password: Secret = Secret("hunter2")


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Named like the gateway's own on purpose."""

    host: Annotated[str, Meta(description="Name of the server.")]
    password: Secret = Secret("hunter2")
    login: Annotated[Login | None, Meta(description="At the server.")] = None
    others: dict[str, tuple[Login, ...]] = {}
    listen: Listen = Listen("", 25)


class Window(msgspec.Struct, frozen=True, kw_only=True):
    hours: Annotated[int, Meta(ge=1)] = 3


@pytest.fixture
def schema() -> dict[str, Any]:
    """The schema with one channel type, one backend type and one plugin with settings."""
    return json_schema(
        plugins={"dedupe": Window}, channels={"email": Settings}, backends={"rt": Window}
    )


def valid(schema: dict[str, Any], config: dict[str, Any]) -> bool:
    """Whether an independent validator takes a config."""
    jsonschema_rs.meta.validate(schema)
    return bool(jsonschema_rs.Draft202012Validator(schema).is_valid(config))


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"channels": {"support": {"type": "email", "host": "a", "tenant": "x"}}},
        {"channels": {"a": {"type": "email", "host": "a", "login": {"user": "u"}}}},
        {"channels": {"a": {"type": "email", "host": "a", "others": {"b": [{"user": "u"}]}}}},
        {"plugins": {"dedupe": {"hours": 2, "required": True}, "other": {}}},
        {"web": {"listen": "127.0.0.1:80"}, "store": {"url": "sqlite:///x.db"}},
        {"routing": [{"when": {"channel": ["support"]}, "backends": ["rt"], "tier": "L2"}]},
    ],
)
def test_it_takes_what_the_gateway_takes(schema: dict[str, Any], config: dict[str, Any]) -> None:
    """Sound configs pass."""
    assert valid(schema, config)


@pytest.mark.parametrize(
    "config",
    [
        {"gatway": {}},
        {"channels": {"support": {"type": "sms"}}},
        {"channels": {"support": {"type": "email"}}},
        {"channels": {"support": {"type": "email", "host": "a", "hsot": "b"}}},
        {"channels": {"a": {"type": "email", "host": "a", "login": {"user": ""}}}},
        {"channels": {"a": {"type": "email", "host": "a", "others": {"b": [{}]}}}},
        {"backends": {"rt": {"type": "rt", "hours": 0}}},
        {"plugins": {"dedupe": {"hours": "2"}}},
        {"plugins": {"other": {"hours": 2}}},
        {"web": {"listen": "nonsense"}},
    ],
)
def test_it_refuses_what_the_gateway_refuses(
    schema: dict[str, Any], config: dict[str, Any]
) -> None:
    """Unknown keys, unknown types, missing and wrong settings fail."""
    assert not valid(schema, config)


def test_it_is_json_without_secrets(schema: dict[str, Any]) -> None:
    """It can be written to a file, names its draft, and no default of a secret is in it."""
    text = json.dumps(schema)
    assert "https://json-schema.org/draft/2020-12/schema" == schema["$schema"]
    assert '"description": "At the server."' in text
    assert "hunter2" not in text
    assert "•" not in text


def test_it_works_without_plugins() -> None:
    """With nothing enabled no channel can be configured."""
    assert valid(json_schema(), {})
    assert not valid(json_schema(), {"channels": {"a": {"type": "email"}}})
