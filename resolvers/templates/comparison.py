"""Comparison of a template with the documents that come from it.

The comparison goes place by place; documents with equal values are grouped.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from resolvers.context import Context
from resolvers.templates import usage
from store.content import diff
from store.content.canonical_json import canonical
from store.content.comparison import ComparedField, changed_order, compared_fields
from store.content.diff import Change
from store.documents.scopes import Visibility
from store.errors import InvalidInput
from store.kinds.kinds import Field
from store.paging import Page, Paging, cut, decode, encode
from store.records import Content, Document, DocumentState, OwnerKind, key_of

MAX_COMPARED = 500
_CURSOR_SHAPE = (int, int, str)
PlaceKey = tuple[int, int, str]
"""Sorts places: the position of the field, the number in the field, and the path."""


@dataclass(frozen=True, slots=True)
class TemplateComparisonCriteria:
    """Which documents to compare.

    Attributes:
        templates: Whether to include templates.
        case_types: Whether to include case types.
        principals: The HSA-ids of their principals; None for all.
    """

    templates: bool = True
    case_types: bool = True
    principals: Sequence[str] | None = None


@dataclass(frozen=True, slots=True)
class Variant:
    """A value at a place, and the documents that have it.

    Attributes:
        value: The value; None where the documents have none there.
        same: Whether the template has the same value.
        documents: The documents.
        changes: The changes from the template's value.
    """

    value: Any
    same: bool
    documents: Sequence[Document]
    changes: Sequence[Change]


@dataclass(frozen=True, slots=True)
class ComparedPlace:
    """A place, with the value of the template and the values of the documents."""

    path: str
    label: str
    value: Any
    variants: Sequence[Variant]

    @property
    def differs(self) -> bool:
        """Whether any document differs from the template here."""
        return any(not variant.same for variant in self.variants)


@dataclass(frozen=True, slots=True)
class ComparedTemplate:
    """A template compared with the documents that come from it."""

    template: Document
    documents: Sequence[Document]
    places: Mapping[PlaceKey, ComparedPlace]

    def page(self, paging: Paging, *, differing: bool) -> Page[ComparedPlace]:
        """A page of the places, in the order of the template's content.

        Items that the template lacks come at the end of each list.
        """
        keys = [key for key in sorted(self.places) if self.places[key].differs or not differing]
        if paging.after is not None:
            after = decode(paging.after, _CURSOR_SHAPE, "after")
            keys = [key for key in keys if key > after]
        keys = keys[: paging.limit + 1]
        return cut([self.places[key] for key in keys], [encode(key) for key in keys], paging)

    def count(self, *, differing: bool) -> int:
        """The number of places, or of those that differ."""
        return sum(place.differs or not differing for place in self.places.values())


async def compare(
    context: Context, template: Document, criteria: TemplateComparisonCriteria
) -> ComparedTemplate:
    """Compare the published content of a template with that of documents that come from it.

    These are the published documents of principals that the viewer sees and that are not archived.

    Raises:
        InvalidInput: There are over 500 of them; code `TOO_MANY`.
    """
    principals = (
        None
        if criteria.principals is None
        else {key_of(principal) for principal in criteria.principals}
    )
    found = [
        descendant.id
        for descendant in await context.loaders.descendants.load(template.id) or ()
        if descendant.owner.kind is OwnerKind.PRINCIPAL
        and descendant.published is not None
        and descendant.state is not DocumentState.ARCHIVED
        and context.rights.scope.visibility(descendant) is not Visibility.NOTHING
        and (criteria.templates if usage.is_template(context, descendant) else criteria.case_types)
        and (principals is None or descendant.principal in principals)
    ]
    if len(found) > MAX_COMPARED:
        raise InvalidInput.at(
            ("principals",),
            "TOO_MANY",
            f"Högst {MAX_COMPARED} dokument jämförs åt gången; här är det {len(found)}. Välj"
            " huvudmän eller slag.",
        )
    loaded = await context.loaders.documents.load_many(found)
    others = [
        document
        for document in loaded
        if document is not None and context.rights.visibility(document) is not Visibility.NOTHING
    ]
    others.sort(
        key=lambda document: (
            context.principals[document.principal].name,
            document.internal_name,
            document.id,
        )
    )
    return ComparedTemplate(template, others, compared_places(context, template, others))


def compared_places(
    context: Context, template: Document, others: Sequence[Document]
) -> Mapping[PlaceKey, ComparedPlace]:
    """Every place that the template or a document has, by its sort key."""
    kind = context.store.kinds[template.kind]
    base = kind.in_force(template)
    contents = {other.id: context.store.kinds[other.kind].in_force(other) for other in others}
    own = compared_fields(base, kind.fields)
    theirs = {
        document: compared_fields(content, kind.fields) for document, content in contents.items()
    }
    position = {name: number for number, name in enumerate(kind.fields)}
    found: dict[PlaceKey, ComparedPlace] = {}
    for place, number in _numbered(own, list(theirs.values())):
        values = [(other, theirs[other.id].get(place.path)) for other in others]
        value = own[place.path].value if place.path in own else None
        variants = _variants(
            value,
            [(other, None if found is None else found.value) for other, found in values],
            place.field,
            kind.fields,
        )
        found[position[place.field], number, place.path] = ComparedPlace(
            place.path, place.label, value, variants
        )
    for name, field in kind.fields.items():
        if field.keyed and field.fields is not None:
            found[position[name], 0, name] = _order(base, contents, others, name, field)
    return found


def _numbered(
    own: Mapping[str, ComparedField], theirs: Sequence[Mapping[str, ComparedField]]
) -> list[tuple[ComparedField, int]]:
    """All places, each with its number.

    The template's own places are numbered from 1; all others share the next number.
    """
    numbered = {path: (place, number) for number, (path, place) in enumerate(own.items(), 1)}
    last = len(numbered) + 1
    for places_of_document in theirs:
        for path, place in places_of_document.items():
            numbered.setdefault(path, (place, last))
    return list(numbered.values())


def _variants(
    value: Any, values: Sequence[tuple[Document, Any]], name: str, fields: Mapping[str, Field]
) -> list[Variant]:
    """The different values at a place, compared with the template's."""
    groups: dict[bytes, list[tuple[Document, Any]]] = defaultdict(list)
    for other, other_value in values:
        groups[canonical(other_value)].append((other, other_value))
    template = canonical(value)
    variants = [
        Variant(
            group[0][1],
            text == template,
            [other for other, _ in group],
            [] if text == template else _changes(value, group[0][1], name, fields),
        )
        for text, group in groups.items()
    ]
    return _sorted(variants)


