"""Read mail: any bytes in, one plain value out; no I/O, nothing raised, nothing lost."""

from __future__ import annotations

from gateway_email.reading.limits import Limits, OverLimitError, is_quick
from gateway_email.reading.mail import (
    Address,
    AuthVerdict,
    BouncedRecipient,
    BounceReport,
    Kind,
    Mail,
    Mark,
    Part,
)
from gateway_email.reading.parameters import cleaned_filename
from gateway_email.reading.quotes import Cut, cut_reply
from gateway_email.reading.reader import read_mail

__all__ = [
    "Address",
    "AuthVerdict",
    "BounceReport",
    "BouncedRecipient",
    "Cut",
    "Kind",
    "Limits",
    "Mail",
    "Mark",
    "OverLimitError",
    "Part",
    "cleaned_filename",
    "cut_reply",
    "is_quick",
    "read_mail",
]
