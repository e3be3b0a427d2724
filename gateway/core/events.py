"""Events: who follows them."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.core import evaluating, transcribing
from gateway.core.following import Each, Follower, Place
from gateway.domain.changes import Changes
from gateway.domain.event import Event
from gateway.domain.partition import Fence
from gateway.hooks.calls import Hooks

EVALUATING, TRANSCRIBING = "evaluating", "transcribing"


def places(hooks: Hooks) -> dict[str, Place]:
    """Name who follows events, by the plugins there are, with the place of each."""
    found: dict[str, Place] = {}
    if hooks.dispatcher.implemented("evaluate_conversation"):
        found[EVALUATING] = evaluating.PLACE
    if hooks.dispatcher.implemented("transcribe_recording"):
        found[TRANSCRIBING] = transcribing.PLACE
    return found | {f"events/{one}": subscribed(one) for one in hooks.subscribers()}


def subscribed(plugin: str) -> Place:
    """Name the place of a plugin that is told of events."""
    return Place(owner="core/events", key=plugin)


def telling(hooks: Hooks, plugin: str) -> Each:
    """Make what tells a plugin of events."""

    async def tell(event: Event, _: Fence | None) -> None:
        await hooks.tell(plugin, event)

    return tell


class Events:
    """All followers."""

    def __init__(self, followers: Sequence[Follower]) -> None:
        self.followers = followers

    def notice(self, changes: Changes) -> None:
        """Wake the followers after a commit that tells of something."""
        if changes.events:
            self.wake()

    def wake(self) -> None:
        """Say that there are events."""
        for follower in self.followers:
            follower.wake()
