"""Arguments, input fields and payload parts that several nouns share.

Descriptions that recur are constants here, so that the API documentation words them in one way.
"""

import dataclasses
import hashlib
from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import orjson
import strawberry
from strawberry.types.unset import UnsetType
from strawberry.utils.str_converters import to_camel_case

from schema.errors import Info, UserError
from store.content.hashing import timestamp
from store.idempotency import IdempotencyKey

if TYPE_CHECKING:
    from schema.log.events import Event

T = TypeVar("T")

INPUT = "The input of the mutation."
InputArgument = Annotated[T, strawberry.argument(description=INPUT)]
"""The only argument of a mutation."""

NOTE = (
    "Why the change is made, at most 2,000 characters. The note is stored with the version and the"
    " event."
)
IDEMPOTENCY_KEY = (
    "Makes retries safe; at most 200 characters. A repeated call with the same key and the same"
    " input returns the first result, and nothing is written twice. The same key with other input"
    " is refused."
)
EXPECTED_VERSION = (
    "Number of the newest version that the caller has read. If someone has saved since, the result"
    " is a `VersionConflict`."
)
EVENT = "The event that was written to the log; null if nothing changed."
ERRORS = "Why nothing was written; empty on success."


@strawberry.type(description="The result of a mutation. With errors, nothing was written.")
class EventPayload:
    event: Annotated["Event", strawberry.lazy("schema.log.events")] | None = strawberry.field(
        default=None, description=EVENT
    )
    errors: list[UserError] = strawberry.field(default_factory=list, description=ERRORS)


def as_json(value: Any) -> Any:
    """Convert an input to plain JSON with the API's names, without fields that were left out."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return timestamp(value)
    if isinstance(value, list):
        return [as_json(item) for item in value]
    if dataclasses.is_dataclass(value):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return {
            to_camel_case(name): as_json(item)
            for name, item in fields.items()
            if not isinstance(item, UnsetType)
        }
    return value


def as_json_without_nulls(content: Any) -> Mapping[str, Any]:
    """Convert a whole content to JSON without fields that are left out or null.

    Those fields get the template's value or the default value.
    """
    return {name: value for name, value in as_json(content).items() if value is not None}


def key_of_call(info: Info, input: Any, action: str = "") -> IdempotencyKey | None:
    """Return the idempotency key of a mutation's input, bound to the whole input.

    Args:
        info: Of the mutation.
        input: The input, with its `idempotency_key`.
        action: Distinguishes mutations that share an input type.

    Returns:
        None if the input has no key.
    """
    call = {"mutation": type(input).__name__ + action, "input": as_json(input)}
    fingerprint = hashlib.sha256(orjson.dumps(call, option=orjson.OPT_SORT_KEYS)).hexdigest()
    return info.context.idempotency(input.idempotency_key, fingerprint)
