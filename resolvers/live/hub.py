"""All subscriptions of this process: starting and ending them, and rechecking their rights.

Rights are checked again before an event is delivered, if that event, or an earlier one of the log,
may have changed them. So no subscriber receives an event that was written after its right to
receive it ended.
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
from resolvers.live.followers import Follower, PayloadRenderer, Sink
from resolvers.live.metrics import Metrics
from resolvers.live.sending import start_eagerly
from resolvers.live.subscription_registry import SubscriptionRegistry
from resolvers.live.subscription_source import SubscriptionSource
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
        followers: All open subscriptions, by id.
        changes: How many events have been seen that may have changed somebody's rights.
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
        self._users: Counter[str] = Counter()
        self._opening = asyncio.Lock()
        self._closing: set[asyncio.Task[None]] = set()

    async def require_written(self, source: SubscriptionSource) -> None:
        """Refuse a position beyond the end of the log.

        Restoring a backup moves the end back, and later events then get numbers that were used
        before.

        Raises:
            InvalidInput: The position is beyond the end; code `INVALID_CURSOR`.
        """
        principal, sequence = source.principal, source.position.sequence
        channel = self._channels.get(principal)
        if (
            channel is None or sequence > channel.position
        ) and not await self._store.history.is_written(principal, sequence):
            raise InvalidInput.at(
                ("after",), "INVALID_CURSOR", "Markören ligger efter loggens slut: börja om."
            )

    async def subscribe(
        self,
        context: Context,
        source: SubscriptionSource,
        payloads: PayloadRenderer,
        sink: Sink,
        *,
        changes: int,
    ) -> Follower:
        """Start a subscription at its position.

        Args:
            context: Of the subscriber.
            source: What is delivered.
            payloads: Renders the events; released when the subscription ends.
            sink: Where payloads are sent.
            changes: The value of `self.changes` before the rights in `context` were read.

        Returns:
            The follower; already ended if the rights were lost in the meantime.
        """
        logs = _logs(context, source)
        self._users.update(logs)
        try:
            opened = [await self._open(principal) for principal in logs]
        except BaseException:
            self._release(logs)
            payloads.release()
            raise
        channel = self._channels[source.principal]
        follower = Follower(
            id=f"sub_{uuid.uuid4().hex}",
            store=self._store,
            channel=channel,
            source=source,
            viewer=context.viewer,
            rights=context.rights,
            payloads=payloads,
            sink=sink,
            logs=logs,
            since=self._store.now(),
        )
        channel.followers[follower.id] = self.followers[follower.id] = follower
        self._metrics.subscribed(replay=source.position.sequence < channel.position)
        # Changes of rights that were seen before the follower was registered above, or before the
        # channel was open, have not been applied to it.
        if any(opened) or self.changes != changes:
            try:
                await self._renew_rights_of(follower)
                await self._renew_clinics(channel, [follower], follower.clinics or ())
            except BaseException:
                follower.close()
                raise
        if not follower.ended:
            self._subscription_registry.add(follower)
            follower.start()
        return follower

    def start(self) -> None:
        """Start to publish this process's subscriptions in the registry of active subscriptions."""
        self._subscription_registry.start()

    async def stop(self) -> None:
        """End all subscriptions."""
        for follower in list(self.followers.values()):
            follower.close()
        await asyncio.gather(
            *(channel.stop() for channel in self._channels.values()), *self._closing
        )
        self._channels.clear()
        await self._subscription_registry.stop()

    async def _open(self, principal: str) -> bool:
        """Open the channel of a log if needed; return whether it was opened now."""
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
            self._metrics.unsubscribed()
            self._subscription_registry.remove(follower)
            follower.payloads.release()
            self._release(follower.logs)

    def _release(self, principals: Iterable[str]) -> None:
        for principal in principals:
            self._users[principal] -= 1
            if (
                not self._users[principal]
                and (channel := self._channels.pop(principal, None)) is not None
            ):
                del self._users[principal]
                closing = asyncio.create_task(channel.stop())
                self._closing.add(closing)
                closing.add_done_callback(self._closing.discard)

    # ---------------------------------------------------------------- rights over time

    async def _recheck(self, channel: Channel, event: Event) -> None:
        """Apply an event that may end rights, before it is delivered."""
        if event.action in _CHANGE_RIGHTS:
            self.changes += 1
        if event.action in {Action.ROLE_GRANTED, Action.ROLE_REVOKED}:
            await self._renew_rights(
                follower
                for follower in list(self.followers.values())
                if key_of(follower.viewer.employee_hsa_id or "") == event.person
            )
        elif event.action is Action.POLICIES_CHANGED:
            # Policies only take the right to read from sign-ins below LOA3.
            await self._renew_rights(
                follower
                for follower in list(channel.followers.values())
                if follower.viewer.acr != LOA3 and not follower.viewer.system
            )
        elif event.action is Action.IMPORTED:
            await self._renew_clinics(channel, list(channel.followers.values()), event.clinics)
        elif event.action is Action.SUBSCRIPTION_ENDED:
            await self._end_requested(channel)

    async def _end_requested(self, channel: Channel) -> None:
        """End the subscriptions that an administrator has ended."""
        ending = await self._store.active_subscriptions.ended(self._subscription_registry.process)
        for follower in list(channel.followers.values()):
            if follower.id in ending:
                _end(follower, SubscriptionEnded("En administratör har avslutat detta."))

    async def _renew_rights(self, followers: Iterable[Follower]) -> None:
        for follower in followers:
            await self._renew_rights_of(follower)

    async def _renew_rights_of(self, follower: Follower) -> None:
        rights = await rights_of(follower.viewer, self._store)
        follower.viewpoint = Viewpoint(rights)
        principal = follower.source.principal
        if follower.clinics is not None:
            lost = [
                key
                for key in follower.clinics
                if rights.holder(Permission.READ_INBOX, principal, key) is None
            ]
            self._remove_clinics(follower, lost)
        elif rights.holder(Permission.READ_LOG, principal) is None or (
            follower.source.which.actor is not None and not rights.sees_persons(principal)
        ):
            _end(follower)

    async def _renew_clinics(
        self, channel: Channel, followers: Sequence[Follower], keys: Iterable[str]
    ) -> None:
        """Apply an import of clinics to followers.

        Clinics that now belong to another principal are removed from the subscription.
        """
        imported = set(keys)
        affected = [
            (follower, own)
            for follower in followers
            if follower.clinics and (own := imported.intersection(follower.clinics))
        ]
        clinics = (
            await self._store.clinics.get_many({key for _, own in affected for key in own})
            if affected
            else {}
        )
        for follower, own in affected:
            remaining = {
                key: clinics[key]
                for key in own
                if key in clinics and clinics[key].principal == channel.principal
            }
            for clinic in remaining.values():
                follower.renew(clinic)
            self._remove_clinics(follower, own - remaining.keys())

    def _remove_clinics(self, follower: Follower, keys: Iterable[str]) -> None:
        for key in keys:
            follower.remove(key)
        if not follower.clinics:
            _end(follower)


def _end(follower: Follower, reason: RegistryError | None = None) -> None:
    """End a subscription and send the reason; by default, that the viewer has lost the right."""
    follower.close()
    # Not awaited: a client that does not read would delay the whole log.
    ending = follower.sink.end(reason or NotPermitted("Behörigheten att följa har upphört.", ()))
    with suppress(OSError):
        start_eagerly(ending)


def _logs(context: Context, source: SubscriptionSource) -> frozenset[str]:
    """The logs with the subscription's events, and with the events that change its rights."""
    return frozenset({source.principal, *(held.principal for held in context.rights.held)})
