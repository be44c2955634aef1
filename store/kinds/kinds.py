"""What the store needs to know of a kind of document: one content model and one registration.

The store holds no kind of its own. A kind's Pydantic model says what its content is; from the model
follows how two contents are compared
(which lists are keyed, which texts are compared word by word) and what residents see.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from functools import cached_property
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from store.records import Content, Document, OwnerKind


def _own_names(content: Content) -> tuple[str, str]:
    return content["name"], content["internalName"]


Upcaster = Callable[[dict[str, Any]], dict[str, Any]]


class Shared(Enum):
    """Who sees what is published of a kind, besides those who see all that its owner has published."""

    NO = auto()
    NATIONAL = auto()
    """Everyone, where the national management owns it."""
    CENTRAL = auto()
    """Everyone, where any principal owns it."""


@dataclass(frozen=True, slots=True)
class Field:
    """How one field of a content is compared and shown.

    `title` is Swedish, for people. `fields` are the fields of an object, or of each item of a list
    of objects; a list of objects is
    keyed: each item has a unique `key`. `text` fields are prose, compared word by word; `rich` ones
    are Markdown. An object that can be
    null is a `whole`: its fields mean something only together, so two sides' are not mixed.
    """

    title: str
    resident_visible: bool = True
    text: bool = False
    rich: bool = False
    keyed: bool = False
    whole: bool = False
    fields: Mapping[str, "Field"] | None = None


@dataclass(frozen=True)
class Kind:
    """A kind of document.

    Args:
        name: Stored with each document, `CASE_TYPE`.
        prefix: Of its ids, `ct`.
        model: Validates content on write and dumps it as plain JSON in the API's names.
        schema_version: Of the content; raised when the model changes.
        upcasters: From a schema version to the next one.
        assignable: Whether its documents are handed to clinics; a clinic's own one is at that
            clinic once published.
        told: Whether clinics are told of its documents without their being handed out: a
            principal's to all its clinics, a clinic's to itself.
        owners: Who can own its documents.
        shared: Who else sees what is published of it.
        names: The name and the internal name that a document with this content is listed by.
    """

    name: str
    prefix: str
    model: type[BaseModel]
    schema_version: int = 1
    upcasters: Mapping[int, Upcaster] | None = None
    assignable: bool = False
    told: bool = False
    owners: frozenset[OwnerKind] = frozenset(OwnerKind)
    shared: Shared = Shared.NO
    names: Callable[[Content], tuple[str, str]] = _own_names

    @cached_property
    def fields(self) -> Mapping[str, Field]:
        """The content's fields by their API name, in the model's order."""
        return describe(self.model)

    @cached_property
    def resident_visible(self) -> bool:
        """Whether residents see anything of it."""
        return any(field.resident_visible for field in self.fields.values())

    def upcast(self, content: Content, schema_version: int) -> Content:
        """The content as today's model has it. The stored snapshot is never changed."""
        for number in range(schema_version, self.schema_version):
            content = (self.upcasters or {})[number](dict(content))
        return content

    def in_force(self, document: Document) -> Content:
        """A document's published content, or the newest while nothing is published, as today's
        model has it.
        """
        schema_version = (
            document.schema_version
            if document.published_schema_version is None
            else document.published_schema_version
        )
        return self.upcast(document.content_in_force, schema_version)


class Kinds:
    """The kinds that one registry keeps, by name and by id prefix."""

    def __init__(self, kinds: Iterable[Kind]) -> None:
        self._by_name = {kind.name: kind for kind in kinds}
        self._by_prefix = {kind.prefix: kind for kind in self._by_name.values()}

    def __getitem__(self, name: str) -> Kind:
        return self._by_name[name]

    def __iter__(self) -> Iterator[Kind]:
        return iter(self._by_name.values())

    def of_id(self, document_id: str) -> Kind | None:
        """The kind that an id belongs to by its prefix; None for an id of no kind."""
        return self._by_prefix.get(document_id.partition("_")[0])


def describe(model: type[BaseModel], *, resident_visible: bool = True) -> Mapping[str, Field]:
    """Read a model's fields: titles, `text` and `resident_visible` marks (in `json_schema_extra`),
    and nested models.

    Returns:
        Fields by alias. What is inside a field that residents don't see isn't seen either.
    """
    fields = {}
    for name, info in model.model_fields.items():
        marks = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
        visible = resident_visible and bool(marks.get("resident_visible", True))
        inner, keyed = inner_model(info.annotation)
        fields[info.alias or name] = Field(
            title=info.title or name,
            resident_visible=visible,
            text=bool(marks.get("text", False)),
            rich=bool(marks.get("rich", False)),
            keyed=keyed,
            whole=inner is not None and not keyed and type(None) in get_args(info.annotation),
            fields=describe(inner, resident_visible=visible) if inner else None,
        )
    return fields


def inner_model(annotation: Any) -> tuple[type[BaseModel] | None, bool]:
    """The model inside `Model`, `Model | None` or `list[Model]`, and whether it is a list's."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, False
    is_list = get_origin(annotation) in (list, tuple)
    for argument in get_args(annotation):
        inner, keyed = inner_model(argument)
        if inner:
            return inner, keyed or is_list
    return None, False
