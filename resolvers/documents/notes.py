"""The note on a change: free text by staff, with the same rules as every other text."""

from resolvers.kinds.texts import allowed_characters, at_most, no_personal_number
from store.errors import InvalidInput, Problem

MAX_NOTE = 2_000
_CHECKS = (at_most(MAX_NOTE), allowed_characters, no_personal_number)


def checked_note(note: str | None) -> str | None:
    """Return the note unchanged if it follows the rules.

    Raises:
        InvalidInput: It is over 2,000 characters, or contains control characters or a personal
            identity number.
    """
    if note is None:
        return None
    problems = [
        Problem(fault.code, fault.message, ("note",)) for check in _CHECKS for fault in check(note)
    ]
    if problems:
        raise InvalidInput(problems)
    return note
