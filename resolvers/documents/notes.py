"""The note on a change: free text by staff, with the same rules as every other text."""

from resolvers.kinds.checks import allowed_characters, max_length, problems_in
from resolvers.kinds.personal_numbers import no_personal_number
from store.errors import InvalidInput

MAX_NOTE = 2_000
_CHECKS = (max_length(MAX_NOTE), allowed_characters, no_personal_number)


def checked_note(note: str | None) -> str | None:
    """Return the note unchanged if it follows the rules.

    Raises:
        InvalidInput: It is over 2,000 characters, or contains control characters or a personal
            identity number.
    """
    if note is None:
        return None
    if problems := problems_in(note, _CHECKS, ("note",)):
        raise InvalidInput(problems)
    return note
