from __future__ import annotations

import asyncio
import contextvars
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from gateway.config.connectors import PluginSettings
from gateway.domain.answers import Hold
from gateway.domain.conversation import Route
from gateway.domain.timer import Timer
from gateway.errors import HookFailure
from gateway.hooks.dispatcher import Answered
from tests.unit.hooks.doubles import (
    ARRIVAL,
    CONTACT,
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


async def test_an_async_hook_has_a_deadline() -> None:
    """A hook that waits too long is cancelled and told of."""
    made = calls(
        {"slow": "@hookimpl\nasync def enrich_message(message): await asyncio.Event().wait()"},
        deadline=0.02,
    )
    assert (await made.hooks.enrich_message(MESSAGE)).value is MESSAGE
    assert ["plugin 'slow', hook enrich_message: ran past its deadline"] == made.told


async def test_a_plugins_own_timeout_is_not_taken_for_the_deadline() -> None:
    """A CRM that does not answer is told as such, from either colour."""
    made = calls(
        {
            "async": "@hookimpl\nasync def enrich_contact(contact): raise TimeoutError('CRM is slow')",
            "sync": "@hookimpl\ndef enrich_contact(contact): raise TimeoutError",
        }
    )
    await made.hooks.enrich_contact(CONTACT)
    assert [
        "plugin 'async', hook enrich_contact: OwnTimeout('CRM is slow')",
        "plugin 'sync', hook enrich_contact: OwnTimeout('something it waited for took too long')",
    ] == made.told


async def test_synchronous_hooks_run_in_a_thread() -> None:
    """The event loop goes on while a plain function works."""
    seen: list[str] = []
    release = threading.Event()
    made = calls(
        {
            "sync": """
                import threading
                @hookimpl
                def enrich_message(message):
                    release.wait(10)
                    seen.append(threading.current_thread().name)
            """
        },
        seen=seen,
        release=release,
    )
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        group.create_task(made.hooks.enrich_message(MESSAGE))
        await asyncio.sleep(0)
        release.set()  # only reached because the loop is free
    assert ["hook-1"] == seen
    made.dispatcher.close()


async def test_a_hanging_thread_is_abandoned_counted_and_its_plugin_suspended() -> None:
    """The gateway goes on without the plugin until the thread returns, and names it."""
    release = threading.Event()
    made = calls(
        {
            "hangs": """
                @hookimpl
                def enrich_message(message): release.wait(30)
            """,
            "well": """
                import msgspec
                @hookimpl
                def enrich_message(message):
                    return msgspec.structs.replace(message, language="en")
            """,
        },
        deadline=0.05,
        release=release,
    )
    assert "en" == (await made.hooks.enrich_message(MESSAGE)).value.language
    assert ["plugin 'hangs', hook enrich_message: ran past its deadline"] == made.told
    assert 1 == made.dispatcher.abandoned
    assert ["hangs"] == [suspension.plugin for suspension in made.suspensions]
    health = made.dispatcher.health()["hangs"]
    assert "plugin_suspended" == health.code
    assert health.reason.startswith("plugin 'hangs' is suspended: it hangs: hook enrich_message")

    made.clock.move(100_000)  # long after the suspension it is still not asked: it still hangs
    assert "en" == (await made.hooks.enrich_message(MESSAGE)).value.language
    assert 1 == made.dispatcher.abandoned

    release.set()
    limit = time.monotonic() + 10
    while made.dispatcher.abandoned and time.monotonic() < limit:  # noqa: ASYNC110 - the thread ends whenever it ends
        await asyncio.sleep(0.001)
    assert 0 == made.dispatcher.abandoned
    assert {} == made.dispatcher.health()
    made.dispatcher.close()


async def test_a_closed_hook_of_a_hanging_plugin_fails_at_once() -> None:
    """The message waits, and no further thread is given to the plugin."""
    release = threading.Event()
    made = calls(
        {"hangs": "@hookimpl\ndef redact_message(message): release.wait(30)"},
        deadline=0.05,
        release=release,
    )
    for _ in range(3):
        with pytest.raises(HookFailure):
            await made.hooks.redact_message(MESSAGE, "log")
    assert 1 == made.dispatcher.abandoned
    assert 1 == len(made.failures)
    release.set()


async def test_a_task_that_ignores_its_cancellation_is_given_up() -> None:
    """An except that is too broad cannot hold up the gateway either."""
    stop = asyncio.Event()
    made = calls(
        {
            "stubborn": """
                @hookimpl
                async def enrich_message(message):
                    while not stop.is_set():
                        try:
                            await stop.wait()
                        except BaseException:
                            pass
            """
        },
        deadline=0.02,
        stop=stop,
    )
    async with asyncio.timeout(5):
        await made.hooks.enrich_message(MESSAGE)
    assert ["plugin 'stubborn', hook enrich_message: ran past its deadline"] == made.told
    assert ["stubborn"] == list(made.dispatcher.health())
    stop.set()


async def test_repeated_failures_suspend_an_open_hook() -> None:
    """After five in a row it is left alone for 60 s, then tried once, then for twice as long."""
    counted: list[int] = []
    made = calls(
        {
            "broken": """
                @hookimpl
                async def enrich_message(message):
                    counted.append(1)
                    raise ValueError("down")
            """
        },
        counted=counted,
    )

    async def ask(times: int) -> int:
        counted.clear()
        for _ in range(times):
            await made.hooks.enrich_message(MESSAGE)
        return len(counted)

    assert 5 == await ask(8)
    (suspension,) = made.suspensions
    assert made.clock.moment + 60_000 == suspension.until
    assert "5 failures in a row: hook enrich_message ValueError('down')" == suspension.reason
    pauses = []
    for _ in range(8):
        made.clock.move((made.suspensions[-1].until - made.clock.moment) / 1000)
        assert 1 == await ask(3)
        pauses.append((made.suspensions[-1].until - made.clock.moment) // 1000)
    assert [120, 240, 480, 960, 1920, 3600, 3600, 3600] == pauses


async def test_a_success_ends_the_count() -> None:
    """Failures that are not in a row never suspend; after a recovery all is forgotten."""
    moods: list[bool] = []
    made = calls(
        {
            "moody": """
                @hookimpl
                async def enrich_message(message):
                    if not moods.pop(0):
                        raise ValueError("down")
            """
        },
        moods=moods,
    )
    moods += [False, False, False, False, True] * 3
    for _ in range(15):
        await made.hooks.enrich_message(MESSAGE)
    assert [] == made.suspensions
    moods += [False] * 5 + [True] + [False] * 4
    for _ in range(5):
        await made.hooks.enrich_message(MESSAGE)
    made.clock.move(60)
    for _ in range(5):
        await made.hooks.enrich_message(MESSAGE)
    assert 1 == len(made.suspensions)
    assert {} == made.dispatcher.health()


async def test_a_suspended_plugins_closed_hooks_are_still_called() -> None:
    """What must not be skipped is not skipped: the plugin may have recovered."""
    made = calls(
        {
            "half": """
                @hookimpl
                async def enrich_message(message): raise ValueError("down")
                @hookimpl
                async def redact_message(message, audience): return Hold(reason="seen")
            """
        }
    )
    for _ in range(5):
        await made.hooks.enrich_message(MESSAGE)
    assert 1 == len(made.suspensions)
    piped = await made.hooks.redact_message(MESSAGE, "log")
    assert piped.ended is not None
    assert Hold(reason="seen") == piped.ended.value


async def test_a_suspended_subscriber_is_to_be_told_again() -> None:
    """It is not called, and its place in the order of events does not move on."""
    made = calls({"broken": "@hookimpl\nasync def on_event(event): raise ValueError('x')"})
    for _ in range(5):
        await made.hooks.on_event(EVENT)
    with pytest.raises(HookFailure, match="PluginSuspended"):
        await made.hooks.tell("broken", EVENT)
    assert 5 == len(made.failures)


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


def test_a_hanging_hook_does_not_hold_up_the_exit() -> None:
    """A gateway that was told to stop stops, whatever a plugin's thread is doing."""
    program = """
        import asyncio
        from tests.unit.hooks.doubles import MESSAGE, calls
        async def main():
            made = calls(
                {"hangs": "@hookimpl\\ndef enrich_message(): import time; time.sleep(1000)"},
                deadline=0.01,
            )
            await made.hooks.enrich_message(MESSAGE)
            print(made.dispatcher.abandoned)
        asyncio.run(main())
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=Path(__file__).parents[3],
    )
    assert (0, "1\n", "") == (done.returncode, done.stdout, done.stderr)
