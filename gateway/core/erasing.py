"""Erasure of a person who asked for it: one conversation at a time, resumed after a crash, audited.

What is kept of it is who asked, when, how much was erased, and a hash of each address, by which it
can be shown for a known address that it was erased; nothing from which the address could be read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import msgspec

from gateway.contracts.services import Clock, Log
from gateway.core.forgetting import Answers, Forgetter
from gateway.core.pace import Pace
from gateway.core.pipeline.keys import UNAUTHENTICATED
from gateway.core.pipeline.work import Work
from gateway.domain.changes import Changes, StateWrite
from gateway.domain.contact import identity_hash
from gateway.domain.forgetting import Remains
from gateway.domain.ids import Ids, read, show
from gateway.domain.message import Address
from gateway.errors import NotFound, Refused, StoreBroken, StoreError
from gateway.store.erasing import OWNER, Erased, Job
from gateway.store.operations import Store, Tenants
from gateway.store.people import Person

TRIES, PAUSE_SECONDS, IDLES, PATIENCE_MS = 10, 1.0, 30, 120_000
ONE_WORLD = ("", UNAUTHENTICATED)


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What was erased of a person, or would be.

    Args:
        remains: what other systems hold, which has to be erased there.
        failed: who could not be asked yet; they are asked again until they answer.
    """

    contacts: tuple[int, ...]
    erased: Erased
    remains: tuple[Remains, ...] = ()
    failed: tuple[str, ...] = ()


