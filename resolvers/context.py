"""The context that every resolver gets: viewer, rights, request, loaders and the store."""

from collections.abc import Mapping
from dataclasses import dataclass

from resolvers.access.decisions import act_of
from resolvers.access.rights import HeldRole, Rights, rights_of
from resolvers.access.viewer import Viewer
from resolvers.documents.notes import checked_note
from resolvers.loaders import Loaders
from store.errors import InvalidInput
from store.idempotency import IdempotencyKey
from store.outages import is_outage
from store.records import Act, Principal
from store.registry import Store

_MAX_KEY = 200


@dataclass(frozen=True, slots=True)
class Context:
    """The context of a signed-in request or socket.

    Attributes:
        store: The store.
        viewer: The viewer.
        rights: The rights of the viewer when the context was created.
        principals: All principals of the registry, by key.
        request_id: The id of the request, for the log.
        loaders: The data loaders.
    """

    store: Store
    viewer: Viewer
    rights: Rights
    principals: Mapping[str, Principal]
    request_id: str
    loaders: Loaders

    @classmethod
    async def of(cls, store: Store, viewer: Viewer, request_id: str) -> "Context":
        """Create the context of a viewer, with the rights that the viewer has now."""
        return cls(
            store=store,
            viewer=viewer,
            rights=await rights_of(viewer, store),
            principals=await store.principals.known(),
            request_id=request_id,
            loaders=Loaders(store),
        )

    def act(self, held: HeldRole, note: str | None) -> Act:
        """Create an act in a role that allows it.

        Raises:
            InvalidInput: The note is over 2,000 characters, or contains control characters or a
                personal identity number.
        """
        return act_of(self.viewer, held, checked_note(note), self.request_id)

    def idempotency(self, key: str | None, fingerprint: str) -> IdempotencyKey | None:
        """An idempotency key in the caller's own namespace; None without a key.

        Raises:
            InvalidInput: The key is empty or over 200 characters.
        """
        if key is None:
            return None
        if not 1 <= len(key) <= _MAX_KEY:
            raise InvalidInput.at(
                ("idempotencyKey",), "OUT_OF_RANGE", f"Nyckeln ska ha 1 till {_MAX_KEY} tecken."
            )
        # Subjects have no line break (`resolvers.access.claims`), so keys of callers never collide.
        return IdempotencyKey(id=f"{self.viewer.subject}\n{key}", fingerprint=fingerprint)

    async def remember_person(self) -> None:
        """Store the display name of the person behind a write.

        An outage of MongoDB is ignored, because the write itself has succeeded; the next write
        stores the name.
        """
        if self.viewer.employee_hsa_id and self.viewer.name:
            try:
                await self.store.people.remember(self.viewer.employee_hsa_id, self.viewer.name)
            except Exception as error:
                if not is_outage(error):
                    raise
