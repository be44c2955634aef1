"""A kind of document as the store sees it: one content model and one registration.

The store defines no kind of its own. A kind's Pydantic model decides how two contents are compared
(which lists are keyed, which texts are compared word by word) and what residents see.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from functools import cached_property
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from store.records import Content, Document, OwnerKind

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]
"""Converts a content from one schema version to the next one."""


def _content_names(content: Content) -> tuple[str, str]:
    return content["name"], content["internalName"]


class Sharing(Enum):
    """Who can read a kind's published documents, in addition to readers at the owner."""

    NO = auto()
    NATIONAL = auto()
    """Everyone, where the national management owns the document."""
    CENTRAL = auto()
    """Everyone, where any principal owns the document."""


@dataclass(frozen=True, slots=True)
class Field:
    """How one field of a content is compared and shown.

    Attributes:
        title: The Swedish title that people read.
        resident_visible: Whether residents see the field.
        text: Prose, compared word by word.
        rich: Markdown.
        keyed: A list of objects in which each item has a unique `key`.
        whole: An object that can be null. A merge never mixes the fields of two sides, because they
            have a meaning only together.
        fields: The fields of an object, or of each item of a list of objects.
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

    Attributes:
        name: Stored with each document, such as `CASE_TYPE`.
        prefix: The prefix of document ids, such as `ct`.
        model: Validates content on write, and dumps it as plain JSON in the API's names.
        schema_version: The version of the content model. Raise it when the model changes.
        upcasters: By schema version: the conversion to the next schema version.
        assignable: Whether documents are distributed to clinics. A document that a clinic owns is
            assigned to that clinic when it is first published.
        notifies_clinics: Whether clinics are notified of documents without an assignment: all
            clinics of a principal of its documents, and a clinic of its own documents.
        owners: Who can own documents of this kind.
        shared: Who else can read published documents.
        names: Returns the name and the internal name that a document with a content is listed by.
    """

    name: str
    prefix: str
    model: type[BaseModel]
    schema_version: int = 1
    upcasters: Mapping[int, Upcaster] | None = None
    assignable: bool = False
    notifies_clinics: bool = False
    owners: frozenset[OwnerKind] = frozenset(OwnerKind)
    shared: Sharing = Sharing.NO
    names: Callable[[Content], tuple[str, str]] = _content_names

    @cached_property
    def fields(self) -> Mapping[str, Field]:
        """The content's fields by their API name, in the model's order."""
        return describe(self.model)

    @cached_property
    def resident_visible(self) -> bool:
        """Whether residents see at least one field of the content."""
        return any(field.resident_visible for field in self.fields.values())

    def upcast(self, content: Content, schema_version: int) -> Content:
        """Return a content in the current schema version; the stored snapshot is never changed."""
        for number in range(schema_version, self.schema_version):
            content = (self.upcasters or {})[number](dict(content))
        return content

    def in_force(self, document: Document) -> Content:
        """Return the published content of a document, in the current schema version.

        While nothing is published, this is the newest content.
        """
        schema_version = (
            document.schema_version
            if document.published_schema_version is None
            else document.published_schema_version
        )
        return self.upcast(document.content_in_force, schema_version)


class Kinds:
    """The kinds of one registry, by name and by id prefix."""

    def __init__(self, kinds: Iterable[Kind]) -> None:
        self._by_name = {kind.name: kind for kind in kinds}
        self._by_prefix = {kind.prefix: kind for kind in self._by_name.values()}

    def __getitem__(self, name: str) -> Kind:
        return self._by_name[name]

    def __iter__(self) -> Iterator[Kind]:
        return iter(self._by_name.values())

    def of_id(self, document_id: str) -> Kind | None:
        """Return the kind that an id's prefix belongs to; None for an unknown prefix."""
        return self._by_prefix.get(document_id.partition("_")[0])


def describe(model: type[BaseModel], *, resident_visible: bool = True) -> Mapping[str, Field]:
    """Read the fields of a content model.

    The marks `text`, `rich` and `resident_visible` are read from `json_schema_extra`. Nested models
    are read too. A field inside one that residents do not see is not visible either.

    Returns:
        Fields by alias, in the model's order.
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
    """Find the model in `Model`, `Model | None` or `list[Model]`, and whether it is in a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, False
    is_list = get_origin(annotation) in (list, tuple)
    for argument in get_args(annotation):
        inner, keyed = inner_model(argument)
        if inner:
            return inner, keyed or is_list
    return None, False
