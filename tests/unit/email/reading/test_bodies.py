"""What is words and what is attachment."""

from __future__ import annotations

import pytest

from gateway_email.reading import Limits, Mail, read_mail
from tests.unit.email.reading.samples import mail, multipart_mail, nested_part, part


def names(read: Mail) -> list[str]:
    """Return the names of the attachments."""
    return [one.name for one in read.parts]


def test_plain_and_html_are_one_text() -> None:
    """Of two forms of the same words the text is the sender's plain one, the HTML is kept."""
    read = read_mail(
        multipart_mail("alternative", part("plain"), part("<b>html</b>", "Content-Type: text/html"))
    )
    assert (read.text, read.html, names(read)) == ("plain", "<b>html</b>", [])


def test_an_empty_plain_form_gives_way_to_html() -> None:
    """A blank plain form does not make the mail empty."""
    read = read_mail(
        multipart_mail("alternative", part(" \n"), part("<p>html</p>", "Content-Type: text/html"))
    )
    assert read.text == "html"


def test_a_named_inline_text_is_body_and_attachment() -> None:
    """A text part with a name, shown inline, is both."""
    read = read_mail(
        multipart_mail(
            "mixed",
            part("hello"),
            part("the log", "Content-Type: text/plain; name=a.log", "Content-Disposition: inline"),
        )
    )
    assert (read.text, names(read)) == ("hello\n\nthe log", ["a.log"])


def test_a_text_attachment_is_no_text() -> None:
    """A text part that is an attachment stays one."""
    read = read_mail(
        multipart_mail(
            "mixed",
            part("hello"),
            part(
                "x", "Content-Type: text/plain", "Content-Disposition: attachment; filename=a.txt"
            ),
            part("<p>", "Content-Type: text/html", "Content-Disposition: attachment"),
        )
    )
    assert (read.text, names(read)) == ("hello", ["a.txt", "attachment-2.html"])


def test_later_html_parts_are_joined() -> None:
    """Apple Mail cuts HTML around attachments: all pieces are shown."""
    read = read_mail(
        multipart_mail(
            "mixed",
            part("<p>one</p>", "Content-Type: text/html"),
            part("x", "Content-Type: image/png; name=a.png"),
            part("<p>two</p>", "Content-Type: text/html"),
        )
    )
    assert (
        read.text,
        read.html,
        names(read),
    ) == ("one\n\ntwo", "<p>one</p>\n<p>two</p>", ["a.png"])


def test_a_mixed_set_inside_an_alternative_keeps_everything() -> None:
    """HTML, file and HTML inside one alternative: both texts and the file are found."""
    mixed = nested_part(
        "mixed",
        part("<p>one</p>", "Content-Type: text/html"),
        part("x", "Content-Type: image/png; name=a.png"),
        part("<p>two</p>", "Content-Type: text/html"),
        boundary="m",
    )
    read = read_mail(multipart_mail("alternative", part("one two"), mixed))
    assert (read.text, read.html, names(read)) == ("one two", "<p>one</p>\n<p>two</p>", ["a.png"])


def test_a_mail_that_is_one_file() -> None:
    """A mail whose body is a PDF has an attachment and no words."""
    read = read_mail(
        mail("JVBERg==", "Content-Type: application/pdf", "Content-Transfer-Encoding: base64")
    )
    assert (read.text, names(read), read.parts[0].data) == ("", ["attachment-1.pdf"], b"%PDF")


def test_signatures_are_listed_and_marked() -> None:
    """The words of a signed mail are shown, its signature is kept and marked."""
    read = read_mail(
        multipart_mail(
            "signed",
            part("signed words", "Content-Type: text/plain"),
            part("-----BEGIN", "Content-Type: application/pgp-signature; name=signature.asc"),
        )
    )
    assert read.text == "signed words"
    assert [(one.name, one.mark) for one in read.parts] == [("signature.asc", "signed")]


