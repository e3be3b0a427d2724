from __future__ import annotations

from tests.unit.cli.town import Town


def test_conversations_lists_them_newest_first(town: Town) -> None:
    """Each conversation is a line with its id, and strangers' words cannot steer the terminal."""
    told = town.call("conversations")
    assert 0 == told.code, told.err
    lines = told.out.splitlines()
    assert ["Conversation", "State", "Tier", "Priority", "Updated", "Subject"] == lines[0].split()
    assert [town.ids[f"conversation:{n}"] for n in ("acme", "refund", "invoice", "tap")] == [
        line.split()[0] for line in lines[1:]
    ]
    assert lines[4].endswith("Broken [31mtap")
    assert "\x1b" not in told.out
