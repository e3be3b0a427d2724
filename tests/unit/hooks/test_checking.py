from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config.connectors import PluginSettings
from gateway.hooks.loading import load_plugins
from gateway.hooks.sources import Source
from tests.unit.hooks.doubles import fault, load, module

SETTINGS = "import msgspec\nclass S(msgspec.Struct):\n    x: int = 1\nSETTINGS = S\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "@hookimpl\nasync def enrich_mesage(message): ...",
            "there is no hook 'enrich_mesage': did you mean 'enrich_message'?",
        ),
        (
            "@hookimpl(specname='on_evnt')\nasync def listen(event): ...",
            "there is no hook 'on_evnt': did you mean 'on_event'?",
        ),
        (
            "@hookimpl\nasync def enrich_message(mesage): ...",
            "enrich_message has no argument 'mesage': did you mean 'message'?",
        ),
        (
            "@hookimpl\nasync def enrich_message(mesage=None): ...",
            "enrich_message has no argument 'mesage': did you mean 'message'?",
        ),
        (
            "@hookimpl\nasync def prepare_forward(xyz): ...",
            "prepare_forward has no argument 'xyz': it has forward, backend, settings",
        ),
        (
            "@hookimpl\nasync def enrich_message(*, message): ...",
            "enrich_message takes 'message' by keyword only: remove the * before it",
        ),
        (
            "@hookimpl\nasync def enrich_message(*args): ...",
            "enrich_message takes *args: name the arguments it needs",
        ),
        (
            "@hookimpl\nasync def enrich_message(**facts): ...",
            "enrich_message takes **facts: name the arguments it needs",
        ),
        (
            "@hookimpl\nasync def register_channels(): return []",
            (
                "register_channels is async, but it is called before there is an event loop: "
                "use a plain def"
            ),
        ),
        (
            "@hookimpl\nasync def register_channels(): yield 1",
            (
                "register_channels is async, but it is called before there is an event loop: "
                "use a plain def"
            ),
        ),
        (
            "@hookimpl\nasync def propose_identities(message): yield 1",
            "propose_identities is an async generator: return a list",
        ),
        (
            "@hookimpl\nasync def enrich_message(message): yield message",
            "enrich_message is an async generator: return one answer",
        ),
        (
            "@hookimpl\ndef enrich_message(message): yield message",
            "enrich_message yields, but it gives one answer: return it",
        ),
        (
            "@hookimpl(wrapper=True)\ndef enrich_message(message): return (yield)",
            (
                "enrich_message is a hook wrapper, which the gateway does not call: "
                "write it as a plain implementation"
            ),
        ),
        (
            "@hookimpl(hookwrapper=True)\ndef enrich_message(message): yield",
            (
                "enrich_message is a hook wrapper, which the gateway does not call: "
                "write it as a plain implementation"
            ),
        ),
        (
            "@hookimpl(wrapper=True)\nasync def enrich_message(message): yield",
            (
                "enrich_message is a hook wrapper, which the gateway does not call: "
                "write it as a plain implementation"
            ),
        ),
        (
            "@hookimpl\nasync def lifespan(gateway): yield",
            "lifespan has to be an async context manager: put @asynccontextmanager below @hookimpl",
        ),
        (
            "@hookimpl\nasync def lifespan(gateway): ...",
            "lifespan has to be an async context manager: put @asynccontextmanager below @hookimpl",
        ),
        (
            "async def enrich_message(message): ...",
            "enrich_message is not marked: put @hookimpl above it, above every other decorator",
        ),
        ("x = 1", "it implements no hook: put @hookimpl above its hook functions"),
        (
            "@hookimpl\nasync def enrich_message(message, settings): ...",
            "enrich_message asks for settings, but the plugin has no SETTINGS type",
        ),
        (
            "SETTINGS = {}\n@hookimpl\nasync def on_event(event): ...",
            "SETTINGS has to be a msgspec.Struct type, not dict",
        ),
    ],
)
def test_each_mistake_has_one_sentence(text: str, told: str) -> None:
    """The plugin is refused with a sentence that says what to change."""
    assert told == fault(text)


def test_all_mistakes_are_told_at_once() -> None:
    """An author mends everything in one go."""
    told = fault(
        """
        @hookimpl
        async def on_evnt(event): ...
        @hookimpl
        async def enrich_message(mesage): ...
        async def find_duplicate(message): ...
        """
    )
    assert told == (
        "enrich_message has no argument 'mesage': did you mean 'message'?; "
        "there is no hook 'on_evnt': did you mean 'on_event'?; "
        "find_duplicate is not marked: put @hookimpl above it, above every other decorator"
    )


@pytest.mark.parametrize(
    "text",
    [
        "@hookimpl\ndef register_backends(): yield from ()",
        "@hookimpl\ndef on_event(): ...",
        "@hookimpl(specname='on_event')\nasync def listen(event): ...",
        (
            "@hookimpl(optionalhook=True)\ndef hook_of_a_later_version(new): ...\n"
            "@hookimpl\ndef on_event(): ..."
        ),
        "from contextlib import asynccontextmanager\n"
        "@hookimpl\n@asynccontextmanager\nasync def lifespan(gateway, settings): yield\n"
        + SETTINGS,
    ],
)
def test_sound_plugins_pass(text: str) -> None:
    """What the documentation allows is not complained of."""
    assert "" == fault(text)


def test_properties_of_a_plugin_are_not_run() -> None:
    """Looking for hooks does not set off code of the plugin."""
    text = """
        class Plugin:
            @property
            def trap(self):
                raise SystemExit("evaluated")
            @hookimpl
            def on_event(self, event): ...
    """
    made = module("plugin_with_trap", text)
    plugin = vars(made)["Plugin"]()
    loaded = load_plugins(
        {"trap": PluginSettings()},
        folder=Path(),
        available={"trap": Source(name="trap", load=lambda: plugin)},
    )
    assert [""] == [each.fault for each in loaded.plugins]
    assert 1 == len(loaded.implementations["on_event"])


def test_a_refused_plugin_leaves_no_hook_behind() -> None:
    """Its sound half is not registered either, and others are as they were."""
    loaded = load(
        {
            "half": "@hookimpl\ndef on_event(event): ...\n@hookimpl\ndef on_evnt(event): ...",
            "well": "@hookimpl\ndef on_event(event): ...",
        }
    )
    assert ["well"] == [each.plugin for each in loaded.implementations["on_event"]]
    assert ["half"] == [plugin.name for plugin in loaded.refused]
