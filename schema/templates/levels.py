"""The level of a template: national, regional or local."""

from resolvers.templates import usage
from schema.errors import Info
from schema.templates.enums import TemplateLevel
from store import records


def level_of(record: records.Document, info: Info) -> TemplateLevel:
    """Return the level of the principal or clinic that owns a template."""
    return TemplateLevel[usage.level_of(info.context, record.principal, record.owner)]
