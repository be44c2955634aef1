"""HSA-ids: kept as given, compared without case.

Source: Inera, HSA innehåll och struktur: `SE`, organisation number (10 digits, or 12 with `16`
first), `-`, letters and digits;
31 characters at most.
"""

import re

_PATTERN = re.compile(r"SE(?:16)?\d{10}-[A-Z0-9]+", re.ASCII | re.IGNORECASE)
_ORGANISATION = re.compile(r"SE(?:16)?\d{10}", re.ASCII | re.IGNORECASE)
_TEST_ID = re.compile(r"[A-Z0-9-]+", re.ASCII | re.IGNORECASE)
MAX_LENGTH = 31


def is_hsa_id(text: str, extra_prefixes: tuple[str, ...] = ()) -> bool:
    """Whether a text is an HSA-id of a unit or person; `extra_prefixes` let test ids pass that
    break the pattern.
    """
    if len(text) > MAX_LENGTH:
        return False
    if _PATTERN.fullmatch(text):
        return True
    return _TEST_ID.fullmatch(text) is not None and text.upper().startswith(
        tuple(prefix.upper() for prefix in extra_prefixes)
    )


def is_organisation_id(text: str) -> bool:
    """Whether a text is an organisation's own HSA-id: without the part after the hyphen, as
    principals have it.
    """
    return _ORGANISATION.fullmatch(text) is not None
