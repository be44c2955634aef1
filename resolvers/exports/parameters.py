"""What is asked of an export: the parameters of its address, read strictly.

What is not known is refused by name.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from store.content.times import parse_time
from store.errors import InvalidInput, Problem
from store.records import Action, AssignmentOrigin, ClinicStatus

_LONGEST = 200
_MAX_CURSOR = 20_000


class _Unreadable(Exception):
    """A value that the parameter does not take: a code and a message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter.

    Attributes:
        meaning: In one sentence.
        read: From text to value.
        several: Whether it takes a list: parted by commas, or the parameter repeated.
        told: Whether its value may stand in the log, which more people read than may ask with it.
    """

    meaning: str
    read: Callable[[str], Any]
    several: bool = False
    told: bool = True


Given = Mapping[str, Any]
"""Values by name of the parameter; what was not given is missing."""


def read(parameters: Mapping[str, Parameter], pairs: Iterable[tuple[str, str]]) -> Given:
    """The values that were given.

    Raises:
        InvalidInput: A parameter is not known, stands twice, or has a value that it does not take;
            every one is named.
    """
    texts: dict[str, list[str]] = {}
    for name, text in pairs:
        texts.setdefault(name, []).append(text)
    values = {}
    problems = []
    for name, given in texts.items():
        if name not in parameters:
            known = ", ".join(parameters)
            problems.append(
                Problem(
                    "UNKNOWN_PARAMETER",
                    f"Parametern {name[:_LONGEST]!r} finns inte. Här finns: {known}.",
                    (name[:_LONGEST],),
                )
            )
            continue
        try:
            values[name] = _value(parameters[name], given)
        except _Unreadable as fault:
            problems.append(Problem(fault.code, str(fault), (name,)))
    if problems:
        raise InvalidInput(problems)
    return values


def told(parameters: Mapping[str, Parameter], given: Given) -> str:
    """What was asked, as it may stand in the log."""
    parts = []
    for name in sorted(given):
        value = given[name] if parameters[name].told else "…"
        parts.append(
            f"{name}={','.join(map(str, value)) if isinstance(value, list) else written(value)}"
        )
    return "&".join(parts)


def written(value: Any) -> str:
    """A value as it is given."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return str(value).lower() if isinstance(value, bool) else str(value)


def _value(parameter: Parameter, given: Sequence[str]) -> Any:
    if parameter.several:
        return [parameter.read(part) for text in given for part in text.split(",")]
    if len(given) > 1:
        raise _Unreadable("WRONG_TYPE", "Parametern kan bara anges en gång.")
    return parameter.read(given[0])


def text(value: str) -> str:
    """Text as it stands."""
    if not value or len(value) > _LONGEST or not value.isprintable():
        raise _Unreadable("OUT_OF_RANGE", f"Ange 1 till {_LONGEST} tecken.")
    return value


def cursor(value: str) -> str:
    """A cursor, looked at later."""
    if not value or len(value) > _MAX_CURSOR:
        raise _Unreadable("INVALID_CURSOR", "Markören går inte att läsa.")
    return value


def truth(value: str) -> bool:
    """`true` or `false`."""
    if value not in ("true", "false"):
        raise _Unreadable("WRONG_TYPE", "Ange true eller false.")
    return value == "true"


def moment(value: str) -> datetime:
    """Read an RFC 3339 time with an offset.

    A space is read as the `+` that it was before the address was decoded.
    """
    try:
        return parse_time(value.replace(" ", "+"))
    except ValueError:
        raise _Unreadable(
            "WRONG_TYPE",
            "Ange en tidpunkt enligt RFC 3339 med tidszon, till exempel 2026-11-23T08:00:00Z.",
        ) from None


def _one_of(values: type[StrEnum]) -> Callable[[str], Any]:
    def read(value: str) -> StrEnum:
        try:
            return values(value)
        except ValueError:
            raise _Unreadable("UNKNOWN_VALUE", f"Välj något av: {', '.join(values)}.") from None

    return read


PRINCIPAL = Parameter("Only this principal's, by HSA-id; all that the viewer reads without.", text)
AS_OF = Parameter("As it was at this moment; now without one, and for moments to come.", moment)
AFTER = Parameter(
    "Only what came since: the `x-export-cursor` of an earlier answer, or the cursor of an event.",
    cursor,
    told=False,
)
AFTER_ANYTHING = Parameter(
    "Everything if anything happened since this `x-export-cursor` of an earlier answer; else"
    " nothing.",
    cursor,
    told=False,
)
UP_TO = Parameter(
    "As of this `x-export-cursor`: with `resume`, the one of the answer that was cut off.",
    cursor,
    told=False,
)
RESUME = Parameter(
    "Go on after the row with this `id`, the last whole one that arrived; with `upTo`. CSV then"
    " begins without its header.",
    text,
    told=False,
)
PLACES = {"principal": PRINCIPAL, "asOf": AS_OF, "after": AFTER, "upTo": UP_TO, "resume": RESUME}

CASE_TYPE = Parameter("Of this case type, by id.", text)
CLINIC = Parameter("At this clinic, by HSA-id.", text)
GROUP = Parameter("At the clinics that are in this group now, by id.", text)
ORIGIN = Parameter("That came in this way.", _one_of(AssignmentOrigin))
BEHIND_ONLY = Parameter(
    "Of central case types, where the clinic has not acknowledged the version in force. Not with"
    " `asOf`.",
    truth,
)
ACTIONS = Parameter("Any of these acts.", _one_of(Action), several=True)
DOCUMENT = Parameter("Of this document, by id.", text)
NAMES_CLINIC = Parameter("That name this clinic, by HSA-id.", text)
ACTOR = Parameter(
    "By this person, for those who may see persons; by this unit for machines.", text, told=False
)
SINCE = Parameter("At this time or later.", moment)
UNTIL = Parameter("Before this time.", moment)
DETAIL = Parameter(
    "With the column `detail`: all that is needed to replay the log. For those who may read"
    " everything in it.",
    truth,
)
KIND = Parameter("Of this kind.", text)
IN_GROUP = Parameter("In this group now, by id.", text)
TEXT = Parameter("Each word begins a word of its names, place or HSA-id.", text, told=False)
CODES = Parameter("Any of these codes.", text, several=True)
STATUSES = Parameter("Any of these.", _one_of(ClinicStatus), several=True)
SIMILAR_TO = Parameter("Sharing a business classification with this clinic, by HSA-id.", text)
