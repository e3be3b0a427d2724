"""SMS as Kannel posts them become what was said, by whom, in which thread."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import Arrival, Draft, Ignored
from gateway.testing import Surroundings, as_stored, make_context
from gateway_sms_voice.channel import PhoneChannel
from gateway_sms_voice.numbers import endpoint
from gateway_sms_voice.optout import is_opted_out
from gateway_sms_voice.providers.contract import Unusable
from gateway_sms_voice.providers.kannel.fields import HEADERS
from gateway_sms_voice.providers.kannel.provider import KannelProvider
from gateway_sms_voice.settings import PhoneSettings
from tests.unit.sms_voice.kannel.samples import ANN, ID, OURS, message, report, settings

OCTETS = "application/octet-stream"
UTF16 = 'text/plain; charset="UTF-16BE"'


def provider(region: str = "", **changed: Any) -> KannelProvider:
    """A provider that needs no Kannel."""
    known = settings(**changed)
    phone = PhoneSettings(numbers=(OURS,), region=region, kannel=known)
    return KannelProvider(known, make_context(phone, name="phone"))


def arrived(request: Any, **remote: Any) -> Arrival:
    """The arrival of a request as it is stored."""
    here = provider()
    way = here.ways[0] if request.method == "POST" else here.ways[1]
    stored = as_stored(here.arrival(way, request), kind="channel")
    stored.remote.update(remote)
    return stored


def read(request: Any, region: str = "", **remote: Any) -> Any:
    """What is read in a request."""
    [parsed] = provider(region).reader(arrived(request, **remote))
    return parsed


def test_message() -> None:
    """Sender, our number, thread, id and moment are there, and the thread is the pair of numbers."""
    draft = read(message("Grüße  aus\nKöln ✓".encode()))
    assert isinstance(draft, Draft)
    assert draft.author is not None
    assert ("tel", ANN) == (draft.author.scheme, draft.author.value)
    assert "Grüße  aus\nKöln ✓" == draft.text
    assert ((OURS,), (ID,), 1795660111000) == (
        draft.recipients, draft.external_ids, draft.sent_at,
    )  # fmt: skip
    assert draft.thread is not None
    assert (f"{OURS}~{ANN}", ANN) == (draft.thread.native_id, draft.thread.address)
    assert ("asserted", True, "none") == (draft.proof, draft.answerable, draft.automated)


@pytest.mark.parametrize(
    ("body", "kind", "coding", "text"),
    [
        ("€".encode(), 'text/plain; charset="UTF-8"', "0", "€"),
        ("Ж😀".encode("utf-16-be"), UTF16, "2", "Ж😀"),
        ("Ж".encode("utf-16-be"), "text/plain", "2", "Ж"),
        ("“ü”".encode("cp1252"), 'text/plain; charset="WINDOWS-1252"', "0", "“ü”"),
        ("ü".encode(), "text/plain; charset=no-such", "0", "ü"),
        ("ü".encode(), "text/plain; charset=punycode", "0", "ü"),
        ("ü".encode(), "text/plain; charset=undefined", "0", "ü"),
        ("ü".encode("latin-1"), "text/plain; charset=ISO-8859-1", "0", "ü"),
        ("ü".encode(), "", "", "ü"),
        (b"\xd8\x3d", UTF16, "2", "\ufffd"),
        (b"\xfc", 'text/plain; charset="UTF-8"', "0", "\ufffd"),
        ("grüß".encode(), OCTETS, "1", "grüß"),
        (b"", 'text/plain; charset="UTF-8"', "0", ""),
    ],
)
def test_alphabets(body: bytes, kind: str, coding: str, text: str) -> None:
    """The text is read in the charset that Kannel names, else in its coding's; nothing is lost by
    one that is broken or unknown.
    """
    assert text == read(message(body, content_type=kind, x_kannel_coding=coding)).text


@pytest.mark.parametrize("body", [b"\xff\xfe\x01", b"a\x00b", b"\x1b[31m"])
def test_data_is_an_attachment(body: bytes) -> None:
    """What is no text (a ring tone, a card) is kept as a file and told of."""
    draft = read(message(body, content_type=OCTETS, x_kannel_coding="1"))
    assert f"[a message of {len(body)} bytes that is no text]" == draft.text
    assert [body] == [one.data for one in draft.attachments]


@pytest.mark.parametrize(
    "header", ["%05%00%03M%03%02", "%06%08%04%01%4D%03%02", "%0A%05%04%0B%84%23%F0%00%03%4d%03%02"]
)
def test_part_of_a_long_text_says_so(header: str) -> None:
    """A part that stayed alone is shown as one, with an 8-bit or 16-bit reference, wherever it is."""
    assert "[part 2 of 3] Hello" == read(message(x_kannel_udh=header)).text


@pytest.mark.parametrize("header", ["%05%04%0B%84%23%F0", "%", "+", "%FF%FF%FF", "%05%00%03"])
def test_other_headers_are_no_part(header: str) -> None:
    """A header of another kind, or a broken one, changes nothing."""
    assert "Hello" == read(message(x_kannel_udh=header)).text


@pytest.mark.parametrize(
    ("sender", "region", "value", "answerable"),
    [
        ("0170 1234567", "DE", ANN, True),
        ("0049170 1234567", "DE", ANN, True),
        ("80800", "", "80800", True),
        ("MyBank", "", "MyBank", False),
        ("anonymous", "", None, False),
    ],
)
def test_senders(sender: str, region: str, value: str | None, answerable: bool) -> None:
    """Numbers are brought into one form; names and withheld numbers cannot be answered."""
    draft = read(message(x_kannel_from=sender), region)
    assert (value, answerable) == (draft.author and draft.author.value, draft.answerable)
    assert ("none" if answerable else "notification") == draft.automated


@pytest.mark.parametrize(
    ("plain", "sender", "value"),
    [
        ("keep", "491701234567", "491701234567"),
        ("keep", "01701234567", ANN),
        ("keep", "00491701234567", ANN),
        ("keep", ANN, ANN),
        ("international", "491701234567", ANN),
        ("international", "33612345678", "+33612345678"),
        ("international", "80800123", "80800123"),
        ("international", "80800", "80800"),
        ("national", "1701234567", ANN),
    ],
)
def test_numbers_without_a_plus_are_not_guessed_at(plain: str, sender: str, value: str) -> None:
    """Which number is meant by digits alone only the operator's habit tells; unless it is known
    they are answered as they came, since as a number of this country they may be a stranger's.
    """
    here = provider("DE", plain_numbers=plain)
    request = message(x_kannel_from=sender, x_kannel_to=sender)
    arrival = as_stored(here.arrival(here.ways[0], request), kind="channel")
    [draft] = here.reader(arrival)
    assert isinstance(draft, Draft)
    assert draft.author is not None
    assert draft.thread is not None
    assert (value, value, True) == (draft.author.value, draft.thread.address, draft.answerable)
    # What is no number of the whole world's means somebody in a country only.
    assert ("" if value.startswith("+") else "DE") == draft.author.scope
    assert ((value,), arrival.lane) == (draft.recipients, draft.thread.native_id)


def test_opt_out_is_no_message() -> None:
    """What the door found to be a STOP is kept as a decision and opens nothing."""
    assert isinstance(read(message(b"STOP"), opt_out="STOP"), Ignored)
    here = provider()
    wishes = here.wishes(here.arrival(here.ways[0], message(b"STOP")))
    assert wishes is not None
    assert ("STOP", str(wishes.ours), str(wishes.theirs)) == (wishes.text, OURS, ANN)
    assert None is here.wishes(here.arrival(here.ways[1], report("1")))


@given(
    body=st.binary(max_size=300),
    kind=st.sampled_from([UTF16, OCTETS, "text/plain; charset=", "", ";;="]) | st.text(),
    headers=st.dictionaries(
        st.sampled_from(sorted(name.replace("-", "_") for name in HEADERS)),
        st.text() | st.sampled_from(["+49170", "00", "0" * 300, "٣" * 9, "2", "1", "%05%00%03"]),
    ),
    plain=st.sampled_from(["keep", "international", "national"]),
)
def test_whatever_a_phone_sends_is_read(
    body: bytes, kind: str, headers: dict[str, str], plain: str
) -> None:
    """Phones choose what they are called and what they say; each message is one draft."""
    here = provider("DE", plain_numbers=plain)
    request = message(body, content_type=kind, **headers)
    arrival = as_stored(here.arrival(here.ways[0], request), kind="channel")
    [draft] = here.reader(arrival)
    assert isinstance(draft, Draft)
    assert here.wishes(here.arrival(here.ways[0], request)) is not None


async def test_old_stop_that_is_posted_again_undoes_no_start() -> None:
    """Kannel posts a message again whose acknowledgement was lost; by then they may have changed
    their mind, and what counts is when each word was said.
    """
    around = Surroundings()
    known = settings()
    context = around.context(PhoneSettings(numbers=(OURS,), kannel=known), name="phone")
    [receive, _] = PhoneChannel(context).routes(around.intake)
    pair = (endpoint(OURS), endpoint(ANN))
    seen = []
    for word, moment in (("Stop", "02:28:31"), ("Start", "02:28:40"), ("Stop", "02:28:31")):
        request = message(word.encode(), x_kannel_time=f"2026-11-26 {moment}")
        assert 200 == (await receive.handler(request)).status
        seen.append(await is_opted_out(around.state, *pair) is not None)
    assert [True, False, False] == seen


def test_misconfigured_kannel_is_told_what_to_change() -> None:
    """Without an id or a sender nothing could be told apart; the refusal says what to set."""
    here = provider()
    for request, words in (
        (message(), r"\?id=%I"),
        (message(), "send-sender = true"),
    ):
        headers = dict(request.headers)
        if "send" in words:
            del headers["x-kannel-from"]
        query = () if "id" in words else request.query
        changed = type(request)(
            method="POST", path="/", public_url="", headers=headers, query=query, peer="127.0.0.1"
        )
        with pytest.raises(Unusable, match=words):
            here.arrival(here.ways[0], changed)


def test_secret_is_not_kept() -> None:
    """Neither the path with the secret nor a report's code is in what is stored."""
    for request in (message(), report("1")):
        stored = repr(arrived(request))
        assert "a-long-secret" not in stored
        assert dict(request.query).get("code", "no code") not in stored
