from __future__ import annotations

import asyncio
import contextvars
from typing import Any

import pytest

from gateway.config.connectors import PluginSettings
from gateway.domain.conversation import Route
from gateway.domain.timer import Timer
from gateway.errors import HookFailure
from gateway.hooks.dispatcher import Answered
from tests.unit.hooks.doubles import (
    ARRIVAL,
    CONVERSATION,
    DRAFT,
    EVENT,
    FORWARD,
    MESSAGE,
    REPLY,
    calls,
    replace,
)

ROUTE = """
    @hookimpl
    async def route_conversation(conversation, message):
        return ConversationRoute(queue=__name__)
"""
NOTHING = """
    @hookimpl
    async def route_conversation():
        return None
"""
BROKEN = """
    @hookimpl
    async def route_conversation():
        raise ValueError("no route")
"""


async def test_an_async_none_lets_the_next_plugin_answer() -> None:
    """The first coroutine does not win: what counts is what it resolves to."""
    made = calls({"silent": NOTHING, "knows": ROUTE})
    answered = await made.hooks.route_conversation(CONVERSATION, MESSAGE)
    assert Answered(Route(queue="plugin_knows"), "knows", "1.0") == answered


async def test_plugins_are_asked_in_the_order_of_the_config() -> None:
    """The first one named wins, whatever order pluggy was told of them in."""
    for names in (["a", "b", "c"], ["c", "a", "b"]):
        made = calls(dict.fromkeys(names, ROUTE))
        answered = await made.hooks.route_conversation(CONVERSATION, MESSAGE)
        assert answered is not None
        assert names[0] == answered.plugin
        assert tuple(names) == made.dispatcher.plugins("route_conversation")


async def test_a_plugin_may_ask_to_be_first_or_last() -> None:
    """The marks tryfirst and trylast overrule the config's order."""
    first = ROUTE.replace("@hookimpl", "@hookimpl(tryfirst=True)")
    last = ROUTE.replace("@hookimpl", "@hookimpl(trylast=True)")
    made = calls({"last": last, "plain": ROUTE, "first": first})
    assert ("first", "plain", "last") == made.dispatcher.plugins("route_conversation")


async def test_nobody_implements_it() -> None:
    """Without plugins every hook answers that nothing changes."""
    made = calls({})
    assert not made.dispatcher.implemented("route_conversation")
    assert await made.hooks.route_conversation(CONVERSATION, MESSAGE) is None
    assert (await made.hooks.enrich_message(MESSAGE)).value is MESSAGE
    assert [] == await made.hooks.propose_identities(MESSAGE)
    assert [] == await made.hooks.on_event(EVENT)


async def test_an_open_hook_skips_who_fails() -> None:
    """The failure is reported with its plugin, and the next plugin answers."""
    made = calls({"broken": BROKEN, "knows": ROUTE})
    answered = await made.hooks.route_conversation(CONVERSATION, MESSAGE)
    assert answered is not None
    assert "knows" == answered.plugin
    assert ["plugin 'broken', hook route_conversation: ValueError('no route')"] == made.told


async def test_a_pipe_passes_the_value_on() -> None:
    """Each plugin sees what the one before left; None and the same value are no change."""
    made = calls(
        {
            "one": """
                import msgspec
                @hookimpl
                async def normalise_message(arrival, draft):
                    return msgspec.structs.replace(draft, text=draft.text + " 1")
            """,
            "none": "@hookimpl\ndef normalise_message(draft): return None",
            "same": "@hookimpl\ndef normalise_message(draft): return draft",
            "two": """
                import msgspec
                @hookimpl
                def normalise_message(draft):
                    return msgspec.structs.replace(draft, text=draft.text + " 2")
            """,
        }
    )
    piped = await made.hooks.normalise_message(ARRIVAL, DRAFT)
    assert "hello 1 2" == piped.value.text
    assert ["one", "two"] == [change.plugin for change in piped.changed_by]
    assert piped.ended is None


@pytest.mark.parametrize("kind", ["Hold", "Refuse"])
async def test_hold_and_refuse_end_a_pipe_at_once(kind: str) -> None:
    """Later plugins are not asked, and it is known who ended it and why."""
    made = calls(
        {
            "strict": f"@hookimpl\nasync def enrich_message(message): return {kind}(reason='scam')",
            "later": "@hookimpl\nasync def enrich_message(message): raise ValueError('asked')",
        }
    )
    piped = await made.hooks.enrich_message(MESSAGE)
    assert piped.value is MESSAGE
    assert piped.ended is not None
    assert ("strict", kind, "scam") == (
        piped.ended.plugin,
        type(piped.ended.value).__name__,
        piped.ended.value.reason,
    )
    assert [] == made.told


