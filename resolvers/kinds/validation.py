"""Validation of the content of documents of any kind.

All problems are reported at once, each with its code, message and path. Nothing here depends on a
certain kind. The rules of a kind are in its Pydantic model: in the types of its fields, and in
`problems()` for rules over several fields. For every kind, keys are unique within their list, and
no text contains control characters or a personal identity number.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

import orjson
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from resolvers.kinds.checks import SHAPE_ONLY, Violation, allowed_characters
from resolvers.kinds.content_model import ContentModel
from resolvers.kinds.personal_numbers import no_personal_number
from resolvers.pages.placeholders import known_placeholders
from store.errors import InvalidInput, Path, Problem
from store.kinds.kinds import Kind
from store.records import Content

CODES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "AGE_ORDER": "The upper age limit is below the lower one.",
        "ATTACHMENTS_NOT_ALLOWED": (
            "A question asks for an attachment, though attachments are not allowed."
        ),
        "BLANK": "A mandatory text is empty, or has only white space or invisible characters.",
        "CONDITION_NOT_EARLIER": (
            "A condition depends on the question itself or on a later one; it must depend on an"
            " earlier question."
        ),
        "CONDITION_UNKNOWN_ANSWER": (
            "A condition expects an answer that the question cannot have: not the key of an"
            " option, or neither yes nor no."
        ),
        "CONDITION_UNKNOWN_QUESTION": (
            "A condition depends on a question that is not in the content."
        ),
        "DUPLICATE_KEY": "An earlier item of the same list has this key.",
        "DUPLICATE_VALUE": "A list of codes contains the same code more than once.",
        "END_MISSING": "A notice is resolved but has no end.",
        "IMAGE_ALT_MISSING": "An image in a rich text has no alternative text.",
        "INVALID_CHARACTER": (
            "A text contains a control character (other than tab and line breaks) or half of a"
            " surrogate pair."
        ),
        "INVALID_CODE": "A county code is not two digits, or a municipality code not four.",
        "INVALID_KEY": "A key is not 1 to 64 letters, digits, hyphens or underscores.",
        "INVALID_LANGUAGE": "The language is not a BCP 47 tag.",
        "INVALID_TIME": "A time is not RFC 3339 with an offset, or does not exist.",
        "INVALID_VALUE": "The value breaks a rule that has no code of its own.",
        "LINE_BREAK": "A name or label contains a line break or a tab.",
        "LINK_TEXT_MISSING": "A link in a rich text has no text.",
        "MARKDOWN_NOT_ALLOWED": (
            "A rich text uses Markdown outside the subset: code, quote, rule, table, or lists"
            " nested too deeply."
        ),
        "MISSING": "A mandatory field is left out or null.",
        "ONLY_FOR_BOOKING": "A terms text for listing has a part that only terms for booking have.",
        "ONLY_FOR_LISTING": (
            "A terms text for booking has the switch for a named doctor, which only terms for"
            " listing have."
        ),
        "OPTIONS_MISSING": "A single or multiple choice question has no options.",
        "OPTIONS_NOT_ALLOWED": "A question that is not a choice has options.",
        "OUT_OF_RANGE": "A number is below or above its bounds.",
        "PERSONAL_NUMBER": (
            "A text contains a personal identity number or a coordination number (personnummer,"
            " samordningsnummer)."
        ),
        "QUESTIONS_MISSING": "A question form has no questions.",
        "QUESTIONS_NOT_ALLOWED": "An information form has questions.",
        "RAW_HTML": "A rich text contains HTML.",
        "REQUIRED_NOT_SUBMITTABLE": (
            "A question is required, though the case type cannot be submitted."
        ),
        "TIME_ORDER": "An end time is not after its start time.",
        "TOO_LARGE": "The content as a whole is over 1 MiB as BSON.",
        "TOO_LONG": "A text has more characters than its field allows.",
        "TOO_MANY": "A list has more items than it allows.",
        "UNKNOWN_FIELD": "There is no such field.",
        "UNKNOWN_PLACEHOLDER": (
            "A text contains a placeholder in double braces that does not exist."
        ),
        "UNKNOWN_VALUE": "The value is not one of the enum.",
        "URL_HOST": "A web address has no host, or a malformed one.",
        "URL_INVALID": (
            "An address contains white space or characters that addresses cannot have, or is"
            " malformed."
        ),
        "URL_SCHEME": (
            "An address is relative, or its scheme is not allowed: https, http, mailto, tel for"
            " links; https, http for images."
        ),
        "URL_USERINFO": "A web address contains a user name or a password.",
        "WRONG_TYPE": "The value has another JSON type than the field.",
    }
)
"""The meaning of each code that a problem in content can have."""

MAX_PROBLEMS = 200
"""The number of problems reported: a malformed body must not cause a far larger response."""

_MAX_JSON_BYTES = 2 * 1024 * 1024
"""Refuses early what is certainly too large; the store checks the exact size."""
_MAX_STEP = 100
"""The number of characters of an unknown field's name that a path repeats."""


