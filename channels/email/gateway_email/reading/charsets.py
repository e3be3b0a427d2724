"""Turn bytes into text, whatever charset they claim to be in."""

from __future__ import annotations

import codecs
import functools
import re
from encodings.aliases import aliases

from charset_normalizer import from_bytes

_NOT_TEXT = {
    "base64_codec", "bz2_codec", "hex_codec", "quopri_codec", "rot_13", "uu_codec", "zlib_codec",
    "idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape", "mbcs", "oem", "tactis",
}  # fmt: skip
# No mail is in EBCDIC, but HTML hides from every filter in it.
_NOT_ASCII = {"cp037", "cp1026", "cp1140", "cp273", "cp424", "cp500", "cp875"}
_OWN_NAMES = {"koi8_r", "koi8_u", "cp874", "cp856", "cp720", "cp737", "mac_croatian", "utf_8_sig"}
_REFUSED = _NOT_TEXT | _NOT_ASCII
# A whitelist, because Python remembers every unknown name it is asked for, and strangers choose them.
_KNOWN = {
    name for alias, codec in aliases.items() if codec not in _REFUSED for name in (alias, codec)
} | _OWN_NAMES

# Senders write the name of a subset and use its superset.
_SUPERSETS = {
    "gb2312": "gb18030", "gbk": "gb18030", "hz": "hz", "euc_kr": "cp949", "johab": "johab",
    "latin_1": "cp1252", "iso8859_1": "cp1252", "iso8859_9": "cp1254", "iso8859_11": "cp874",
    "tis_620": "cp874", "shift_jis": "cp932", "big5": "cp950", "utf_8_sig": "utf_8",
}  # fmt: skip
_ALIASES = {
    "x_sjis": "cp932", "sjis": "cp932", "x_ms_cp932": "cp932", "ms932": "cp932", "windows_31j": "cp932",
    "cswindows31j": "cp932", "x_euc_jp": "euc_jp", "eucjp_ms": "euc_jp", "x_euc_kr": "cp949",
    "ks_c_5601": "cp949", "ks_c_5601_1987": "cp949", "ksc5601": "cp949", "x_windows_949": "cp949",
    "uhc": "cp949", "x_gbk": "gb18030", "x_gb18030": "gb18030", "gb_2312_80": "gb18030", "cn_gb": "gb18030",
    "gb_2312": "gb18030", "x_big5": "cp950", "big5_eten": "cp950", "cn_big5": "cp950",
    "x_mac_roman": "mac_roman", "x_mac_cyrillic": "mac_cyrillic", "x_mac_ce": "mac_latin2",
    "unicode_1_1_utf_7": "utf_7", "x_unicode_2_0_utf_7": "utf_7", "utf8mb4": "utf_8", "utf_8_mb4": "utf_8",
    "x_utf_8": "utf_8", "unicode_1_1_utf_8": "utf_8", "unicode_2_0_utf_8": "utf_8", "cp65001": "utf_8",
    "x_cp1252": "cp1252", "ansi": "cp1252", "x_ansi": "cp1252", "iso_ir_100": "cp1252", "iso8859": "cp1252",
    "iso_8859": "cp1252", "x_cp1251": "cp1251", "win_1251": "cp1251", "cp_1251": "cp1251",
    "cp_1252": "cp1252", "win_1252": "cp1252", "x_koi8_r": "koi8_r", "koi8": "koi8_r", "koi8_ru": "koi8_u",
    "windows_874": "cp874", "iso_8859_8_i": "iso8859_8", "iso_8859_8_e": "iso8859_8",
    "iso_8859_6_i": "iso8859_6", "dos_874": "cp874", "ascii_8bit": "ascii",
}  # fmt: skip
_JUNK_TAIL = re.compile(
    r"(utf_?8|utf_?16|utf_?7|iso_?8859_\d{1,2}|iso_2022_jp|windows_\d{3,4}|cp_?\d{3,4}|us_ascii|koi8_[ru]"
    r"|gb\d{4,5}|gbk|big5|shift_jis|euc_(?:jp|kr))"
)
# What a text really is when it is not what it says.
_SISTERS = {
    "iso2022_jp": ("cp932", "euc_jp"), "cp932": ("euc_jp",), "euc_jp": ("cp932",),
    "gb18030": ("big5hkscs",), "cp950": ("big5hkscs", "gb18030"), "koi8_r": ("cp1251",),
    "koi8_u": ("cp1251",), "cp1251": ("koi8_r",), "hz": ("gb18030",), "cp949": ("johab",),
    "utf_7": ("cp1252",), "cp1253": ("iso8859_7",), "iso8859_7": ("cp1253",), "iso8859_8": ("cp1255",),
    "cp1255": ("iso8859_8",), "iso8859_6": ("cp1256",), "iso8859_2": ("cp1250",), "iso8859_5": ("cp1251",),
}  # fmt: skip
STATEFUL = frozenset({"iso2022_jp", "iso2022_jp_1", "iso2022_jp_2", "iso2022_jp_3", "iso2022_kr", "hz", "utf_7"})  # fmt: skip
_BOMS = ((codecs.BOM_UTF8, "utf_8_sig"), (codecs.BOM_UTF16_LE, "utf_16"), (codecs.BOM_UTF16_BE, "utf_16"))  # fmt: skip
_DETECTABLE_FROM = 60
_DETECTION_SAMPLE = 1_000
_ESCAPE = re.compile(rb"\x1b(\$\(?[@-D]|\([A-Z]|\$\([A-Z]|&@\x1b\$B)")


