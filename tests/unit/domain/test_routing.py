"""Routing by rules."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.domain.routing import Facts, Rule, When, fits, route

FACTS = Facts(
    tenant="acme", channel="support", recipients=("Sales@Example.com", "info@example.com"),
    sender="ann@example.net", language="de", subject="RE: Rechnung", text="Die Zahlung fehlt",
)  # fmt: skip


@pytest.mark.parametrize(
    ("when", "yes"),
    [
        ({}, True),
        ({"tenant": ("acme",)}, True),
        ({"tenant": ("other",)}, False),
        ({"channel": ("sup*",)}, True),
        ({"channel": ("x", "SUPPORT")}, True),
        ({"recipient": ("sales@*",)}, True),
        ({"recipient": ("jobs@*",)}, False),
        ({"sender": ("*@example.???",)}, True),
        ({"sender": ("*@example.org",)}, False),
        ({"language": ("de", "nl")}, True),
        ({"language": ("fr",)}, False),
        ({"words": ("RECHNUNG",)}, True),
        ({"words": ("zahlung", "nothing")}, True),
        ({"words": ("invoice",)}, False),
        ({"tenant": ("acme",), "language": ("fr",)}, False),
        ({"tenant": ("acme",), "language": ("de",), "words": ("fehlt",)}, True),
    ],
)
def test_conditions(when: dict[str, Any], yes: bool) -> None:
    """Every field that is given has to fit, whatever the case of its letters."""
    assert yes == fits(When(**when), FACTS)


def test_first_rule_decides() -> None:
    """Later rules do not change what an earlier one has decided."""
    rules = (
        Rule(when=When(language=("fr",)), backends=("paris",)),
        Rule(name="money", when=When(words=("rechnung",)), backends=("books",), priority="high"),
        Rule(backends=("rest",), queue="all", tier="L2"),
    )
    found = route(rules, FACTS, ("desk",))
    assert (("books",), "", "high", "L1", "money") == (
        found.backends, found.queue, found.priority, found.tier, found.rule,
    )  # fmt: skip


def test_rule_that_goes_on_is_filled_up_by_later_ones() -> None:
    """A rule that says to go on keeps what it set and takes the rest from later rules."""
    rules = (
        Rule(name="tag", tags=("vip",), priority="urgent", goon=True),
        Rule(tags=("vip", "de"), queue="German", priority="low", goon=True),
        Rule(backends=("rt",), queue="all"),
        Rule(tags=("never",)),
    )
    found = route(rules, FACTS, ("desk",))
    assert (("rt",), "German", "urgent", ("vip", "de"), "tag, rule 2, rule 3") == (
        found.backends, found.queue, found.priority, found.tags, found.rule,
    )  # fmt: skip


def test_without_a_rule_the_default_backend_gets_it() -> None:
    """What no rule sends anywhere goes to the default backend, and says so."""
    found = route((Rule(when=When(language=("fr",)), backends=("x",)),), FACTS, ["desk"])
    assert (("desk",), "L1", "normal", "default") == (
        found.backends, found.tier, found.priority, found.rule,
    )  # fmt: skip
