from __future__ import annotations

from tests.unit.cli.town import Town


def test_quarantine_is_listed_with_reasons(town: Town) -> None:
    """Where it failed, why, and whose code held it."""
    told = town.call("quarantine", "list")
    assert 0 == told.code, told.err
    rows = [line.split(maxsplit=3) for line in told.out.splitlines()[1:]]
    assert [town.ids["arrival:scam"], town.ids["arrival:broken"]] == [row[0] for row in rows]
    assert ["market", "hook", "held", "shop", "it", "looks", "like", "a", "scam"] == rows[0][
        3
    ].split()
    assert "it has no three parts" in rows[1][3]


def test_quarantine_shows_an_arrival_and_its_bytes(town: Town) -> None:
    """The facts for people, and on request nothing but the bytes as received."""
    arrival = town.ids["arrival:broken"]
    told = town.call("quarantine", "show", arrival)
    assert "parse: unreadable: it has no three parts" in told.out
    assert "no parts at all" in told.out
    assert "no parts at all" == town.call("quarantine", "show", arrival, "--body").out


def test_quarantine_shows_nothing_of_another_tenant(town: Town) -> None:
    """For another tenant the arrival does not exist."""
    arrival = town.ids["arrival:broken"]
    told = town.call("--tenant", "acme", "quarantine", "show", arrival)
    assert (6, f"Error: {arrival}: there is no such arrival\n") == (told.code, told.err)


def test_quarantine_replays_and_discards(own_town: Town) -> None:
    """What is replayed waits again, what is discarded does not, and neither is done twice."""
    broken, scam = own_town.ids["arrival:broken"], own_town.ids["arrival:scam"]
    told = own_town.call("quarantine", "replay", scam, "--release")
    assert (0, f"{scam} is run again\n") == (told.code, told.out), told.err
    told = own_town.call("quarantine", "discard", broken)
    assert (0, f"{broken} is discarded\n") == (told.code, told.out), told.err
    assert "Nothing is in quarantine.\n" == own_town.call("quarantine", "list").out
    told = own_town.call("quarantine", "replay", broken, scam, "--json")
    assert 7 == told.code
    assert [False, False] == [one["done"] for one in told.json]
    assert told.error["message"].startswith("2 of 2 failed, the first one because: ")
    assert "is discarded, not quarantined" in told.error["message"]


def test_quarantine_replays_everything_of_a_source(own_town: Town) -> None:
    """With --all and a source, only what came from there."""
    told = own_town.call("quarantine", "replay", "--all", "--source", "elsewhere")
    assert (0, "Nothing is in quarantine.\n") == (told.code, told.out)
    told = own_town.call("quarantine", "replay", "--all", "--json")
    assert {own_town.ids["arrival:scam"], own_town.ids["arrival:broken"]} == {
        one["id"] for one in told.json
    }


def test_quarantine_replay_of_what(town: Town) -> None:
    """Naming nothing, or ids and --all at once, is a mistake."""
    told = town.call("quarantine", "replay")
    assert 2 == told.code
    assert "Error: name arrivals, or everything with --all" in told.err


def test_dead_letters_are_listed_and_shown(town: Town) -> None:
    """The error stands in the list, the attempts in the single view."""
    told = town.call("dead-letters", "list", "--target", "backend/sick")
    assert 0 == told.code, told.err
    assert told.out.splitlines()[1].startswith(f"{town.ids['dead']}  dead")
    assert told.out.endswith("no_queue: the queue is not there\n")
    assert "No dead letters.\n" == town.call("dead-letters", "list", "--state", "unknown").out
    shown = town.call("dead-letters", "show", town.ids["dead"], "--json").json
    assert ["dead"] == [attempt["outcome"] for attempt in shown["history"]]


def test_dead_letters_are_replayed(own_town: Town) -> None:
    """With --all each is queued again; then there is none left."""
    dead = own_town.ids["dead"]
    told = own_town.call("dead-letters", "replay", "--all", "--target", "backend/sick")
    assert (0, f"{dead} is sent again\n") == (told.code, told.out), told.err
    assert "No dead letters.\n" == own_town.call("dead-letters", "list").out


def test_dead_letters_are_discarded_once(own_town: Town) -> None:
    """A discarded delivery is none that can be discarded or replayed."""
    dead = own_town.ids["dead"]
    told = own_town.call("dead-letters", "discard", dead)
    assert (0, f"{dead} is discarded\n") == (told.code, told.out), told.err
    told = own_town.call("dead-letters", "replay", dead)
    assert 7 == told.code
    assert f"{dead} is cancelled; only dead and unknown deliveries" in told.err


def test_deliveries_are_listed_in_every_state(town: Town) -> None:
    """Whatever leaves is listed, narrowed by state, target or conversation, as JSON as the API does."""
    told = town.call("deliveries", "list", "--json")
    assert 0 == told.code, told.err
    assert {"delivered", "dead"} <= {one["state"] for one in told.json["items"]}
    dead = town.call("deliveries", "list", "--state", "dead", "--json").json["items"]
    assert [town.ids["dead"]] == [one["id"] for one in dead]
    refund = town.ids["conversation:refund"]
    told = town.call("deliveries", "list", "--conversation", refund, "--target", "backend/sick")
    assert told.out.splitlines()[1].startswith(f"{town.ids['dead']}  dead")
    told = town.call("deliveries", "list", "--state", "queued")
    assert (0, "No deliveries.\n") == (told.code, told.out)


def test_queued_deliveries_to_a_target_that_is_gone_are_discarded(own_town: Town) -> None:
    """What waits for a target that was taken out of the config is listed and given up."""
    dead = own_town.ids["dead"]
    own_town.call("dead-letters", "replay", dead)
    listed = own_town.call("deliveries", "list", "--state", "queued", "--target", "backend/sick")
    assert listed.out.splitlines()[1].startswith(f"{dead}  queued")
    told = own_town.call("deliveries", "discard", "--all", "--target", "backend/sick")
    assert (0, f"{dead} is discarded\n") == (told.code, told.out), told.err
    assert "cancelled" == own_town.call("deliveries", "show", dead, "--json").json["state"]
    told = own_town.call("deliveries", "discard", "--all", "--target", "backend/sick")
    assert (0, "Nothing is left to backend/sick.\n") == (told.code, told.out)
    why = own_town.call("why", own_town.ids["message:refund"]).out
    assert "discarded  [core" in why


def test_discarding_everything_needs_a_target(town: Town) -> None:
    """Whatever leaves, to anybody, is never given up in one go."""
    told = town.call("deliveries", "discard", "--all")
    assert 2 == told.code
    assert "Error: name deliveries, or everything to one target with --all --target" in told.err


def test_dead_letters_of_nothing(town: Town) -> None:
    """A delivery that is not there."""
    told = town.call("dead-letters", "show", "dlv_0000000000001")
    assert 6 == told.code
    assert "Error: dlv_0000000000001: there is no such delivery\n" == told.err
