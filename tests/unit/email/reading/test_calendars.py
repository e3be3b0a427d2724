"""A calendar entry is shown as a card and acted on by nobody."""

from __future__ import annotations

import pytest

from gateway_email.reading import read_mail
from gateway_email.reading.calendars import calendar_card
from tests.unit.email.reading.samples import mail, multipart_mail, part

_INVITATION = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//x//y//EN
METHOD:REQUEST
BEGIN:VEVENT
UID:1@x.example
SUMMARY:Installation\\, first floor
DTSTART:20250602T100000Z
DTEND:20250602T110000Z
LOCATION:Main Street 1
ORGANIZER:mailto:jane@customer.example
END:VEVENT
END:VCALENDAR
"""
_CARD = (
    "Calendar: request\nTitle: Installation, first floor\nStart: 2025-06-02 10:00 UTC\n"
    "End: 2025-06-02 11:00 UTC\nPlace: Main Street 1\nOrganizer: jane@customer.example"
)


def test_the_card_tells_what_when_and_where() -> None:
    """Method, title, times, place and organiser are on the card."""
    assert calendar_card(_INVITATION.encode()) == _CARD


def test_an_invitation_is_kept_marked_and_described() -> None:
    """The part stays as sent, marked, with its card; the words are the sender's."""
    raw = multipart_mail(
        "alternative",
        part("Please come"),
        part(_INVITATION, "Content-Type: text/calendar; method=REQUEST"),
    )
    read = read_mail(raw)
    assert read.text == "Please come"
    assert [(one.name, one.mark, one.card) for one in read.parts] == [
        ("attachment-1.ics", "calendar", _CARD)
    ]
    assert read.parts[0].data.startswith(b"BEGIN:VCALENDAR")


def test_a_mail_that_is_only_an_invitation_shows_the_card() -> None:
    """Where there are no words, the card stands in."""
    assert read_mail(mail(_INVITATION, "Content-Type: text/calendar")).text == _CARD


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"BEGIN:VCALENDAR",
        b"BEGIN:VEVENT\nDTSTART:never\nEND:VEVENT",
        b"BEGIN:VCALENDAR\n" * 6_000,
        b"BEGIN:VCALENDAR\n" + b"x" * 300_000,
        b"BEGIN:V\xff\xfe",
    ],
)
def test_a_broken_calendar_has_no_card(data: bytes) -> None:
    """What cannot be read, or is too large, is an attachment without a card."""
    assert calendar_card(data) == ""
