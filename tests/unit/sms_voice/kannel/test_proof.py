"""Nothing is believed but what comes from Kannel's machine and knows the secret."""

from __future__ import annotations

import contextlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import WebRequest
from gateway_sms_voice.providers.contract import NotProven
from gateway_sms_voice.providers.kannel.proof import Proof
from tests.unit.sms_voice.kannel.samples import DELIVERY, SECRET, message, report

PROOF = Proof(SECRET, ("127.0.0.1", "10.1.0.0/16", "::1"))


@pytest.mark.parametrize("peer", ["127.0.0.1", "10.1.7.7", "::1", "::ffff:10.1.7.7"])
def test_kannel_is_let_in(peer: str) -> None:
    """A message with the secret and a report with its own code are proven, from where it runs."""
    for request in (message(), report("1"), report("8", part="2", parts="3")):
        PROOF.verify(msgspec.structs.replace(request, peer=peer))


@pytest.mark.parametrize(
    "peer", ["127.0.0.2", "10.2.0.1", "::2", "", "unix", "127.0.0.1, 10.1.0.1"]
)
def test_secret_is_worth_nothing_elsewhere(peer: str) -> None:
    """From any other address even the right secret opens nothing."""
    for request in (message(), report("1")):
        with pytest.raises(NotProven, match="allowed_ips"):
            PROOF.verify(msgspec.structs.replace(request, peer=peer))


@pytest.mark.parametrize(
    "secret", ["", SECRET[:-1], f"{SECRET}x", SECRET.upper(), "ü" * 29, "\ud800"]
)
def test_wrong_secret(secret: str) -> None:
    """Neither a part of the secret nor anything like it is proof."""
    with pytest.raises(NotProven, match="webhook_secret"):
        PROOF.verify(message(secret=secret))


def test_code_proves_one_report_only() -> None:
    """The code of a report opens neither another delivery's, nor another part's, nor messages."""
    code = PROOF.code(DELIVERY, "1", "2")
    PROOF.verify(report("1", part="1", parts="2", code=code))
    foreign = [
        report("1", part="2", parts="2", code=code),
        report("1", part="1", parts="1", code=code),
        report("1", code=SECRET),
        report("1", code=""),
        message(secret=code),
        msgspec.structs.replace(
            report("1", part="1", parts="2", code=code),
            params={"delivery": "dlv_06zd67dqw0004", "part": "1", "parts": "2"},
        ),
    ]  # fmt: skip
    for request in foreign:
        with pytest.raises(NotProven):
            PROOF.verify(request)


@given(
    peer=st.sampled_from(["127.0.0.1", "", "::%1"]) | st.text(),
    params=st.dictionaries(st.sampled_from(["secret", "delivery", "part", "parts"]), st.text()),
    query=st.lists(st.tuples(st.sampled_from(["code", "id"]), st.text())),
)
def test_nothing_but_a_refusal_comes_out(
    peer: str, params: dict[str, str], query: list[tuple[str, str]]
) -> None:
    """Whatever a request holds, it is refused, and nothing else is raised."""
    request = WebRequest(
        method="POST", path="/", public_url="http://x/", headers={}, params=params,
        query=tuple(query), peer=peer,
    )  # fmt: skip
    proven = False
    with contextlib.suppress(NotProven):
        PROOF.verify(request)
        proven = True
    assert not proven
