"""Build the mails that the tests of reading are about."""

from __future__ import annotations


def mail(body: bytes | str, *fields: str | bytes) -> bytes:
    """Return a mail from Jane to the shop's support, with ``fields`` added, CRLF line ends."""
    given = [field.encode() if isinstance(field, str) else field for field in fields]
    names = {field.partition(b":")[0].lower() for field in given}
    usual = (
        b"From: Jane Doe <jane@customer.example>",
        b"To: support@shop.example",
        b"Subject: Order",
    )
    head = [field for field in usual if field.partition(b":")[0].lower() not in names]
    data = body.encode() if isinstance(body, str) else body
    return (
        b"\r\n".join([*head, *given])
        + b"\r\n\r\n"
        + data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    )


def part(content: bytes | str, *fields: str | bytes) -> bytes:
    """Return one part of a multipart: its fields, a blank line, its content."""
    given = [field.encode() if isinstance(field, str) else field for field in fields]
    data = content.encode() if isinstance(content, str) else content
    return b"".join(field + b"\n" for field in given) + b"\n" + data


def multipart(
    kind: str, *parts: bytes, boundary: str = "edge", extra: str = ""
) -> tuple[bytes, str]:
    """Return the body of a multipart and its Content-Type field."""
    delimiter = b"--" + boundary.encode()
    body = b"".join(delimiter + b"\n" + one + b"\n" for one in parts) + delimiter + b"--\n"
    return body, f'Content-Type: multipart/{kind}; boundary="{boundary}"{extra}'


def multipart_mail(
    kind: str, *parts: bytes, fields: tuple[str, ...] = (), extra: str = ""
) -> bytes:
    """Return a mail that is one multipart."""
    body, content_type = multipart(kind, *parts, extra=extra)
    return mail(body, content_type, "MIME-Version: 1.0", *fields)


def nested_part(kind: str, *parts: bytes, boundary: str) -> bytes:
    """Return a multipart to be put into another one."""
    body, content_type = multipart(kind, *parts, boundary=boundary)
    return part(body, content_type)
