"""Contents of case types, and their problems."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from resolvers.kinds.case_types import CASE_TYPE
from resolvers.kinds.validation import validate
from store.errors import InvalidInput, Problem
from store.kinds.kinds import Kind

NUMBER = "880320-0016"


FULL: Mapping[str, Any] = MappingProxyType(
    {
        "name": "Förnya recept",
        "internalName": "Förnya recept 2026",
        "rationale": "Beslut i forum <2022>.\nSe protokollet.",
        "introduction": "Här kan du **förnya** [recept](https://www.1177.se).\n\n- Ett\n- Två",
        "questions": [
            {
                "key": "typ",
                "label": "Vilket slag?",
                "help": None,
                "kind": "SINGLE_CHOICE",
                "required": True,
            }
            | {
                "options": [{"key": "a", "label": "Tablett"}, {"key": "b", "label": "Annat"}],
                "shownIf": None,
            },
            {
                "key": "vad",
                "label": "Vad?",
                "help": "Skriv < 3 rader",
                "kind": "LONG_TEXT",
                "required": False,
            }
            | {"options": [], "shownIf": {"question": "typ", "equals": "b"}},
        ],
        "links": [
            {"key": "1177", "label": "1177", "url": "https://www.1177.se/", "openPage": True}
        ],
        "submittable": True,
        "standardReplies": [{"key": "ok", "label": "Klart", "text": "Hej!\nReceptet är förnyat."}],
        "terms": [
            {"key": "villkor", "heading": "Villkor", "text": "*Läs* detta.", "mustAccept": True}
        ],
        "restrictions": {
            "countyCodes": ["01", "03"],
            "municipalityCodes": ["0180"],
            "gender": "WOMAN",
            "ageFrom": 18,
            "ageTo": 150,
        }
        | {"listedOnly": True, "referralRequired": True, "proxyAllowed": False},
        "responseTime": {"amount": 2, "unit": "WORKING_DAYS"},
        "onContactCard": True,
        "language": "sv-SE",
    }
)


DEFAULTS: Mapping[str, Any] = MappingProxyType(
    {
        "name": "A",
        "internalName": "B",
        "rationale": None,
        "introduction": "",
        "questions": [],
        "links": [],
        "submittable": True,
        "standardReplies": [],
        "terms": [],
        "restrictions": {
            "countyCodes": [],
            "municipalityCodes": [],
            "gender": None,
            "ageFrom": None,
            "ageTo": None,
        }
        | {"listedOnly": False, "referralRequired": False, "proxyAllowed": True},
        "responseTime": None,
        "onContactCard": False,
        "language": "sv",
    }
)


def question(key: str = "q", kind: str = "SHORT_TEXT", **more: Any) -> dict[str, Any]:
    return {"key": key, "label": "Fråga", "kind": kind, **more}


def options(*keys: str) -> list[dict[str, Any]]:
    return [{"key": key, "label": "Svar"} for key in keys]


def shown_if(name: str, equals: str) -> dict[str, Any]:
    return {"question": name, "equals": equals}


def link(**more: Any) -> dict[str, Any]:
    return {"key": "l", "label": "Länk", "url": "https://www.1177.se", **more}


def reply(**more: Any) -> dict[str, Any]:
    return {"key": "r", "label": "Svar", "text": "Hej", **more}


def section(**more: Any) -> dict[str, Any]:
    return {"key": "t", "heading": "Villkor", "text": "Läs", **more}


def validated(
    content: Any, kind: Kind = CASE_TYPE
) -> tuple[dict[str, Any] | None, Sequence[Problem]]:
    """The stored content, or the problems; any other exception propagates."""
    try:
        return validate(kind, content), ()
    except InvalidInput as error:
        return None, error.problems


def problems_of(content: Any, kind: Kind = CASE_TYPE) -> list[tuple[str, str]]:
    """Codes with dotted paths, sorted; empty for content that is accepted."""
    _, problems = validated(content, kind)
    assert all(problem.path[0] == "content" and problem.message for problem in problems)
    return sorted((problem.code, ".".join(problem.path[1:])) for problem in problems)