def validate(kind: Kind, content: Mapping[str, Any], path: Path = ("content",)) -> dict[str, Any]:
    """Check content against its kind, and return it in the form in which it is stored.

    Texts are stored exactly as given: nothing is trimmed or normalised. Fields left out or null get
    their default. Equal content therefore gives equal JSON, and
    `validate(kind, validate(kind, content)) == validate(kind, content)`.

    Args:
        kind: The kind with the content model.
        content: Plain JSON with API names.
        path: Where the content is in the caller's input.

    Returns:
        Plain JSON with every field present, in the model's order, None as null.

    Raises:
        InvalidInput: All problems, at most `MAX_PROBLEMS`. Where a name or a type is wrong, the
            rules over several fields are not checked.
    """
    if _size(content) > _MAX_JSON_BYTES:
        raise InvalidInput.at(path, "TOO_LARGE", "Innehållet är för stort: högst 1 MiB får plats.")
    model, found = _parse(kind, content)
    # A violation can be found twice: in a text as written and as rendered.
    problems = list(dict.fromkeys([*found, *_cross_field(model), *_texts(content)]))
    if model is None or problems:
        raise InvalidInput(
            [Problem(p.code, p.message, (*path, *p.path)) for p in problems[:MAX_PROBLEMS]]
        )
    return model.model_dump(by_alias=True, mode="json")


def _size(content: Content) -> int:
    """The size as JSON, in bytes; 0 for what is not JSON, which validation refuses."""
    try:
        return len(orjson.dumps(content))
    except (TypeError, RecursionError):
        return 0


def _parse(kind: Kind, content: Content) -> tuple[BaseModel | None, list[Problem]]:
    """The model, and the problems of single fields.

    The model is None where names or types are wrong; it exists where fields only break rules.
    """
    data = dict(content) if isinstance(content, Mapping) else content
    try:
        return kind.model.model_validate(data), []
    except ValidationError as error:
        problems = [
            problem
            for details in error.errors(include_url=False, include_input=False)
            for problem in _translate(details)
        ]
    try:
        return kind.model.model_validate(data, context=SHAPE_ONLY), problems
    except ValidationError:
        return None, problems


def problems_of(error: ValidationError) -> list[Problem]:
    """The errors of any Pydantic model, with our codes and messages; at most `MAX_PROBLEMS`."""
    problems = [
        problem
        for details in error.errors(include_url=False, include_input=False)
        for problem in _translate(details)
    ]
    return problems[:MAX_PROBLEMS]


_CODES_OF_TYPES = {
    "missing": "MISSING",
    "extra_forbidden": "UNKNOWN_FIELD",
    "string_too_long": "TOO_LONG",
    "string_too_short": "BLANK",
    "too_long": "TOO_MANY",
    "enum": "UNKNOWN_VALUE",
    "literal_error": "UNKNOWN_VALUE",
    "greater_than": "OUT_OF_RANGE",
    "greater_than_equal": "OUT_OF_RANGE",
    "less_than": "OUT_OF_RANGE",
    "less_than_equal": "OUT_OF_RANGE",
    "finite_number": "OUT_OF_RANGE",
    "string_unicode": "INVALID_CHARACTER",
    "int_from_float": "WRONG_TYPE",
}
_TYPES = {
    "string": "en text",
    "int": "ett heltal",
    "float": "ett tal",
    "bool": "true eller false",
    "list": "en lista",
    "dict": "ett objekt",
    "model": "ett objekt",
    "mapping": "ett objekt",
}


