"""Find the elements in which mail programs put the mail they quote."""

from __future__ import annotations

from selectolax.lexbor import LexborHTMLParser, LexborNode

from gateway_email.reading.markup import tree_text
from gateway_email.reading.quotes import Cut, cut_reply, is_header_block

_OPEN, _CLOSE, _FROM_HERE = "\ue001", "\ue002", "\ue003"
_MARKS = dict.fromkeys(map(ord, (_OPEN, _CLOSE, _FROM_HERE)))
# From such an element on, everything is the earlier mail (Outlook in its many forms).
_FROM_HERE_ON = (
    "#divRplyFwdMsg, #appendonsend, #mail-editor-reference-message-container, #OLK_SRC_BODY_SECTION,"
    " hr#stopSpelling, #reply-intro"
)
_OUTLOOK_RULE = 'div[style*="border-top:solid"], div[style*="border-top: solid"], div[style*="border-top: 1px solid"]'
_CONTAINERS = (
    "div.gmail_quote, div.gmail_quote_container, blockquote.gmail_quote, blockquote[type=cite], .moz-cite-prefix,"
    " .yahoo_quoted, .yahoo-quoted-begin, .protonmail_quote, .tutanota_quote, .zmail_extra, .front-blockquote,"
    " .moz-forward-container, #isForwardContent, .hm_cont, .ms-outlook-mobile-reference-message"
)
_MAX_CONTAINERS = 50
_MAX_RULES = 10
_HEADER_BLOCK_NODES = 60


def reply_from_html(html: str) -> tuple[str, Cut]:
    """Return the whole text of ``html``, and its new words apart from the quoted ones.

    Known containers of the big mail programs are cut first, then the rules for plain text apply.
    Answers inside or between containers keep everything.

    Args:
        html: markup that `is_cheap`.
    """
    tree = LexborHTMLParser(html.translate(_MARKS))
    marked = _mark(tree)
    text = tree_text(tree.body)
    if not marked:
        return text, cut_reply(text)
    whole = text.translate(_MARKS).strip("\n")
    head, _, tail = text.partition(_FROM_HERE)
    quoted: list[str] = []
    if _OPEN in head:
        kept = _outside(head, quoted)
        if kept is None:
            return whole, cut_reply(whole)
        head = kept
    quoted.append(tail.translate(_MARKS))
    cut = cut_reply(head.translate(_MARKS))
    if not cut.text.strip():
        return whole, Cut(text=whole)
    rest = "\n".join(piece for piece in (cut.quoted, *quoted) if piece.strip())
    return whole, Cut(text=cut.text, quoted=rest.strip("\n"))


def _mark(tree: LexborHTMLParser) -> bool:
    """Put marks around containers; whether there were any."""
    marked = False
    for node in tree.css(_FROM_HERE_ON)[:1] or _outlook_rules(tree):
        node.insert_before(_FROM_HERE)
        marked = True
    outer: set[int] = set()
    for node in tree.css(_CONTAINERS)[:_MAX_CONTAINERS]:
        if not _inside(node, outer):
            outer.add(node.mem_id)
            node.insert_before(_OPEN)
            node.insert_after(_CLOSE)
            marked = True
    return marked


def _outlook_rules(tree: LexborHTMLParser) -> list[LexborNode]:
    for node in tree.css(_OUTLOOK_RULE)[:_MAX_RULES]:
        lines = [line for line in tree_text(node, _HEADER_BLOCK_NODES).split("\n") if line.strip()]
        if lines and is_header_block(lines[:20], 0):
            return [node]
    return []


def _inside(node: LexborNode, outer: set[int]) -> bool:
    parent = node.parent
    while parent is not None:
        if parent.mem_id in outer:
            return True
        parent = parent.parent
    return False


def _outside(text: str, quoted: list[str]) -> str | None:
    """Return what stands outside the containers, or None when answers stand between or inside them."""
    before, *pieces = text.split(_OPEN)
    kept = [before]
    groups = 0
    for piece in pieces:
        inner, _, after = piece.partition(_CLOSE)
        if _answered_inside(inner):
            return None
        quoted.append(inner)
        # A line of attribution and its quote are two containers of one group.
        groups += any(line.startswith(">") for line in inner.split("\n"))
        if groups > 1 and kept[-1].strip(" \n>") and len(kept) > 1:
            return None
        kept.append(after)
    return "".join(kept)


def _answered_inside(inner: str) -> bool:
    """Whether words outside the quote marks follow quoted ones."""
    seen_quote = False
    for line in inner.split("\n"):
        if line.startswith(">"):
            seen_quote = True
        elif seen_quote and line.strip():
            return True
    return False
