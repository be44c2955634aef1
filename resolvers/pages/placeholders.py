"""Placeholders in texts, such as `{{clinic.name}}`.

Values are plain text from the directory: in rich text, every character that Markdown could
interpret is escaped.
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
    "clinic.publicName": ("Its public name; its name in the directory where it has none."),
    "clinic.phone": "Its telephone number; empty where it has none.",
    "clinic.location": "Its location; empty where that is not known.",
}
"""The meaning of each placeholder."""

# The spaces inside are matched too: excluding them here would take cubic time.
PLACEHOLDER = re.compile(r"\{\{([^{}]*)\}\}")
_MARKDOWN_CHARACTERS = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~&])")


def known_placeholders(text: str) -> Iterator[Violation]:
    """A check that a text contains no unknown placeholder."""
    if "{{" in text and any(name.strip() not in PLACEHOLDERS for name in PLACEHOLDER.findall(text)):
        names = ", ".join(f"{{{{{name}}}}}" for name in PLACEHOLDERS)
        yield Violation("UNKNOWN_PLACEHOLDER", f"Använd bara platshållarna {names}.")


def values_of(clinic: Clinic) -> Mapping[str, str]:
    """The value of each placeholder at a clinic."""
    return {
        "clinic.name": clinic.name,
        "clinic.publicName": clinic.public_name or clinic.name,
        "clinic.phone": clinic.telephone_number or "",
        "clinic.location": clinic.location or "",
    }


def filled(
    content: Content, fields: Mapping[str, Field], values: Mapping[str, str]
) -> dict[str, Any]:
    """Fill in the placeholders of all prose; keys, codes and addresses stay unchanged."""
    return rewritten(content, fields, lambda text, field: _replaced(text, values, rich=field.rich))


def _replaced(text: str, values: Mapping[str, str], *, rich: bool) -> str:
    def replacement(match: re.Match[str]) -> str:
        value = values.get(match[1].strip())
        if value is None:
            return match[0]
        return _MARKDOWN_CHARACTERS.sub(r"\\\1", value) if rich else value

    return PLACEHOLDER.sub(replacement, text)
