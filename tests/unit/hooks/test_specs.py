from __future__ import annotations

import inspect
import re

import pytest

from gateway.errors import HookFailure
from gateway.hooks import specs
from gateway.hooks.calls import Hooks
from gateway.hooks.implementations import KINDS
from gateway.hooks.registering import registered
from tests.unit.hooks.doubles import load

CLOSED = {"redact_message", "prepare_forward", "prepare_reply", "forget_conversation"}


@pytest.mark.parametrize("hook", KINDS)
def test_each_hook_says_how_it_is_called(hook: str) -> None:
    """The docstring and the dispatcher agree: kind, subject, open or CLOSED."""
    kind = KINDS[hook]
    text = inspect.getdoc(getattr(specs, hook)) or ""
    said = re.search(
        r"^(REGISTER|LIFESPAN|PIPE|FIRST|COLLECT|NOTIFY)( of `(\w+)`)?(, (\w+))?\.",
        text,
        re.MULTILINE,
    )
    assert said is not None
    assert kind.how == said[1]
    assert kind.subject == (said[3] or "")
    if kind.how not in ("REGISTER", "NOTIFY"):
        assert ("CLOSED" if kind.closed else "open") == said[5]
    assert kind.closed == (hook in CLOSED)
    assert "settings" == kind.arguments[-1]


def test_the_facade_has_a_method_for_each_hook() -> None:
    """Nothing but `Hooks` needs to know the names of the hooks that are called while running."""
    called = {hook for hook, kind in KINDS.items() if kind.how not in ("REGISTER", "LIFESPAN")}
    assert called == called & set(vars(Hooks))
    for hook in called:
        method = inspect.signature(getattr(Hooks, hook))
        assert set(KINDS[hook].arguments) - {"settings"} == set(method.parameters) - {"self"}


def test_declarations_of_all_plugins_are_gathered() -> None:
    """Commands, routes, pages and checks come with their owners; one that fails is left out."""
    failures: list[HookFailure] = []
    loaded = load(
        {
            "broken": "@hookimpl\ndef register_checks(): raise SystemExit('x')",
            "odd": "@hookimpl\ndef register_checks(): return 1",
            "well": "@hookimpl\ndef register_checks(): yield Check(name='disk', run=print)",
            "none": "@hookimpl\ndef register_checks(): return None",
        }
    )
    found = registered(loaded.implementations["register_checks"], failures.append)
    assert [("well", "disk", "1.0")] == [
        (each.plugin, each.value.name, each.version) for each in found
    ]
    assert ["broken", "odd"] == [failure.plugin for failure in failures]
