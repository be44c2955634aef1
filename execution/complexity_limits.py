"""The limits on one document, and the errors for documents that exceed them."""

from dataclasses import dataclass

from schema.errors import TopLevelError


@dataclass(frozen=True, slots=True)
class Bounds:
    """The limits on one document; with all fragments spread.

    Attributes:
        depth: Levels of nested fields.
        fields: Fields in all operations and fragments together.
        aliases: Fields with an alias.
        directives: Uses of directives.
        operations: Operations in the document.
        cost: The cost of one operation, in values.
    """

    depth: int = 20
    fields: int = 2_000
    aliases: int = 100
    directives: int = 100
    operations: int = 20
    cost: int = 20_000


class TooComplex(TopLevelError):
    """A document exceeds a limit."""

    def __init__(self, what: str, limit: int, found: int | None = None) -> None:
        this = f" This document has {found}." if found is not None and found < 1 << 53 else ""
        super().__init__(
            "QUERY_TOO_COMPLEX",
            f"The limit on {what} in one document is {limit}.{this}",
            {"limit": what, "most": limit},
        )


class FragmentCycle(TopLevelError):
    """A fragment spreads itself."""

    def __init__(self, name: str) -> None:
        super().__init__(
            "GRAPHQL_VALIDATION_FAILED", f"Cannot spread fragment '{name[:64]}' within itself."
        )


def require_at_most(limit: int, what: str, found: int) -> None:
    """Raise `TooComplex` if more than `limit` were found."""
    if found > limit:
        raise TooComplex(what, limit, found)
