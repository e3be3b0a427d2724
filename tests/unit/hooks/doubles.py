"""Plugins made from source text, a clock, and a dispatcher over them."""

from __future__ import annotations

import sys
import textwrap
import types
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from gateway.config.connectors import PluginSettings
from gateway.domain.arrival import Arrival
from gateway.domain.contact import Contact
from gateway.domain.conversation import Conversation
from gateway.domain.draft import Draft
from gateway.domain.event import Event
from gateway.domain.message import Author, Message
from gateway.domain.outgoing import Forward, Reply
from gateway.errors import HookFailure
from gateway.hooks.calls import Hooks
from gateway.hooks.dispatcher import Dispatcher
from gateway.hooks.loading import LoadedPlugins, load_plugins
from gateway.hooks.sources import Source
from gateway.hooks.suspension import Suspension
from gateway.hooks.threads import HookThreads

ARRIVAL = Arrival(id=1, tenant="t", source="s", key="k", lane="", received_at=0)
DRAFT = Draft(text="hello")
MESSAGE = Message(
    id=1,
    tenant="t",
    conversation=2,
    seq=1,
    direction="in",
    author=Author(kind="customer"),
    text="hello",
    received_at=0,
    recorded_at=0,
)
CONVERSATION = Conversation(id=2, tenant="t")
CONTACT = Contact(id=3, tenant="t")
FORWARD = Forward(key="k", tenant="t", conversation="c", message="m", channel="s", text="hello")
REPLY = Reply(key="k", delivery="d", tenant="t", conversation="c", message="m", text="hello")
EVENT = Event(id=4, tenant="t", kind="message.stored", at=0)


class StillClock:
    """A clock that moves only when it is told to."""

    def __init__(self) -> None:
        self.moment = 1_000_000

    def now(self) -> int:
        return self.moment

    def move(self, seconds: float) -> None:
        self.moment += round(seconds * 1000)


def module(name: str, source: str, **names: Any) -> types.ModuleType:
    """Make a plugin module; `names` are there for it as if imported."""
    made = types.ModuleType(name)
    sys.modules[name] = made
    vars(made).update(names)
    exec("import asyncio\nfrom gateway import *\n" + textwrap.dedent(source), vars(made))
    return made


def source(name: str, text: str, **names: Any) -> Source:
    """Make a plugin of version 1.0 that could be loaded."""
    return Source(
        name=name,
        version="1.0",
        distribution=f"gateway-{name}",
        load=lambda: module(f"plugin_{name}", text, **names),
    )


def load(
    plugins: dict[str, str],
    settings: dict[str, PluginSettings] | None = None,
    **names: Any,
) -> LoadedPlugins:
    """Load plugins, given as source texts in the order of the config."""
    available = {name: source(name, text, **names) for name, text in plugins.items()}
    configured = {name: (settings or {}).get(name, PluginSettings()) for name in plugins}
    return load_plugins(configured, folder=Path(), available=available)


def fault(text: str, **names: Any) -> str:
    """Why a plugin is refused, as ``gateway plugins`` shows it."""
    return load({"mine": text}, **names).plugins[0].fault


@dataclass
class Calls:
    """Hooks over plugins, and everything that is reported of them."""

    hooks: Hooks
    dispatcher: Dispatcher
    clock: StillClock
    failures: list[HookFailure] = field(default_factory=list)
    suspensions: list[Suspension] = field(default_factory=list)

    @property
    def told(self) -> list[str]:
        return [str(failure) for failure in self.failures]


def calls(
    plugins: dict[str, str],
    *,
    deadline: float = 5.0,
    settings: dict[str, PluginSettings] | None = None,
    threads: HookThreads | None = None,
    **names: Any,
) -> Calls:
    """Make callable hooks of plugins; a plugin that is refused fails the test."""
    loaded = load(plugins, settings, **names)
    assert [] == [plugin.fault for plugin in loaded.refused]
    assert [] == loaded.faults
    clock = StillClock()
    failures: list[HookFailure] = []
    suspensions: list[Suspension] = []
    dispatcher = Dispatcher(
        loaded.implementations,
        clock=clock,
        deadline=deadline,
        on_failure=failures.append,
        on_suspended=suspensions.append,
        threads=threads,
    )
    return Calls(Hooks(dispatcher), dispatcher, clock, failures, suspensions)


replace = msgspec.structs.replace