async def test_a_closed_pipe_stops_at_a_failure() -> None:
    """Nothing leaves when the plugin that should have looked at it has failed."""
    text = "@hookimpl\nasync def {0}: raise ValueError('down')"
    made = calls(
        {
            "broken": "\n".join(
                text.format(hook)
                for hook in (
                    "redact_message(message, audience)",
                    "prepare_forward(forward, backend)",
                    "prepare_reply(reply, conversation)",
                )
            )
        }
    )
    for call in (
        made.hooks.redact_message(MESSAGE, "forward"),
        made.hooks.prepare_forward(FORWARD, "rt"),
        made.hooks.prepare_reply(REPLY, CONVERSATION),
    ):
        with pytest.raises(HookFailure, match=r"plugin 'broken', hook \w+: ValueError\('down'\)"):
            await call
    assert 3 == len(made.failures)


async def test_collect_gathers_from_every_plugin() -> None:
    """Lists, generators and None are all fine, and each piece of evidence has its owner."""
    evidence = "IdentityEvidence(address=Address(scheme='email', value='{}'))"
    made = calls(
        {
            "generator": f"""
                @hookimpl
                def propose_identities(message):
                    yield {evidence.format("a")}
                    yield {evidence.format("b")}
            """,
            "none": "@hookimpl\ndef propose_identities(message): return None",
            "broken": "@hookimpl\ndef propose_identities(message): raise ValueError('x')",
            "list": f"@hookimpl\nasync def propose_identities(message): return [{evidence.format('c')}]",
        }
    )
    answers = await made.hooks.propose_identities(MESSAGE)
    assert [("generator", "a"), ("generator", "b"), ("list", "c")] == [
        (each.plugin, each.value.address.value) for each in answers
    ]
    assert ["broken"] == [failure.plugin for failure in made.failures]


async def test_notify_tells_everybody_and_answers_who_failed() -> None:
    """One plugin's failure reaches neither the others nor the caller as an exception."""
    heard: list[Any] = []
    made = calls(
        {
            "broken": "@hookimpl\nasync def on_event(event): raise ValueError('x')",
            "slow": "@hookimpl\nasync def on_event(event): await asyncio.sleep(0); heard.append(event)",
            "thread": "@hookimpl\ndef on_event(event): heard.append(event)",
        },
        heard=heard,
    )
    failures = await made.hooks.on_event(EVENT)
    assert ["broken"] == [failure.plugin for failure in failures]
    assert [EVENT, EVENT] == heard
    assert ("broken", "slow", "thread") == made.hooks.subscribers()


async def test_one_subscriber_can_be_told_again() -> None:
    """A failure is raised for the one who keeps its place in the order of events."""
    heard: list[Any] = []
    made = calls(
        {
            "broken": "@hookimpl\nasync def on_event(event): raise ValueError('x')",
            "well": "@hookimpl\nasync def on_event(event): heard.append(event)",
        },
        heard=heard,
    )
    await made.hooks.tell("well", EVENT)
    assert [EVENT] == heard
    with pytest.raises(HookFailure, match="broken"):
        await made.hooks.tell("broken", EVENT)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "async def enrich_message(message): return 'text'",
            "WrongAnswer('answered str, expected Hold or Message or Refuse or None')",
        ),
        (
            "def propose_identities(message): return 7",
            "WrongAnswer('answered int, expected an iterable of IdentityEvidence')",
        ),
        (
            "def propose_identities(message): yield 7",
            "WrongAnswer('answered an iterable of int, expected an iterable of IdentityEvidence')",
        ),
        (
            "async def on_event(event): return 7",
            "WrongAnswer('answered int, but the hook takes no answer')",
        ),
        (
            "def enrich_message(message): import msgspec; return msgspec.structs.replace(message, id=9)",
            "WrongAnswer('changed message.id, which has to stay')",
        ),
        (
            "def enrich_message(message): raise SystemExit(3)",
            "RuntimeError('raised SystemExit: 3')",
        ),
        (
            "async def enrich_message(message): raise SystemExit(3)",
            "RuntimeError('raised SystemExit: 3')",
        ),
        (
            "def enrich_message(message): raise StopIteration",
            "RuntimeError('raised StopIteration: ')",
        ),
        ("async def enrich_message(message): raise asyncio.CancelledError", "CancelledError()"),
    ],
)
async def test_what_a_plugin_does_is_its_own_failure(text: str, told: str) -> None:
    """Wrong answers, exits and odd exceptions stop neither the loop nor the message."""
    made = calls({"odd": f"@hookimpl\n{text}"})
    await made.hooks.enrich_message(MESSAGE)
    await made.hooks.propose_identities(MESSAGE)
    await made.hooks.on_event(EVENT)
    assert [told] == [repr(failure.error) for failure in made.failures]


