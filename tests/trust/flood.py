"""A client that sends as many requests as it can, in a process of its own.

Run it with `python -m tests.trust.flood URL TOKEN`. It runs until it is killed, and prints a line
when the flood has started.
"""

import asyncio
import itertools
import sys

import httpx2

_CONNECTIONS = 16
_LARGE_PAGE = (
    "{ clinics(first: 100) { edges { cursor node { id name hsaId status publicName } } } }"
)


async def flood(url: str, token: str) -> None:
    """Send requests without a pause, over many connections.

    They alternate between large pages and documents that the server has not seen before.
    """
    headers = {"authorization": f"Bearer {token}"}
    numbers = itertools.count()
    async with httpx2.AsyncClient(
        timeout=60, headers=headers, limits=httpx2.Limits(max_connections=_CONNECTIONS)
    ) as client:

        async def send_requests() -> None:
            while True:
                number = next(numbers)
                new = " ".join(f"a{number}x{field}: __typename" for field in range(60))
                query = f"{{ {new} }}" if number % 2 else _LARGE_PAGE
                await client.post(url, json={"query": query})
                if number == _CONNECTIONS * 4:
                    print("started", flush=True)  # noqa: T201 - the parent process waits for it

        await asyncio.gather(*(send_requests() for _ in range(_CONNECTIONS)))


if __name__ == "__main__":
    asyncio.run(flood(*sys.argv[1:]))
