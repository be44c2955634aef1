"""Reads what the registry has recorded and what a subscriber has received."""

import asyncio
import time

from tests.callers import STOCKHOLM
from tests.faults.checker import Logged
from tests.faults.subscribers import Subscriber
from tests.faults.writers import Calls

CAUGHT_UP_SECONDS = 60


async def caught_up(subscriber: Subscriber, count: int) -> None:
    """Wait until a subscriber has received a number of items, or until a timeout.

    The comparison after it finds the missing ones.
    """
    deadline = time.monotonic() + CAUGHT_UP_SECONDS
    while len(subscriber.received) < count and time.monotonic() < deadline:  # noqa: ASYNC110 - another process sends them
        await asyncio.sleep(0.05)


async def read_log(calls: Calls, first: int) -> list[Logged]:
    """The log from a sequence number on, oldest first."""
    query = f"""query($after: String) {{ principal(hsaId: "{STOCKHOLM}") {{
        events(first: 100, after: $after) {{
            pageInfo {{ endCursor }}
            edges {{ node {{ sequence action version note }} }} }} }} }}"""
    found: list[Logged] = []
    after = None
    while True:
        page = (await calls.ask(query, after=after))["principal"]["events"]
        nodes = [edge["node"] for edge in page["edges"]]
        found += [
            Logged(node["sequence"], node["action"], node["version"], node["note"])
            for node in nodes
            if node["sequence"] >= first
        ]
        if not nodes or nodes[-1]["sequence"] < first:
            return found[::-1]
        after = page["pageInfo"]["endCursor"]


async def read_versions(calls: Calls, document: str) -> dict[int, str]:
    """The hash of each version of a case type. Its chain must verify."""
    query = """query($id: ID!, $after: String) { caseType(id: $id) { verify { intact }
        versions(first: 100, after: $after) {
            pageInfo { hasNextPage endCursor } edges { node { number hash } } } } }"""
    hashes: dict[int, str] = {}
    after, more = None, True
    while more:
        found = (await calls.ask(query, id=document, after=after))["caseType"]
        assert found["verify"] == {"intact": True}
        hashes |= {
            edge["node"]["number"]: edge["node"]["hash"] for edge in found["versions"]["edges"]
        }
        more, after = (
            found["versions"]["pageInfo"]["hasNextPage"],
            found["versions"]["pageInfo"]["endCursor"],
        )
    return hashes
