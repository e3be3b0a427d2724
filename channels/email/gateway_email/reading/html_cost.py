"""Tell beforehand whether a piece of HTML is cheap to parse.

HTML's own parsing rules make some short texts very expensive: formatting elements that are never
closed are opened again in every paragraph, deep trees are walked again and again, and the attributes
of a tag are compared with one another. A scan that follows the tokenizer of the HTML standard
(WHATWG, §13.2.5) counts what a parser would have to do.
"""

from __future__ import annotations

import re

_TAG = re.compile(r"<(?:(/?)([a-zA-Z][^\s/>]*+)|!--|[!?/])")
_ATTRIBUTES = re.compile(
    r"(?:[\s/]++|[^\s/>][^\s/>=]*+(?:\s*+=\s*+(?:\"[^\"]*+\"|'[^']*+'|[^\s>\"'][^\s>]*+|(?=>))?+)?+)*+>?"
)
_ATTRIBUTE = re.compile(r"[^\s/>][^\s/>=]*+(?:\s*+=\s*+(?:\"[^\"]*+\"|'[^']*+'|[^\s>\"'][^\s>]*+)?+)?+")  # fmt: skip
_VOID = frozenset(
    [
        "area",
        "base",
        "br",
        "col",
        "embed",
        "hr",
        "img",
        "input",
        "link",
        "meta",
        "param",
        "source",
        "track",
        "wbr",
    ]
)
_RAW = frozenset(
    ["script", "style", "textarea", "title", "xmp", "iframe", "noembed", "noframes", "plaintext"]
)
_FORMATTING = frozenset(
    [
        "a",
        "b",
        "big",
        "code",
        "em",
        "font",
        "i",
        "nobr",
        "s",
        "small",
        "strike",
        "strong",
        "tt",
        "u",
    ]
)
_SIBLINGS = {
    "p": {"p"}, "li": {"li"}, "td": {"td", "th"}, "th": {"td", "th"}, "tr": {"tr"},
    "dt": {"dt", "dd"}, "dd": {"dt", "dd"}, "option": {"option"},
}  # fmt: skip
_BARRIERS = frozenset(
    ("ul", "ol", "dl", "table", "td", "th", "select", "blockquote", "svg", "math", "button")
)
_ROW_BARRIERS = frozenset({"table", "svg", "math"})
_SIBLING_DISTANCE = 8
_MAX_DEPTH = 200
_MAX_ATTRIBUTES = 100
_MAX_OPEN_FORMATTING = 60
_SAME_TAG_KEPT = 3  # parsers keep three equal formatting elements at most
_EFFORT_BASE = 4_000
_EFFORT_PER_TAG = 8
_LONG_TAG = 400


def is_cheap(html: str) -> bool:
    """Whether a parser needs time in proportion to the length of ``html`` only."""
    count = _Count()
    at = 0
    while True:
        found = _TAG.search(html, at)
        if found is None:
            return count.within_bounds()
        at = found.end()
        name = found.group(2)
        if name is None:
            if html.startswith("[CDATA[", at) and count.foreign:
                return False
            at = _after_other(html, found.group(), at)
            continue
        attributes = _ATTRIBUTES.match(html, at)
        stop = attributes.end() if attributes else at
        if stop - at > _LONG_TAG and _attribute_count(html, at, stop) > _MAX_ATTRIBUTES:
            return False
        name = name.lower()
        if found.group(1):
            count.close(name)
        else:
            count.open(name, html[at : min(stop, at + 200)])
        if count.refused:
            return False
        at = stop
        if name in _RAW and not found.group(1):
            if count.foreign:  # where a style is no style: nothing can be told any more
                return False
            at = _raw_end(html, name, at)


def _attribute_count(html: str, at: int, stop: int) -> int:
    return sum(1 for _ in _ATTRIBUTE.finditer(html, at, stop))


def _after_other(html: str, sign: str, at: int) -> int:
    """Return where a comment, a declaration or a bogus comment ends."""
    if sign == "<!--":
        if html.startswith((">", "->"), at):
            return html.index(">", at) + 1
        ends = [end for end in (html.find("-->", at), html.find("--!>", at)) if end >= 0]
        return min(ends) if ends else len(html)
    end = html.find(">", at)
    return len(html) if end < 0 else end


def _raw_end(html: str, name: str, at: int) -> int:
    if name == "plaintext":
        return len(html)
    found = re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE).search(html, at)
    return found.start() if found else len(html)


class _Count:
    """A rough model of a parser's stack and of its list of open formatting elements."""

    def __init__(self) -> None:
        self.stack: list[str] = []
        self.on_stack: dict[str, int] = {}
        self.formatting: list[tuple[str, str]] = []
        self.kept: dict[tuple[str, str], int] = {}
        self.formatting_on_stack = 0
        self.tags = 0
        self.effort = 0
        self.refused = False

    @property
    def foreign(self) -> bool:
        """Whether SVG or MathML is open, where the tokenizer follows other rules."""
        return bool(self.on_stack.get("svg") or self.on_stack.get("math"))

    def within_bounds(self) -> bool:
        return not self.refused and self.effort <= _EFFORT_BASE + _EFFORT_PER_TAG * self.tags

    def open(self, name: str, attributes: str) -> None:
        self._step()
        if name in _VOID:
            return
        if name in _SIBLINGS:
            self._close_sibling(_SIBLINGS[name], _ROW_BARRIERS if name == "tr" else _BARRIERS)
        self.stack.append(name)
        self.on_stack[name] = self.on_stack.get(name, 0) + 1
        if name in _FORMATTING:
            self.formatting_on_stack += 1
            if name in ("a", "nobr"):
                self._forget(name)
            key = (name, attributes)
            if self.kept.get(key, 0) < _SAME_TAG_KEPT:
                self.kept[key] = self.kept.get(key, 0) + 1
                self.formatting.append(key)
        if len(self.stack) > _MAX_DEPTH or len(self.formatting) > _MAX_OPEN_FORMATTING:
            self.refused = True

    def _close_sibling(self, siblings: set[str], barriers: frozenset[str]) -> None:
        """Close what a new element of its kind closes, through the inline elements in between."""
        for back in range(1, min(len(self.stack), _SIBLING_DISTANCE) + 1):
            name = self.stack[-back]
            if name in siblings:
                for _ in range(back):
                    self._pop()
                return
            if name in barriers:
                return

    def close(self, name: str) -> None:
        self._step()
        if name in _FORMATTING:
            self.effort += len(self.stack) // 8
            self._forget(name)
        if self.on_stack.get(name, 0):
            while self.stack[-1] != name:
                self._pop()
            self._pop()

    def _step(self) -> None:
        self.tags += 1
        self.effort += max(0, len(self.formatting) - self.formatting_on_stack)

    def _pop(self) -> None:
        name = self.stack.pop()
        self.on_stack[name] -= 1
        self.formatting_on_stack -= name in _FORMATTING

    def _forget(self, name: str) -> None:
        for place in range(len(self.formatting) - 1, -1, -1):
            if self.formatting[place][0] == name:
                self.kept[self.formatting[place]] -= 1
                del self.formatting[place]
                return
