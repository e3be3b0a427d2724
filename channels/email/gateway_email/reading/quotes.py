"""Tell the new words of a mail from the quoted ones and from the signature."""

from __future__ import annotations

import re
from itertools import islice

import msgspec

from gateway_email.reading.quote_rules import (
    ADDRESS,
    BEGINNING,
    DATE,
    DEVICE,
    FORWARD_BEGINS,
    LABEL_LINE,
    LABELS,
    MARKER,
    OPENER,
    RULE_LINE,
    SEPARATOR,
    VERB,
    VERB_WORDS,
    without_marks,
)

_MAX_CHARACTERS = 100_000
_MAX_LINES = 2_000
_MAX_LINE = 1_000
_MAX_ATTRIBUTION = 600
_MAX_ATTRIBUTION_LINES = 6
_BARE_ATTRIBUTION = 80
_MAX_ATTRIBUTIONS = 80
_MAX_VERB_SEARCHES = 40
_MAX_LABEL_TRIES = 300
_HEADER_BLOCK_LINES = 10
_SHORT_SIGNATURE_LINES = 15
_DEVICE_LINES = 4
_DEVICE_LENGTH = 120
_DEVICE_WORDS = 9
_WRAPPED_WORDS = 6
_LONG_QUOTED_LINE = 60
_COLONS = (":", "：")
_RULE_SIGNS = frozenset("-–—_=*>")
# A letter, a digit, or a sign that stands for a word, such as an emoji.
_WORD = re.compile("[^\\W_]|[\u2100-\U0010ffff]")
_QUOTE_MARK = re.compile(r"^\s{0,3}(?:>|\|\s)")


class Cut(msgspec.Struct, frozen=True, kw_only=True):
    """A mail's text in two: what is new, and what was quoted or signed."""

    text: str
    quoted: str = ""


class _Found(msgspec.Struct, frozen=True, kw_only=True):
    """Where a quote begins, where its first line of content is, and whether it was an attribution."""

    start: int
    content: int
    attribution: bool = False


def cut_reply(text: str) -> Cut:
    """Return the new words of ``text`` apart from the quote and the signature.

    Words below or between quoted lines are kept with what they answer. Never gives an empty text
    when there are words: a mail that only forwards is shown whole. Only the first 100 kB, 2,000
    lines and lines up to 1,000 characters are looked at, so that no mail takes long.

    Args:
        text: clean text with LF line ends.
    """
    lines = text.split("\n")
    seen = _window(text, lines)
    found = _first_quote(seen)
    if found is None:
        reply, quoted = _without_bare_quotes(lines)
    elif not _quoted_by_marks(seen, found.content):
        reply, quoted = lines[: found.start], lines[found.start :]
    else:
        reply, quoted = _around_marks(lines, found)
    reply, signature = _without_signature(reply)
    answer = "\n".join(reply).strip("\n").rstrip()
    if not _has_words(answer):
        return Cut(text=text.strip("\n").rstrip())
    rest = "\n".join([*signature, *quoted]).strip("\n")
    return Cut(text=answer, quoted=rest)


def _has_words(text: str) -> bool:
    return _WORD.search(text) is not None


def _window(text: str, lines: list[str]) -> list[str]:
    """Return the lines that are looked at, those too long as a dash, without direction marks."""
    shown = without_marks(text[:_MAX_CHARACTERS])
    seen = (lines if shown == text else shown.split("\n"))[:_MAX_LINES]
    if max(map(len, seen)) > _MAX_LINE:
        seen = ["~" if len(line) > _MAX_LINE else line for line in seen]
    return seen


def _first_quote(lines: list[str]) -> _Found | None:
    search = _Search(lines)
    for at in _telling(lines):
        line = lines[at]
        stripped = line.strip()
        if _is_separator(stripped, line) or MARKER.match(line):
            return _Found(start=at, content=at + 1)
        if ":" not in line and "：" not in line:
            continue
        if search.header_block(at):
            return _Found(start=_with_rule_before(lines, at), content=len(lines))
        if _ends_like_attribution(stripped) and not line.startswith(">"):
            start = search.attribution(at)
            if start is not None:
                return _Found(start=start, content=at + 1, attribution=True)
    return None


