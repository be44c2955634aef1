"""Notifications to clinics: their inbox, acknowledging, and subscribing."""

from collections.abc import Sequence

from resolvers.access import decisions
from resolvers.access.permissions import Permission
from resolvers.clinics.clinics import require
from resolvers.context import Context
from resolvers.live.subscription_source import SubscriptionSource
from store.errors import InvalidInput, NotFound, NotPermitted
from store.idempotency import IdempotencyKey
from store.log.cursors import Position, read_cursor
from store.notifications.notifications import ClinicEvent, Inbox
from store.paging import EMPTY, Page, Paging
from store.records import Clinic, Saved, key_of

MAX_CLINICS = 100


async def get(
    context: Context, clinic: Clinic, principal: str, sequence: int
) -> ClinicEvent | None:
    """A clinic's notification of one event, by the log's principal and the sequence number.

    Returns:
        None where there is no such event, where it does not concern the clinic, or where the viewer
        may not read the clinic's inbox.
    """
    event = await context.loaders.events.load((principal, sequence))
    if event is None or clinic.principal != principal or not _may_read(context, clinic):
        return None
    concerned = await context.store.notifications.concerned(event, {clinic.key})
    return ClinicEvent(clinic.key, event) if concerned else None


def _may_read(context: Context, clinic: Clinic) -> bool:
    return context.rights.holder(Permission.READ_INBOX, clinic.principal, clinic.key) is not None


def require_inbox(context: Context, clinic: Clinic) -> None:
    """Refuse viewers who may not read a clinic's inbox.

    Raises:
        NotPermitted: The viewer lacks `READ_INBOX` at the clinic.
    """
    if not _may_read(context, clinic):
        raise NotPermitted(
            "Du har inte behörighet att läsa mottagningens aviseringar.", ("clinic",)
        )


async def page(
    context: Context,
    clinic: Clinic,
    paging: Paging,
    *,
    unacknowledged_only: bool,
    resident_visible_only: bool,
) -> Page[ClinicEvent]:
    """A page of a clinic's inbox, newest first.

    Raises:
        NotPermitted: The viewer may not read the inbox.
    """
    require_inbox(context, clinic)
    return (
        await context.loaders.inboxes.load(
            _inbox(clinic, paging, unacknowledged_only, resident_visible_only)
        )
        or EMPTY
    )


async def count(
    context: Context, clinic: Clinic, *, unacknowledged_only: bool, resident_visible_only: bool
) -> int:
    """How many notifications the inbox has. The caller checks access."""
    return await context.store.notifications.count(
        _inbox(clinic, Paging(), unacknowledged_only, resident_visible_only)
    )


def _inbox(
    clinic: Clinic, paging: Paging, unacknowledged_only: bool, resident_visible_only: bool
) -> Inbox:
    return Inbox(
        clinic.key,
        clinic.principal,
        paging,
        clinic.acknowledged if unacknowledged_only else 0,
        resident_visible_only,
    )


async def acknowledge(
    context: Context, hsa_id: str, up_to: str, *, key: IdempotencyKey | None
) -> Saved:
    """Acknowledge all of a clinic's notifications up to a cursor.

    Args:
        context: Of the viewer.
        hsa_id: The clinic.
        up_to: A cursor of the clinic's notifications, or of its principal's log.
        key: Makes a retry safe.

    Raises:
        NotFound: The clinic does not exist, or the viewer may not know of it.
        NotPermitted: The viewer lacks `ACKNOWLEDGE` at the clinic.
        InvalidInput: The cursor is malformed, is of another log, or is beyond the end of the log.
    """
    clinic = await require(context, hsa_id)
    held = decisions.require_at(
        context.rights, Permission.ACKNOWLEDGE, clinic.principal, clinic.key, ("clinic",)
    )
    position = read_cursor(up_to, clinic.principal, "upTo")
    # Notifications of one event are ordered by clinic key. A cursor at an earlier clinic of the
    # event therefore does not cover this clinic's notification of it.
    before = position.clinic is not None and position.clinic < clinic.key
    return await context.store.acknowledgements.acknowledge(
        clinic, position.sequence - before, act=context.act(held, None), key=key
    )


async def subscribe(
    context: Context,
    hsa_ids: Sequence[str],
    *,
    after: str | None,
    from_acknowledged: bool,
    resident_visible_only: bool,
) -> SubscriptionSource:
    """The source of a subscription to the notifications of clinics.

    Args:
        context: Of the subscriber.
        hsa_ids: 1 to 100 clinics of one principal.
        after: The cursor to start after; it takes precedence over `from_acknowledged`.
        from_acknowledged: Start after the last acknowledgement of the clinic that is furthest
            behind. Without this and without `after`, start at the current end of the log.
        resident_visible_only: Only deliver what residents can see.

    Raises:
        NotFound: One of the clinics does not exist, or the viewer may not know of it.
        NotPermitted: The viewer may not read the inbox of one of them.
        InvalidInput: There are no clinics, too many, or clinics of several principals; or the
            cursor is malformed or of another log.
    """
    clinics = await _clinics(context, hsa_ids)
    principal = clinics[0].principal
    if after is not None:
        position = read_cursor(after, principal)
    elif from_acknowledged:
        position = Position(min(clinic.acknowledged for clinic in clinics))
    else:
        position = Position(await context.store.history.latest_sequence(principal))
    return SubscriptionSource(
        principal, position, clinics, resident_visible_only=resident_visible_only
    )


async def _clinics(context: Context, hsa_ids: Sequence[str]) -> list[Clinic]:
    if not 1 <= len(hsa_ids) <= MAX_CLINICS:
        raise InvalidInput.at(
            ("clinics",), "OUT_OF_RANGE", f"Ange 1 till {MAX_CLINICS} mottagningar."
        )
    found = await context.loaders.clinics.load_many([key_of(hsa_id) for hsa_id in hsa_ids])
    clinics = []
    for index, clinic in enumerate(found):
        if clinic is None or not context.rights.sees_clinic(clinic):
            raise NotFound("Mottagningen finns inte.", ("clinics", str(index)))
        require_inbox(context, clinic)
        clinics.append(clinic)
    if len({clinic.principal for clinic in clinics}) > 1:
        raise InvalidInput.at(
            ("clinics",),
            "SEVERAL_PRINCIPALS",
            "Följ mottagningar från en huvudman i taget: varje huvudman har sin egen logg.",
        )
    return clinics
