"""The GraphQL types of a kind's content: the output type, the input type and the patch.

A kind's module writes the output type by hand. `content_types_of` derives both input types and the
conversion from the output type and the kind's content model. The output type gives each field's
type and description; the model decides which fields are mandatory. If one of the two lacks a field
that the other has, the import fails.
"""

from collections.abc import Callable, Container
from dataclasses import MISSING, dataclass, fields
from datetime import datetime
from enum import Enum
from functools import cache, partial
from operator import itemgetter
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel
from strawberry.types.base import has_object_definition
from strawberry.types.unset import UNSET
from strawberry.utils.str_converters import to_camel_case

from schema.kinds.generated_types import GeneratedField, input_type, required
from store.content.times import parse_time
from store.kinds.kinds import Kind, inner_model
from store.records import Content

Convert = Callable[[Any], Any]

_NAMES = frozenset({"name", "internal_name"})
_PATCH = (
    "Changes to a content. Fields that are left out keep their value. Null clears a field that may"
    " be null. A list replaces the whole list; its items are matched by key."
)
_COMPUTED = frozenset({"local"})
"""Fields that only output types have."""


@dataclass(frozen=True, slots=True)
class ContentTypes:
    """The GraphQL types of a kind's content.

    Attributes:
        kind: The kind.
        output: The output type.
        of: Converts a stored content to the output type.
        input: The input type of a whole content; None if the kind has its own mutation.
        patch: The input type of changes; None if the kind has its own mutation.
    """

    kind: Kind
    output: type
    of: Callable[[Content], Any]
    input: type | None = None
    patch: type | None = None


def content_types_of(kind: Kind, output: type, *, from_template: bool = False) -> ContentTypes:
    """Derive the content types of a kind from its output type.

    Args:
        kind: The kind, with its content model.
        output: The output type. The default of a field of a nested type becomes the default of the
            input field.
        from_template: Documents can start from a template, which supplies all fields but the names.

    Raises:
        TypeError: The output type and the model do not have the same fields.
    """
    name = output.__name__
    fallback = "their default value, which is empty unless their description says otherwise"
    if from_template:
        fallback = f"the template's value if `fromTemplate` is set, else {fallback}"
    mandatory = _mandatory(kind.model)
    return ContentTypes(
        kind,
        output,
        content_converter(output),
        input=_input(
            f"{name}Input",
            output,
            kind.model,
            f"A whole content, at most 1 MiB. Fields that are left out or null get {fallback}.",
            mandatory & _NAMES if from_template else mandatory,
        ),
        patch=_input(f"{name}Patch", output, kind.model, _PATCH, frozenset()),
    )


# ------------------------------------------------------------------ from stored content


@cache
def content_converter(output: type) -> Callable[[Content], Any]:
    """Return the conversion from plain JSON to a Strawberry type and its nested types.

    A key that the JSON lacks gets the field's default, if the field has one.
    """
    hints = get_type_hints(output)
    copied: dict[str, str] = {}  # the JSON's value as it is: most fields, so they are read at once
    converted: list[tuple[str, str, Convert]] = []
    defaulted: list[tuple[str, str, Convert, Callable[[], Any]]] = []
    for field in fields(output):
        key, convert_value = to_camel_case(field.name), _value_converter(hints[field.name])
        if default := _default_of(field):
            factory = default.get("default_factory") or partial(_unchanged, default["default"])
            defaulted.append((field.name, key, convert_value or _unchanged, factory))
        elif convert_value is None:
            copied[field.name] = key
        else:
            converted.append((field.name, key, convert_value))
    names, values_of = tuple(copied), _values_getter(tuple(copied.values()))
    # A list has hundreds of these objects: setting `__dict__` takes a third less time than
    # `__init__`.
    create: Callable[[], Any] = partial(object.__new__, output)

    def convert(content: Content) -> Any:
        instance = create()
        values = instance.__dict__ = dict(zip(names, values_of(content)))  # noqa: B905 - same length
        for name, key, convert_value in converted:
            values[name] = convert_value(content[key])
        for name, key, convert_value, default in defaulted:
            values[name] = convert_value(content[key]) if key in content else default()
        return instance

    return convert


