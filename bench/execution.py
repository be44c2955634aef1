"""Measures the gain of compiled execution and our own endpoint, on selections of real clients.

Three servers over the same MongoDB take turns: the registry, the registry with graphql-core in
place of compiled execution, and the registry behind Strawberry's view (`bench.alternatives`).
"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx2

from bench.case_types import ONE, CaseTypes
from bench.clients import Load, clients, post
from bench.measurement import Spread, alternate, load, machine, run_to_the_end, table
from bench.servers import Server, module, registry

_COLUMNS = ("selection", "figure", "registry", "reference", "reference / registry")
_CLIENTS = 32
_VERSIONS_SAVED = 25
_OWNER = "owner { __typename ... on Principal { id name } ... on Clinic { id name } }"
_LIST = (
    "query List {{ caseTypes(first: 50) {{ __typename totalCount edges {{ __typename node {{"
    " __typename id name internalName state scope latestVersion publishedVersion createdAt"
    " updatedAt {more} }} }} pageInfo {{ __typename endCursor hasNextPage }} }} }}"
)
_VERSIONS = (
    "query Versions($id: ID!) { caseType(id: $id) { __typename id versions(first: 20) { __typename"
    " totalCount edges { __typename node { __typename id number createdAt note author { __typename"
    " role unit name } } } pageInfo { __typename endCursor hasNextPage } } } }"
)


@dataclass(frozen=True, slots=True)
class Options:
    """What is run."""

    rounds: int
    requests: int
    documents: int


def selections(ids: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
    """The operations, as Apollo and Relay send them."""
    with_owner = ONE.replace("content {", "__typename " + _OWNER + " content { __typename", 1)
    with_content = _OWNER + " content { __typename name introduction }"
    return {
        "one case type, with owner": {"query": with_owner, "variables": {"id": ids[0]}},
        "list of 50, with owner": {"query": _LIST.format(more=_OWNER)},
        "list of 50, with owner and two values of content": {
            "query": _LIST.format(more=with_content)
        },
        "20 versions with authors": {"query": _VERSIONS, "variables": {"id": ids[0]}},
    }


async def save_versions(server: Server, token: str, case_type: str, count: int) -> None:
    """Save a case type until it has `count` versions, each with another introduction."""
    save = (
        "mutation($input: CaseTypeUpdateInput!) { caseTypeUpdate(input: $input) {"
        " version { number } errors { message } } }"
    )
    headers = {"authorization": f"Bearer {token}"}
    async with httpx2.AsyncClient(base_url=server.url, headers=headers) as client:
        for number in range(1, count):
            edit = {
                "id": case_type,
                "expectedVersion": number,
                "content": {"introduction": f"Här förnyar du recept, version {number + 1}."},
                "note": f"Version {number + 1}",
            }
            body = {"query": save, "variables": {"input": edit}}
            answer = (await client.post("/graphql", json=body)).json()
            saved = answer["data"]["caseTypeUpdate"]["version"]
            if saved != {"number": number + 1}:
                raise RuntimeError(f"Not saved: {answer}")


async def measure(options: Options) -> None:
    """Measure every selection against both references, and print the table."""
    rows: list[list[str]] = []
    print(f"## Execution\n\n{machine()}\n", flush=True)
    with TemporaryDirectory(prefix="casetypes-bench-") as name:
        folder = Path(name)
        with registry(folder / "data") as ours:
            collection = await CaseTypes.made(folder / "data", ours, options.documents)
            await save_versions(ours, collection.token, collection.ids[0], _VERSIONS_SAVED)
            for kind in ("graphql_core", "strawberry_view"):
                arguments = (kind, collection.mongodb_uri, str(folder / "data"))
                with module("bench.alternatives", folder, *arguments) as reference:
                    servers = {"registry": ours, "reference": reference}
                    for selection, body in selections(collection.ids).items():
                        request = post("/graphql", body, collection.token)
                        async with AsyncExitStack() as stack:
                            sides = {
                                side: await stack.enter_async_context(
                                    clients(server, [request], _CLIENTS, folder)
                                )
                                for side, server in servers.items()
                            }
                            results = await alternate(
                                options.rounds,
                                {
                                    side: partial(found.ask, options.requests)
                                    for side, found in sides.items()
                                },
                            )
                        rows += _rows(f"{selection} ({kind})", results)
                print(f"{kind} measured. {load()}", file=sys.stderr, flush=True)
    print(f"{table(_COLUMNS, rows)}\n\n{load()}", flush=True)


def _rows(selection: str, results: Mapping[str, Sequence[Load]]) -> list[list[str]]:
    answers = {json.dumps(json.loads(found[0].text)["data"]) for found in results.values()}
    if len(answers) != 1:
        raise RuntimeError(f"The answers to {selection} differ.")
    figures: Mapping[str, Callable[[Load], float]] = {
        "server CPU per request, ms": lambda result: result.cpu * 1e3,
        "requests per second": lambda result: result.throughput,
        "p99, ms": lambda result: result.p99 * 1e3,
    }
    rows = []
    for name, figure in figures.items():
        ours, reference = ([figure(result) for result in found] for found in results.values())
        ratio = Spread.of_ratios(reference, ours)
        rows.append([selection, name, str(Spread.of(ours)), str(Spread.of(reference)), str(ratio)])
    return rows


def main(arguments: Sequence[str]) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m bench execution", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--rounds", type=int, default=5, help="that count (default: 5)")
    parser.add_argument("--requests", type=int, default=600, help="in a measurement (default: 600)")
    parser.add_argument("--documents", type=int, default=60, help="case types (default: 60)")
    run_to_the_end(measure(Options(**vars(parser.parse_args(arguments)))))
