"""Adopting a newer version of a template, and previewing it."""

from typing import Any

from tests.callers import CONFLICT, Caller, Json
from tests.world import CONTENT, World

SAVED = """document { id state latestVersion publishedVersion
      ... on CaseType { version { ...version
        content { name introduction questions { key label } } } }
      ... on CaseTypeTemplate { version { ...version
        content { name introduction questions { key label } } } } }
    event { action version note resident: document { id } }
    ...conflicts"""
FRAGMENTS = """
    fragment version on Version { number note restoredFrom author { name role }
      derivedFrom { version latestVersion behind template { id } } }
    fragment conflicts on DocumentPayload {
      errors { ... on MergeConflict { valuePath label base ours theirs } } }"""
CHECK = """query($id: ID!, $templateVersion: Int, $resolutions: [MergeResolution!]) {
    checkTemplateAdoption(id: $id, templateVersion: $templateVersion, resolutions: $resolutions) {
      fromVersion toVersion expectedVersion residentVisible changes { kind path before after }
      conflicts { code path valuePath label base ours theirs } problems { code path } content } }"""


async def adopt(caller: Caller, document: str, expected: int, **input: Any) -> Json:
    """The payload of the mutation, which may contain errors."""
    mutation = (
        "mutation($input: DocumentAdoptTemplateInput!) { documentAdoptTemplate(input: $input) {"
    )
    text = (
        f"{mutation} {SAVED} {CONFLICT} errors {{ __typename code message path }} }} }} {FRAGMENTS}"
    )
    payload: Json = (
        await caller.ask(text, input={"id": document, "expectedVersion": expected, **input})
    )["documentAdoptTemplate"]
    return payload


async def check(caller: Caller, document: str, **arguments: Any) -> Json:
    """The preview of an adoption."""
    found: Json = (await caller.ask(CHECK, id=document, **arguments))["checkTemplateAdoption"]
    return found


async def update_template(
    world: World, expected: int = 1, *, publish: bool = True, **content: Any
) -> int:
    """Save a new version of the national template, and return its number."""
    saved = await world.national.done(
        "caseTypeTemplateUpdate",
        "version { number }",
        id=world.template,
        expectedVersion=expected,
        content=content,
        publish=publish,
    )
    number: int = saved["version"]["number"]
    return number


def resolutions_of(**sides: str) -> list[Json]:
    """Resolutions of conflicts: the side to take, by path."""
    return [{"path": path, "take": side} for path, side in sides.items()]


QUESTIONS: list[Json] = CONTENT["questions"]
EXTRA: Json = {"key": "extra", "label": "Något mer?", "kind": "LONG_TEXT"}
MORE: Json = {"key": "mer", "label": "Vill du tillägga något?", "kind": "LONG_TEXT"}
