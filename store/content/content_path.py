"""Paths into a content, such as `restrictions.ageFrom` and `questions[datum].label`.

Keys contain letters, digits, `-` and `_` only.
"""

import re
from dataclasses import dataclass

_STEP = re.compile(r"([^.\[\]]+)(?:\[([^\]]+)\])?(?:\.|$)")


@dataclass(frozen=True, slots=True)
class PathStep:
    """One step of a path: a field, or an item of a keyed list."""

    field: str
    key: str | None


@dataclass(frozen=True, slots=True)
class ContentPath:
    """A path into a content, with a readable label."""

    path: str = ""
    label: str = ""

    def field(self, name: str, title: str) -> "ContentPath":
        """Return the path of a field of the object at this path."""
        return ContentPath(
            f"{self.path}.{name}" if self.path else name,
            f"{self.label} › {title}" if self.label else title,
        )

    def item(self, key: str, label: str) -> "ContentPath":
        """Return the path of an item of the keyed list at this path."""
        return ContentPath(f"{self.path}[{key}]", f"{self.label} › ”{label}”")


def parse_path(path: str) -> tuple[PathStep, ...]:
    """Split a path into its steps.

    Raises:
        ValueError: The text is not a path.
    """
    steps = []
    at = 0
    while at < len(path):
        match = _STEP.match(path, at)
        if match is None:
            raise ValueError(f"not a path: {path}")
        steps.append(PathStep(match[1], match[2]))
        at = match.end()
    if not steps or path.endswith("."):
        raise ValueError(f"not a path: {path}")
    return tuple(steps)
