"""What tests of the outbox have happen in a workshop, and wait for."""

from __future__ import annotations

from gateway.domain.delivery import Delivery
from gateway.domain.draft import ThreadRef
from tests.unit.core.workshop import Workshop, letter, until

BACKEND = "backend/tickets"


async def says(shop: Workshop, text: str, author: str = "ann") -> None:
    """Let somebody write into their one native thread."""
    thread = ThreadRef(native_id=f"thread of {author}", admits_sender=True)
    await shop.take(letter(author, text=text, thread=thread))


async def reaches(shop: Workshop, state: str, target: str = BACKEND) -> Delivery:
    """Wait until the first delivery of a target is in a state."""

    async def there() -> bool:
        return (await shop.deliveries(target))[0].state == state

    await until(there)
    return (await shop.deliveries(target))[0]


async def tried(shop: Workshop, attempts: int, target: str = BACKEND) -> Delivery:
    """Wait until so many attempts at the first delivery are on record."""

    async def there() -> bool:
        return len((await shop.deliveries(target))[0].history) >= attempts

    await until(there)
    return (await shop.deliveries(target))[0]


async def answered(shop: Workshop) -> None:
    """Have an agent answer the only conversation."""
    [conversation] = await shop.conversations()
    await shop.operator.reply(None, conversation.id, text="Try water", internal=False, author="Bob")
    await shop.quiet()
