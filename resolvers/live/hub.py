"""All subscriptions of this process: beginning and ending them, and holding them to the rights that
hold now.

Rights are looked at again before an event is told, where it or an earlier act of the log may have
changed them. So nobody is told what was
written after the right to be told of it ended.
"""

import asyncio
import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress

from resolvers.access.permissions import Permission
from resolvers.access.rights import rights_of
from resolvers.access.viewer import LOA3
from resolvers.context import Context
from resolvers.live.channels import Channel
from resolvers.live.followers import Follower, Following, PayloadSource, Sink
from resolvers.live.metrics import Metrics
from resolvers.live.sending import begun
from resolvers.live.subscription_registry import SubscriptionRegistry
from resolvers.live.watched_rights import Viewpoint
from store.errors import InvalidInput, NotPermitted, RegistryError, SubscriptionEnded
from store.records import Action, Event, key_of
from store.registry import Store

_CHANGE_RIGHTS = frozenset(
    {Action.ROLE_GRANTED, Action.ROLE_REVOKED, Action.POLICIES_CHANGED, Action.IMPORTED}
)


class Hub:
    """The subscriptions of one process, by log.

    Attributes:
        changes: How many acts were met that may have changed somebody's rights.
    """

    def __init__(
        self, store: Store, metrics: Metrics, subscription_registry: SubscriptionRegistry
    ) -> None:
        self.followers: dict[str, Follower] = {}
        self.changes = 0
        self._store = store
        self._metrics = metrics
        self._subscription_registry = subscription_registry
        self._channels: dict[str, Channel] = {}
        self._needed: Counter[str] = Counter()
        self._opening = asyncio.Lock()
        self._closing: set[asyncio.Task[None]] = set()

    async def require_written(self, following: Following) -> None:
        """Refuse a position beyond the end of the log: a restored backup has taken it back, and
        gives its numbers to other events.

        Raises:
            InvalidInput: It is; code `INVALID_CURSOR`.
        """
        principal, sequence = following.principal, following.position.sequence
        channel = self._channels.get(principal)
        if (
            channel is None or sequence > channel.position
        ) and not await self._store.history.is_written(principal, sequence):
            raise InvalidInput.at(
                ("after",), "INVALID_CURSOR", "Markören ligger efter loggens slut: börja om."
            )

    async def follow(
        self,
        context: Context,
        following: Following,
        payloads: PayloadSource,
        outlet: Sink,
        *,
        changes: int,
    ) -> Follower:
        """Begin to tell, from the position that is asked for on.

        Args:
            context: Of who follows.
            following: What is followed.
            payloads: Where the payload of each event comes from.
            outlet: Where it is told.
            changes: As `self.changes` was before the rights in the context were read.
        """
        needed = _logs(context, following)
        self._needed.update(needed)
        try:
            opened = [await self._open(principal) for principal in needed]
        except BaseException:
            self._release(needed)
            payloads.left()
            raise
        channel = self._channels[following.principal]
        follower = Follower(
            id=f"sub_{uuid.uuid4().hex}",
            store=self._store,
            line=channel,
            following=following,
            viewer=context.viewer,
            rights=context.rights,
            payloads=payloads,
            outlet=outlet,
            logs=needed,
            since=self._store.now(),
        )
        channel.followers[follower.id] = self.followers[follower.id] = follower
        self._metrics.began(replay=following.position.sequence < channel.position)
        if (
            any(opened) or self.changes != changes
        ):  # what was met before it stood in the list above did not reach it
            try:
                await self._renew(follower)
                await self._renew_clinics(channel, [follower], follower.clinics or ())
            except BaseException:
                follower.close()
                raise
        if not follower.ended:
            self._subscription_registry.began(follower)
            follower.start()
        return follower

    def start(self) -> None:
        """Begin to tell others who follows here."""
        self._subscription_registry.start()

    async def stop(self) -> None:
        """End everything."""
        for follower in list(self.followers.values()):
            follower.close()
        await asyncio.gather(
            *(channel.stop() for channel in self._channels.values()), *self._closing
        )
        self._channels.clear()
        await self._subscription_registry.stop()

    async def _open(self, principal: str) -> bool:
        """Whether the channel of a log had to be opened."""
        async with self._opening:
            if principal in self._channels:
                return False
            position = await self._store.history.latest_sequence(principal)
            self._channels[principal] = Channel(
                principal,
                position,
                self._store,
                before=self._recheck,
                ended=self._ended,
                metrics=self._metrics,
            )
            return True

    def _ended(self, follower: Follower) -> None:
        if self.followers.pop(follower.id, None) is not None:
            self._metrics.ended()
            self._subscription_registry.ended(follower)
            follower.payloads.left()
            self._release(follower.logs)

    def _release(self, principals: Iterable[str]) -> None:
        for principal in principals:
            self._needed[principal] -= 1
            if (
                not self._needed[principal]
                and (channel := self._channels.pop(principal, None)) is not None
            ):
                del self._needed[principal]
                closing = asyncio.create_task(channel.stop())
                self._closing.add(closing)
                closing.add_done_callback(self._closing.discard)

    # ---------------------------------------------------------------- rights over time

    async def _recheck(self, channel: Channel, event: Event) -> None:
        """Hold those whom an act may concern to the rights that they have after it."""
        if event.action in _CHANGE_RIGHTS:
            self.changes += 1
        if event.action in {Action.ROLE_GRANTED, Action.ROLE_REVOKED}:
            for follower in [
                one
                for one in self.followers.values()
                if key_of(one.viewer.employee_hsa_id or "") == event.person
            ]:
                await self._renew(follower)
        elif event.action is Action.POLICIES_CHANGED:
            # Policies end the right to read for weak sign-ins only.
            for follower in [
                one
                for one in channel.followers.values()
                if one.viewer.acr != LOA3 and not one.viewer.system
            ]:
                await self._renew(follower)
        elif event.action is Action.IMPORTED:
            await self._renew_clinics(channel, list(channel.followers.values()), event.clinics)
        elif event.action is Action.SUBSCRIPTION_ENDED:
            ending = await self._store.active_subscriptions.ended(
                self._subscription_registry.process
            )
            for follower in [one for one in channel.followers.values() if one.id in ending]:
                _end(follower, SubscriptionEnded("En administratör har avslutat detta."))

    async def _renew(self, follower: Follower) -> None:
        rights = await rights_of(follower.viewer, self._store)
        follower.viewpoint = Viewpoint(rights)
        principal = follower.following.principal
        if follower.clinics is not None:
            lost = [
                key
                for key in follower.clinics
                if rights.holder(Permission.READ_INBOX, principal, key) is None
            ]
            self._take_away(follower, lost)
        elif rights.holder(Permission.READ_LOG, principal) is None or (
            follower.following.which.actor is not None and not rights.sees_persons(principal)
        ):
            _end(follower)

    async def _renew_clinics(
        self, channel: Channel, followers: Sequence[Follower], keys: Iterable[str]
    ) -> None:
        """Take in what was imported of clinics that are followed; those that have gone elsewhere
        are not followed here any more.
        """
        imported = set(keys)
        affected = [(one, imported.intersection(one.clinics)) for one in followers if one.clinics]
        affected = [(follower, theirs) for follower, theirs in affected if theirs]
        clinics = (
            await self._store.clinics.get_many({key for _, theirs in affected for key in theirs})
            if affected
            else {}
        )
        for follower, theirs in affected:
            here = {
                key: clinics[key]
                for key in theirs
                if key in clinics and clinics[key].principal == channel.principal
            }
            for clinic in here.values():
                follower.renew(clinic)
            self._take_away(follower, theirs - here.keys())

    def _take_away(self, follower: Follower, keys: Iterable[str]) -> None:
        for key in keys:
            follower.lose(key)
        if not follower.clinics:
            _end(follower)


def _end(follower: Follower, reason: RegistryError | None = None) -> None:
    """End a subscription, and say why: else because its viewer has no right to it any more."""
    follower.close()
    # Not waited for: a reader that takes nothing would hold up the whole log.
    telling = follower.outlet.end(reason or NotPermitted("Behörigheten att följa har upphört.", ()))
    with suppress(OSError):
        begun(telling)


def _logs(context: Context, following: Following) -> frozenset[str]:
    """The logs that tell of what is followed, or of the end of a role that it is followed in."""
    return frozenset({following.principal, *(held.principal for held in context.rights.held)})
