"""When an automatic answer may go out."""

from __future__ import annotations

from typing import Any

import pytest

from gateway_email.loops import AnswerCase, may_answer
from gateway_email.tokens import ReplyAddresses

OURS = ReplyAddresses(mailbox="help@example.org")


def case(**changes: Any) -> AnswerCase:
    """Return a mail that may be answered, with changes."""
    given: dict[str, Any] = {
        "kind": "person",
        "return_path": "ann@example.net",
        "sender": "ann@example.net",
        "named": ("Help@Example.org",),
        "is_ours": OURS.owns,
        "received": 3,
        "verified": True,
    }
    return AnswerCase(**(given | changes))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"return_path": None},
        {"return_path": "bounce-77-ann=example.net@lists.example.net"},
        {"return_path": "prvs=12345=ann@example.net"},
        {"named": ("boss@example.net", "help+r.abcd@example.org")},
        {"received": 50},
        {"sender": "noreen@example.net"},
        {"sender": "rooter@example.net"},
        {"sender": "nonna@example.net"},
        {"sender": "postmasters-fan@example.net"},
    ],
)
def test_people_are_answered(changes: dict[str, Any]) -> None:
    """A proven person who wrote to us by name gets an answer."""
    assert None is may_answer(case(**changes))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"received": 51}, "too_many_hops"),
        ({"loop_ids": ("gw-1",)}, "loop_header"),
        ({"sender": "HELP@example.org"}, "own_address"),
        ({"sender": "help+r.abcd@example.org"}, "own_address"),
        ({"return_path": "help+bounce@example.org"}, "own_address"),
        ({"kind": "auto_reply"}, "not_a_person"),
        ({"kind": "bounce"}, "not_a_person"),
        ({"kind": "list"}, "not_a_person"),
        ({"suppress": ("List-Id", "Precedence: bulk")}, "suppressed"),
        ({"return_path": ""}, "null_sender"),
        ({"sender": "noreply@example.net"}, "machine_address"),
        ({"sender": "No-Reply@example.net"}, "machine_address"),
        ({"sender": "do_not_reply@example.net"}, "machine_address"),
        ({"sender": "donotreply-invoices@example.net"}, "machine_address"),
        ({"sender": "MAILER-DAEMON@example.net"}, "machine_address"),
        ({"sender": "MAILER-DAEMON"}, "machine_address"),
        ({"sender": "postmaster@example.net"}, "machine_address"),
        ({"sender": "users-request@example.net"}, "machine_address"),
        ({"sender": "owner-users@example.net"}, "machine_address"),
        ({"sender": "users-bounces@example.net"}, "machine_address"),
        ({"return_path": "owner-users@example.net"}, "machine_address"),
        ({"sender": ""}, "machine_address"),
        ({"named": ()}, "not_named"),
        ({"named": ("users@lists.example.net",)}, "not_named"),
        ({"named": ("helper@example.org",)}, "not_named"),
        ({"answered": True}, "answered_before"),
        ({"verified": False}, "unverified"),
    ],
)
def test_everything_else_is_not(changes: dict[str, Any], code: str) -> None:
    """Each rule refuses on its own, with its name and a sentence."""
    refusal = may_answer(case(**changes))
    assert refusal is not None
    assert (code, code == "too_many_hops") == (refusal.code, refusal.quarantine)
    assert refusal.reason


def test_unverified_senders_only_on_request() -> None:
    """Answering unproven senders is a choice; the other rules stay."""
    assert None is may_answer(case(verified=False), unverified_too=True)
    assert None is not may_answer(case(verified=False, kind="list"), unverified_too=True)
