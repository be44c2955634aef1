"""The base of every content model, and the marks of its fields."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, JsonValue, model_validator
from pydantic.alias_generators import to_camel

from store.errors import Problem

TEXT: Final[dict[str, JsonValue]] = {"text": True}
"""Marks prose, which is compared word by word."""
RICH: Final[dict[str, JsonValue]] = {**TEXT, "rich": True}
"""Marks prose in the Markdown subset."""
STAFF_ONLY: Final[dict[str, JsonValue]] = {"resident_visible": False}
"""Marks fields that residents do not see."""
STAFF_TEXT: Final[dict[str, JsonValue]] = {**TEXT, **STAFF_ONLY}
STAFF_RICH: Final[dict[str, JsonValue]] = {**RICH, **STAFF_ONLY}


class ContentModel(BaseModel):
    """The base of every content model and of its parts.

    Fields are read and dumped by their API names, unknown fields are refused, and types are strict.
    A null field counts as left out, since GraphQL lets a caller send null for each input field that
    has a default.
    """

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True, strict=True)

    @model_validator(mode="before")
    @classmethod
    def _null_is_left_out(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        aliases = {info.alias for info in cls.model_fields.values()}
        return {
            name: value for name, value in data.items() if value is not None or name not in aliases
        }

    def problems(self) -> Iterator[Problem]:
        """Yield the problems of several fields together, with paths from this model.

        Each field has the right type, but may break its own rules.
        """
        return iter(())
