"""Links that open an open page from logged-in mode; a principal's policy decides on them."""

from collections.abc import Iterable, Mapping
from typing import Any

from resolvers.context import Context
from store.errors import InvalidInput, Path, Problem


async def require_allowed(
    context: Context, principal: str, links: Iterable[Mapping[str, Any]], path: Path = ("content",)
) -> None:
    """Refuse open page links where the principal does not allow them.

    Raises:
        InvalidInput: There are some; with the path of each.
    """
    if problems := await problems_at(context, principal, links, path):
        raise InvalidInput(problems)


async def problems_at(
    context: Context, principal: str, links: Iterable[Mapping[str, Any]], path: Path
) -> list[Problem]:
    """The open page links as problems; empty where the principal allows them.

    Args:
        context: The request.
        principal: The principal whose policy decides.
        links: The links of a content.
        path: Where the content is in the caller's input.
    """
    problems = problems_of(links, path)
    if not problems or (await context.store.policies.of(principal)).open_page_links:
        return []
    return problems


def problems_of(links: Iterable[Mapping[str, Any]], path: Path = ("content",)) -> list[Problem]:
    """The open page links as problems, for a principal that does not allow them."""
    message = "Huvudmannen tillåter inte länkar till öppna sidor från inloggat läge."
    return [
        Problem("OPEN_PAGE_LINK", message, (*path, "links", str(index), "openPage"))
        for index, link in enumerate(links)
        if link.get("openPage")
    ]
