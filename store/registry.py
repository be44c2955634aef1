"""The store as one object: what the resolvers are handed."""

from dataclasses import dataclass
from datetime import datetime

from store.clinics.assignments import Assignments
from store.clinics.clinics import Clinics
from store.clinics.distribution import Distribution
from store.clinics.groups import Groups
from store.clinics.local_adaptations import Adaptations
from store.clinics.orders import Orders
from store.clinics.people import People
from store.clinics.policies import Policies
from store.clinics.principals import Principals
from store.clinics.role_grants import RoleGrants
from store.clinics.start_pages import StartPages
from store.clinics.version_adoption import Adoptions
from store.documents.batches import Batches
from store.documents.blame import Blame
from store.documents.documents import Documents
from store.documents.listing import Listing
from store.documents.search import Search
from store.kinds.kinds import Kinds
from store.log.export_events import Exports
from store.log.feed import Feed
from store.log.history import History
from store.log.log import Clock, Log, utc_now
from store.mongo.connection import Database
from store.notifications.acknowledgements import Acknowledgements
from store.notifications.active_subscriptions import ActiveSubscriptions
from store.notifications.notifications import Notifications
from store.reports import Reports
from store.templates.adoptions import TemplateAdoptions
from store.templates.drift import Drifts
from store.templates.exchange import TemplateExchange
from store.templates.lineage import Lineage
from store.transfer.checkpoints import Checkpoints
from store.transfer.event_details import Details
from store.transfer.export_queries import Extracts


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
    batches: Batches
    template_adoptions: TemplateAdoptions
    blame: Blame
    listing: Listing
    search: Search
    history: History
    assignments: Assignments
    distribution: Distribution
    adaptations: Adaptations
    groups: Groups
    orders: Orders
    start_pages: StartPages
    policies: Policies
    role_grants: RoleGrants
    notifications: Notifications
    acknowledgements: Acknowledgements
    adoptions: Adoptions
    lineage: Lineage
    drifts: Drifts
    template_exchange: TemplateExchange
    reports: Reports
    extracts: Extracts
    details: Details
    exports: Exports
    feed: Feed
    active_subscriptions: ActiveSubscriptions
    checkpoints: Checkpoints
    clock: Clock = utc_now
    extra_hsa_prefixes: tuple[str, ...] = ()

    def now(self) -> datetime:
        """The server's time, in UTC."""
        return self.clock()

    @classmethod
    def over(
        cls,
        database: Database,
        kinds: Kinds,
        *,
        clock: Clock = utc_now,
        extra_hsa_prefixes: tuple[str, ...] = (),
    ) -> "Store":
        """The store over a database."""
        log = Log(database, clock)
        history = History(database)
        assignments = Assignments(database)
        clinics = Clinics(database, log, clock)
        documents = Documents(database, log, kinds)
        groups = Groups(database, log, extra_hsa_prefixes=extra_hsa_prefixes)
        orders = Orders(database, log)
        policies = Policies(database, log)
        notifications = Notifications(database, history, assignments)
        adoptions = Adoptions(database)
        return cls(
            database=database,
            log=log,
            kinds=kinds,
            principals=Principals(database, clock),
            people=People(database, log),
            clinics=clinics,
            documents=documents,
            batches=Batches(database, log, kinds),
            template_adoptions=TemplateAdoptions(log, kinds),
            blame=Blame(database, kinds),
            listing=Listing(database),
            search=Search(database, kinds),
            history=history,
            assignments=assignments,
            distribution=Distribution(
                database, log, kinds, clock, extra_hsa_prefixes=extra_hsa_prefixes
            ),
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
            lineage=Lineage(database, kinds),
            drifts=Drifts(database, kinds),
            template_exchange=TemplateExchange(database, log),
            adoptions=adoptions,
            reports=Reports(database, adoptions, kinds),
            extracts=Extracts(database),
            details=Details(database),
            exports=Exports(database, log),
            feed=Feed(database, history),
            active_subscriptions=ActiveSubscriptions(database, log, clock),
            checkpoints=Checkpoints(database),
            clock=clock,
            extra_hsa_prefixes=extra_hsa_prefixes,
        )
