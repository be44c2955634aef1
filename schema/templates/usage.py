"""How a template is used: what comes from it over all levels, in numbers."""

from collections.abc import Sequence
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
    "How many of both do not rest on the version in force: those that come from an earlier one, and"
    " those that come from a template that does. So a case type that has all of a regional template"
    " is behind the national one until the regional template has taken that over."
)


@strawberry.type(description="The part of a template's use that is one level's.")
class TemplateUsageOfLevel:
    some: strawberry.Private[Uses]
    level: TemplateLevel = strawberry.field(description="Whose they are.")
    templates: int = strawberry.field(description=_TEMPLATES)
    case_types: int = strawberry.field(description=_CASE_TYPES)
    behind: int = strawberry.field(description=_BEHIND)

    @strawberry.field(description="Clinics that have one of these case types now.")
    async def clinics(self, info: Info) -> int:
        return await usage.clinics(info.context, self.some)


@strawberry.type(
    description="The part of a template's use that is one principal's and its clinics'."
)
class TemplateUsageOfPrincipal:
    principal: Principal = strawberry.field(description="Whose.")
    templates: int = strawberry.field(description=_TEMPLATES)
    case_types: int = strawberry.field(description=_CASE_TYPES)
    clinics: int = strawberry.field(description="Clinics that have one of these case types now.")
    behind: int = strawberry.field(description=_BEHIND)
    last_used_at: datetime | None = strawberry.field(
        description="When something was last made from it there."
    )


@strawberry.type(
    description=(
        "How a template is used, by the newest versions of what comes from it, archived documents"
        " left out. Counted is what the viewer sees; for roles held for the national management all"
        " that is published, clinics' own documents included."
    )
)
class TemplateUsage:
    whole: strawberry.Private[Uses]
    templates: int = strawberry.field(description=_TEMPLATES)
    case_types: int = strawberry.field(description=_CASE_TYPES)
    behind: int = strawberry.field(description=_BEHIND)
    last_used_at: datetime | None = strawberry.field(
        description="When something was last made from it, archived by now or not; null if never."
    )

    @classmethod
    def of(cls, whole: Uses) -> "TemplateUsage":
        return cls(
            whole=whole,
            templates=whole.templates,
            case_types=whole.case_types,
            behind=whole.behind,
            last_used_at=whole.last_used_at,
        )

    @strawberry.field(
        description=(
            "Clinics that have one of these case types now, each once; of those that the viewer may"
            " read."
        )
    )
    async def clinics(self, info: Info) -> int:
        return await usage.clinics(info.context, self.whole)

    @strawberry.field(description="The same for each of the three levels.")
    def by_level(self, info: Info) -> list[TemplateUsageOfLevel]:
        return [
            TemplateUsageOfLevel(
                some=some,
                level=TemplateLevel[level],
                templates=some.templates,
                case_types=some.case_types,
                behind=some.behind,
            )
            for level, some in usage.by_level(info.context, self.whole).items()
        ]

    @strawberry.field(description="The same for each principal that uses it, by name.")
    async def by_principal(self, info: Info) -> list[TemplateUsageOfPrincipal]:
        return await _by_principal(info, self.whole)


async def _by_principal(info: Info, whole: Uses) -> list[TemplateUsageOfPrincipal]:
    clinics = await usage.clinics_by_principal(info.context, whole)
    parts: Sequence[tuple[str, Uses]] = list(usage.by_principal(info.context, whole).items())
    return [
        TemplateUsageOfPrincipal(
            principal=Principal.of(info.context.principals[key]),
            templates=some.templates,
            case_types=some.case_types,
            clinics=clinics.get(key, 0),
            behind=some.behind,
            last_used_at=some.last_used_at,
        )
        for key, some in parts
    ]