@functools.lru_cache(maxsize=512)
def codec_name(charset: str) -> str | None:
    """Return Python's name of the text codec meant by ``charset``, or None when there is none.

    Takes aliases, trailing junk and quotes; names of a subset give the superset that senders
    really use (``gb2312`` → ``gb18030``, ``iso-8859-1`` → ``cp1252``).
    """
    if len(charset) > 100:
        return None
    name = re.sub(r"[^a-z0-9]+", "_", charset.lower()).strip("_")
    if name in _ALIASES:
        return _ALIASES[name]
    if name not in _KNOWN:
        found = _JUNK_TAIL.match(name)
        if found is None or found.group() == name:
            return None
        return codec_name(found.group())
    try:
        known = codecs.lookup(name).name.replace("-", "_")
    except (LookupError, ValueError):
        return None
    return None if known in _REFUSED else _SUPERSETS.get(known, known)


def decode_bytes(data: bytes, declared: str = "") -> tuple[str, str]:
    """Return the text of ``data`` and the codec that gave it.

    Tries in order: a byte order mark, the declared charset strictly, UTF-8 strictly, the sister
    charsets of the declared one, a detector (only for text long enough), and at last the declared
    charset with U+FFFD in place of what it cannot say. Never raises.

    Args:
        data: the bytes, of any length.
        declared: the charset the sender named; empty when none was named.
    """
    codec = codec_name(declared) if declared else None
    if codec in (None, "ascii", "utf_8", "cp1252") and data.isascii() and b"\x1b" not in data:
        return data.decode("ascii"), "ascii"
    for mark, marked in _BOMS:
        if data.startswith(mark):
            text = _strictly(data, marked)
            if text is not None:
                return text, marked
    for candidate in (codec, "utf_8", *_SISTERS.get(codec or "", ())):
        if candidate is not None:
            text = _strictly(data, candidate)
            if text is not None:
                return text, candidate
    return _guess(data, codec)


def _strictly(data: bytes, codec: str) -> str | None:
    if codec.startswith("iso2022_jp") or (codec == "ascii" and b"\x1b$" in data):
        return _japanese(data)
    try:
        return data.decode(codec)
    except (UnicodeError, ValueError):
        return None


def _guess(data: bytes, codec: str | None) -> tuple[str, str]:
    if (codec is None or codec == "ascii") and len(data) > _DETECTABLE_FROM:
        found = _detect(data)
        if found is not None:
            return data.decode(found, "replace"), found
    last = "cp1252" if codec is None or codec == "ascii" else codec
    try:
        return data.decode(last, "replace"), last
    except (UnicodeError, ValueError):
        return data.decode("latin_1"), "latin_1"


def _detect(data: bytes) -> str | None:
    """Name the codec by statistics over a sample around the first bytes that are not ASCII."""
    first = next((at for at, byte in enumerate(data[:200_000]) if byte > 0x7F), 0)
    sample = data[max(0, first - 100) : first + _DETECTION_SAMPLE]
    best = from_bytes(
        sample,
        cp_isolation=[
            "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "koi8_r", "cp932", "euc_jp",
            "gb18030", "big5", "cp949", "cp874",
        ],
        steps=2,
        chunk_size=256,
    ).best()  # fmt: skip
    return codec_name(best.encoding) if best is not None else None


def _japanese(data: bytes) -> str | None:
    """Decode ISO-2022-JP as it is really sent, with NEC's row 13 and half-width kana.

    Python's own codecs refuse both; shifted to Shift_JIS and read as Microsoft's variant of it they
    come out right. None when the bytes are not ISO-2022-JP.
    """
    if not data.isascii():
        return None
    out = bytearray()
    at, mode = 0, b"(B"
    for found in _ESCAPE.finditer(data):
        if not _shift(data[at : found.start()], mode, out):
            return None
        at, mode = found.end(), found.group(1)
    if not _shift(data[at:], mode, out):
        return None
    try:
        return out.decode("cp932")
    except UnicodeDecodeError:
        return None


def _shift(piece: bytes, mode: bytes, out: bytearray) -> bool:
    if mode == b"(I":
        out += bytes(byte | 0x80 if 0x21 <= byte <= 0x5F else byte for byte in piece)
        return True
    if not mode.startswith((b"$", b"&")):
        out += piece
        return b"\x1b" not in piece
    at = 0
    while at < len(piece):
        first = piece[at]
        if first < 0x21:  # a line end inside a shifted run
            out.append(first)
            at += 1
            continue
        if at + 1 >= len(piece) or not 0x21 <= piece[at + 1] <= 0x7E or first > 0x7E:
            return False
        second = piece[at + 1] + (0x1F if first & 1 else 0x7E)
        lead = ((first - 0x21) >> 1) + 0x81
        out.append(lead + 0x40 if lead > 0x9F else lead)
        out.append(second + 1 if first & 1 and second >= 0x7F else second)
        at += 2
    return True
