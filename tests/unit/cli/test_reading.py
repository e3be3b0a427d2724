from __future__ import annotations

import re

from tests.unit.cli.town import Town


def test_conversations_are_listed_newest_first(town: Town) -> None:
    """Each conversation is a line with its id, and strangers' words cannot steer the terminal."""
    told = town.call("conversations")
    assert 0 == told.code, told.err
    lines = told.out.splitlines()
    heads = ["Conversation", "Tenant", "State", "Tier", "Priority", "Updated", "From", "Subject"]
    assert heads == lines[0].split()
    assert " acme " in lines[1]
    assert " Zoe <zoe@example.com> " in lines[1]
    assert [town.ids[f"conversation:{n}"] for n in ("acme", "refund", "invoice", "tap")] == [
        line.split()[0] for line in lines[1:]
    ]
    assert lines[4].endswith("Broken [31mtap")
    assert "\x1b" not in told.out


def test_conversations_are_filtered_and_paged(town: Town) -> None:
    """A page says what the next one is asked with, and the filter holds in JSON too."""
    first = town.call("conversations", "--limit", "1", "--json", "--tenant", "default").json
    assert [town.ids["conversation:refund"]] == [one["id"] for one in first["items"]]
    told = town.call("conversations", "--before", first["next"], "--identity", "ann@example.com")
    assert told.out.splitlines()[1].startswith(town.ids["conversation:tap"])
    assert 2 == len(told.out.splitlines())


def test_conversations_of_no_tenant(town: Town) -> None:
    """A tenant that the config does not know is a mistake, not an empty list."""
    told = town.call("--tenant", "nobody", "conversations")
    assert 2 == told.code
    assert "no tenant is called 'nobody' in gateway.toml; there is acme, default" in told.err
    assert "" == told.out


def test_show_tells_everything_of_a_conversation(town: Town) -> None:
    """People, the ticket, the words as the policy lets people see them, and what was sent."""
    told = town.call("show", town.ids["conversation:tap"])
    assert 0 == told.code, told.err
    assert "requester ann@example.com" in told.out
    assert re.search(r"Ticket  desk \d, open", told.out)
    assert "It drips. My number is ••••." in told.out
    assert "forward to backend/desk  delivered, 1 attempt(s)" in told.out


def test_show_knows_no_other_tenants_conversation(town: Town) -> None:
    """For another tenant a conversation does not exist; as JSON the error is an object."""
    conversation = town.ids["conversation:acme"]
    told = town.call("show", conversation, "--tenant", "default", "--json")
    assert (6, "") == (told.code, told.out)
    assert {
        "code": "not_found",
        "message": f"{conversation}: there is no such conversation",
        "exit_code": 6,
    } == told.error


def test_a_malformed_id_is_a_mistake_in_the_command_line(town: Town) -> None:
    """The words say what an id looks like and where help is."""
    told = town.call("show", "msg_0000000000000")
    assert 2 == told.code
    assert "'msg_0000000000000' is not an id like conv_0123456789abc." in told.err
    assert "Try 'gateway show --help' for help." in told.err


def test_why_explains_a_message(town: Town) -> None:
    """The arrival, each decision with its reason, and the deliveries."""
    told = town.call("why", town.ids["message:tap"])
    assert 0 == told.code, told.err
    assert (
        f"customer Ann <ann@example.com>, in {town.ids['conversation:tap']}, by market" in told.out
    )
    assert f"{town.ids['arrival:tap']}  " in told.out
    assert "new sender email:ann@example.com, the shop knows its customers" in told.out
    assert "route       desk  [core 0.1.0]" in told.out
    assert "forward to backend/desk  delivered" in told.out


def test_why_explains_an_arrival_without_a_message(town: Town) -> None:
    """What a plugin holds back is explained with its reason and its name."""
    told = town.call("why", town.ids["arrival:scam"], "--json")
    assert 0 == told.code, told.err
    assert told.json["message"] is None
    assert "quarantined" == told.json["arrivals"][0]["state"]
    assert [("quarantine", "held", "it looks like a scam")] == [
        (one["kind"], one["outcome"], one["reason"]) for one in told.json["decisions"]
    ]


def test_why_of_nothing(town: Town) -> None:
    """An id that names nothing is told by its own name."""
    told = town.call("why", "msg_0000000000000")
    assert (6, "Error: msg_0000000000000: there is no such message\n") == (told.code, told.err)
