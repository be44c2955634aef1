"""Conditional reads of operations whose responses have a tag."""

import httpx2

from tests.callers import Caller

CONTENT_FIELDS = (
    "{ name introduction questions { key label options { key } } terms { heading } responseTime {"
    " amount } }"
)
OPERATIONS = [
    (
        "query One($id: ID!) { caseType(id: $id) { id state latestVersion updatedAt content"
        f" {CONTENT_FIELDS} }} }}"
    ),
    """query List($id: ID!) { caseType(id: $id) { scope }
        caseTypes(orderBy: UPDATED_DESC) {
            totalCount edges { cursor node { name state latestVersion } } } }""",
    """query Old($id: ID!) { caseType(id: $id) { version(number: 2) { id }
        versions { totalCount edges { node { number note hash content { name } } } } } }""",
    (
        "query Templates($id: ID!) { caseType(id: $id) { id } caseTypeTemplates { edges { node {"
        " name level publishedVersion } } } }"
    ),
]


async def read(caller: Caller, query: str, case_type: str, tag: str = '""') -> httpx2.Response:
    """A conditional read; with the default, the response has a tag but never matches."""
    headers = {"authorization": f"Bearer {caller.token}", "if-none-match": tag}
    return await caller.client.post(
        caller.api.url, json={"query": query, "variables": {"id": case_type}}, headers=headers
    )
