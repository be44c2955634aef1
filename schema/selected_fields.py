"""What an operation asks for below a field, so that what it does not ask for need not be read."""

from collections.abc import Iterable, Iterator, Mapping

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    SelectionSetNode,
)

from schema.errors import Info

SUMMARY_FIELDS = frozenset(
    {
        "__typename",
        "id",
        "name",
        "internalName",
        "state",
        "scope",
        "level",
        "latestVersion",
        "publishedVersion",
        "createdAt",
        "updatedAt",
        "owner",
    }
)
"""What documents of every kind answer from their summaries.

Whatever is not among it is taken to need the whole head.
"""


def fields_below(info: Info, *path: str) -> frozenset[str]:
    """The names of the fields asked for at a place below the field: those too that are skipped, or
    asked of other types than the one found.
    """
    raw = info._raw_info  # noqa: SLF001 - Strawberry's own view of the selection is made anew, and whole, for each field
    sets = [node.selection_set for node in raw.field_nodes]
    for name in path:
        sets = [
            field.selection_set
            for field in _fields(sets, raw.fragments)
            if field.name.value == name
        ]
    return frozenset(field.name.value for field in _fields(sets, raw.fragments))


def needs_whole(info: Info, *path: str) -> bool:
    """Whether something is asked of the documents at a place below the field that is not in their
    summaries.
    """
    return not fields_below(info, *path) <= SUMMARY_FIELDS


def _fields(
    sets: Iterable[SelectionSetNode | None], fragments: Mapping[str, FragmentDefinitionNode]
) -> Iterator[FieldNode]:
    for selections in sets:
        for selection in selections.selections if selections else ():
            if isinstance(selection, FieldNode):
                yield selection
            elif isinstance(selection, InlineFragmentNode):
                yield from _fields([selection.selection_set], fragments)
            elif isinstance(selection, FragmentSpreadNode):
                yield from _fields([fragments[selection.name.value].selection_set], fragments)
