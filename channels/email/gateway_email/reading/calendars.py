"""Describe a calendar part in a few lines; nothing in it is acted on."""

from __future__ import annotations

from datetime import date, datetime

from gateway_email.reading.safe_text import clean_line

_MAX_BYTES = 256_000
_MAX_LINES = 5_000
_MAX_EVENTS = 5
_MAX_VALUE = 300


def calendar_card(data: bytes) -> str:
    """Return method, title, times, place and organiser of the first events, or nothing.

    Args:
        data: an iCalendar object (RFC 5545); beyond 256 kB or 5,000 lines it is not read.
    """
    if len(data) > _MAX_BYTES or data.count(b"\n") > _MAX_LINES or b"BEGIN:V" not in data.upper():
        return ""
    from icalendar import Calendar

    lines: list[str] = []
    try:
        for calendar in Calendar.from_ical(data, multiple=True):
            method = clean_line(str(calendar.get("METHOD", "")))[:40]
            for event in calendar.walk("VEVENT")[:_MAX_EVENTS]:
                lines.append(_line("Calendar", method.lower() or "event"))
                lines += _event(event)
    except Exception:  # a broken calendar is still an attachment
        return ""
    return "\n".join(line for line in lines if line)


def _event(event: object) -> list[str]:
    get = getattr(event, "get", lambda _name: None)
    return [
        _line("Title", get("SUMMARY")),
        _line("Start", _moment(get("DTSTART"))),
        _line("End", _moment(get("DTEND"))),
        _line("Place", get("LOCATION")),
        _line(
            "Organizer", str(get("ORGANIZER") or "").removeprefix("mailto:").removeprefix("MAILTO:")
        ),
    ]


def _moment(value: object) -> str:
    moment = getattr(value, "dt", None)
    if isinstance(moment, datetime):
        zone = moment.tzname() or ""
        return f"{moment:%Y-%m-%d %H:%M} {zone}".strip()
    return moment.isoformat() if isinstance(moment, date) else ""


def _line(label: str, value: object) -> str:
    text = clean_line(str(value or ""))[:_MAX_VALUE]
    return f"{label}: {text}" if text else ""
