"""Strawberry types that are built from a list of fields instead of a class statement."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import strawberry
from strawberry.tools import create_type
from strawberry.types.field import StrawberryField
from strawberry.types.unset import UNSET


@dataclass(frozen=True, slots=True)
class GeneratedField:
    """One field of a generated type.

    Attributes:
        name: In Python; its name in the API is the same in camel case.
        type: Its Python type, such as `int` or `list[Question]`.
        description: In the schema.
        options: Options of `strawberry.field`: `default` or `default_factory`.
        nullable: Whether the field may be null.
    """

    name: str
    type: Any
    description: str
    options: Mapping[str, Any]
    nullable: bool

    def as_strawberry(self) -> StrawberryField:
        """Return the field as Strawberry has it."""
        field: StrawberryField = strawberry.field(
            graphql_type=self.type | None if self.nullable else self.type,
            description=self.description,
            **self.options,
        )
        field.python_name = self.name
        return field


def required(name: str, type_: Any, description: str) -> GeneratedField:
    """A field that must have a value."""
    return GeneratedField(name, type_, description, {}, nullable=False)


def optional(name: str, type_: Any, description: str, default: Any = UNSET) -> GeneratedField:
    """A field that may be left out or null."""
    return GeneratedField(name, type_, description, {"default": default}, nullable=True)


def input_type(name: str, description: str, fields: Iterable[GeneratedField]) -> type:
    """Build an input type."""
    strawberry_fields = [field.as_strawberry() for field in fields]
    return create_type(name, strawberry_fields, is_input=True, description=description)


def object_type(name: str, description: str, fields: Iterable[GeneratedField]) -> type:
    """Build an object type."""
    return create_type(name, [field.as_strawberry() for field in fields], description=description)
