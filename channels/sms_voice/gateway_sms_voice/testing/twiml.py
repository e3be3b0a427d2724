"""Reading TwiML as strictly as Twilio does: verbs and attributes that it knows, and no more bytes than it takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.etree import ElementTree as ET

LONGEST = 64 * 1024
KNOWN = {
    "Response": frozenset[str](),
    "Say": frozenset({"voice", "language", "loop"}),
    "Gather": frozenset({
        "action", "method", "input", "numDigits", "timeout", "finishOnKey", "language", "hints",
        "speechTimeout", "actionOnEmptyResult", "profanityFilter", "speechModel", "enhanced",
        "bargeIn",
    }),
    "Record": frozenset({
        "action", "method", "timeout", "finishOnKey", "maxLength", "playBeep", "trim",
        "recordingStatusCallback", "recordingStatusCallbackMethod",
        "recordingStatusCallbackEvent", "transcribe", "transcribeCallback",
    }),
    "Redirect": frozenset({"method"}),
    "Hangup": frozenset[str](),
}  # fmt: skip


class NotTwiml(Exception):
    """What the webhook answered is not what Twilio can carry out; the caller hears an error.

    Args:
        code: Twilio's own, such as 12100 for what cannot be read.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code


@dataclass(frozen=True, kw_only=True)
class Verb:
    """One thing to do.

    Args:
        said: what is spoken while it waits (of a Gather), or all there is to a Say.
    """

    name: str
    attributes: dict[str, str] = field(default_factory=dict)
    text: str = ""
    said: tuple[str, ...] = ()


def read_twiml(body: bytes, content_type: str) -> list[Verb]:
    """Read a document.

    Raises:
        NotTwiml: Twilio would not carry it out.
    """
    if content_type not in ("text/xml", "application/xml"):
        raise NotTwiml(12300, f"the content type is {content_type}")
    if len(body) > LONGEST:
        raise NotTwiml(11750, f"the document has {len(body)} bytes")
    if b"<!" in body.replace(b"<!--", b""):
        raise NotTwiml(12100, "the document declares something")
    try:
        root = ET.fromstring(body)  # noqa: S314  # a test's own gateway wrote it
    except ET.ParseError as error:
        raise NotTwiml(12100, f"the document cannot be read: {error}") from error
    if root.tag != "Response":
        raise NotTwiml(12200, f"the root is {root.tag}")
    return list(_verbs(root))


def _verbs(parent: ET.Element) -> Iterator[Verb]:
    for element in parent:
        if element.tag not in KNOWN or element.tag == "Response":
            raise NotTwiml(12200, f"there is no verb {element.tag}")
        strange = set(element.attrib) - KNOWN[element.tag]
        if strange:
            raise NotTwiml(12200, f"{element.tag} has no attribute {sorted(strange)}")
        if element.tag == "Gather" and any(child.tag != "Say" for child in element):
            raise NotTwiml(12200, "only Say is known within Gather")
        yield Verb(
            name=element.tag,
            attributes=dict(element.attrib),
            text=(element.text or "").strip(),
            said=tuple((child.text or "").strip() for child in element),
        )
