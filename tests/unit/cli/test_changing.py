from __future__ import annotations

from datetime import UTC, datetime

from tests.unit.cli.town import Town


def test_a_reply_is_stored_with_its_attachment(own_town: Town) -> None:
    """The text comes from standard input, and the same key twice is one arrival's worth."""
    (own_town.folder / "bill.txt").write_text("42")
    conversation = own_town.ids["conversation:tap"]
    told = own_town.call(
        "reply", conversation, "-", "--attach", "bill.txt", "--author", "Gil", "--json",
        given="Grüße, es tropft nicht mehr.".encode(),
    )  # fmt: skip
    assert 0 == told.code, told.err
    assert "customer" == told.json["audience"]
    why = own_town.call("why", told.json["arrival"], "--json").json
    assert "waiting" == why["arrivals"][0]["state"]
    assert "api" == why["arrivals"][0]["source"]


def test_a_key_stands_for_one_reply(own_town: Town) -> None:
    """A key is a conversation's own; while the first reply waits, nothing is judged yet."""
    tap, invoice = (own_town.ids[f"conversation:{name}"] for name in ("tap", "invoice"))
    first = own_town.call("reply", tap, "Done", "--key", "k-1", "--json").json["arrival"]
    own_town.call("reply", tap, "Something else", "--key", "k-1")
    own_town.call("reply", invoice, "Something else", "--key", "k-1")
    own_town.work()
    said = own_town.call("show", tap, "--json").json["messages"]
    assert ["Done"] == [one["text"] for one in said if one["direction"] == "out"]
    said = own_town.call("show", invoice, "--json").json["messages"]
    assert ["Something else"] == [one["text"] for one in said if one["direction"] == "out"]
    aside = own_town.call("quarantine", "list", "--json").json["items"][0]
    assert "key_reused" == aside["reason"]["code"]
    told = own_town.call("reply", tap, "Something else", "--key", "k-1", "--json")
    assert (7, "key_reused") == (told.code, told.error["code"])
    assert "use a new key for a new message; nothing was taken in" in told.error["message"]
    again = own_town.call("reply", tap, "Done", "--key", "k-1", "--json")
    assert (0, first) == (again.code, again.json["arrival"])


def test_an_empty_reply_is_refused(town: Town) -> None:
    """Nothing but white space is no reply."""
    told = town.call("reply", town.ids["conversation:tap"], "  ")
    assert 2 == told.code
    assert "Error: the text is empty" in told.err


def test_a_reply_that_is_no_text_is_refused(town: Town) -> None:
    """Standard input has to be UTF-8."""
    told = town.call("reply", town.ids["conversation:tap"], "-", given=b"\xff\xfe")
    assert 2 == told.code
    assert "Error: the text on the standard input is not UTF-8" in told.err


def test_a_note_is_stored(own_town: Town) -> None:
    """A note is told to be for colleagues."""
    told = own_town.call("note", own_town.ids["conversation:tap"], "She will call back.")
    assert 0 == told.code, told.err
    assert told.out.startswith("Stored as arr_")


def test_a_note_to_nothing(town: Town) -> None:
    """There is no such conversation, and its id is named."""
    told = town.call("note", "conv_0000000000001", "Hello")
    assert 6 == told.code
    assert "Error: conv_0000000000001: there is no such conversation\n" == told.err


def test_a_code_is_shown_once(own_town: Town) -> None:
    """Six digits and until when they are good; the database does not have them."""
    told = own_town.call("code", own_town.ids["conversation:tap"], "--json")
    assert 0 == told.code, told.err
    code = told.json["code"]
    assert told.json["conversation"] == own_town.ids["conversation:tap"]
    assert datetime.fromisoformat(told.json["expires_at"]).tzinfo == UTC
    assert (6, True) == (len(code), code.isdigit())
    stored = b"".join(file.read_bytes() for file in own_town.folder.rglob("gateway.db*"))
    assert f'"{code}"'.encode() not in stored
    told = own_town.call("code", own_town.ids["conversation:tap"])
    assert "good once, until 20" in told.out


def test_merge_and_unmerge(own_town: Town) -> None:
    """A merge shows in both, and its undo restores what was."""
    one, into = own_town.ids["conversation:tap"], own_town.ids["conversation:invoice"]
    before = own_town.call("show", one, "--json").json["conversation"]
    told = own_town.call("merge", one, into)
    assert 0 == told.code, told.err
    assert f"Merged {one} into {into}. To take it back: gateway unmerge {one}\n" == told.out
    assert into == own_town.call("show", one, "--json").json["conversation"]["merged_into"]
    told = own_town.call("unmerge", one)
    assert f"{one} stands by itself again.\n" == told.out
    after = own_town.call("show", one, "--json").json["conversation"]
    assert before["state"] == after["state"]
    assert before["threads"] == after["threads"]
    assert before["participants"] == after["participants"]
    assert after["merged_into"] is None


def test_what_cannot_be_merged(own_town: Town) -> None:
    """A conversation is not merged into itself, nor into another tenant's."""
    one, acme = own_town.ids["conversation:tap"], own_town.ids["conversation:acme"]
    told = own_town.call("merge", one, one)
    assert (7, "Error: a conversation cannot be merged into itself\n") == (told.code, told.err)
    told = own_town.call("merge", one, acme)
    assert 7 == told.code
    told = own_town.call("merge", one, acme, "--tenant", "default")
    assert (6, f"Error: {acme}: there is no such conversation\n") == (told.code, told.err)


def test_what_cannot_be_unmerged(town: Town) -> None:
    """What was never merged cannot be taken back."""
    told = town.call("unmerge", town.ids["conversation:invoice"])
    assert 7 == told.code
    assert "is not merged into another conversation" in told.err
