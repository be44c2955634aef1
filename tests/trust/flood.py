"""A user who asks as much as he can, in a process of his own:

`python -m tests.trust.flood URL TOKEN`, until it is ended. Prints when it began.
"""

import asyncio
import itertools
import sys

import httpx2

_AT_ONCE = 16
_KNOWN = "{ clinics(first: 100) { edges { cursor node { id name hsaId status publicName } } } }"


async def flood(url: str, token: str) -> None:
    """Ask without a pause, over many connections: large pages, and documents that were never met
    before.
    """
    headers = {"authorization": f"Bearer {token}"}
    numbers = itertools.count()
    async with httpx2.AsyncClient(
        timeout=60, headers=headers, limits=httpx2.Limits(max_connections=_AT_ONCE)
    ) as client:

        async def ask() -> None:
            while True:
                number = next(numbers)
                new = " ".join(f"a{number}x{field}: __typename" for field in range(60))
                await client.post(url, json={"query": f"{{ {new} }}" if number % 2 else _KNOWN})
                if number == _AT_ONCE * 4:
                    print("begun", flush=True)  # noqa: T201 - to who began it

        await asyncio.gather(*(ask() for _ in range(_AT_ONCE)))


if __name__ == "__main__":
    asyncio.run(flood(*sys.argv[1:]))
