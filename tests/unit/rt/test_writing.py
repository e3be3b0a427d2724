"""What is written into RT: the customer's words, and beside them what the agent must know."""

from __future__ import annotations

from typing import Any

import pytest

from gateway import Address, Attachment, Forward, Person
from gateway.testing import Surroundings
from gateway_rt.writing import as_correspondence, copied_of, files_of, requestor_of, text_of

ANN = Address(scheme="email", value="ann@example.net", name="Ann")
FORWARD = Forward(
    key="k", tenant="default", conversation="conv_1", message="msg_1", channel="support",
    author=ANN, requester=Person(address=ANN), text="It burns.",
)  # fmt: skip


def forward(**changed: Any) -> Forward:
    """A forward like the sample but for some fields."""
    return Forward(**{name: getattr(FORWARD, name) for name in FORWARD.__struct_fields__} | changed)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, True),
        ({"audience": "internal"}, False),
        ({"repeat": True}, False),
        ({"author_kind": "agent"}, False),
        ({"author_kind": "system"}, False),
        ({"author_kind": "peer"}, True),
    ],
)
def test_what_customers_said(changed: dict[str, Any], expected: bool) -> None:
    """Only what the customer's side said, for the first time, is a correspondence."""
    assert expected is as_correspondence(forward(**changed))


def test_plain_words() -> None:
    """The requester's own words stand alone."""
    assert "It burns." == text_of(FORWARD, (), opening=True)
    assert "It burns." == text_of(FORWARD, (), opening=False)


def test_quoted_text_comes_once() -> None:
    """What a first mail quotes is not known from elsewhere; what a later one quotes is."""
    quoting = forward(quoted="> old")
    assert "It burns.\n\n> old" == text_of(quoting, (), opening=True)
    assert "It burns." == text_of(quoting, (), opening=False)


def test_notes_for_the_agent() -> None:
    """Remarks, somebody else's authorship and missing files are told before the words."""
    ben = Address(scheme="email", value="ben@example.net", name="Ben")
    told = text_of(
        forward(author=ben, remarks=("May be forged.",)), ("Without a.exe: no.",), opening=False
    )
    expected = "[May be forged.]\n[From Ben <ben@example.net>:]\n[Without a.exe: no.]\n\nIt burns."
    assert expected == told


def test_agents_words() -> None:
    """What an agent sent to the customer from elsewhere says so."""
    agnes = Address(scheme="agent", value="agnes", name="Agnes")
    told = text_of(forward(author=agnes, author_kind="agent"), (), opening=False)
    assert "[Agnes wrote to the customer:]\n\nIt burns." == told


def test_people() -> None:
    """Mail addresses become requestor and Cc; who has none is named in the text."""
    ben = Address(scheme="email", value="ben@example.net")
    others = (Person(address=ben, role="cc"), Person(address=ben, role="cc"), Person(address=ANN))
    assert "ann@example.net" == requestor_of(FORWARD)
    assert ("ben@example.net",) == copied_of(forward(others=others))
    caller = Address(scheme="tel", value="+49301234", name="Ann")
    call = forward(author=caller, requester=Person(address=caller))
    assert "" == requestor_of(call)
    assert "[From Ann <tel +49301234>:]\n\nIt burns." == text_of(call, (), opening=True)


async def test_files() -> None:
    """Files that are there go along; of the others it is said why they do not."""
    around = Surroundings()
    gone = Attachment(name="gone.txt", sha256="0" * 64, blob="nowhere")
    large = Attachment(name="large.iso", state="too_large")
    files, missing = await files_of(forward(attachments=(gone, large)), around.blobs)
    assert () == files
    assert (
        "Without gone.txt: it is not kept any more.",
        "Without large.iso: it is over the size limit.",
    ) == missing
