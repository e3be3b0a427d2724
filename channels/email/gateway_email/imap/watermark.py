"""The ledger of a mailbox: up to where its mails were taken, and what to fetch next."""

from __future__ import annotations

from typing import Literal

import msgspec

from gateway_email.imap.values import Mailbox


class Watermark(msgspec.Struct, frozen=True, kw_only=True):
    """Up to where the mails of one folder were taken; stored together with the last of them.

    Args:
        uidvalidity: The epoch in which the UID counts (RFC 3501 section 2.3.1.1).
        last_uid: The highest UID taken.
    """

    uidvalidity: int
    last_uid: int = 0

    def after(self, uid: int) -> Watermark:
        """Return the watermark once a mail was taken; it never goes back."""
        return Watermark(uidvalidity=self.uidvalidity, last_uid=max(self.last_uid, uid))


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What to fetch after a mailbox was opened.

    Args:
        start: The watermark to go on from: fetch the UIDs above its `last_uid`.
        rescan: True when mails may be seen a second time, so that only their content tells them apart.
        reason: Why, for the log and the console.
    """

    start: Watermark
    rescan: bool
    reason: str


def plan_fetch(
    known: Watermark | None, mailbox: Mailbox, *, first: Literal["all", "new"] = "all"
) -> Plan:
    """Decide where to go on in a mailbox.

    Args:
        known: The stored watermark; None for a folder never read before.
        mailbox: The mailbox as just selected.
        first: Whether the first reading takes the mails that lie there already, or only later ones.
    """
    fresh = Watermark(uidvalidity=mailbox.uidvalidity)
    if known is None:
        if first == "new" and mailbox.uidnext:
            start = fresh.after(mailbox.uidnext - 1)
            return Plan(start=start, rescan=False, reason="first reading, from now on")
        return Plan(start=fresh, rescan=False, reason="first reading, from the beginning")
    if known.uidvalidity != mailbox.uidvalidity:
        reason = f"UIDVALIDITY changed from {known.uidvalidity} to {mailbox.uidvalidity}: every UID is new"
        return Plan(start=fresh, rescan=True, reason=reason)
    if 0 < mailbox.uidnext <= known.last_uid:
        # Seen after a restore from backup: the epoch stayed, the UIDs are given out a second time.
        reason = f"the next UID {mailbox.uidnext} is not above {known.last_uid}: the mailbox was set back"
        return Plan(start=fresh, rescan=True, reason=reason)
    return Plan(start=known, rescan=False, reason="going on where we were")