def _translate(details: ErrorDetails) -> Iterator[Problem]:
    """Translate a Pydantic error into problems with our codes and messages.

    The input is not repeated: it may be something that must not be stored.
    """
    path = tuple(_readable(str(step)) for step in details["loc"])
    context = details.get("ctx", {})
    if "violations" in context:
        violations: list[Violation] = context["violations"]
        yield from (Problem(violation.code, violation.message, path) for violation in violations)
        return
    kind = details["type"]
    code = _CODES_OF_TYPES.get(
        kind, "WRONG_TYPE" if kind.endswith(("_type", "_parsing")) else "INVALID_VALUE"
    )
    yield Problem(code, _message(code, kind, context), path)


def _message(code: str, kind: str, context: Mapping[str, Any]) -> str:  # noqa: PLR0911 - one line per code
    match code:
        case "MISSING":
            return "Fyll i fältet: det är obligatoriskt."
        case "UNKNOWN_FIELD":
            return "Ta bort fältet: det finns inget sådant."
        case "TOO_LONG":
            return f"Korta texten till högst {context['max_length']} tecken."
        case "BLANK":
            return f"Skriv minst {context['min_length']} tecken."
        case "TOO_MANY":
            return f"Ta bort rader ur listan: den rymmer högst {context['max_length']}."
        case "UNKNOWN_VALUE":
            allowed = str(context["expected"]).replace("'", "").replace(" or ", ", ")
            return f"Välj ett av värdena {allowed}."
        case "OUT_OF_RANGE":
            bounds = {"ge": "minst", "gt": "mer än", "le": "högst", "lt": "mindre än"}
            return next(
                (
                    f"Ange ett tal som är {word} {context[name]}."
                    for name, word in bounds.items()
                    if name in context
                ),
                "Ange ett ändligt tal.",
            )
        case "INVALID_CHARACTER":
            return next(allowed_characters("\ud800")).message
        case "WRONG_TYPE":
            expected = _TYPES.get(kind.partition("_")[0])
            return f"Ange {expected}." if expected else "Värdet är av fel typ."
    return "Värdet är inte giltigt."


def _readable(step: str) -> str:
    """A path step that can be sent as JSON: an unknown name can be long or malformed."""
    return step.encode("utf-8", "replace").decode()[:_MAX_STEP]


def _cross_field(model: object, path: Path = ()) -> Iterator[Problem]:
    """Yield the `problems()` of a model and of all models in it, and duplicate keys in lists."""
    if isinstance(model, ContentModel):
        for problem in model.problems():
            yield Problem(problem.code, problem.message, (*path, *problem.path))
    if isinstance(model, BaseModel):
        for name, info in type(model).model_fields.items():
            yield from _cross_field(getattr(model, name), (*path, info.alias or name))
    elif isinstance(model, list):
        yield from _repeated_keys(model, path)
        for index, item in enumerate(model):
            yield from _cross_field(item, (*path, str(index)))


def _repeated_keys(items: list[object], path: Path) -> Iterator[Problem]:
    seen = set()
    for index, item in enumerate(items):
        key = getattr(item, "key", None)
        if isinstance(item, BaseModel) and key is not None:
            if key in seen:
                yield Problem(
                    "DUPLICATE_KEY",
                    "Byt nyckel: en tidigare rad i listan har samma.",
                    (*path, str(index), "key"),
                )
            seen.add(key)


def _texts(content: object) -> Iterator[Problem]:
    """Yield the problems that the rules for every text find, anywhere in the content.

    This does not recurse: the input can be nested to any depth.
    """
    stack: list[tuple[Path, object]] = [((), content)]
    while stack:
        path, value = stack.pop()
        if isinstance(value, str):
            for violation in (
                *allowed_characters(value),
                *no_personal_number(value),
                *known_placeholders(value),
            ):
                yield Problem(violation.code, violation.message, path)
        elif isinstance(value, Mapping):
            stack.extend(
                ((*path, _readable(str(name))), item)
                for name, item in reversed(list(value.items()))
            )
        elif isinstance(value, list):
            stack.extend(
                ((*path, str(index)), item) for index, item in reversed(list(enumerate(value)))
            )
