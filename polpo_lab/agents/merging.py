"""Several async iterators read as one: in the order things arrive, no faster than taken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, TypeVar

Item = TypeVar("Item")

_END: Any = object()
_ITEMS_AHEAD = 4


async def merge(*sources: AsyncGenerator[Item, None]) -> AsyncGenerator[Item, None]:
    """Yield what any source yields until all have ended; close them when closed."""
    queue: asyncio.Queue[Item] = asyncio.Queue(_ITEMS_AHEAD)

    async def pump(source: AsyncGenerator[Item, None]) -> None:
        try:
            async with aclosing(source):  # also one that waits to be read when it is cancelled
                async for item in source:
                    await queue.put(item)
        except asyncio.CancelledError:
            raise  # nobody reads the queue any more
        except BaseException:
            await queue.put(_END)
            raise
        await queue.put(_END)

    pumps = [asyncio.create_task(pump(source)) for source in sources]
    running = len(pumps)
    try:
        while running:
            item = await queue.get()
            if item is _END:
                running -= 1
            else:
                yield item
        for done in pumps:
            done.result()
    finally:
        for task in pumps:
            task.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
