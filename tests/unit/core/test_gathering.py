"""Questions that come up together are answered together."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from gateway.core.gathering import Gathered


async def test_questions_asked_together_share_a_batch() -> None:
    """Each asker gets the answer to its own question, and few batches are needed."""
    batches: list[list[int]] = []

    async def answer(questions: Sequence[int]) -> list[int]:
        batches.append(list(questions))
        return [question * 10 for question in questions]

    gathered = Gathered(answer)
    answers = await asyncio.gather(*(gathered.ask(number) for number in range(5)))

    assert answers == [0, 10, 20, 30, 40]
    assert batches == [[0, 1, 2, 3, 4]]


async def test_a_batch_that_fails_fails_for_its_askers_only() -> None:
    """Whoever asks later is answered all the same."""
    failing = True

    async def answer(questions: Sequence[int]) -> Sequence[int]:
        if failing:
            raise ValueError("not now")
        return questions

    gathered = Gathered(answer)
    with pytest.raises(ValueError, match="not now"):
        await gathered.ask(1)
    failing = False

    assert 2 == await gathered.ask(2)