def test_encrypted_mail_is_kept_and_marked() -> None:
    """Nothing of an encrypted mail is lost; all its parts are marked."""
    read = read_mail(
        multipart_mail(
            "encrypted",
            part("Version: 1", "Content-Type: application/pgp-encrypted"),
            part("-----BEGIN PGP", "Content-Type: application/octet-stream; name=encrypted.asc"),
        )
    )
    assert [one.mark for one in read.parts] == ["encrypted", "encrypted"]
    smime = read_mail(
        mail("MIAG", "Content-Type: application/pkcs7-mime; smime-type=enveloped-data")
    )
    assert [one.mark for one in smime.parts] == ["encrypted"]
    signed = read_mail(mail("MIAG", "Content-Type: application/pkcs7-mime; smime-type=signed-data"))
    assert [one.mark for one in signed.parts] == ["signed"]


def test_an_attached_mail_is_named_by_its_subject() -> None:
    """An attached mail without a name is called by its subject."""
    inner = mail("inner", "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe/2?=")
    read = read_mail(
        multipart_mail("mixed", part("see"), part(inner, "Content-Type: message/rfc822"))
    )
    assert [(one.name, one.mark) for one in read.parts] == [("Grüße-2.eml", "message")]


def test_a_mail_that_only_attaches_a_mail_shows_it() -> None:
    """A forward without words of its own shows what is forwarded."""
    inner = mail("please help", "Subject: Broken")
    read = read_mail(multipart_mail("mixed", part(inner, "Content-Type: message/rfc822")))
    assert read.text == "From: Jane Doe <jane@customer.example>\nSubject: Broken\n\nplease help"


def test_a_digest_holds_mails() -> None:
    """The parts of a digest are mails unless they say otherwise (RFC 2046 §5.1.5)."""
    read = read_mail(
        multipart_mail("digest", part(mail("a", "Subject: One")), part(mail("b", "Subject: Two")))
    )
    assert names(read) == ["One.eml", "Two.eml"]


def test_images_are_inline_only_where_they_are_shown() -> None:
    """An image that the HTML does not refer to is an ordinary attachment."""
    read = read_mail(
        multipart_mail(
            "related",
            part('<p><img src="cid:one@x"></p>', "Content-Type: text/html"),
            part("1", "Content-Type: image/png; name=1.png", "Content-ID: <one@x>"),
            part("2", "Content-Type: image/png; name=2.png", "Content-ID: <two@x>"),
        )
    )
    assert [(one.name, one.inline) for one in read.parts] == [("1.png", True), ("2.png", False)]


def test_flowed_lines_are_joined() -> None:
    """Soft line breaks are undone, also inside quotes; the signature separator stays (RFC 3676)."""
    body = "one \ntwo\n> three \n> four\n> five\n \nsix"
    read = read_mail(mail(body, "Content-Type: text/plain; format=flowed"))
    assert read.full_text == "one two\n> three four\n> five\n\nsix"
    read = read_mail(
        mail("日本 \n語", "Content-Type: text/plain; charset=utf-8; format=flowed; delsp=yes")
    )
    assert read.text == "日本語"


def test_html_without_a_charset_is_read_by_its_meta() -> None:
    """A charset named only inside the HTML counts."""
    data = '<meta charset="windows-1251"><p>Привет'.encode("cp1251")
    assert read_mail(mail(data, "Content-Type: text/html")).text == "Привет"


@pytest.mark.parametrize(
    ("kind", "name"), [("text/plain", "message.txt"), ("text/html", "message.html")]
)
def test_text_beyond_the_limit_is_kept_whole(kind: str, name: str) -> None:
    """Too much text is cut for showing and kept as an attachment."""
    limits = Limits(text_bytes=1_000, html_bytes=1_000)
    read = read_mail(mail("word " * 1_000, f"Content-Type: {kind}"), limits=limits)
    assert len(read.text) <= 1_000
    assert [(name, b"word " * 1_000)] == [(one.name, one.data) for one in read.parts]
    assert read.complete
    assert read.warnings


def test_text_is_clean() -> None:
    """No NUL, no lone surrogate, no carriage return reaches the outside (F3)."""
    read = read_mail(
        mail(
            b"a\0b\x07c\r\xed\xa0\x80d",
            "Content-Type: text/plain; charset=utf-8",
            b"X-A: \xed\xa0\x80\0",
        )
    )
    assert read.text == "abc\n" + "\ufffd" * 3 + "d"
    assert all(value.isprintable() for _, value in read.headers)
