"""The store as one object: what the resolvers are handed."""

from dataclasses import dataclass

from store.assignments import Assignments
from store.clinics import Clinics
from store.database import Database
from store.documents import Documents
from store.feed import Feed
from store.history import History
from store.kinds import Kinds
from store.listing import Listing
from store.log import Clock, Log, utc_now
from store.notifications import Notifications
from store.principals import People, Principals


@dataclass(frozen=True, slots=True)
class Store:
    """Everything that is kept, by noun."""

    database: Database
    log: Log
    kinds: Kinds
    principals: Principals
    people: People
    clinics: Clinics
    documents: Documents
    listing: Listing
    history: History
    assignments: Assignments
    notifications: Notifications
    feed: Feed
    extra_hsa_prefixes: tuple[str, ...] = ()

    @classmethod
    def over(cls, database: Database, kinds: Kinds, *, clock: Clock = utc_now, extra_hsa_prefixes: tuple[str, ...] = ()) -> "Store":
        """The store over a database."""
        log = Log(database, clock)
        history = History(database)
        assignments = Assignments(database, log, extra_hsa_prefixes=extra_hsa_prefixes)
        notifications = Notifications(database, history, assignments)
        return cls(
            database=database,
            log=log,
            kinds=kinds,
            principals=Principals(database, clock),
            people=People(database),
            clinics=Clinics(database, log, clock),
            documents=Documents(database, log, kinds),
            listing=Listing(database),
            history=history,
            assignments=assignments,
            notifications=notifications,
            feed=Feed(database, history, notifications),
            extra_hsa_prefixes=extra_hsa_prefixes,
        )
