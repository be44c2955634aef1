"""Describes the enums of lower layers for the API.

The modules `enums` in the packages below list the enums by subject. Each enum is the one that the
store or the resolvers use, so that there is a single list of values.
"""

from collections.abc import Mapping
from enum import StrEnum

import strawberry


def describe_enum(
    enum: type[StrEnum], description: str, values: Mapping[str, str], name: str | None = None
) -> None:
    """Make an enum part of the schema, in place.

    Args:
        enum: The enum.
        description: Its description.
        values: The description of each value, by name.
        name: The name in the API; the name of the class by default.

    Raises:
        ValueError: `values` does not describe exactly the values of the enum, or a type of the
            schema uses the enum already. Such a type keeps the enum without descriptions, so it
            must import the enum from a module that describes it.
    """
    if "__strawberry_definition__" in vars(enum):
        raise ValueError(f"{enum.__name__}: describe it before a type uses it")
    if values.keys() != enum.__members__.keys():
        raise ValueError(f"{enum.__name__}: describe exactly its values")
    described = strawberry.enum(enum, name=name, description=description)
    for value in described.__strawberry_definition__.values:  # type: ignore[attr-defined]
        value.description = values[value.name]
