"""The fields that an operation selects, so that resolvers read no more than needed."""

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
"""The fields that can be resolved from a document's summary, for every kind of document.

All other fields need the whole stored document.
"""


def fields_below(info: Info, *path: str) -> frozenset[str]:
    """Return the names of the fields that are selected below a field.

    Includes fields that are skipped by a directive, and fields of other types in fragments.

    Args:
        info: Of the field.
        path: The names of the fields that lead to the selection.
    """
    # Strawberry builds its own, complete copy of the selection for each field, which is slow.
    raw = info._raw_info  # noqa: SLF001
    sets = [node.selection_set for node in raw.field_nodes]
    for name in path:
        sets = [
            field.selection_set
            for field in _fields(sets, raw.fragments)
            if field.name.value == name
        ]
    return frozenset(field.name.value for field in _fields(sets, raw.fragments))


def needs_whole(info: Info, *path: str) -> bool:
    """Whether the operation selects fields of documents that are not in their summaries.

    Args:
        info: Of the field.
        path: The names of the fields that lead to the documents.
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
