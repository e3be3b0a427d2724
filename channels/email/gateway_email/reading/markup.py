"""Make HTML from strangers safe to show, and read the words in it."""

from __future__ import annotations

import html as entities
import re

import nh3
from selectolax.lexbor import LexborNode

from gateway_email.reading.safe_text import clean_text

_TAGS = {
    "a", "abbr", "address", "article", "b", "bdi", "bdo", "big", "blockquote", "br", "caption", "center", "cite",
    "code", "col", "colgroup", "dd", "del", "dfn", "div", "dl", "dt", "em", "figcaption", "figure", "font",
    "footer", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "i", "img", "ins", "kbd", "li", "main", "mark",
    "nav", "ol", "p", "pre", "q", "rp", "rt", "ruby", "s", "samp", "section", "small", "span", "strike", "strong",
    "sub", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "time", "tr", "tt", "u", "ul", "var", "wbr",
}  # fmt: skip
_ATTRIBUTES = {
    "*": {"dir", "lang", "title"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "td": {"colspan", "rowspan", "align", "valign"},
    "th": {"colspan", "rowspan", "align", "valign"},
    "ol": {"start"},
    "font": {"color"},
}
_SCHEMES = {"http", "https", "mailto", "tel", "cid"}
_LINK = re.compile(r"(?:https?://|mailto:|tel:|cid:)[^\s\x00-\x1f\u2028\u2029]", re.IGNORECASE)
_BLOCKS = frozenset(
    [
        "address",
        "article",
        "blockquote",
        "caption",
        "center",
        "dd",
        "div",
        "dl",
        "dt",
        "figcaption",
        "figure",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "li",
        "main",
        "nav",
        "ol",
        "p",
        "pre",
        "section",
        "table",
        "tr",
        "ul",
        "body",
        "html",
    ]
)
_PARAGRAPHS = frozenset(
    ["p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "table", "blockquote", "pre", "dl"]
)
_UNSEEN = frozenset(
    [
        "script",
        "style",
        "head",
        "title",
        "template",
        "noscript",
        "object",
        "svg",
        "math",
        "select",
        "textarea",
    ]
)
_ANY_TAG = re.compile(r"<[^<>]*+>?")
_RUN_OF_SPACES = re.compile(r" {2,}")
_RUN_OF_BLANKS = re.compile(r"[ \t]{2,}")
_LONG_NUMBER = re.compile(r"&#[xX]?[0-9a-fA-F]{9,};?")
_MANY_LINES = re.compile(r"\n(?:[ \t]*\n){2,}")
_MAX_DEPTH = 250
_MAX_NODES = 2_000_000


def safe_html(html: str) -> str:
    """Return ``html`` safe to show.

    Keeps text, structure, and links with http, https, mailto, tel or cid. Styles, forms, classes,
    identifiers and every relative link go.

    Args:
        html: markup that `is_cheap`, or the parser may be busy for minutes.
    """
    return clean_text(
        nh3.clean(
            html,
            tags=_TAGS,
            attributes=_ATTRIBUTES,
            attribute_filter=_filtered,
            url_schemes=_SCHEMES,
            clean_content_tags={"script", "style", "title", "template", "object", "svg", "math"},
            link_rel="noopener noreferrer nofollow",
        )
    )


def bare_words(html: str) -> str:
    """Return the words of markup that no parser should meet as harmless HTML."""
    escaped = entities.escape(stripped(html), quote=False)
    return f"<div>{escaped.replace(chr(10), '<br>')}</div>"


def _filtered(_tag: str, name: str, value: str) -> str | None:
    if name in ("href", "src"):
        return value if _LINK.match(value) else None
    return value


def stripped(html: str) -> str:
    """Return ``html`` without its tags, by text alone: for markup that no parser should meet."""
    return clean_text(_unescaped(_RUN_OF_BLANKS.sub(" ", _ANY_TAG.sub(" ", html)))).strip()


def _unescaped(text: str) -> str:
    return entities.unescape(_LONG_NUMBER.sub("\ufffd", text)) if "&" in text else text


def _collapsed(text: str) -> str:
    """Make one space of every run of blanks; most are single spaces, which a search would all find."""
    for blank in "\t\n\f\u00a0":
        text = text.replace(blank, " ")
    return _RUN_OF_SPACES.sub(" ", text) if "  " in text else text


def tree_text(root: LexborNode | None, most: int = _MAX_NODES) -> str:
    """Return the words below ``root`` as text: blocks on lines, quotes behind ``> ``, links named.

    Args:
        root: where to begin.
        most: how many nodes are looked at.
    """
    if root is None:
        return ""
    writer = _Writer()
    writer.walk(root, most)
    return writer.text()


class _Writer:
    """Collects lines while a tree is walked, without recursion."""

    def __init__(self) -> None:
        self.lines: list[tuple[int, str]] = []
        self.line: list[str] = []
        self.quoted = 0
        self.verbatim = 0

    def walk(self, root: LexborNode, most: int) -> None:
        node: LexborNode | None = root
        depth = 0
        for _ in range(most):
            if node is None:
                break
            tag = node.tag
            child = None
            if tag == "-text":
                self.add(node.text_content or "")
            elif tag not in _UNSEEN and depth < _MAX_DEPTH:
                self.enter(tag or "", node)
                child = node.child
            if child is not None:
                node, depth = child, depth + 1
                continue
            if tag != "-text" and tag not in _UNSEEN:
                self.leave(tag or "", node)
            while node is not None and depth > 0 and node.next is None:
                node, depth = node.parent, depth - 1
                if node is not None:
                    self.leave(node.tag or "", node)
            if node is None or depth <= 0:
                break
            node = node.next

    def add(self, text: str) -> None:
        if self.verbatim:
            first, *rest = text.split("\n")
            self.line.append(first)
            for line in rest:
                self.end_line()
                self.line.append(line)
            return
        text = _collapsed(text)
        if text == " " and (not self.line or self.line[-1].endswith(" ")):
            return
        self.line.append(text)

    def end_line(self, *, blank: bool = False) -> None:
        text = "".join(self.line)
        self.line.clear()
        text = text.rstrip() if self.verbatim else text.strip().replace("  ", " ")
        if text:
            self.lines.append((self.quoted, text))
        if blank and self.lines:
            depth, last = self.lines[-1]
            if last:
                self.lines.append((self.quoted, ""))
            elif depth > self.quoted:
                self.lines[-1] = (self.quoted, "")

    def enter(self, tag: str, node: LexborNode) -> None:
        if tag == "br":
            if self.line:
                self.end_line()
            else:
                self.lines.append((self.quoted, ""))
        elif tag == "img":
            self.line.append(_collapsed(node.attributes.get("alt") or ""))
        elif tag in ("td", "th"):
            if self.line and not self.line[-1].endswith(" "):
                self.line.append(" ")
        elif tag in _BLOCKS:
            self.end_line(blank=tag in _PARAGRAPHS)
            if tag == "li":
                self.line.append("- ")
            elif tag == "blockquote":
                self.quoted += 1
            elif tag == "pre":
                self.verbatim += 1

    def leave(self, tag: str, node: LexborNode) -> None:
        if tag == "a":
            self._name_link(node)
        elif tag in _BLOCKS:
            self.end_line()
            if tag == "blockquote":
                self.quoted = max(0, self.quoted - 1)
            elif tag == "pre":
                self.verbatim = max(0, self.verbatim - 1)
            self.end_line(blank=tag in _PARAGRAPHS)

    def _name_link(self, node: LexborNode) -> None:
        target = (node.attributes.get("href") or "").strip()
        if not target.lower().startswith(("http://", "https://")) or len(target) > 500:
            return
        shown = "".join(self.line[-4:]).strip()
        if shown and not shown.endswith(
            (target, target.rstrip("/"), target.partition("//")[2].rstrip("/"))
        ):
            self.line.append(f" <{target}>")

    def text(self) -> str:
        self.end_line()
        text = "\n".join(
            f"{'> ' * min(depth, 20)}{line}".rstrip() if depth else line
            for depth, line in self.lines
        )
        return _MANY_LINES.sub("\n\n", clean_text(text)).strip("\n")
