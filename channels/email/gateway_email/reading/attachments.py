"""Make attachments out of entities: their names, their marks and the cards shown for them."""

from __future__ import annotations

import re

from gateway_email.reading.calendars import calendar_card
from gateway_email.reading.encoded_words import decode_value, raw_text
from gateway_email.reading.fields import read_fields
from gateway_email.reading.limits import Limits, OverLimitError
from gateway_email.reading.mail import Mark, Part
from gateway_email.reading.parameters import cleaned_filename, read_parameters
from gateway_email.reading.structure import Entity

# An own short table: the standard library's reads the machine's files and differs between them.
_EXTENSIONS = {
    "application/pdf": "pdf", "application/zip": "zip", "application/json": "json", "application/xml": "xml",
    "application/pgp-signature": "asc", "application/pkcs7-signature": "p7s", "application/x-pkcs7-signature": "p7s",
    "application/pkcs7-mime": "p7m", "application/ms-tnef": "dat", "application/ics": "ics",
    "application/rtf": "rtf", "application/msword": "doc", "application/vnd.ms-excel": "xls",
    "audio/mpeg": "mp3", "audio/wav": "wav", "audio/amr": "amr", "image/bmp": "bmp", "image/gif": "gif",
    "image/heic": "heic", "image/jpeg": "jpg", "image/jpg": "jpg", "image/png": "png", "image/svg+xml": "svg",
    "image/tiff": "tif", "image/webp": "webp", "message/delivery-status": "txt", "message/rfc822": "eml",
    "message/global": "eml", "message/feedback-report": "txt", "message/disposition-notification": "txt",
    "text/calendar": "ics", "text/csv": "csv", "text/html": "html", "text/plain": "txt",
    "text/rfc822-headers": "txt", "text/vcard": "vcf", "text/x-vcard": "vcf", "text/xml": "xml",
    "video/mp4": "mp4", "video/quicktime": "mov",
}  # fmt: skip
_SIGNATURES = {
    "application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature",
}  # fmt: skip
_ENCRYPTED = {"application/pgp-encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime"}
_TNEF = {"application/ms-tnef", "application/vnd.ms-tnef"}
_CALENDARS = {"text/calendar", "application/ics"}
_MESSAGES = {"message/rfc822", "message/global"}
_BLANKS = re.compile(r"\s+")
_MAX_SUBJECT_NAME = 100


def disposition_of(entity: Entity) -> str:
    """Return ``attachment``, ``inline`` or nothing."""
    value = entity.fields.first("content-disposition")
    if not value:
        return ""
    main, _ = read_parameters(raw_text(value, "latin-1"))
    return main if main in ("attachment", "inline") else "attachment" if main else ""


def name_of(entity: Entity, charset: str) -> str:
    """Return the file name the sender gave, cleaned; empty when there is none.

    Args:
        entity: the part.
        charset: what the mail's text is in, for names in raw 8-bit bytes.
    """
    for field, parameter in (("content-disposition", "filename"), ("content-type", "name")):
        value = entity.fields.first(field)
        if value and b"name" in value.lower():
            _, params = read_parameters(raw_text(value, charset))
            for key in (parameter, "filename", "name"):
                if name := cleaned_filename(params.get(key, "")):
                    return name
    return ""


def content_id_of(entity: Entity) -> str:
    """Return the Content-ID without its brackets, or else the Content-Location."""
    value = entity.fields.first("content-id") or entity.fields.first("content-location")
    return decode_value(value).strip("<> ")[:998] if value else ""


def mark_of(media_type: str, name: str, parent_type: str, params: dict[str, str]) -> Mark:
    """Return what is special about a part."""
    if media_type in _SIGNATURES:
        return "signed"
    if media_type in _ENCRYPTED:
        return "signed" if params.get("smime-type", "").startswith("signed") else "encrypted"
    if parent_type == "multipart/encrypted":
        return "encrypted"
    if media_type in _TNEF or name.lower() == "winmail.dat":
        return "tnef"
    if media_type in _CALENDARS or name.lower().endswith(".ics"):
        return "calendar"
    return "message" if media_type in _MESSAGES else ""


def attachment(
    entity: Entity, data: bytes, *, number: int, charset: str, parent_type: str, limits: Limits
) -> Part:
    """Return the attachment made of ``entity`` whose decoded content is ``data``.

    Args:
        entity: the part of the mail.
        data: its bytes without the transfer encoding.
        number: its place among the attachments, for a part without a name.
        charset: what the mail's text is in.
        parent_type: the media type of the multipart around it.
        limits: for the header of an attached mail.
    """
    name = name_of(entity, charset)
    media_type = entity.media_type
    mark = mark_of(media_type, name, parent_type, entity.params)
    if not name and mark == "message":
        name = _message_name(data, limits)
    if not name:
        extension = _EXTENSIONS.get(media_type, "bin")
        name = f"attachment-{number}.{extension}"
    content_id = content_id_of(entity)
    disposition = disposition_of(entity)
    return Part(
        name=name,
        media_type=media_type,
        data=data,
        content_id=content_id,
        inline=disposition == "inline" or (bool(content_id) and disposition != "attachment"),
        mark=mark,
        card=calendar_card(data) if media_type in _CALENDARS else "",
    )


def _message_name(data: bytes, limits: Limits) -> str:
    """Name an attached mail by its subject."""
    try:
        fields, _ = read_fields(data.lstrip(b"\r\n"), 0, len(data.lstrip(b"\r\n")), limits)
    except OverLimitError:
        return ""
    subject = _BLANKS.sub(" ", decode_value(fields.first("subject")))[:_MAX_SUBJECT_NAME]
    subject = cleaned_filename(subject.replace("/", "-").replace("\\", "-"))
    return f"{subject}.eml" if subject else ""
