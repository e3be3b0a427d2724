"""Continuation codes: given out for a conversation, used up by whoever keys them in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec

from gateway.contracts.continuation import IssuedCode, Redeemed
from gateway.contracts.services import Clock, Log, State
from gateway.domain.continuation import (
    CODES,
    DIGITS,
    MINUTE,
    CodeBook,
    ContinuationPolicy,
    LiveCode,
    current,
    full,
    issue,
    redeem,
)
from gateway.domain.message import Address
from gateway.domain.tokens import Keyring
from gateway.errors import Overloaded, Refused

OWNER = "core/continuation"
RACES = 50


class ContinuationCodes:
    """The codes of one tenant, in one row of its own.

    Redeeming takes one read and one write, whether the code is right or wrong.

    Args:
        state: where the row is kept.
        choose: gives a number from 0 to below its argument that nobody can foresee.
    """

    def __init__(
        self,
        *,
        tenant: str,
        state: State,
        keyring: Keyring,
        clock: Clock,
        policy: ContinuationPolicy,
        choose: Callable[[int], int],
        log: Log,
    ) -> None:
        self._log = log
        self._tenant, self._state, self._keyring = tenant, state, keyring
        self._clock, self._policy, self._choose = clock, policy, choose
        self._turn = asyncio.Lock()

    async def issue(self, conversation: int, *, again: str = "") -> IssuedCode:
        """Make a code for a conversation.

        Args:
            again: names what it is made for: the same gets the same digits, however often it asks.

        Raises:
            Refused: as many codes live as the configuration allows.
        """
        made_for = self._keyring.digest("made_for", self._tenant, again) if again else ""
        taken = 0
        async with self._turn:
            for _ in range(RACES):
                book, version = await self._read()
                known = made_for and any(code.made_for == made_for for code in book.live)
                if not known and full(book, self._policy):
                    raise Refused(
                        f"{len(book.live)} continuation codes live, and more would make them easy "
                        "to guess; wait until some run out, or raise [continuation] most_live"
                    )
                code = self._draw(again, taken)
                expires = self._clock.now() + int(self._policy.minutes * MINUTE)
                fresh = LiveCode(
                    hash=self._hash(code), conversation=conversation, expires_at=expires,
                    made_for=made_for,
                )  # fmt: skip
                after = issue(book, fresh)
                if after is None:
                    taken += 1
                elif await self._write(after, version):
                    return IssuedCode(code=code, expires_at=expires)
        raise Overloaded("too many ask for a continuation code at once; try again")

    async def redeem(self, code: str, *, by: Address | None, use: str) -> Redeemed | None:
        """Use a code up; None if it is wrong, used, expired, or `by` tried too often."""
        who = bearer(by)
        digest = self._hash(code)
        caller = self._keyring.digest("caller", self._tenant, who)
        async with self._turn:
            for _ in range(RACES):
                book, version = await self._read()
                after, conversation = redeem(
                    book, digest, by=caller, use=use, now=self._clock.now(), policy=self._policy
                )
                if not await self._write(after, version):
                    continue
                proof = self._keyring.make_bound(self._tenant, conversation or 0, who)
                if conversation is None:
                    self._log.warning("continuation.refused", tenant=self._tenant, use=use)
                    return None
                return Redeemed(conversation=conversation, proof=proof)
        raise Overloaded("too many key in continuation codes at once; try again")

    def _draw(self, again: str, taken: int) -> str:
        """Draw digits: at random, or for what asks again such that only the key can tell them."""
        if not again:
            return f"{self._choose(CODES):0{DIGITS}d}"
        digest = self._keyring.digest("draw", self._tenant, f"{again}/{taken}")
        return f"{int(digest, 16) % CODES:0{DIGITS}d}"

    def _hash(self, code: str) -> str:
        return self._keyring.digest("continuation", self._tenant, code)

    async def _read(self) -> tuple[CodeBook, int]:
        stored = await self._state.get(self._tenant)
        book = CodeBook() if stored.value is None else msgspec.convert(stored.value, CodeBook)
        return current(book, self._clock.now()), stored.version

    async def _write(self, book: CodeBook, version: int) -> bool:
        return await self._state.put(self._tenant, msgspec.to_builtins(book), expected=version)


def bearer(address: Address | None) -> str:
    """Who a proof is good for, in one word; whoever hides is nobody in particular."""
    return "" if address is None else f"{address.scheme}:{address.scope}:{address.value}"
