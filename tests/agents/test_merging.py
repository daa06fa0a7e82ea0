"""Reading several iterators as one, and ending them with it."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from polpo_lab.agents.merging import merge


async def _numbers(closed: list[str], name: str, most: int = 1_000):
    try:
        for number in range(most):
            yield number
            await asyncio.sleep(0)
    finally:
        closed.append(name)


async def test_all_of_every_source_is_read():
    found = [item async for item in merge(_numbers([], "a", 20), _numbers([], "b", 30))]
    assert sorted(found) == sorted([*range(20), *range(30)])


async def test_closing_closes_sources_before_it_returns_also_those_that_wait_to_be_read():
    closed: list[str] = []
    async with aclosing(merge(_numbers(closed, "a"), _numbers(closed, "b"))) as merged:
        await anext(merged)
        for _ in range(50):  # both run ahead as far as they may, and wait
            await asyncio.sleep(0)
        assert closed == []
    assert sorted(closed) == ["a", "b"]


async def test_what_a_source_raises_comes_out_after_the_others_have_ended():
    async def broken():
        yield 0
        raise ValueError("broke")

    found: list[int] = []

    async def read():
        async for item in merge(broken(), _numbers([], "a", 5)):
            found.append(item)  # noqa: PERF401  # what came before it broke is what is asked

    with pytest.raises(ValueError, match="broke"):
        await read()
    assert sorted(found) == [0, 0, 1, 2, 3, 4]
