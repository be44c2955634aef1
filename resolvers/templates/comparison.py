"""Where principals' documents differ from a template that they come from: place by place, equal
values together.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from resolvers.context import Context
from resolvers.templates import usage
from store.content import diff
from store.content.canonical_json import canonical
from store.content.comparison import Place, moved, places
from store.content.diff import Change
from store.documents.scopes import Visibility
from store.errors import InvalidInput
from store.kinds.kinds import Field
from store.mongo.paging import Page, Paging, cut, decode, encode
from store.records import Content, Document, DocumentState, OwnerKind, key_of

MAX_COMPARED = 500
_SHAPE = (int, int, str)
Row = tuple[int, int, str]


@dataclass(frozen=True, slots=True)
class Wish:
    """Which documents to compare; of all principals if none is named."""

    templates: bool = True
    case_types: bool = True
    principals: Sequence[str] | None = None


@dataclass(frozen=True, slots=True)
class Variant:
    """One value at a place, and the documents that have it; None where they have nothing there.

    `same` as the template's.
    """

    value: Any
    same: bool
    documents: Sequence[Document]
    changes: Sequence[Change]


@dataclass(frozen=True, slots=True)
class PlaceCompared:
    """One place: what the template has there, and what the others have."""

    path: str
    label: str
    value: Any
    variants: Sequence[Variant]

    @property
    def differs(self) -> bool:
        """Whether any document differs from the template here."""
        return any(not variant.same for variant in self.variants)


@dataclass(frozen=True, slots=True)
class Compared:
    """A template beside the documents that come from it."""

    template: Document
    documents: Sequence[Document]
    rows: Mapping[Row, PlaceCompared]

    def page(self, paging: Paging, *, differing: bool) -> Page[PlaceCompared]:
        """A page of the places, in the order of the template's content; what it lacks stands at the
        end of each list.
        """
        keys = [key for key in sorted(self.rows) if self.rows[key].differs or not differing]
        if paging.after is not None:
            after = decode(paging.after, _SHAPE, "after")
            keys = [key for key in keys if key > after]
        some = keys[: paging.limit + 1]
        return cut([self.rows[key] for key in some], [encode(key) for key in some], paging)

    def count(self, *, differing: bool) -> int:
        """How many places there are."""
        return sum(row.differs or not differing for row in self.rows.values())


async def compare(context: Context, template: Document, wish: Wish) -> Compared:
    """What is in force of a template beside what is in force of the principals' documents that come
    from it, those that the viewer sees.

    Raises:
        InvalidInput: There are too many of them; code `TOO_MANY`.
    """
    wanted = (
        None if wish.principals is None else {key_of(principal) for principal in wish.principals}
    )
    found = [
        one.id
        for one in await context.loaders.descendants.load(template.id) or ()
        if one.owner.kind is OwnerKind.PRINCIPAL
        and one.published is not None
        and one.state is not DocumentState.ARCHIVED
        and context.rights.scope.visibility(one) is not Visibility.NOTHING
        and (wish.templates if usage.is_template(context, one) else wish.case_types)
        and (wanted is None or one.principal in wanted)
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
        one
        for one in loaded
        if one is not None and context.rights.visibility(one) is not Visibility.NOTHING
    ]
    others.sort(key=lambda one: (context.principals[one.principal].name, one.internal_name, one.id))
    return Compared(template, others, rows(context, template, others))


def rows(
    context: Context, template: Document, others: Sequence[Document]
) -> Mapping[Row, PlaceCompared]:
    """Every place that any of them has, by its position."""
    kind = context.store.kinds[template.kind]
    base = kind.in_force(template)
    contents = {other.id: context.store.kinds[other.kind].in_force(other) for other in others}
    own = places(base, kind.fields)
    theirs = {document: places(content, kind.fields) for document, content in contents.items()}
    position = {name: number for number, name in enumerate(kind.fields)}
    found: dict[Row, PlaceCompared] = {}
    for place, number in _every(own, list(theirs.values())):
        here = [(other, theirs[other.id].get(place.path)) for other in others]
        value = own[place.path].value if place.path in own else None
        variants = _variants(
            value,
            [(other, None if one is None else one.value) for other, one in here],
            place.field,
            kind.fields,
        )
        found[position[place.field], number, place.path] = PlaceCompared(
            place.path, place.label, value, variants
        )
    for name, field in kind.fields.items():
        if field.keyed and field.fields is not None:
            found[position[name], 0, name] = _order(base, contents, others, name, field)
    return found


def _every(
    own: Mapping[str, Place], theirs: Sequence[Mapping[str, Place]]
) -> list[tuple[Place, int]]:
    """The places, each with its number: the template's own from 1, then all others at one number,
    by their paths.
    """
    numbered = {path: (place, number) for number, (path, place) in enumerate(own.items(), 1)}
    last = len(numbered) + 1
    for one in theirs:
        for path, place in one.items():
            numbered.setdefault(path, (place, last))
    return list(numbered.values())


def _variants(
    value: Any, held: Sequence[tuple[Document, Any]], name: str, fields: Mapping[str, Field]
) -> list[Variant]:
    groups: dict[bytes, list[tuple[Document, Any]]] = defaultdict(list)
    for other, one in held:
        groups[canonical(one)].append((other, one))
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
    """Field by field, as a comparison of two versions tells it."""
    if fields[name].keyed:
        before, after = ([] if one is None else [one] for one in (before, after))
    elif fields[name].fields is not None:
        return []  # a single field of an object: the two values say it
    return diff.diff({name: before}, {name: after}, {name: fields[name]})


def _order(
    base: Content,
    contents: Mapping[str, Content],
    others: Sequence[Document],
    name: str,
    field: Field,
) -> PlaceCompared:
    """The order of a list's items that a document shares with the template."""
    groups: dict[bytes, list[tuple[Document, Any]]] = defaultdict(list)
    for other in others:
        keys = moved(base, contents[other.id], name)
        groups[canonical(keys)].append((other, keys))
    own = [item["key"] for item in base.get(name) or ()]
    variants = [
        Variant(group[0][1] or own, group[0][1] is None, [other for other, _ in group], [])
        for group in groups.values()
    ]
    return PlaceCompared(name, f"{field.title} › ordning", own, _sorted(variants))


def _sorted(variants: Sequence[Variant]) -> list[Variant]:
    """As the template first, then what most have."""
    return sorted(variants, key=lambda one: (not one.same, -len(one.documents)))
