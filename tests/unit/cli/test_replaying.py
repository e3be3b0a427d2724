from __future__ import annotations

import pytest

from gateway.core.assembly import assembled, read_assembly
from gateway.core.rerunning import Rerunner
from gateway.domain.ids import read
from gateway.errors import Refused
from tests.unit.cli.town import CONFIG, Town

LOUD = CONFIG.replace("[channels.market]\n", "[channels.market]\nloud = true\nlenient = true\n")


def test_nothing_is_different_with_the_same_reader(town: Town) -> None:
    """The same arrivals, plugins and settings give the same messages."""
    told = town.call("replay", "--source", "market", "--json")
    assert 0 == told.code, told.err
    assert ["same", "same", "same", "unreadable", "stopped"] == [
        one["outcome"] for one in told.json
    ]


def test_the_difference_is_shown_and_nothing_written(own_town: Town) -> None:
    """A changed reader shows as a difference that hides what the policy hides, and no more."""
    own_town.configure(LOUD)
    told = own_town.call("replay", own_town.ids["arrival:tap"], "--diff")
    assert 0 == told.code, told.err
    assert "    -It drips. My number is ••••.\n    +IT DRIPS. MY NUMBER IS ••••.\n" in told.out
    assert "1 run again, 1 different, 0 applied." in told.out
    shown = own_town.call("show", own_town.ids["conversation:tap"]).out
    assert "It drips." in shown
    assert "revision" not in shown


def test_applying_makes_a_revision(own_town: Town) -> None:
    """The message changes, says so, explains itself; a second time there is nothing to do."""
    own_town.configure(LOUD)
    tap, broken = own_town.ids["arrival:tap"], own_town.ids["arrival:broken"]
    told = own_town.call("replay", tap, broken, "--apply", "--forward", "--json")
    assert 0 == told.code, told.err
    assert ["revised", "replayed"] == [one["applied"] for one in told.json]
    shown = own_town.call("show", own_town.ids["conversation:tap"], "--json").json
    assert [("IT DRIPS. MY NUMBER IS ••••.", 1)] == [
        (one["text"], one["revision"]) for one in shown["messages"]
    ]
    assert ["delivered", "queued"] == [one["state"] for one in shown["deliveries"]]
    why = own_town.call("why", own_town.ids["message:tap"]).out
    assert f"had {tap} run again: text" in why
    again = own_town.call("replay", tap, broken, "--json").json
    assert ["same", "left"] == [one["outcome"] for one in again]
    assert "it waits to be processed for the first time" == again[1]["reason"]


def test_a_span_is_bounded_by_its_ends(town: Town) -> None:
    """Arrivals are taken from since on and before until, over all sources."""
    assert "No arrivals.\n" == town.call("replay", "--since", "2020-01-01", "--until", "7d").out
    assert 6 == len(town.call("replay", "--since", "7d", "--json").json)
    assert 2 == len(town.call("replay", "--since", "7d", "--limit", "2", "--json").json)


def test_replay_of_what(town: Town) -> None:
    """Without ids and span, with a moment that is none, and with an id that names nothing."""
    told = town.call("replay")
    assert 2 == told.code
    assert "Error: name arrivals, or a span with --since, --until and --source" in told.err
    told = town.call("replay", "--since", "yesterday")
    assert 2 == told.code
    assert "'yesterday' is not a moment such as 2026-11-22" in told.err
    told = town.call("replay", "arr_0000000000001")
    assert (6, "Error: arr_0000000000001: there is no such arrival\n") == (told.code, told.err)


async def test_a_difference_that_is_out_of_date_is_not_applied(own_town: Town) -> None:
    """Of two who looked at the same time only one commits; the other has to look again."""
    own_town.configure(LOUD)
    arrival = read("arr", own_town.ids["arrival:tap"])
    assembly = read_assembly(own_town.folder / "gateway.toml")
    async with assembled(assembly, folder=own_town.folder) as parts:
        rerunner = Rerunner(
            store=parts.store,
            preparer=parts.preparer,
            clock=parts.clock,
            new_id=parts.new_id,
            on_committed=parts.notice,
        )
        [one] = await rerunner.look(None, arrival)
        [other] = await rerunner.look(None, arrival)
        assert 1 == (await rerunner.apply(None, one, "Gil")).revision
        with pytest.raises(Refused, match="was changed meanwhile; look again"):
            await rerunner.apply(None, other, "Mia")
        [again] = await rerunner.look(None, arrival)
        with pytest.raises(Refused, match="changes no message"):
            await rerunner.apply(None, again, "Mia")