class Eraser:
    """Erases people."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        new_id: Ids,
        forgetter: Forgetter,
        log: Log,
        on_committed: Callable[[Changes], None] = lambda _: None,
        pace: Pace | None = None,
    ) -> None:
        self._pause = (pace or Pace()).idle * IDLES
        self._store, self._clock, self._new_id = store, clock, new_id
        self._forgetter, self._log, self._on_committed = forgetter, log, on_committed

    async def run(self) -> None:
        """Finish what was begun, now and then, until cancelled."""
        while True:
            try:
                await self.resume()
            except StoreBroken:
                raise
            except (StoreError, Refused) as error:
                self._log.warning("erasure.waits", error=str(error))
            await asyncio.sleep(self._pause)

    async def resume(self) -> None:
        """Finish every erasure that was begun a while ago, and that nobody can be at any more."""
        rows = await self._store.list_state(OWNER, prefix="", after="", limit=100)
        jobs = {row.key: msgspec.json.decode(row.value, type=Job) for row in rows}
        left = {key: job for key, job in jobs.items() if job.at <= self._clock.now() - PATIENCE_MS}
        for key, job in left.items():
            await self._work(key, job)
        if left:
            await self._forgetter.ask()

    async def find(self, tenants: Tenants, named: str) -> list[Person]:
        """Find whom somebody names.

        Args:
            named: a contact's id (``con_…``), or an address with its scheme (``email:…``).

        Raises:
            Refused: it is neither, or several people have that address.
            NotFound: nobody has it.
        """
        contact, address = read_person(named)
        people = await self._store.keeper.find_people(tenants, contact=contact, address=address)
        if not people:
            raise NotFound(f"nobody is known as {named}")
        contacts = ", ".join(show("con", person.contact.id) for person in people)
        tenant = {person.contact.tenant for person in people}
        apart = {one.scope for person in people for one in person.identities} - set(ONE_WORLD)
        if len(people) > 1 and (len(tenant) > 1 or apart):
            raise Refused(f"{named} may be several people; name one of {contacts}")
        return people

    async def look(self, people: Sequence[Person]) -> Report:
        """Say what would be erased; nothing is changed."""
        erased, remains = Erased(), Answers((), ())
        for person in people:
            for conversation in await self._store.keeper.conversations_of(person):
                counted, forgotten = await self._store.keeper.survey(person, conversation)
                erased = erased.plus(counted)
                remains = remains.plus(self._forgetter.tickets(forgotten))
            many = await self._store.keeper.erase_quarantined(person, dry=True)
            erased = erased.plus(Erased(arrivals=many))
        return _report(people, erased, remains)

    async def erase(self, people: Sequence[Person], who: str) -> Report:
        """Erase people, whoever asks for it.

        Raises:
            Refused: something is being sent to them at this moment; what is left is erased later.
        """
        erased = Erased()
        for person in people:
            key = show("con", person.contact.id)
            row = await self._store.get_state(OWNER, key)
            if row is None:
                await self._begin(key, person, who)
                row = await self._store.get_state(OWNER, key)
            if row is not None:
                erased = erased.plus(
                    await self._work(key, msgspec.json.decode(row.value, type=Job))
                )
        return _report(people, erased, await self._forgetter.ask())

    async def _begin(self, key: str, person: Person, who: str) -> None:
        hashes = [identity_hash(person.contact.tenant, one).hex() for one in person.addresses]
        job = Job(
            tenant=person.contact.tenant, contact=person.contact.id, people=tuple(sorted(hashes)),
            who=who, at=self._clock.now(),
        )  # fmt: skip
        write = StateWrite(owner=OWNER, key=key, value=msgspec.json.encode(job), expected=0)
        await self._store.commit([Changes(tenant=job.tenant, state=(write,))])

    async def _work(self, key: str, job: Job) -> Erased:
        """Erase from one conversation after the other until none names the person any more."""
        keeper, tenants = self._store.keeper, frozenset({job.tenant})
        quarantined = 0
        for person in await keeper.find_people(tenants, contact=job.contact):
            quarantined += await keeper.erase_quarantined(person, dry=False)
            erased = False
            while not erased:
                for conversation in await keeper.conversations_of(person):
                    await self._erase_from(person, conversation, key)
                erased = await keeper.erase_identities(person)
        return await self._finish(key, quarantined)

    async def _erase_from(self, person: Person, conversation: int, key: str) -> None:
        for left in reversed(range(TRIES)):
            try:
                await self._store.keeper.erase_from(person, conversation, key)
                return
            except NotFound:
                return
            except Refused:
                if not left:
                    raise
                await asyncio.sleep(PAUSE_SECONDS)

    async def _finish(self, key: str, quarantined: int) -> Erased:
        """Note that it is done, by whom it was asked for, and how much it was."""
        row = await self._store.get_state(OWNER, key)
        if row is None:
            return Erased()  # another process has finished it
        job = msgspec.json.decode(row.value, type=Job)
        done = job.done.plus(Erased(arrivals=quarantined))
        counts = msgspec.structs.asdict(done)
        work = Work(tenant=job.tenant, now=self._clock.now(), new_id=self._new_id)
        work.decide(
            "erasure", "erased", f"{job.who} asked for it", contact=key, asked_at=job.at,
            people=list(job.people), counts=counts,
        )  # fmt: skip
        work.tell("person.erased", data={"contact": key, **counts})
        work.state.append(StateWrite(owner=OWNER, key=key, value=None, expected=row.version))
        changes = work.changes()
        [conflict] = await self._store.commit([changes])
        if conflict is None:
            self._on_committed(changes)
        return done


def read_person(named: str) -> tuple[int | None, Address | None]:
    """Read whom somebody names: the id of a contact, or an address.

    Raises:
        Refused: it is neither.
    """
    if named.startswith("con_"):
        try:
            return read("con", named), None
        except ValueError as error:
            raise Refused(str(error)) from None
    scheme, colon, value = named.partition(":")
    if not colon or not scheme or not value.strip():
        raise Refused(
            f"{named!r} names nobody: give a contact (con_…), or an address with its scheme, "
            "such as email:ann@example.com or tel:+4930123456"
        )
    value = value.strip()
    return None, Address(scheme=scheme, value=value.lower() if scheme == "email" else value)


def _report(people: Sequence[Person], erased: Erased, answers: Answers) -> Report:
    return Report(
        contacts=tuple(person.contact.id for person in people), erased=erased,
        remains=answers.remains, failed=answers.failed,
    )  # fmt: skip
