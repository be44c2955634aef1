"""Reference data that is always there: the national management and the 21 regions."""

import json
from importlib.resources import files
from importlib.resources.abc import Traversable

from store.records import Principal, PrincipalKind, key_of


def principals() -> list[Principal]:
    """The principals that every registry knows.

    Source: Inera, HSA; the regions' organisation numbers.
    """
    return read_principals(files(__name__) / "principals.json")


def read_principals(path: Traversable) -> list[Principal]:
    """The principals in a data file."""
    return [
        Principal(
            key=key_of(row["hsaId"]),
            hsa_id=row["hsaId"],
            name=row["name"],
            kind=PrincipalKind(row["kind"]),
            county_code=row["countyCode"],
        )
        for row in json.loads(path.read_text(encoding="utf-8"))
    ]
