"""The names of the national directory's codes, where known.

The lists change once or twice a year, so they are data, and unknown codes are accepted.
"""

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

_lists: Mapping[str, Any] = json.loads(
    (files("resolvers.reference") / "codes.json").read_text(encoding="utf-8")
)

DATE: str = _lists["date"]
"""The date on which the lists were retrieved."""
BUSINESS_CLASSIFICATIONS: Mapping[str, str] = _lists["businessClassifications"]
BUSINESS_TYPES: Mapping[str, str] = _lists["businessTypes"]
CARE_TYPES: Mapping[str, str] = _lists["careTypes"]