class _Search:
    """Looks closer at some lines of a text, but not at any number of them."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self.attributions = _MAX_ATTRIBUTIONS
        self.verbs = _MAX_VERB_SEARCHES
        self.labels = _MAX_LABEL_TRIES
        self.marks: dict[int, tuple[bool, bool]] = {}

    def header_block(self, at: int) -> bool:
        """Whether a header block begins at ``at``."""
        self.labels -= 1
        return self.labels >= 0 and is_header_block(self.lines, at)

    def attribution(self, end: int) -> int | None:
        """Return where the attribution that ends in line ``end`` begins, or None when it is none."""
        self.attributions -= 1
        if self.attributions < 0:
            return None
        joined, dated, addressed = "", False, False
        for start in range(end, max(-1, end - _MAX_ATTRIBUTION_LINES), -1):
            line = self.lines[start].strip()
            if not line or (line.startswith(">") and start < end):
                break
            joined = f"{line} {joined}".strip()
            if len(joined) > _MAX_ATTRIBUTION:
                break
            marks = self._marks_of(start)
            dated, addressed = dated or marks[0], addressed or marks[1]
            announced = dated and addressed
            announced = announced or ((dated or addressed) and self._has_verb(joined))
            if announced or (start == end and self._announces_bare(joined, end)):
                return _opened(self.lines, start, end)
        return None

    def _marks_of(self, at: int) -> tuple[bool, bool]:
        """Whether a line holds a date, and whether an address; each line is looked at once."""
        marks = self.marks.get(at)
        if marks is None:
            line = self.lines[at]
            marks = (
                DATE.search(line) is not None,
                "@" in line and ADDRESS.search(line) is not None,
            )
            self.marks[at] = marks
        return marks

    def _announces_bare(self, line: str, end: int) -> bool:
        """Whether a short line with a verb alone (``Jane wrote:``) stands above quoted lines."""
        return (
            len(line) < _BARE_ATTRIBUTION
            and _quoted_by_marks(self.lines, end + 1)
            and self._has_verb(line)
        )

    def _has_verb(self, joined: str) -> bool:
        lower = joined.lower()
        if not any(verb in lower for verb in VERB_WORDS):
            return False
        self.verbs -= 1
        return self.verbs >= 0 and VERB.search(joined) is not None


def _telling(lines: list[str]) -> list[int]:
    """Where a quote may begin: a line with a colon, or one that begins like a rule or a marker."""
    text = "\n".join(["", *lines]).casefold()
    found: set[int] = set()
    if ":" in text or "：" in text:
        found.update(at for at, line in enumerate(lines) if ":" in line or "：" in line)
    # One search of the whole costs less than to look at each line.
    at, passed = -1, 0
    for match in BEGINNING.finditer(text):
        at += text.count("\n", passed, match.end())
        passed = match.end()
        found.add(at)
    return sorted(found)


def _is_separator(stripped: str, line: str) -> bool:
    if stripped[0] in _RULE_SIGNS and SEPARATOR.match(line):
        return True
    return stripped.endswith(_COLONS) and FORWARD_BEGINS.match(line) is not None


def _ends_like_attribution(stripped: str) -> bool:
    return stripped.rstrip("*_> \u00a0").endswith(_COLONS)


def is_header_block(lines: list[str], at: int) -> bool:
    """Whether a block of header lines (From and two of Date, To, Subject) begins at ``at``."""
    if _meaning(lines[at]) is None:
        return False
    meanings: set[str] = set()
    misses = 0
    for line in lines[at : at + _HEADER_BLOCK_LINES]:
        meaning = _meaning(line)
        if meaning is None:
            if not line.strip(" >"):
                if meanings and misses == 0:
                    misses += 1
                    continue
                break
            misses += 1
            if misses > 2:
                break
        else:
            meanings.add(meaning)
    return "from" in meanings and len(meanings - {"from", "cc"}) >= 2


def _meaning(line: str) -> str | None:
    found = LABEL_LINE.match(line)
    return LABELS.get(found.group(1).strip().lower()) if found else None


def _with_rule_before(lines: list[str], at: int) -> int:
    """Return where a rule (``____``) or a separator just above the header block stands."""
    for back in range(at - 1, max(-1, at - 4), -1):
        if RULE_LINE.match(lines[back]):
            return back
        if lines[back].strip():
            break
    return at


def _opened(lines: list[str], start: int, end: int) -> int:
    """Go up from ``start`` to the line that opens the attribution, when there is one."""
    if OPENER.match(lines[start].strip()) and DATE.search(lines[start]):
        return start
    for above in range(start - 1, max(-1, end - _MAX_ATTRIBUTION_LINES), -1):
        line = lines[above].strip()
        if not line or line.startswith(">") or line.endswith((".", "!", "?")):
            break
        if OPENER.match(line) and DATE.search(line):
            return above
    return start


def _quoted_by_marks(lines: list[str], at: int) -> bool:
    """Whether the first words from ``at`` on stand behind a quote mark."""
    for line in lines[at : at + 20]:
        if line.strip():
            return _QUOTE_MARK.match(line) is not None
    return False


def _new_words_after(lines: list[str], at: int) -> list[int]:
    """Return the lines after ``at`` that are neither quoted, blank, wrapped nor signature."""
    fresh: list[int] = []
    for place in range(at, len(lines)):
        line = lines[place]
        if line.rstrip() == "--" or line == "-- ":
            break
        if not line.strip() or _QUOTE_MARK.match(line[:10]):
            continue
        if _is_wrapped(lines, place, at):
            continue
        fresh.append(place)
    if fresh and all(DEVICE.match(lines[place][:_MAX_LINE]) for place in fresh[:3]):
        return []
    return fresh


def _is_wrapped(lines: list[str], place: int, at: int) -> bool:
    """Whether a short line is what a program broke off the long quoted line above it."""
    if place <= at or place + 1 >= len(lines) or len(lines[place - 1]) < _LONG_QUOTED_LINE:
        return False
    between = _QUOTE_MARK.match(lines[place - 1][:10]) and _QUOTE_MARK.match(lines[place + 1][:10])
    return bool(between) and len(lines[place].split(None, _WRAPPED_WORDS)) <= _WRAPPED_WORDS


def _around_marks(lines: list[str], found: _Found) -> tuple[list[str], list[str]]:
    """Cut a quote behind ``>``: all of it, or only what stands above an answer below it."""
    fresh = _new_words_after(lines, found.content)
    if not fresh:
        return lines[: found.start], lines[found.start :]
    last_quoted = max(
        (
            place
            for place in range(found.content, len(lines))
            if _QUOTE_MARK.match(lines[place][:10])
        ),
        default=found.content,
    )
    below = fresh[0] > last_quoted
    if below and not _has_words("\n".join(lines[: found.start])):
        return lines[last_quoted + 1 :], lines[: last_quoted + 1]
    return lines, []


def _without_bare_quotes(lines: list[str]) -> tuple[list[str], list[str]]:
    """Cut a run of ``>`` lines at the end that nothing announced."""
    last = len(lines) - 1
    while last >= 0 and not lines[last].strip():
        last -= 1
    first = last + 1
    while first > 0 and (_QUOTE_MARK.match(lines[first - 1][:10]) or not lines[first - 1].strip()):
        first -= 1
    if first > last or not any(line.strip() for line in lines[first : last + 1]):
        return lines, []
    return lines[:first], lines[first:]


def _without_signature(lines: list[str]) -> tuple[list[str], list[str]]:
    for at, line in enumerate(lines):
        if not line.startswith("--"):
            continue
        if line == "-- " or (line.rstrip() == "--" and len(lines) - at <= _SHORT_SIGNATURE_LINES):
            if not any(_QUOTE_MARK.match(rest[:10]) for rest in lines[at + 1 :]):
                return lines[:at], lines[at:]
            break
    backwards = (at for at in range(len(lines) - 1, -1, -1) if lines[at].strip())
    for at in reversed(list(islice(backwards, _DEVICE_LINES))):
        line = lines[at]
        short = len(line) <= _DEVICE_LENGTH and len(line.split()) <= _DEVICE_WORDS
        if short and DEVICE.match(without_marks(line)):
            return lines[:at], lines[at:]
    return lines, []
