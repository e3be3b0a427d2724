"""HTML from strangers is harmless, and its words are found."""

from __future__ import annotations

import pytest
from selectolax.lexbor import LexborHTMLParser

from gateway_email.reading.html_cost import is_cheap
from gateway_email.reading.markup import safe_html, stripped, tree_text


@pytest.mark.parametrize(
    "html",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<a href='javascript:alert(1)'>x</a>",
        "<a href='\u2028javascript:alert(1)'>x</a>",
        "<a href='//evil.example/'>x</a>",
        "<a href='/relative'>x</a>",
        "<a href='data:text/html,x'>x</a>",
        "<img src='file:///etc/passwd'>",
        "<iframe src='https://evil.example'></iframe>",
        "<form action='https://evil.example'><input name=p></form>",
        "<style>body{}</style>",
        "<p style='position:fixed' id=x class=y>x</p>",
        "<svg onload=alert(1)><a href='https://x.example'>x</a></svg>",
        "<math><mi xlink:href='javascript:alert(1)'>x</mi></math>",
        "<meta http-equiv=refresh content='0;url=https://evil.example'>",
        "<base href='https://evil.example'>",
        "<object data='https://evil.example'></object>",
    ],
)
def test_dangerous_markup_is_removed(html: str) -> None:
    """No script, style, form, frame or strange link survives."""
    safe = safe_html(html)
    for word in ("script", "onerror", "style", "evil", "form", "javascript", "data:", "file:", "class", "svg", "/relative"):  # fmt: skip
        assert word not in safe


def test_harmless_markup_is_kept() -> None:
    """Structure, pictures by cid and links by https, mailto and tel stay."""
    html = (
        '<p>a <b>b</b> <a href="https://x.example/">l</a> <a href="mailto:a@b.example">m</a>'
        ' <a href="tel:+49">t</a> <img src="cid:1@x" alt="i"></p>'
    )
    safe = safe_html(html)
    for kept in ("<b>b</b>", 'href="https://x.example/"', 'href="mailto:a@b.example"', 'href="tel:+49"', 'src="cid:1@x"'):  # fmt: skip
        assert kept in safe
    assert safe == safe_html(safe)


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p>one</p><p>two</p>", "one\n\ntwo"),
        ("one<br>two", "one\ntwo"),
        ("<div>one</div><div>two</div>", "one\ntwo"),
        ("<div>one</div><div><br></div><div>two</div>", "one\n\ntwo"),
        ("a   b\n c", "a b c"),
        ("<ul><li>one<li>two</ul>", "- one\n- two"),
        (
            "<blockquote>said<blockquote>before</blockquote></blockquote>x",
            "> said\n>\n> > before\n\nx",
        ),
        ("<pre>a\n  b</pre>", "a\n  b"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
        ('<a href="https://x.example/p">here</a>', "here <https://x.example/p>"),
        ('<a href="https://x.example">https://x.example</a>', "https://x.example"),
        ('<a href="https://x.example/">x.example</a>', "x.example"),
        ('<img src="cid:x" alt="logo">', "logo"),
        ("<style>p{}</style><script>x</script><title>t</title>a", "a"),
        ("a&nbsp;b &lt;c&gt; &amp;", "a b <c> &"),
        ("<p>", ""),
        ("<b>a</b><i>b</i>", "ab"),
    ],
)
def test_words_are_found(html: str, expected: str) -> None:
    """Blocks become lines, quotes get their mark, links are named."""
    assert expected == tree_text(LexborHTMLParser(html).body)


@pytest.mark.parametrize(
    "html",
    [
        "<div>" * 300,
        "".join(f"<p><b a={n}></p>" for n in range(100)),
        "<a " + " ".join(f"a{n}" for n in range(150)) + ">",
        "<a x='>' " + " ".join(f"a{n}" for n in range(150)) + ">",
        "<svg><style><b>",
        "<math><![CDATA[<b>",
    ],
)
def test_costly_markup_is_recognised(html: str) -> None:
    """What would keep a parser busy is told before it meets one."""
    assert not is_cheap(html)


@pytest.mark.parametrize(
    "html",
    [
        "",
        "<p>a<p>b<li>c<li>d" * 500,
        "<table>" + "<tr><td>a<td>b" * 500 + "</table>",
        "<font color=red>" * 50 + "</font>" * 50,
        "<p><b>bold</b> <i>words</i></p>" * 500,
        "<img src='data:image/png;base64," + "A/" * 20_000 + "'>",
        "<!-- <div> -->" * 1_000,
        "<style>" + "<div>" * 1_000 + "</style>",
        "<div>" * 100 + "</div>" * 100,
    ],
)
def test_usual_markup_is_cheap(html: str) -> None:
    """Sloppy but usual markup is parsed."""
    assert is_cheap(html)


def test_bare_words_need_no_parser() -> None:
    """The words of costly markup are found by text alone; giant numbers do not raise."""
    assert stripped("<div><b>a</b> <i>b</i> &lt;c&gt; &#" + "9" * 9_000 + ";") == "a b <c> \ufffd"  # fmt: skip