def _values_getter(keys: tuple[str, ...]) -> Callable[[Content], tuple[Any, ...]]:
    if len(keys) > 1:
        return itemgetter(*keys)
    return lambda content: tuple(content[key] for key in keys)


def _unchanged(value: Any) -> Any:
    return value


def _value_converter(hint: Any) -> Convert | None:
    """Return the conversion of a field's value; None if the value stays as it is."""
    inner, is_optional, is_list = _unwrapped(hint)
    convert: Convert
    if isinstance(inner, type) and issubclass(inner, Enum):
        convert = {member.value: member for member in inner}.__getitem__
    elif inner is datetime:
        convert = parse_time
    elif has_object_definition(inner):
        convert = content_converter(inner)
    else:
        return None
    if is_list:
        return lambda values: [convert(value) for value in values]
    return (lambda value: None if value is None else convert(value)) if is_optional else convert


def _unwrapped(hint: Any) -> tuple[Any, bool, bool]:
    """Return X of `X`, `X | None` or `list[X]`, whether it is nullable and whether it is a list."""
    if get_origin(hint) in (Union, UnionType):
        [inner] = [argument for argument in get_args(hint) if argument is not NoneType]
        return inner, True, False
    if get_origin(hint) is list:
        return get_args(hint)[0], False, True
    return hint, False, False


def _default_of(field: Any) -> dict[str, Any]:
    """Return a dataclass field's default as an option of `strawberry.field`; empty without one."""
    if field.default is not MISSING:
        return {"default": field.default}
    if field.default_factory is not MISSING:
        return {"default_factory": field.default_factory}
    return {}


# ------------------------------------------------------------------ inputs

_NESTED_INPUTS: dict[type, type] = {}
"""By output type: the input of a nested type. Kinds share nested types, and so their inputs."""


def nested_input_of(output: type, model: type[BaseModel]) -> type:
    """Return the input type of a nested type, built at the first call.

    Args:
        output: The nested output type, such as `StandardReply`.
        model: Its content model.
    """
    if output not in _NESTED_INPUTS:
        _NESTED_INPUTS[output] = _input(
            f"{output.__name__}Input",
            output,
            model,
            output.__strawberry_definition__.description,  # type: ignore[attr-defined]
            _mandatory(model),
        )
    return _NESTED_INPUTS[output]


def _mandatory(model: type[BaseModel]) -> frozenset[str]:
    return frozenset(name for name, info in model.model_fields.items() if info.is_required())


def _input(
    name: str, output: type, model: type[BaseModel], description: str, mandatory: Container[str]
) -> type:
    output_fields: dict[str, Any] = {field.name: field for field in fields(output)}
    if output_fields.keys() - _COMPUTED != model.model_fields.keys():
        raise TypeError(
            f"{output.__name__} and {model.__name__} differ in"
            f" {sorted(output_fields.keys() ^ model.model_fields.keys())}"
        )
    hints = get_type_hints(output)
    input_fields = []
    for field_name, info in model.model_fields.items():
        field = output_fields[field_name]
        type_ = _input_field_type(hints[field_name], inner_model(info.annotation)[0])
        text = field.description or ""
        input_fields.append(
            required(field_name, type_, text)
            if field_name in mandatory
            else GeneratedField(
                field_name,
                type_,
                text,
                _default_of(field) or {"default": UNSET},
                nullable=True,
            )
        )
    return input_type(name, description, input_fields)


def _input_field_type(hint: Any, model: type[BaseModel] | None) -> Any:
    inner, _, is_list = _unwrapped(hint)
    if model is not None:
        inner = nested_input_of(inner, model)
    return list[inner] if is_list else inner  # type: ignore[valid-type] # a class known at run time
