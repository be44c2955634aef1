"""The principals of every registry: the national management and the 21 regions."""

import json
from importlib.resources import files
from importlib.resources.abc import Traversable

from store.records import Principal, PrincipalKind, key_of


def reference_principals() -> list[Principal]:
    """The principals that every registry has.

    Source: Inera, HSA; the regions' organisation numbers.
    """
    return read_principals(files("resolvers.reference") / "principals.json")


def read_principals(path: Traversable) -> list[Principal]:
    """Read the principals of a data file."""
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