@pytest.mark.parametrize("field", ["key", "tenant", "conversation", "message"])
async def test_what_identifies_a_delivery_stays(field: str) -> None:
    """A plugin that changes a forward's key would break its idempotency; the message waits."""
    made = calls(
        {
            "odd": f"""
                import msgspec
                @hookimpl
                def prepare_forward(forward):
                    return msgspec.structs.replace(forward, {field}="other")
            """
        }
    )
    with pytest.raises(HookFailure, match=f"changed forward.{field}, which has to stay"):
        await made.hooks.prepare_forward(FORWARD, "rt")


async def test_defaults_and_positional_arguments_are_filled() -> None:
    """An argument with a default, which pluggy may leave alone, is given like any other."""
    made = calls(
        {
            "odd": """
                import msgspec
                @hookimpl
                def enrich_message(message=None, /):
                    return msgspec.structs.replace(message, subject="seen")
                @hookimpl
                async def redact_message(audience, message=None):
                    return msgspec.structs.replace(message, subject=audience)
            """
        }
    )
    assert "seen" == (await made.hooks.enrich_message(MESSAGE)).value.subject
    assert "log" == (await made.hooks.redact_message(MESSAGE, "log")).value.subject


async def test_a_plain_function_around_a_coroutine_function_works() -> None:
    """A decorator that hides the colour does no harm."""
    made = calls(
        {
            "wrapped": """
                import functools
                def shout(function):
                    @functools.wraps(function)
                    def wrapper(message):
                        return function(message)
                    return wrapper
                @hookimpl
                @shout
                async def enrich_message(message): return Hold(reason="seen")
            """
        }
    )
    piped = await made.hooks.enrich_message(MESSAGE)
    assert piped.ended is not None
    assert "seen" == piped.ended.value.reason


async def test_each_plugin_gets_its_own_settings() -> None:
    """`settings` is the plugin's own type, in either colour."""
    text = """
        import msgspec
        class Settings(msgspec.Struct):
            queue: str = "default"
        SETTINGS = Settings
        @hookimpl
        {} route_conversation(settings): return ConversationRoute(queue=settings.queue)
    """
    configured = {"one": PluginSettings(settings={"queue": "billing"})}
    for names in (["one", "two"], ["two", "one"]):
        plugins = {name: text.format("async def" if name == "one" else "def") for name in names}
        made = calls(plugins, settings=configured)
        answered = await made.hooks.route_conversation(CONVERSATION, MESSAGE)
        assert answered is not None
        assert ("billing" if names[0] == "one" else "default") == answered.value.queue


async def test_being_cancelled_is_no_failure_of_the_plugin() -> None:
    """When the gateway stops, the plugin's work is cancelled and nobody is blamed."""
    started, ended = asyncio.Event(), asyncio.Event()
    made = calls(
        {
            "slow": """
                @hookimpl
                async def enrich_message(message):
                    started.set()
                    try:
                        await asyncio.Event().wait()
                    finally:
                        ended.set()
            """
        },
        started=started,
        ended=ended,
    )
    task = asyncio.create_task(made.hooks.enrich_message(MESSAGE))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(5):
        await ended.wait()
    assert [] == made.failures


async def test_evaluations_answer_with_a_tuple_of_actions() -> None:
    """An empty answer is an answer; None asks the next plugin."""
    timer = Timer(id=1, tenant="t", name="due", owner="core", due_at=0)
    made = calls(
        {
            "none": "@hookimpl\nasync def evaluate_conversation(trigger): return None",
            "acts": "@hookimpl\nasync def evaluate_conversation(trigger): return [AddNote(text='x')]",
        }
    )
    answered = await made.hooks.evaluate_conversation(CONVERSATION, timer)
    assert answered is not None
    assert ("acts", ("x",)) == (answered.plugin, tuple(each.text for each in answered.value))  # type: ignore[union-attr]
    made = calls({"empty": "@hookimpl\nasync def evaluate_conversation(trigger): return []"})
    answered = await made.hooks.evaluate_conversation(CONVERSATION, timer)
    assert answered is not None
    assert () == answered.value


async def test_contexts_reach_the_threads() -> None:
    """Log facts bound for a message are bound in a synchronous hook as well."""
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="")
    made = calls(
        {
            "reads": """
                import msgspec
                @hookimpl
                def enrich_message(message):
                    return msgspec.structs.replace(message, subject=variable.get())
            """
        },
        variable=variable,
    )
    variable.set("bound")
    assert replace(MESSAGE, subject="bound") == (await made.hooks.enrich_message(MESSAGE)).value