def _changes(before: Any, after: Any, name: str, fields: Mapping[str, Field]) -> list[Change]:
    """The changes of a value, field by field as in a comparison of two versions."""
    if fields[name].keyed:
        before, after = ([] if item is None else [item] for item in (before, after))
    elif fields[name].fields is not None:
        return []  # a single field of an object: the two values are the change
    return diff.diff({name: before}, {name: after}, {name: fields[name]})


def _order(
    base: Content,
    contents: Mapping[str, Content],
    others: Sequence[Document],
    name: str,
    field: Field,
) -> ComparedPlace:
    """The order of the list items that the documents share with the template."""
    groups: dict[bytes, list[tuple[Document, Any]]] = defaultdict(list)
    for other in others:
        keys = changed_order(base, contents[other.id], name)
        groups[canonical(keys)].append((other, keys))
    own = [item["key"] for item in base.get(name) or ()]
    variants = [
        Variant(group[0][1] or own, group[0][1] is None, [other for other, _ in group], [])
        for group in groups.values()
    ]
    return ComparedPlace(name, f"{field.title} › ordning", own, _sorted(variants))


def _sorted(variants: Sequence[Variant]) -> list[Variant]:
    """The template's value first, then the most common values."""
    return sorted(variants, key=lambda variant: (not variant.same, -len(variant.documents)))
