"""What clinics are told: their inbox, and following it live."""

from collections.abc import Sequence

from resolvers.access import decisions
from resolvers.access.permissions import Permission
from resolvers.clinics.clinics import require
from resolvers.context import Context
from resolvers.live.followers import Following
from store.errors import InvalidInput, NotFound, NotPermitted
from store.log.cursors import Position, read_cursor
from store.mongo.paging import EMPTY, Page, Paging
from store.mongo.transactions import IdempotencyKey
from store.notifications.notifications import ClinicEvent, Inbox
from store.records import Clinic, Saved, key_of

MAX_CLINICS = 100


def may_read(context: Context, clinic: Clinic) -> bool:
    """Only the clinic's own people, and those who govern or review it, read its inbox."""
    return context.rights.holder(Permission.READ_INBOX, clinic.principal, clinic.key) is not None


def require_inbox(context: Context, clinic: Clinic) -> None:
    """Refuse those who may not read a clinic's inbox."""
    if not may_read(context, clinic):
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
    """A page of a clinic's inbox, newest first."""
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
    """How many notifications the inbox holds."""
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
    """A clinic has seen everything up to a cursor of its notifications, or of its principal's log.

    Raises:
        NotFound: The clinic does not exist, or the viewer may not know of it.
        NotPermitted: The viewer is not the clinic's own.
        InvalidInput: The cursor can't be read, is of another log, or is yet to come.
    """
    clinic = await require(context, hsa_id)
    held = decisions.require_at(
        context.rights, Permission.ACKNOWLEDGE, clinic.principal, clinic.key, ("clinic",)
    )
    position = read_cursor(up_to, clinic.principal, "upTo")
    # Of one event clinics are told in the order of their keys: at an earlier one's notification
    # this clinic has not seen its own yet.
    before = position.clinic is not None and position.clinic < clinic.key
    return await context.store.acknowledgements.acknowledge(
        clinic, position.sequence - before, act=context.act(held, None), key=key
    )


async def follow(
    context: Context,
    hsa_ids: Sequence[str],
    *,
    after: str | None,
    from_acknowledged: bool,
    resident_visible_only: bool,
) -> Following:
    """What to follow: what clinics of one principal are told after a cursor, their last
    acknowledgement, or from now on.

    Raises:
        NotFound: One of the clinics does not exist, or the viewer may not know of it.
        NotPermitted: The viewer may not read the inbox of one of them.
        InvalidInput: No clinics, too many, of several principals; or a cursor that can't be read or
            is of another log.
    """
    clinics = await _clinics(context, hsa_ids)
    principal = clinics[0].principal
    if after is not None:
        position = read_cursor(after, principal)
    elif from_acknowledged:
        position = Position(min(clinic.acknowledged for clinic in clinics))
    else:
        position = Position(await context.store.history.latest_sequence(principal))
    return Following(principal, position, clinics, resident_visible_only=resident_visible_only)


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
