"""Delivery reports become receipts in words."""

from __future__ import annotations

import pytest

from gateway import Ignored, Receipt, read_id
from tests.unit.sms_voice.kannel.samples import ANN, DELIVERY, report
from tests.unit.sms_voice.kannel.test_messages import arrived, read

RECEIPT = "id:7 sub:001 dlvrd:001 submit date:2611260000 done date:2611260001 stat:{} err:{} text:"


@pytest.mark.parametrize(
    ("kind", "told", "state", "permanent", "code", "text"),
    [
        ("1", "", "delivered", True, "", "the phone has it"),
        ("8", "ACK/", "sent", True, "", "the SMS centre took it"),
        ("4", RECEIPT.format("ENROUTE", "000"), "sent", True, "kannel_buffered",
         "the SMS centre keeps it until the phone can be reached"),
        ("2", RECEIPT.format("UNDELIV", "011"), "failed", True, "smsc_undeliv_011",
         "the operator could not deliver it (error 011)"),
        ("2", RECEIPT.format("EXPIRED", "000"), "failed", False, "smsc_expired",
         "the phone was off or out of reach until the message expired"),
        ("2", RECEIPT.format("SKIPPED", "0A1"), "failed", True, "smsc_skipped_0a1",
         "the operator says SKIPPED (error 0A1)"),
        ("2", "", "failed", True, "kannel_failed", "the operator could not deliver it"),
        ("16", "NACK/0x0000000b/Invalid Destination Address", "failed", True, "smpp_0xb",
         "the receiver's number is not valid"),
        ("16", "NACK/0x00000058/Throttling error", "failed", False, "smpp_0x58",
         "the operator asks for a slower pace"),
        ("16", "NACK/0x000000ff/Unknown error", "failed", True, "smpp_0xff",
         "the SMS centre refused it: Unknown error"),
        ("16", "NACK/Retries Exceeded", "failed", True, "kannel_retries",
         "the SMS centre did not take it in time"),
        ("16", "NACK/REJECTED", "failed", True, "kannel_refused",
         "the SMS centre refused it: REJECTED"),
        ("16", "", "failed", True, "kannel_refused", "the SMS centre refused it: no reason given"),
    ],
)  # fmt: skip
def test_what_a_report_means(
    kind: str, told: str, state: str, permanent: bool, code: str, text: str
) -> None:
    """Each type and the SMS centre's own words become a state, a code and a sentence."""
    receipt = read(report(kind, told))
    assert isinstance(receipt, Receipt)
    assert (state, permanent, code, text) == (
        receipt.state, receipt.permanent, receipt.code, receipt.text,
    )  # fmt: skip
    assert (read_id("dlv", DELIVERY), True) == (receipt.delivery, receipt.whole)


def test_number_that_is_gone_is_named() -> None:
    """Only where the number itself is the fault is it marked as one that cannot be written to."""
    gone = read(report("16", "NACK/0x0000000b/Invalid Destination Address")).recipient
    assert gone is not None
    assert ANN == gone.value
    assert None is read(report("2", RECEIPT.format("UNDELIV", "011"))).recipient


def test_reports_of_parts() -> None:
    """A part's report says which one; the whole is delivered, and proven to be sent, by the last."""
    first = read(report("1", part="1", parts="2"))
    assert ("sent", False, "part 1 of 2: the phone has it") == (
        first.state, first.whole, first.text,
    )  # fmt: skip
    last = read(report("1", part="2", parts="2"))
    assert ("delivered", True) == (last.state, last.whole)


@pytest.mark.parametrize("kind", ["", "0", "3", "32", "x"])
def test_unknown_types_say_nothing(kind: str) -> None:
    """A type that Kannel does not document is kept as a decision and moves nothing."""
    assert isinstance(read(report(kind)), Ignored)


def test_same_report_again_is_the_same_arrival() -> None:
    """A report that is sent again has the same key; another one of the same text has its own."""
    keys = [
        arrived(one).key
        for one in (report("8"), report("8"), report("1"), report("1", part="2", parts="2"))
    ]
    assert keys[0] == keys[1]
    assert 3 == len(set(keys))
