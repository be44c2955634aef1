"""The use of a template: the number of documents that come from it, on all levels."""

from datetime import datetime

import strawberry

from resolvers.templates import usage
from resolvers.templates.usage import Uses
from schema.clinics.principals import Principal
from schema.errors import Info
from schema.templates.enums import TemplateLevel

_TEMPLATES = "Templates that come from it, directly or through other templates."
_CASE_TYPES = "Case types that come from it, directly or through other templates."
_BEHIND = (
    "How many of these templates and case types are behind the published version: those made from"
    " an older version, and those made from a template that is behind. For example, a case type"
    " that is up to date with a regional template is behind the national template until the"
    " regional template adopts the national version."
)


@strawberry.type(description="The use of a template on one level.")
class TemplateUsageOfLevel:
    uses: strawberry.Private[Uses]
    level: TemplateLevel = strawberry.field(description="The level.")
    templates: int = strawberry.field(description=_TEMPLATES)
    case_types: int = strawberry.field(description=_CASE_TYPES)
    behind: int = strawberry.field(description=_BEHIND)

    @strawberry.field(description="The number of clinics that have one of these case types now.")
    async def clinics(self, info: Info) -> int:
        return await usage.clinics(info.context, self.uses)


@strawberry.type(description="The use of a template by one principal and its clinics.")
class TemplateUsageOfPrincipal:
    principal: Principal = strawberry.field(description="The principal.")
    templates: int = strawberry.field(description=_TEMPLATES)
    case_types: int = strawberry.field(description=_CASE_TYPES)
    clinics: int = strawberry.field(
        description="The number of clinics that have one of these case types now."
    )
    behind: int = strawberry.field(description=_BEHIND)
    last_used_at: datetime | None = strawberry.field(
        description="When a document was last made from the template there."
    )


@strawberry.type(
    description=(
        "The use of a template, by the newest versions of the documents that come from it, without"
        " archived documents. Only documents that the viewer may see are counted. Roles held for"
        " the national management count all published documents, including the clinics' own."
    )
)
class TemplateUsage:
    uses: strawberry.Private[Uses]
    templates: int = strawberry.field(description=_TEMPLATES)
    case_types: int = strawberry.field(description=_CASE_TYPES)
    behind: int = strawberry.field(description=_BEHIND)
    last_used_at: datetime | None = strawberry.field(
        description="When a document was last made from it, archived or not; null if never."
    )

    @classmethod
    def of(cls, uses: Uses) -> "TemplateUsage":
        return cls(
            uses=uses,
            templates=uses.templates,
            case_types=uses.case_types,
            behind=uses.behind,
            last_used_at=uses.last_used_at,
        )

    @strawberry.field(
        description=(
            "The number of clinics that have one of these case types now and that the viewer may"
            " read; each clinic counts once."
        )
    )
    async def clinics(self, info: Info) -> int:
        return await usage.clinics(info.context, self.uses)

    @strawberry.field(description="The use on each of the three levels.")
    def by_level(self, info: Info) -> list[TemplateUsageOfLevel]:
        return [
            TemplateUsageOfLevel(
                uses=uses,
                level=TemplateLevel[level],
                templates=uses.templates,
                case_types=uses.case_types,
                behind=uses.behind,
            )
            for level, uses in usage.by_level(info.context, self.uses).items()
        ]

    @strawberry.field(description="The use by each principal that uses the template, by name.")
    async def by_principal(self, info: Info) -> list[TemplateUsageOfPrincipal]:
        return await _by_principal(info, self.uses)


async def _by_principal(info: Info, uses: Uses) -> list[TemplateUsageOfPrincipal]:
    clinics = await usage.clinics_by_principal(info.context, uses)
    return [
        TemplateUsageOfPrincipal(
            principal=Principal.of(info.context.principals[key]),
            templates=part.templates,
            case_types=part.case_types,
            clinics=clinics.get(key, 0),
            behind=part.behind,
            last_used_at=part.last_used_at,
        )
        for key, part in usage.by_principal(info.context, uses).items()
    ]
