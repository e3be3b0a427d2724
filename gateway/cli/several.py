"""Doing the same to several records: each for itself, and one sentence about those that failed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, NamedTuple

from gateway.cli.arguments import named
from gateway.cli.progress import progress
from gateway.cli.session import Session
from gateway.domain.ids import Prefix, show
from gateway.errors import GatewayError, NotFound, Refused

if TYPE_CHECKING:
    from gateway.core.operating import Operator


class Result(NamedTuple):
    """What became of one record; `error` is None if it was done."""

    id: str
    error: GatewayError | None


class SomeFailed(GatewayError):
    """Some of several failed; the exit code is the first failure's."""

    def __init__(self, failed: int, of: int, first: GatewayError) -> None:
        self.code, self.exit_code = first.code, first.exit_code  # type: ignore[misc]
        super().__init__(f"{failed} of {of} failed, the first one because: {first}")


def each_of(
    session: Session,
    prefix: Prefix,
    chosen: Callable[[Operator], Awaitable[list[int]]],
    act: Callable[[Operator, int], Awaitable[object]],
) -> list[Result]:
    """Do something to each of several records.

    Args:
        chosen: finds their ids.
        act: raises `NotFound` or `Refused` if it cannot be done to this one.
    """

    async def work(operator: Operator) -> list[Result]:
        results = []
        numbers = await chosen(operator)
        with progress("Working") as advance:
            for done, number in enumerate(numbers, 1):
                error: GatewayError | None = None
                try:
                    with named(show(prefix, number)):
                        await act(operator, number)
                except (NotFound, Refused) as failure:
                    error = failure
                results.append(Result(show(prefix, number), error))
                advance(done, len(numbers))
        return results

    return session.with_operator(work)


def print_each(session: Session, results: list[Result], done: str, *, nothing: str = "") -> None:
    """Print what became of each, and fail if any failed.

    Args:
        done: what has become of one, as in "arr_… is discarded".
        nothing: what to say if there was none.

    Raises:
        GatewayError: the only failure, or `SomeFailed`.
    """
    told = [f"{one.id} {done}" for one in results if one.error is None]
    session.print(
        [{"id": one.id, "done": not one.error, "error": str(one.error or "")} for one in results],
        "\n".join(told) if results else nothing,
    )
    errors = [one.error for one in results if one.error is not None]
    if len(results) == 1 and errors:
        raise errors[0]
    if errors:
        raise SomeFailed(len(errors), len(results), errors[0])
