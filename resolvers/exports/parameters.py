"""The parameters of an export's address.

Parsing is strict: an unknown parameter is refused by name.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from store.content.times import parse_time
from store.errors import InvalidInput, Problem
from store.records import Action, AssignmentOrigin, ClinicStatus

_MAX_TEXT = 200
_MAX_CURSOR = 20_000


class _InvalidValue(Exception):
    """A value that the parameter does not take: a code and a message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter.

    Attributes:
        meaning: One sentence for the data dictionary.
        parse: From text to a value.
        several: Whether it takes a list: separated by commas, or the parameter repeated.
        logged: Whether its value is written to the log. More people may read the log than may use
            some of the parameters.
    """

    meaning: str
    parse: Callable[[str], Any]
    several: bool = False
    logged: bool = True


ParameterValues = Mapping[str, Any]
"""Values by the name of the parameter; a parameter that was not sent is missing."""


def parse_values(
    parameters: Mapping[str, Parameter], query: Iterable[tuple[str, str]]
) -> ParameterValues:
    """Parse the parameters of an address.

    Args:
        parameters: Those that the export has.
        query: Names and texts, as they were sent.

    Raises:
        InvalidInput: A parameter is unknown, is repeated, or has a value that it does not take.
            Every such parameter is named.
    """
    texts: dict[str, list[str]] = {}
    for name, text in query:
        texts.setdefault(name, []).append(text)
    values = {}
    problems = []
    for name, given in texts.items():
        if name not in parameters:
            known = ", ".join(parameters)
            problems.append(
                Problem(
                    "UNKNOWN_PARAMETER",
                    f"Parametern {name[:_MAX_TEXT]!r} finns inte. Här finns: {known}.",
                    (name[:_MAX_TEXT],),
                )
            )
            continue
        try:
            values[name] = _parse(parameters[name], given)
        except _InvalidValue as error:
            problems.append(Problem(error.code, str(error), (name,)))
    if problems:
        raise InvalidInput(problems)
    return values


def describe_values(parameters: Mapping[str, Parameter], values: ParameterValues) -> str:
    """Write values as a query string for the log, without those that are not logged."""
    parts = []
    for name in sorted(values):
        value = values[name] if parameters[name].logged else "…"
        parts.append(
            f"{name}={','.join(map(str, value)) if isinstance(value, list) else _as_text(value)}"
        )
    return "&".join(parts)


def _as_text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return str(value).lower() if isinstance(value, bool) else str(value)


def _parse(parameter: Parameter, texts: Sequence[str]) -> Any:
    if parameter.several:
        return [parameter.parse(part) for text in texts for part in text.split(",")]
    if len(texts) > 1:
        raise _InvalidValue("WRONG_TYPE", "Parametern kan bara anges en gång.")
    return parameter.parse(texts[0])


# ------------------------------------------------------------------ values


def _text(value: str) -> str:
    if not value or len(value) > _MAX_TEXT or not value.isprintable():
        raise _InvalidValue("OUT_OF_RANGE", f"Ange 1 till {_MAX_TEXT} tecken.")
    return value


def _cursor(value: str) -> str:
    if not value or len(value) > _MAX_CURSOR:
        raise _InvalidValue("INVALID_CURSOR", "Markören går inte att läsa.")
    return value


def _boolean(value: str) -> bool:
    if value not in ("true", "false"):
        raise _InvalidValue("WRONG_TYPE", "Ange true eller false.")
    return value == "true"


def _time(value: str) -> datetime:
    try:
        # A `+` that the client did not encode arrives as a space.
        return parse_time(value.replace(" ", "+"))
    except ValueError:
        raise _InvalidValue(
            "WRONG_TYPE",
            "Ange en tidpunkt enligt RFC 3339 med tidszon, till exempel 2026-11-23T08:00:00Z.",
        ) from None


def _member_of(values: type[StrEnum]) -> Callable[[str], Any]:
    def parse(value: str) -> StrEnum:
        try:
            return values(value)
        except ValueError:
            raise _InvalidValue("UNKNOWN_VALUE", f"Välj något av: {', '.join(values)}.") from None

    return parse


# ------------------------------------------------------------------ parameters of several exports

PRINCIPAL = Parameter(
    "Rows of this principal, by HSA-id. By default, of all that the viewer reads.", _text
)
AS_OF = Parameter(
    "Rows as of this time. By default, and for times in the future, as of now.", _time
)
AFTER = Parameter(
    "Rows that changed after this cursor: the `x-export-cursor` of an earlier response, or the"
    " cursor of an event.",
    _cursor,
    logged=False,
)
AFTER_ANYTHING = Parameter(
    "All rows if anything happened after this `x-export-cursor` of an earlier response; otherwise"
    " none.",
    _cursor,
    logged=False,
)
UP_TO = Parameter(
    "Rows as of this `x-export-cursor`. With `resume`, the cursor of the response that was cut"
    " off.",
    _cursor,
    logged=False,
)
RESUME = Parameter(
    "Rows after the row with this `id`, the last complete row that arrived; with `upTo`. CSV then"
    " has no header row.",
    _text,
    logged=False,
)
RANGE_PARAMETERS = {
    "principal": PRINCIPAL,
    "asOf": AS_OF,
    "after": AFTER,
    "upTo": UP_TO,
    "resume": RESUME,
}

CASE_TYPE = Parameter("Rows of this case type, by id.", _text)
CLINIC = Parameter("Rows of this clinic, by HSA-id.", _text)
GROUP = Parameter("Rows of the clinics that are in this group now, by id.", _text)
ORIGIN = Parameter("Assignments of this origin.", _member_of(AssignmentOrigin))
BEHIND_ONLY = Parameter(
    "Central case types of which the clinic has not acknowledged the published version. Not with"
    " `asOf`.",
    _boolean,
)
ACTIONS = Parameter("Events with any of these actions.", _member_of(Action), several=True)
DOCUMENT = Parameter("Rows of this document, by id.", _text)
NAMES_CLINIC = Parameter("Events that name this clinic, by HSA-id.", _text)
ACTOR = Parameter(
    "Events by this person, for viewers who may see persons; for machines, by this unit.",
    _text,
    logged=False,
)
SINCE = Parameter("Events at this time or later.", _time)
UNTIL = Parameter("Events before this time.", _time)
DETAIL = Parameter(
    "`true` adds the column `detail`: all that is needed to replay the log. For viewers who may"
    " read everything in it.",
    _boolean,
)
KIND = Parameter("Documents of this kind.", _text)
IN_GROUP = Parameter("Clinics that are in this group now, by id.", _text)
TEXT = Parameter(
    "Clinics that match each word: it is the start of a word in a name, the location or the"
    " HSA-id.",
    _text,
    logged=False,
)
CODES = Parameter("Clinics with any of these codes.", _text, several=True)
STATUSES = Parameter("Clinics with any of these statuses.", _member_of(ClinicStatus), several=True)
SIMILAR_TO = Parameter(
    "Clinics that share a business classification with this clinic, by HSA-id.", _text
)
