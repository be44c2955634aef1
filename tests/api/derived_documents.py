"""Creates case types and templates from templates, and publishes newer template versions."""

from typing import Any

from tests.callers import Caller
from tests.world import CONTENT


async def create_derived(
    caller: Caller,
    owner: str,
    template: str | None,
    *,
    kind: str = "caseType",
    publish: bool = True,
    **content: Any,
) -> str:
    """Create a case type or template, from a template if any is given; publish it by default."""
    derivation = {"fromTemplate": {"id": template}} if template else {}
    payload = await caller.done(
        f"{kind}Create",
        f"{kind} {{ id createdAt }}",
        owner=owner,
        content={**CONTENT, **content},
        **derivation,
    )
    document: str = payload[kind]["id"]
    if publish:
        await caller.done(
            "documentPublish", "event { id }", id=document, version=1, expectedVersion=1
        )
    return document


async def publish_template_version(
    caller: Caller, template: str, expected: int, **content: Any
) -> None:
    """Publish the next version of a template."""
    await caller.done(
        "caseTypeTemplateUpdate",
        "event { id }",
        id=template,
        expectedVersion=expected,
        content=content,
        publish=True,
    )
