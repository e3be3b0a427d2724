"""Choose what of a mail is its words and what is beside them."""

from __future__ import annotations

import re

import msgspec

from gateway_email.reading.attachments import attachment, disposition_of, name_of
from gateway_email.reading.charsets import decode_bytes
from gateway_email.reading.flowed import unflowed
from gateway_email.reading.html_cost import is_cheap
from gateway_email.reading.limits import Limits
from gateway_email.reading.mail import Part
from gateway_email.reading.safe_text import clean_text
from gateway_email.reading.structure import Entity
from gateway_email.reading.transfer import cut_uuencoded, decode_transfer

_META_CHARSET = re.compile(
    rb"<meta[^>]{0,200}?charset=[\"']?([A-Za-z0-9_:.-]{1,40})", re.IGNORECASE
)
_TAG = re.compile(r"<[^<>]{1,200}>")
_PLAIN = {"text/plain", "text/enriched", "text/richtext"}
_REPORTS = {
    "message/delivery-status", "message/global-delivery-status", "message/disposition-notification",
    "message/feedback-report", "message/rfc822", "message/global", "text/rfc822-headers",
    "message/global-headers",
}  # fmt: skip


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of the mail's words, in the forms the sender gave.

    ``cheap`` tells whether the HTML may be given to a parser.
    """

    plain: str | None = None
    html: str | None = None
    cheap: bool = True


class Gathered:
    """The words and the parts of one mail, in their order."""

    def __init__(self, raw: bytes, charset: str, limits: Limits) -> None:
        """Start with nothing."""
        self.raw = raw
        self.charset = charset
        self.limits = limits
        self.pieces: list[Piece] = []
        self.parts: list[Part] = []
        self.reports: list[tuple[str, bytes]] = []
        self.warnings: list[str] = []
        self.text_left = limits.text_bytes
        self.html_left = limits.html_bytes


def gather(raw: bytes, root: Entity, limits: Limits) -> Gathered:
    """Return the words and the parts of the mail whose tree is ``root``.

    A named inline text part is both words and attachment. Signatures, attached mails and reports
    are attachments. Every part that is not words is listed, however deep it lies.
    """
    found = Gathered(raw, body_charset(root), limits)
    found.pieces = _walk(root, found, parent_type="")
    return found


def body_charset(root: Entity) -> str:
    """Return the charset of the first text that names one other than ASCII, or nothing."""
    stack = [root]
    while stack:
        entity = stack.pop()
        charset = entity.params.get("charset", "")
        if entity.media_type.startswith("text/") and charset.lower() not in ("", "us-ascii"):
            return charset
        stack.extend(reversed(entity.children))
    return ""


def _walk(entity: Entity, found: Gathered, parent_type: str, *, root: bool = True) -> list[Piece]:
    if not entity.children:
        return _leaf(entity, found, parent_type, words=root)
    kind = entity.media_type
    if kind == "multipart/alternative":
        return _alternative([_walk(child, found, kind) for child in entity.children])
    pieces: list[Piece] = []
    for place, child in enumerate(entity.children):
        # Only the root of a related set is words (RFC 2387); in a signed one only the first child.
        is_root = kind not in ("multipart/related", "multipart/signed") or not pieces
        is_root = is_root and (kind != "multipart/signed" or place == 0)
        pieces += _walk(child, found, kind, root=is_root)
    return pieces


def _alternative(branches: list[list[Piece]]) -> list[Piece]:
    """Join the branches that say the same in different forms into one stretch."""
    with_html = [branch for branch in branches if any(piece.html for piece in branch)]
    only_plain = [branch for branch in branches if branch and branch not in with_html]
    if not with_html:
        return [piece for branch in only_plain for piece in branch]
    if not only_plain:
        return with_html[-1]
    plain = "\n".join(piece.plain or "" for branch in only_plain for piece in branch)
    html = "\n".join(
        piece.html if piece.html is not None else as_html(piece.plain or "")
        for piece in with_html[-1]
    )
    cheap = all(piece.cheap for piece in with_html[-1])
    return [
        Piece(plain=plain, html=html, cheap=cheap and (len(with_html[-1]) == 1 or is_cheap(html)))
    ]


def as_html(plain: str) -> str:
    """Return ``plain`` as a piece of HTML that looks the same."""
    escaped = plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f"<div>{escaped.replace(chr(10), '<br>')}</div>"


def content_of(entity: Entity, found: Gathered) -> bytes:
    """Return the bytes of a leaf without their transfer encoding."""
    data = found.raw[entity.start : entity.end]
    decoded, warning = decode_transfer(data, entity.encoding)
    if warning:
        found.warnings.append(warning)
    return decoded


def _leaf(entity: Entity, found: Gathered, parent_type: str, *, words: bool) -> list[Piece]:
    data = content_of(entity, found)
    media_type = entity.media_type
    if media_type in _REPORTS:
        found.reports.append((media_type, data))
    is_text = media_type in _PLAIN or media_type == "text/html"
    if not is_text or not words:
        _attach(entity, data, found, parent_type)
        return []
    name = name_of(entity, found.charset)
    disposition = disposition_of(entity)
    if disposition == "attachment" and (name or media_type == "text/html"):
        _attach(entity, data, found, parent_type)
        return []
    if name and parent_type not in ("", "multipart/alternative"):
        _attach(entity, data, found, parent_type)
    if media_type == "text/html":
        return [_html_piece(entity, data, found)]
    return [_plain_piece(entity, data, found)]


def _attach(entity: Entity, data: bytes, found: Gathered, parent_type: str) -> None:
    found.parts.append(
        attachment(
            entity,
            data,
            number=len(found.parts) + 1,
            charset=found.charset,
            parent_type=parent_type,
            limits=found.limits,
        )
    )


def _plain_piece(entity: Entity, data: bytes, found: Gathered) -> Piece:
    if b"begin" in data:
        data, files = cut_uuencoded(data)
        for raw_name, content in files:
            name = clean_text(decode_bytes(raw_name, found.charset)[0]).strip()
            found.parts.append(
                Part(
                    name=name or f"attachment-{len(found.parts) + 1}.bin",
                    media_type="application/octet-stream",
                    data=content,
                )
            )
    data = _within(data, found.text_left, "message.txt", entity, found)
    found.text_left -= len(data)
    text = clean_text(decode_bytes(data, entity.params.get("charset", ""))[0])
    if entity.params.get("format", "").lower() == "flowed":
        text = unflowed(text, delete_space=entity.params.get("delsp", "").lower() == "yes")
    if entity.media_type != "text/plain":
        text = _TAG.sub("", text)
    return Piece(plain=text)


def _html_piece(entity: Entity, data: bytes, found: Gathered) -> Piece:
    data = _within(data, found.html_left, "message.html", entity, found)
    found.html_left -= len(data)
    charset = entity.params.get("charset", "")
    if not charset and (meta := _META_CHARSET.search(data[:2_000])):
        charset = meta.group(1).decode("ascii")
    return html_piece(clean_text(decode_bytes(data, charset)[0]))


def html_piece(html: str, plain: str | None = None) -> Piece:
    """Return a stretch of HTML, with what parsing it would cost looked into once."""
    return Piece(plain=plain, html=html, cheap=is_cheap(html))


def _within(data: bytes, room: int, name: str, entity: Entity, found: Gathered) -> bytes:
    """Return what fits; what does not is kept whole as an attachment."""
    if len(data) <= room:
        return data
    found.warnings.append(f"the text is longer than what is shown; the whole is in {name}")
    found.parts.append(Part(name=name, media_type=entity.media_type, data=data))
    return data[:room]
