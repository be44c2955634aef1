"""Parses the header `If-None-Match` and compares entity tags.

Source: RFC 9110, sections 8.8.3 and 13.1.2.
"""

import re
from dataclasses import dataclass

_MEMBER = re.compile(r'[ \t]*+(?:(?:W/)?("[\x21\x23-\x7e\x80-\xff]*+"))?+[ \t]*+(?:,|\Z)')
"""One member of the list, which may be empty. A tag may contain commas; `W/` is case-sensitive."""


@dataclass(frozen=True, slots=True)
class IfNoneMatch:
    """The condition that a client sends: answer only if the response has none of these tags.

    Attributes:
        any: Whether the header is `*`, which matches every response that exists.
        tags: The tags that it names, with their quotes, without `W/`.
    """

    any: bool
    tags: frozenset[str]

    @classmethod
    def parse(cls, header: str) -> "IfNoneMatch":
        """Parse the header's value. A malformed value matches nothing, so the response is sent."""
        if header.strip(" \t") == "*":
            return cls(any=True, tags=frozenset())
        tags = set()
        position = 0
        while position < len(header):
            member = _MEMBER.match(header, position)
            if member is None:
                return cls(any=False, tags=frozenset())
            if member[1] is not None:
                tags.add(member[1])
            position = member.end()
        return cls(any=False, tags=frozenset(tags))

    def names(self, tag: str) -> bool:
        """Whether the header names a tag. Weak comparison: `W/` is ignored on both sides."""
        return tag.removeprefix("W/") in self.tags

    def matches(self, tag: str) -> bool:
        """Whether the header matches an existing response with this tag."""
        return self.any or self.names(tag)
