"""Read header values with encoded words in them (RFC 2047), also the ones that break its rules."""

from __future__ import annotations

import binascii
import re

from gateway_email.reading.charsets import STATEFUL, codec_name, decode_bytes
from gateway_email.reading.safe_text import clean_line
from gateway_email.reading.transfer import decode_base64

_START = re.compile(r"=\?([A-Za-z0-9_.:()+-]{1,60})(?:\*[^?]{0,40})?\?([BbQq])\?")
_FOLD = re.compile(rb"\r?\n[ \t]*")
_WORD_END = "?="


def decode_value(value: bytes, charset: str = "") -> str:
    """Return a raw header value as one clean line of text.

    Args:
        value: the bytes after the colon; folds are undone (RFC 5322 §2.2.3).
        charset: what to read raw 8-bit bytes in when they are not UTF-8, usually what the body
            declares.
    """
    text = raw_text(value, charset)
    if "=?" in text:
        text = decode_words(text)
    return clean_line(text)


def raw_text(value: bytes, charset: str = "") -> str:
    """Return ``value`` unfolded, with encoded words left as they are."""
    if b"\n" in value:
        value = _FOLD.sub(b" ", value)
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return decode_bytes(value, charset)[0]


def decode_words(text: str) -> str:
    """Replace the encoded words in ``text``.

    Takes words with blanks inside, words inside quotes, words glued to their neighbours, a
    character cut in two by a word's end, bad padding and a language suffix (RFC 2231 §5). Runs in
    linear time. Never raises.
    """
    if "=?" not in text:
        return text
    out: list[str] = []
    run: list[tuple[str, bytes]] = []
    at, stop = 0, -1
    found = _START.search(text)
    while found is not None:
        if stop < found.end():
            stop = text.find(_WORD_END, found.end())
        if stop < 0:
            break
        between = text[at : found.start()]
        if not run or between.strip():
            _flush(run, out)
            out.append(between)
        following = _START.search(text, found.end())
        if following is not None and following.start() < stop:  # this word never ended
            _flush(run, out)
            out.append(found.group())
            at = found.end()
        else:
            run.append((found.group(1), _word_bytes(text[found.end() : stop], found.group(2))))
            at = stop + 2
            if following is not None and following.start() < at:
                following = _START.search(text, at)
        found = following
    _flush(run, out)
    out.append(text[at:])
    return "".join(out)


def _word_bytes(inner: str, encoding: str) -> bytes:
    data = inner.encode("utf-8", "surrogatepass")
    if encoding in "Bb":
        return decode_base64(data)[0]
    return binascii.a2b_qp(data, header=True)


def _flush(run: list[tuple[str, bytes]], out: list[str]) -> None:
    """Decode neighbouring words, joined where their charset is one and keeps no state."""
    at = 0
    while at < len(run):
        charset = run[at][0]
        stop = at + 1
        codec = codec_name(charset)
        while stop < len(run) and run[stop][0].lower() == charset.lower() and codec not in STATEFUL:
            stop += 1
        out.append(_decode_run([data for _, data in run[at:stop]], charset, codec))
        at = stop
    run.clear()


def _decode_run(words: list[bytes], charset: str, codec: str | None) -> str:
    if len(words) > 1 and codec is not None:
        try:
            return b"".join(words).decode(codec)
        except (UnicodeError, ValueError):
            return "".join(decode_bytes(word, charset)[0] for word in words)
    return "".join(decode_bytes(word, charset)[0] for word in words)
