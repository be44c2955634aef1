"""The error of a write that is based on an outdated version."""

from datetime import datetime
from typing import cast

import strawberry

from resolvers.documents import comparison
from schema.documents.changes import Change, changes_of
from schema.errors import Info, UserError, converts
from schema.log.actors import Actor
from store import errors
from store.errors import RegistryError


@strawberry.type(
    description=(
        "Someone else saved first. `changes` lists the differences between `expectedVersion` and"
        " `latestVersion`."
    ),
)
class VersionConflict(UserError):
    refusal: strawberry.Private[errors.VersionConflict]
    expected_version: int = strawberry.field(description="The version that the caller had read.")
    latest_version: int = strawberry.field(description="The newest version.")
    at: datetime = strawberry.field(description="When the newest version was written.")

    @strawberry.field(description="Who wrote the newest version.")
    def by(self) -> Actor:
        return Actor.of(self.refusal.by, self.refusal.principal)

    @strawberry.field(description="The differences between the two versions.")
    async def changes(self, info: Info) -> list[Change]:
        refusal = self.refusal
        return changes_of(
            await comparison.changes_since(
                info.context, refusal.document, refusal.expected, refusal.latest
            )
        )


@converts(errors.VersionConflict)
def _version_conflict(error: RegistryError) -> list[UserError]:
    refusal = cast("errors.VersionConflict", error)
    return [
        VersionConflict(
            refusal=refusal,
            code=refusal.code,
            message=refusal.message,
            path=list(refusal.path),
            expected_version=refusal.expected,
            latest_version=refusal.latest,
            at=refusal.at,
        )
    ]
