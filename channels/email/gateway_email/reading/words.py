"""Put the words of a mail together: text, reply, HTML, and the attachments beside them."""

from __future__ import annotations

import msgspec

from gateway_email.reading.bodies import Gathered, Piece, as_html, html_piece
from gateway_email.reading.charsets import decode_bytes
from gateway_email.reading.encoded_words import decode_value
from gateway_email.reading.fields import read_fields
from gateway_email.reading.limits import Limits, OverLimitError
from gateway_email.reading.mail import Part
from gateway_email.reading.markup import bare_words, safe_html, stripped
from gateway_email.reading.quote_containers import reply_from_html
from gateway_email.reading.quotes import Cut, cut_reply
from gateway_email.reading.safe_text import clean_text
from gateway_email.reading.tnef import Envelope, open_tnef

_SHOWN_OF_MESSAGE = 20_000


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """The words of a mail and what came beside them."""

    text: str = ""
    quoted: str = ""
    full_text: str = ""
    html: str = ""
    parts: tuple[Part, ...] = ()
    reports: list[tuple[str, bytes]] = []
    warnings: tuple[str, ...] = ()


def words_of(gathered: Gathered, limits: Limits) -> Words:
    """Return the text (new words apart from quoted ones), the safe HTML and all attachments."""
    warnings: list[str] = []
    parts, envelope = _opened(gathered.parts, limits)
    pieces = [piece for piece in gathered.pieces if piece.plain or piece.html]
    if not any(_filled(piece) for piece in pieces) and (envelope.text or envelope.html):
        pieces = [html_piece(envelope.html[: limits.html_bytes], envelope.text or None)]
    html = _html(pieces, parts, warnings)
    full_text, cut = _text(pieces)
    if not full_text.strip():
        full_text = _instead(parts, limits)
        cut = Cut(text=full_text)
    return Words(
        text=cut.text,
        quoted=cut.quoted,
        full_text=full_text,
        html=html,
        parts=tuple(_with_place(part, html) for part in parts),
        reports=gathered.reports,
        warnings=tuple(warnings),
    )


def _filled(piece: Piece) -> bool:
    return bool((piece.plain and piece.plain.strip()) or (piece.html and piece.html.strip()))


def _opened(parts: list[Part], limits: Limits) -> tuple[list[Part], Envelope]:
    """List what is inside winmail.dat behind the parts as they came."""
    words = Envelope()
    out = list(parts)
    for part in parts:
        if part.mark == "tnef" and not part.extracted:
            envelope = open_tnef(part.data, limits)
            out += envelope.parts
            if not (words.text or words.html):
                words = envelope
    return out, words


def _html(pieces: list[Piece], parts: list[Part], warnings: list[str]) -> str:
    """Join all pieces as safe HTML; nothing when the mail is plain."""
    if not any(piece.html for piece in pieces):
        return ""
    out: list[str] = []
    for piece in pieces:
        if piece.html is None:
            out.append(as_html(piece.plain or ""))
            continue
        if piece.cheap:
            out.append(safe_html(piece.html))
            continue
        out.append(bare_words(piece.html))
        warnings.append("the HTML is too costly to show: its bare words are shown instead")
        data = piece.html.encode("utf-8", "replace")
        parts.append(Part(name="message.html", media_type="text/html", data=data))
    return "\n".join(out)


def _text(pieces: list[Piece]) -> tuple[str, Cut]:
    """Return the whole text and its cut; the plain form goes first where the sender gave one."""
    only = pieces[0] if len(pieces) == 1 else None
    if only is not None and only.html and only.cheap and not (only.plain or "").strip():
        return reply_from_html(only.html)
    whole: list[str] = []
    for piece in pieces:
        if piece.plain is not None and piece.plain.strip():
            whole.append(piece.plain)
        elif piece.html:
            whole.append(reply_from_html(piece.html)[0] if piece.cheap else stripped(piece.html))
    text = "\n\n".join(one.strip("\n").rstrip() for one in whole)
    cut = cut_reply(text)
    if not cut.quoted and only is not None and only.plain and only.html and only.cheap:
        shown, html_cut = reply_from_html(only.html)
        if html_cut.quoted and _same_words(shown, text):
            return text, html_cut
    return text, cut


def _same_words(first: str, second: str) -> bool:
    """Whether two forms of a mail are of comparable length, so that neither is a stub."""
    shorter, longer = sorted((len("".join(first.split())), len("".join(second.split()))))
    return shorter * 4 >= longer


def _instead(parts: list[Part], limits: Limits) -> str:
    """Return words for a mail that has none: its calendar entry, or the mail it forwards."""
    cards = [part.card for part in parts if part.card]
    if cards:
        return "\n\n".join(cards)
    messages = [part for part in parts if part.mark == "message"]
    return _forwarded(messages[0].data, limits) if len(messages) == 1 else ""


def _forwarded(data: bytes, limits: Limits) -> str:
    data = data.lstrip(b"\r\n")
    try:
        fields, body = read_fields(data, 0, len(data), limits)
    except OverLimitError:
        return ""
    lines = [
        f"{label}: {value}"
        for label in ("From", "Date", "Subject")
        if (value := decode_value(fields.first(label.lower())))
    ]
    encoded = fields.first("content-transfer-encoding").strip().lower() in (b"base64", b"quoted-printable")  # fmt: skip
    if b"multipart" not in fields.first("content-type").lower() and not encoded:
        shown = clean_text(decode_bytes(data[body : body + _SHOWN_OF_MESSAGE])[0]).strip()
        lines += ["", stripped(shown) if shown[:1] == "<" else shown]
    return "\n".join(lines).strip()


def _with_place(part: Part, html: str) -> Part:
    """Call a part inline only where the shown HTML refers to it."""
    if not part.inline or not part.media_type.startswith("image/"):
        return part
    shown = part.content_id and f"cid:{part.content_id}".lower() in html.lower()
    return part if shown else msgspec.structs.replace(part, inline=False)
