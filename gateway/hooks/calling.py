"""Call one implementation: in its colour, under its deadline, with its failure attributed."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

from gateway.errors import HookFailure
from gateway.hooks.implementations import KINDS, Implementation
from gateway.hooks.kinds import Kind
from gateway.hooks.threads import Hanging, HookThreads

_GRACE = 1.0


class OwnTimeout(Exception):
    """The plugin gave up waiting for something, well within its deadline."""


class WrongAnswer(TypeError):
    """The plugin answered something that the hook does not know."""


async def call(
    implementation: Implementation,
    arguments: Mapping[str, Any],
    *,
    deadline: float,
    threads: HookThreads,
    returned: Callable[[], None],
) -> Any:
    """Call one implementation and check its answer.

    Args:
        implementation: a coroutine function runs as a task; any other function in a thread.
        arguments: everything the hook offers.
        deadline: seconds.
        threads: where synchronous functions run.
        returned: called when a call that was given up as hanging ends after all.

    Returns:
        The answer; a tuple where the hook answers with an iterable.

    Raises:
        HookFailure: it raised, answered nonsense, or did not end in time; its `error` is a
            `Hanging` if it could not be stopped either.
    """
    kind = KINDS[implementation.hook]
    try:
        if implementation.immediate:
            answer = await implementation.call(arguments)
        elif implementation.asynchronous:
            answer = await _stopped_in_time(implementation.call(arguments), deadline, returned)
        else:

            def run() -> Any:
                try:
                    answer = implementation.call(arguments)
                    return tuple(answer) if isinstance(answer, Iterator) else answer
                except TimeoutError as error:
                    raise _own(error) from error

            answer = await threads.run(run, deadline, returned)
            if inspect.isawaitable(answer):  # a plain function around a coroutine function
                answer = await _stopped_in_time(answer, deadline, returned)
        return checked(kind, answer, arguments.get(kind.subject))
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise HookFailure(implementation.hook, implementation.plugin, error) from error
    except Exception as error:
        raise HookFailure(implementation.hook, implementation.plugin, error) from error


def checked(kind: Kind, answer: Any, subject: Any = None) -> Any:
    """Check what a hook answered.

    Args:
        kind: the hook's.
        answer: the plugin's.
        subject: the value before, for a pipe.

    Returns:
        The answer; a tuple where the hook answers with an iterable.

    Raises:
        WrongAnswer: if it is not what the hook's specification says.
    """
    if not kind.answers:
        if answer is not None:
            raise WrongAnswer(f"answered {_named(answer)}, but the hook takes no answer")
        return None
    if answer is None:
        return () if kind.how in ("COLLECT", "REGISTER") else None
    if not kind.many:
        if not isinstance(answer, kind.answers):
            raise WrongAnswer(f"answered {_named(answer)}, expected {kind.wanted}")
        _keeps(kind, answer, subject)
        return answer
    try:
        answers = tuple(answer)
    except TypeError:
        raise WrongAnswer(f"answered {_named(answer)}, expected {kind.wanted}") from None
    for each in answers:
        if not isinstance(each, kind.answers):
            raise WrongAnswer(f"answered an iterable of {_named(each)}, expected {kind.wanted}")
    return answers


def _keeps(kind: Kind, answer: Any, subject: Any) -> None:
    if not isinstance(answer, type(subject)):  # a Hold or Refuse
        return
    for name in kind.kept:
        if getattr(answer, name) != getattr(subject, name):
            raise WrongAnswer(f"changed {kind.subject}.{name}, which has to stay")


def _named(value: Any) -> str:
    return "None" if value is None else type(value).__name__


async def _stopped_in_time(
    work: Awaitable[Any], deadline: float, returned: Callable[[], None]
) -> Any:
    """Wait for plugin code without trusting it to end, not even when it is cancelled."""
    task = asyncio.ensure_future(_contained(work))
    try:
        done, _ = await asyncio.wait([task], timeout=deadline)
        if not done:
            task.cancel()
            done, _ = await asyncio.wait([task], timeout=_GRACE)
            if done:
                raise TimeoutError(f"not done after {deadline:g} s")
    except asyncio.CancelledError:
        task.cancel()
        raise
    finally:
        task.add_done_callback(_look_at)
    if not done:
        task.add_done_callback(lambda _: returned())
        raise Hanging(f"not done after {deadline:g} s, and it cannot be cancelled")
    return task.result()


async def _contained(work: Awaitable[Any]) -> Any:
    try:
        return await work
    except SystemExit as error:  # would end the event loop, and the gateway with it
        raise RuntimeError(f"raised SystemExit: {error}") from error
    except TimeoutError as error:
        raise _own(error) from error


def _own(error: TimeoutError) -> OwnTimeout:
    return OwnTimeout(str(error) or "something it waited for took too long")


def _look_at(task: asyncio.Future[Any]) -> None:
    """Look at a task's end, so that asyncio does not complain that nobody did."""
    if not task.cancelled():
        task.exception()
