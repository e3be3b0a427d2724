"""Names, sets, answers and the watermark, without a server."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_email.imap import Mailbox, Watermark, plan_fetch
from gateway_email.imap.mailbox_names import decode_mailbox, encode_mailbox, quoted
from gateway_email.imap.values import body_of, facts_of, mailbox_of, uid_set


@pytest.mark.parametrize(
    ("name", "wire"),
    [
        ("INBOX", "INBOX"),
        ("A & B", "A &- B"),
        ("Entwürfe", "Entw&APw-rfe"),
        ("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
        ("a\r\nb", "a&AA0ACg-b"),
        ("😀", "&2D3eAA-"),
    ],
)
def test_modified_utf7(name: str, wire: str) -> None:
    """Names are encoded as in RFC 3501 section 5.1.3 and come back."""
    assert wire == encode_mailbox(name)
    assert name == decode_mailbox(wire)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_mailbox_name_comes_back(name: str) -> None:
    """Encoding loses nothing and leaves only printable ASCII."""
    wire = encode_mailbox(name)
    assert all(" " <= letter <= "~" for letter in wire)
    assert name == decode_mailbox(wire)


def test_broken_utf7_is_left_alone() -> None:
    """What is not valid modified UTF-7 is shown as it stands."""
    assert decode_mailbox("&A-") == "&A-"


def test_quoting() -> None:
    """Quotes and backslashes are escaped."""
    assert quoted('a"b\\c') == '"a\\"b\\\\c"'


def test_uid_sets_join_runs() -> None:
    """Neighbouring UIDs become a range, whatever their order."""
    assert uid_set([9, 1, 2, 3, 7, 10, 2]) == "1:3,7,9:10"


def test_select_answer() -> None:
    """The codes of a SELECT answer are read, in any letter case."""
    lines = [
        b"12 EXISTS",
        b"OK [uidvalidity 5] x",
        b"OK [UIDNEXT 44] y",
        b"OK [PERMANENTFLAGS (\\Seen $Gateway)] z",
    ]
    mailbox = mailbox_of(lines, b"[READ-ONLY] done")
    assert (
        Mailbox(
            uidvalidity=5,
            uidnext=44,
            exists=12,
            flags=frozenset({"\\seen", "$gateway"}),
            writable=False,
        )
        == mailbox
    )
    assert mailbox is not None
    assert (mailbox.keeps("$GATEWAY"), mailbox.keeps("$Other")) == (True, False)


def test_bodies_as_literal_string_or_nil() -> None:
    """A body may be a literal, a quoted string or NIL, and foreign answers may stand between."""
    foreign = [b"4 FETCH (UID 8 FLAGS (\\Seen))"]
    assert (
        body_of([*foreign, b"5 FETCH (UID 9 BODY[] {2}", bytearray(b"x("), b")", *foreign], 9)
        == b"x("
    )
    assert body_of([b'5 FETCH (BODY[] "say \\"hi\\"" UID 9)'], 9) == b'say "hi"'
    assert body_of([b"5 FETCH (UID 9 BODY[] NIL)"], 9) == b""
    assert body_of([b"5 FETCH (BODY[] {1}", bytearray(b"x"), b" UID 9)"], 9) == b"x"
    assert None is body_of(foreign, 8)


def test_facts_skip_what_names_no_size() -> None:
    """An unasked FETCH of flags is no mail; a date that cannot be read is none."""
    lines = [
        b"1 FETCH (FLAGS ())",
        b'2 FETCH (UID 3 RFC822.SIZE 10 INTERNALDATE "99-Xxx-2026 10:00:00 +0000")',
    ]
    assert {uid: (fact.size, fact.received) for uid, fact in facts_of(lines).items()} == {
        3: (10, None)
    }


@pytest.mark.parametrize(
    ("known", "mailbox", "first", "start", "rescan"),
    [
        (None, Mailbox(uidvalidity=5, uidnext=10), "all", (5, 0), False),
        (None, Mailbox(uidvalidity=5, uidnext=10), "new", (5, 9), False),
        (None, Mailbox(uidvalidity=5), "new", (5, 0), False),
        (
            Watermark(uidvalidity=5, last_uid=7),
            Mailbox(uidvalidity=5, uidnext=10),
            "all",
            (5, 7),
            False,
        ),
        (
            Watermark(uidvalidity=5, last_uid=9),
            Mailbox(uidvalidity=5, uidnext=10),
            "new",
            (5, 9),
            False,
        ),
        (
            Watermark(uidvalidity=4, last_uid=7),
            Mailbox(uidvalidity=5, uidnext=10),
            "new",
            (5, 0),
            True,
        ),
        (
            Watermark(uidvalidity=5, last_uid=10),
            Mailbox(uidvalidity=5, uidnext=10),
            "all",
            (5, 0),
            True,
        ),
        (Watermark(uidvalidity=5, last_uid=10), Mailbox(uidvalidity=5), "all", (5, 10), False),
    ],
)
def test_where_to_go_on(
    known: Watermark | None, mailbox: Mailbox, first: str, start: tuple[int, int], rescan: bool
) -> None:
    """The ledger decides where to go on; a new epoch or a mailbox set back is read again from the start."""
    plan = plan_fetch(known, mailbox, first="new" if first == "new" else "all")
    assert (start, rescan) == ((plan.start.uidvalidity, plan.start.last_uid), plan.rescan)
    assert plan.reason


def test_the_watermark_never_goes_back() -> None:
    """Mails taken out of order leave the highest UID."""
    assert Watermark(uidvalidity=1, last_uid=9).after(4).last_uid == 9
