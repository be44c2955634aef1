"""How the content of a kind stands in the schema: as answered, as given whole, and as a patch.

What is answered is a Strawberry type, written by hand. `content_types_of` makes the two inputs and the
conversion from it and from the kind's content
model: the type says what each field is and means, the model which fields must be given. A field
that one of them lacks is an error at import.
"""

from collections.abc import Callable, Container, Mapping
from dataclasses import MISSING, dataclass, fields
from datetime import datetime
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, cast, get_args, get_origin, get_type_hints

import strawberry
from pydantic import BaseModel
from strawberry.types.base import has_object_definition
from strawberry.types.field import StrawberryField
from strawberry.types.unset import UNSET
from strawberry.utils.str_converters import to_camel_case

from schema.kinds import case_type_content
from store.kinds.kinds import Kind, inner_model
from store.records import Content

Convert = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class ContentTypes:
    """A kind's content in the schema.

    `input` and `patch` are None where it is not given in one piece.
    """

    kind: Kind
    output: type
    of: Callable[[Content], Any]
    input: type | None = None
    patch: type | None = None


def content_types_of(kind: Kind, output: type, *, from_template: bool = False) -> ContentTypes:
    """The shape of a kind whose content is answered as `output`; with `from_template`, all but its
    names can be left to a template.
    """
    name = output.__name__
    left_out = (
        "takes the template's value where `fromTemplate` is given; else it is empty or has its"
        " default"
        if from_template
        else "is empty"
    )
    whole = f"A whole content, at most 1 MiB. What is left out {left_out}."
    changes = (
        "Changes to a content. Fields left out keep their value; a list is replaced whole, its"
        " items followed by key."
    )
    mandatory = {field for field, info in kind.model.model_fields.items() if info.is_required()}
    return ContentTypes(
        kind,
        output,
        content_of(output),
        input=_input(
            f"{name}Input",
            output,
            kind.model,
            whole,
            mandatory & _NAMES if from_template else mandatory,
        ),
        patch=_input(f"{name}Patch", output, kind.model, changes, frozenset()),
    )


_NAMES = frozenset({"name", "internal_name"})


# ------------------------------------------------------------------ from stored content


@cache
def content_of(output: type) -> Callable[[Content], Any]:
    """The conversion from plain JSON to a Strawberry type and the types in it.

    What the JSON lacks takes the field's default.
    """
    hints = get_type_hints(output)
    converts: list[tuple[str, str, Convert, bool]] = [
        (
            field.name,
            to_camel_case(field.name),
            _convert(hints[field.name]),
            field.default is not MISSING,
        )
        for field in fields(output)
    ]

    def convert(content: Content) -> Any:
        return output(
            **{
                name: to(content[key])
                for name, key, to, optional in converts
                if not optional or key in content
            }
        )

    return convert


def _convert(hint: Any) -> Convert:
    inner, optional, many = _taken_apart(hint)
    one: Convert | None = None
    if isinstance(inner, type) and issubclass(inner, Enum):
        one = inner
    elif inner is datetime:
        one = datetime.fromisoformat
    elif has_object_definition(inner):
        one = content_of(inner)
    if one is None:
        return lambda value: value
    each = one
    if many:
        return lambda values: [each(value) for value in values]
    return (lambda value: None if value is None else each(value)) if optional else each


def _taken_apart(hint: Any) -> tuple[Any, bool, bool]:
    """`X`, `X | None` or `list[X]` as X, whether it may be null, and whether it is a list."""
    if get_origin(hint) in (Union, UnionType):
        [inner] = [one for one in get_args(hint) if one is not NoneType]
        return inner, True, False
    if get_origin(hint) is list:
        return get_args(hint)[0], False, True
    return hint, False, False


# ------------------------------------------------------------------ inputs

_INPUTS: dict[type, type] = {
    case_type_content.Question: case_type_content.QuestionInput,
    case_type_content.Link: case_type_content.LinkInput,
    case_type_content.StandardReply: case_type_content.StandardReplyInput,
    case_type_content.TermsSection: case_type_content.TermsSectionInput,
}
"""The input of each part of a content: those of case types, and those that were made here."""


def _input(
    name: str, output: type, model: type[BaseModel], description: str, mandatory: Container[str]
) -> type:
    answered = {field.name: field for field in fields(output)}
    if answered.keys() - {"local"} != model.model_fields.keys():
        raise TypeError(
            f"{output.__name__} and {model.__name__} differ in"
            f" {sorted(answered.keys() ^ model.model_fields.keys())}"
        )
    hints = get_type_hints(output)
    given = {}
    for field_name, info in model.model_fields.items():
        told = cast("StrawberryField", answered[field_name]).description or ""
        hint = _input_type(hints[field_name], inner_model(info.annotation)[0])
        given[field_name] = Field(hint, told, ... if field_name in mandatory else UNSET)
    return input_type(name, description, given)


def _input_type(hint: Any, model: type[BaseModel] | None) -> Any:
    inner, _, many = _taken_apart(hint)
    if model is not None:
        if inner not in _INPUTS:
            mandatory = {field for field, info in model.model_fields.items() if info.is_required()}
            _INPUTS[inner] = _input(
                f"{inner.__name__}Input",
                inner,
                model,
                inner.__strawberry_definition__.description,
                mandatory,
            )
        inner = _INPUTS[inner]
    return list[inner] if many else inner  # type: ignore[valid-type] # known only here


@dataclass(frozen=True, slots=True)
class Field:
    """A field of an input: its type, its description, and its value where it is left out; it can't
    be without one.
    """

    type: Any
    description: str
    default: Any = ...


def input_type(name: str, description: str, given: Mapping[str, Field]) -> type:
    """An input type of the schema."""
    namespace: dict[str, Any] = {
        "__annotations__": {
            field: one.type if one.default is ... else one.type | None
            for field, one in given.items()
        },
        "__module__": __name__,
    }
    for field, one in given.items():
        default = {} if one.default is ... else {"default": one.default}
        namespace[field] = strawberry.field(description=one.description, **default)
    return strawberry.input(type(name, (), namespace), description=description)
