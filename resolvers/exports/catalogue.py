"""All exports, by name."""

from collections.abc import Mapping
from typing import Any

from resolvers.exports.adoption import ADOPTION
from resolvers.exports.assignments import ASSIGNMENTS
from resolvers.exports.clinics import CLINICS
from resolvers.exports.events import EVENTS
from resolvers.exports.export import Export
from resolvers.exports.versions import VERSIONS

EXPORTS: Mapping[str, Export[Any]] = {
    export.name: export for export in (ASSIGNMENTS, VERSIONS, EVENTS, CLINICS, ADOPTION)
}
