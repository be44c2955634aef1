"""Placeholders in texts, such as `{{clinic.name}}`: which there are, and filling them in.

A value is text of a directory, never marks: in rich text every character that could be one is
escaped.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from resolvers.kinds.checks import Violation
from store.content.text_fields import rewritten
from store.kinds.kinds import Field
from store.records import Clinic, Content

PLACEHOLDERS: Final[Mapping[str, str]] = {
    "clinic.name": "The clinic's name in the directory.",
    "clinic.publicName": (
        "Its name for the public; its name in the directory where it has no other."
    ),
    "clinic.phone": "Its telephone number; nothing where it has none.",
    "clinic.location": "Where it is; nothing where that is not known.",
}
"""Every placeholder and what takes its place."""

PLACEHOLDER = re.compile(
    r"\{\{([^{}]*)\}\}"
)  # with the blanks inside: to leave them out here would take cubic time
_MARKS = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~&])")


def known_placeholders(text: str) -> Iterator[Violation]:
    """A check that a text holds no placeholder that nothing would take the place of."""
    if "{{" in text and any(name.strip() not in PLACEHOLDERS for name in PLACEHOLDER.findall(text)):
        names = ", ".join(f"{{{{{name}}}}}" for name in PLACEHOLDERS)
        yield Violation("UNKNOWN_PLACEHOLDER", f"Använd bara platshållarna {names}.")


def values_of(clinic: Clinic) -> Mapping[str, str]:
    """What takes the place of each placeholder at a clinic."""
    return {
        "clinic.name": clinic.name,
        "clinic.publicName": clinic.public_name or clinic.name,
        "clinic.phone": clinic.telephone_number or "",
        "clinic.location": clinic.location or "",
    }


def filled(
    content: Content, fields: Mapping[str, Field], values: Mapping[str, str]
) -> dict[str, Any]:
    """A content with its prose filled in; keys, codes and addresses are left as they are."""
    return rewritten(content, fields, lambda text, field: _replaced(text, values, rich=field.rich))


def _replaced(text: str, values: Mapping[str, str], *, rich: bool) -> str:
    def replacement(match: re.Match[str]) -> str:
        value = values.get(match[1].strip())
        if value is None:
            return match[0]
        return _MARKS.sub(r"\\\1", value) if rich else value

    return PLACEHOLDER.sub(replacement, text)
