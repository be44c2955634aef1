"""Case types for the measurement of reads, created over the API."""

import asyncio
import json
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

import httpx2

from bench.servers import Server
from resolvers.access import development_issuer
from store.mongo.connection import connect
from store.mongo.indexes import SWEDISH
from store.paging import encode
from store.records import Role

PRINCIPAL = "SE2321000016"
_AT_ONCE = 16
_QUESTIONS = 17
_FIELDS = """name internalName rationale introduction submittable onContactCard language
  questions { key label help kind required options { key label } shownIf { question equals } }
  links { key label url openPage } standardReplies { key label text }
  terms { key heading text mustAccept }
  restrictions { countyCodes gender ageFrom ageTo listedOnly referralRequired proxyAllowed }
  responseTime { amount unit }"""
ONE = (
    "query One($id: ID!) { caseType(id: $id) { id state latestVersion updatedAt content {"
    f" {_FIELDS} }} }} }}"
)
_NODE = (
    "cursor node { id name internalName state scope latestVersion publishedVersion createdAt"
    " updatedAt }"
)
_PAGE = 100


def content(number: int) -> dict[str, Any]:
    """Return a content of some 3.3 KB, which gives 160 values in a response to `ONE`."""
    questions: list[dict[str, Any]] = [
        {
            "key": f"fraga{number}",
            "label": f"Vad gäller det, del {number}?",
            "help": "Skriv kort.",
            "kind": "SHORT_TEXT",
            "required": number % 2 == 0,
        }
        for number in range(_QUESTIONS)
    ]
    for question in questions[:5]:
        options = [{"key": f"val{number}", "label": f"Alternativ {number}"} for number in range(2)]
        question.update(kind="SINGLE_CHOICE", options=options)
    return {
        "name": f"Förnya recept {number:04}",
        "internalName": f"Förnya recept {number:04} – regionen",
        "rationale": "Samma frågor i hela regionen.",
        "introduction": (
            "Här kan du **förnya** recept på läkemedel som du redan använder. Svar får du inom tre"
            " dagar."
        ),
        "questions": questions,
        "links": [
            {
                "key": f"lank{number}",
                "label": f"Läs mer {number}",
                "url": f"https://example.org/{number}",
            }
            for number in range(3)
        ],
        "standardReplies": [
            {"key": "mottaget", "label": "Mottaget", "text": "Vi har tagit emot ditt ärende."}
        ],
        "terms": [
            {
                "key": "allmant",
                "heading": "Villkor",
                "text": "Svar inom *tre* dagar.",
                "mustAccept": True,
            }
        ],
        "responseTime": {"amount": 3, "unit": "WORKING_DAYS"},
    }


@dataclass(frozen=True, slots=True)
class CaseTypes:
    """The case types of a registry.

    Attributes:
        token: Of the reader.
        ids: Of the case types.
        cursors: After which pages of 100 by name start.
        mongodb_uri: Of the registry's database.
    """

    token: str
    ids: list[str]
    cursors: list[str]
    mongodb_uri: str

    @classmethod
    async def made(cls, data: Path, server: Server, count: int) -> Self:
        """Create and publish `count` case types."""
        token = development_issuer.token(
            data,
            role=Role.REGIONAL_ADMINISTRATOR,
            unit=PRINCIPAL,
            employee=f"{PRINCIPAL}-anna",
            name="Anna Andersson",
            valid_for=timedelta(hours=6),
        )
        free = asyncio.Semaphore(_AT_ONCE)
        async with httpx2.AsyncClient(
            base_url=server.url, timeout=300, headers={"authorization": f"Bearer {token}"}
        ) as client:

            async def make(number: int) -> str:
                async with free:
                    create = (
                        "mutation($input: CaseTypeCreateInput!) { caseTypeCreate(input: $input) {"
                        " caseType { id } errors { message } } }"
                    )
                    made = await _ask(
                        client, create, input={"owner": PRINCIPAL, "content": content(number)}
                    )
                    case_type: str = made["caseTypeCreate"]["caseType"]["id"]
                    publish = (
                        "mutation($id: ID!) { documentPublish(input: { id: $id, version: 1,"
                        " expectedVersion: 1 }) { event { id } } }"
                    )
                    await _ask(client, publish, id=case_type)
                    return case_type

            ids = await asyncio.gather(*(make(number) for number in range(count)))
        uri = json.loads((data / "server.json").read_text(encoding="utf-8"))["mongodbUri"]
        mongodb = connect(uri)
        try:
            rows = (
                await mongodb["casetypes"]["documents"]
                .find({}, {"name": 1}, sort=[("name", 1), ("_id", 1)], collation=SWEDISH)
                .to_list()
            )
        finally:
            await mongodb.close()
        return cls(
            token,
            list(ids),
            [encode((row["name"], row["_id"])) for row in rows[_PAGE - 1 :: _PAGE]],
            uri,
        )

    def list_of(self, size: int) -> dict[str, Any]:
        """Return the operation for a list; more than 100 are several pages in one operation."""
        pages = max(1, size // _PAGE)
        cursors = {f"after{number}": self.cursors[number - 1] for number in range(1, pages)}
        arguments = [
            f"first: {min(size, _PAGE)}",
            *(f"first: {_PAGE}, after: $after{number}" for number in range(1, pages)),
        ]
        declared = f"({', '.join(f'${name}: String' for name in cursors)})" if cursors else ""
        selected = " ".join(
            f"page{number}: caseTypes({given}) {{ edges {{ {_NODE} }} }}"
            for number, given in enumerate(arguments)
        )
        return {"query": f"query Lists{declared} {{ {selected} }}", "variables": cursors}


async def _ask(client: httpx2.AsyncClient, query: str, **variables: Any) -> dict[str, Any]:
    body = (await client.post("/graphql", json={"query": query, "variables": variables})).json()
    if "errors" in body:
        raise RuntimeError(f"Refused: {body}")
    data: dict[str, Any] = body["data"]
    return data


def count_of(value: Any) -> int:
    """Count the values of a response, at any depth."""
    if isinstance(value, dict):
        return sum(map(count_of, value.values()))
    return sum(map(count_of, value)) if isinstance(value, list) else 1
