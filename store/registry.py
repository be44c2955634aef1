"""The store as one object: what the resolvers are handed."""

from dataclasses import dataclass
from datetime import datetime

from store.acknowledgements import Acknowledgements
from store.active_subscriptions import ActiveSubscriptions
from store.adaptations import Adaptations
from store.adoption import Adoptions
from store.assignments import Assignments
from store.clinics import Clinics
from store.database import Database
from store.details import Details
from store.distribution import Distribution
from store.documents import Documents
from store.exports import Exports
from store.extracts import Extracts
from store.feed import Feed
from store.groups import Groups
from store.history import History
from store.kinds import Kinds
from store.listing import Listing
from store.log import Clock, Log, utc_now
from store.notifications import Notifications
from store.orders import Orders
from store.policies import PolicyBook
from store.principals import People, Principals
from store.role_grants import RoleGrants
from store.start_pages import StartPages


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
    distribution: Distribution
    adaptations: Adaptations
    groups: Groups
    orders: Orders
    start_pages: StartPages
    policies: PolicyBook
    role_grants: RoleGrants
    notifications: Notifications
    acknowledgements: Acknowledgements
    adoptions: Adoptions
    extracts: Extracts
    details: Details
    exports: Exports
    feed: Feed
    active_subscriptions: ActiveSubscriptions
    clock: Clock = utc_now
    extra_hsa_prefixes: tuple[str, ...] = ()

    def now(self) -> datetime:
        """The server's time, in UTC."""
        return self.clock()

    @classmethod
    def over(cls, database: Database, kinds: Kinds, *, clock: Clock = utc_now, extra_hsa_prefixes: tuple[str, ...] = ()) -> "Store":
        """The store over a database."""
        log = Log(database, clock)
        history = History(database)
        assignments = Assignments(database)
        clinics = Clinics(database, log, clock)
        documents = Documents(database, log, kinds)
        groups = Groups(database, log, extra_hsa_prefixes=extra_hsa_prefixes)
        orders = Orders(database, log)
        policies = PolicyBook(database, log)
        notifications = Notifications(database, history, assignments)
        return cls(
            database=database,
            log=log,
            kinds=kinds,
            principals=Principals(database, clock),
            people=People(database, log),
            clinics=clinics,
            documents=documents,
            listing=Listing(database),
            history=history,
            assignments=assignments,
            distribution=Distribution(log, extra_hsa_prefixes=extra_hsa_prefixes),
            adaptations=Adaptations(log),
            groups=groups,
            orders=orders,
            start_pages=StartPages(
                clinics=clinics,
                groups=groups,
                orders=orders,
                assignments=assignments,
                documents=documents,
                history=history,
                policies=policies,
                clock=clock,
            ),
            policies=policies,
            role_grants=RoleGrants(database, log),
            notifications=notifications,
            acknowledgements=Acknowledgements(database, log, history),
            adoptions=Adoptions(database),
            extracts=Extracts(database),
            details=Details(database),
            exports=Exports(database, log),
            feed=Feed(database, history),
            active_subscriptions=ActiveSubscriptions(database, log, clock),
            clock=clock,
            extra_hsa_prefixes=extra_hsa_prefixes,
        )
