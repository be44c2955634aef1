"""What can be exported, by name."""

from collections.abc import Mapping
from typing import Any

from resolvers.exports.assignments import ASSIGNMENTS
from resolvers.exports.exporting import Export

EXPORTS: Mapping[str, Export[Any]] = {one.name: one for one in (ASSIGNMENTS,)}
