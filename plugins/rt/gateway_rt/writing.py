"""A forward as RT shows it: its text with notes for the agent, its people and files."""

from __future__ import annotations

from gateway import Address, Attachment, Blobs, Forward, NotFound
from gateway_rt.answers import File

BY_US = frozenset({"agent", "bot", "system"})


def as_correspondence(forward: Forward) -> bool:
    """Whether an entry is what the customer said; anything else is for agents' eyes only."""
    return (
        forward.audience != "internal" and not forward.repeat and forward.author_kind not in BY_US
    )


def requestor_of(forward: Forward) -> str:
    """Return the requester's mail address, empty where there is none."""
    return _mail(forward.requester.address if forward.requester else None)


def copied_of(forward: Forward) -> tuple[str, ...]:
    """Return the mail addresses of those the customer brought in."""
    found = (_mail(person.address) for person in forward.others if person.role == "cc")
    return tuple(dict.fromkeys(filter(None, found)))


def text_of(forward: Forward, missing: tuple[str, ...], *, opening: bool) -> str:
    """Return what is written into the ticket.

    Args:
        missing: a sentence for each file that does not go along.
        opening: it is the ticket's first, so that what was quoted is not known from elsewhere.
    """
    notes = [*forward.remarks, *_whose(forward, opening=opening), *missing]
    parts = ["\n".join(f"[{note}]" for note in notes), forward.text]
    if opening and forward.quoted:
        parts.append(forward.quoted)
    return "\n\n".join(filter(None, parts))


async def files_of(forward: Forward, blobs: Blobs) -> tuple[tuple[File, ...], tuple[str, ...]]:
    """Return the files that go along, and a sentence for each of the others."""
    files: list[File] = []
    missing: list[str] = []
    for attachment in forward.attachments:
        content = await _content(attachment, blobs)
        if content is None:
            missing.append(f"Without {attachment.name}: {_why(attachment)}")
        else:
            media_type = attachment.media_type
            files.append(File(name=attachment.name, media_type=media_type, content=content))
    return tuple(files), tuple(missing)


async def _content(attachment: Attachment, blobs: Blobs) -> bytes | None:
    if attachment.state != "stored":
        return None
    try:
        return await blobs.read(attachment)
    except NotFound:
        return None


def _why(attachment: Attachment) -> str:
    return {
        "too_large": "it is over the size limit.",
        "blocked": "it was blocked.",
        "pending": "it has not come yet.",
    }.get(attachment.state, "it is not kept any more.")


def _whose(forward: Forward, *, opening: bool) -> list[str]:
    """Say who wrote it where RT does not show that by itself."""
    author = forward.author
    if forward.author_kind in BY_US:
        name = (author.name or author.value) if author else ""
        to = "for agents" if forward.audience == "internal" else "to the customer"
        return [f"{name or forward.author_kind.capitalize()} wrote {to}:"]
    if author is None:
        return ["Nobody is named as its sender."] if opening else []
    requester = forward.requester.address if forward.requester else None
    same = requester is not None and (author.scheme, author.value) == (
        requester.scheme,
        requester.value,
    )
    plain = author.scheme == "email" or not opening
    return [] if same and plain else [f"From {_shown(author)}:"]


def _shown(address: Address) -> str:
    place = address.value if address.scheme == "email" else f"{address.scheme} {address.value}"
    return f"{address.name} <{place}>" if address.name else place


def _mail(address: Address | None) -> str:
    return address.value if address is not None and address.scheme == "email" else ""
