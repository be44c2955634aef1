"""The store of one registry: one object with a part for each noun."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

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
from store.log.version_history import VersionHistory
from store.mongo.connection import Database
from store.notifications.acknowledgements import Acknowledgements
from store.notifications.active_subscriptions import ActiveSubscriptions
from store.notifications.notifications import Notifications
from store.reports.reports import Reports
from store.templates.adoptions import TemplateAdoptions
from store.templates.drift import Drifts
from store.templates.exchange import TemplateExchange
from store.templates.lineage import Lineage
from store.transfer.checkpoints import Checkpoints
from store.transfer.event_details import EventDetails
from store.transfer.export_queries import ExportQueries
from store.transfer.replay import Replay


@dataclass(frozen=True, eq=False)
class Store:
    """All parts of one registry's store, by noun. Each part is created at its first use.

    Attributes:
        database: The database that holds everything.
        kinds: The kinds of documents that the registry keeps.
        clock: Returns the current time, in UTC.
        extra_hsa_prefixes: Prefixes of HSA-ids that are accepted besides the standard ones.
    """

    database: Database
    kinds: Kinds
    clock: Clock = utc_now
    extra_hsa_prefixes: tuple[str, ...] = ()

    def now(self) -> datetime:
        """Return the server's time, in UTC."""
        return self.clock()

    # ------------------------------------------------------------- the log

    @cached_property
    def log(self) -> Log:
        """Writes events, and each change together with its event."""
        return Log(self.database, self.clock)

    @cached_property
    def history(self) -> History:
        """Reads the events of logs."""
        return History(self.database)

    @cached_property
    def version_history(self) -> VersionHistory:
        """Reads the versions of documents, now and as of a moment."""
        return VersionHistory(self.database, self.history)

    @cached_property
    def feed(self) -> Feed:
        """Follows logs live."""
        return Feed(self.database, self.history)

    @cached_property
    def exports(self) -> Exports:
        """Records exports in the log."""
        return Exports(self.database, self.log)

    # ----------------------------------------------------------- documents

    @cached_property
    def documents(self) -> Documents:
        """Reads, saves and publishes documents of every kind."""
        return Documents(self.database, self.log, self.kinds)

    @cached_property
    def batches(self) -> Batches:
        """Changes several documents in one transaction."""
        return Batches(self.database, self.log, self.kinds)

    @cached_property
    def listing(self) -> Listing:
        """Lists documents in pages."""
        return Listing(self.database)

    @cached_property
    def search(self) -> Search:
        """Searches documents."""
        return Search(self.database, self.kinds)

    @cached_property
    def blame(self) -> Blame:
        """Finds the version that each value of a document comes from."""
        return Blame(self.database, self.kinds)

    # ----------------------------------------------------------- templates

    @cached_property
    def template_adoptions(self) -> TemplateAdoptions:
        """Adopts newer template versions into documents."""
        return TemplateAdoptions(self.log, self.kinds)

    @cached_property
    def lineage(self) -> Lineage:
        """Reads which documents are made from which templates."""
        return Lineage(self.database, self.kinds)

    @cached_property
    def drifts(self) -> Drifts:
        """Compares documents with the template versions that they are made from."""
        return Drifts(self.database, self.kinds)

    @cached_property
    def template_exchange(self) -> TemplateExchange:
        """Exports templates to other registries and imports theirs."""
        return TemplateExchange(self.database, self.log)

    # ---------------------------------------------- principals and clinics

    @cached_property
    def principals(self) -> Principals:
        """Reads principals, and creates them with their logs at start."""
        return Principals(self.database, self.clock)

    @cached_property
    def people(self) -> People:
        """Keeps the display names of people."""
        return People(self.database, self.log)

    @cached_property
    def role_grants(self) -> RoleGrants:
        """Grants and revokes roles."""
        return RoleGrants(self.database, self.log)

    @cached_property
    def clinics(self) -> Clinics:
        """Reads and imports clinics."""
        return Clinics(self.database, self.log, self.clock)

    @cached_property
    def groups(self) -> Groups:
        """Keeps groups of clinics."""
        return Groups(self.database, self.log, extra_hsa_prefixes=self.extra_hsa_prefixes)

    @cached_property
    def policies(self) -> Policies:
        """Keeps the policies of principals."""
        return Policies(self.database, self.log)

    # ----------------------------------------------- case types at clinics

    @cached_property
    def assignments(self) -> Assignments:
        """Reads which clinics have which case types."""
        return Assignments(self.database)

    @cached_property
    def distribution(self) -> Distribution:
        """Distributes case types to clinics and withdraws them."""
        return Distribution(
            self.database,
            self.log,
            self.kinds,
            self.clock,
            extra_hsa_prefixes=self.extra_hsa_prefixes,
        )

    @cached_property
    def adaptations(self) -> Adaptations:
        """Keeps the local adaptations of clinics."""
        return Adaptations(self.log)

    @cached_property
    def orders(self) -> Orders:
        """Keeps the order of case types on clinics' pages."""
        return Orders(self.database, self.log)

    @cached_property
    def start_pages(self) -> StartPages:
        """Reads the case types on clinics' pages."""
        return StartPages(
            clinics=self.clinics,
            groups=self.groups,
            orders=self.orders,
            assignments=self.assignments,
            documents=self.documents,
            history=self.history,
            version_history=self.version_history,
            policies=self.policies,
            clock=self.clock,
        )

    @cached_property
    def adoptions(self) -> Adoptions:
        """Counts the clinics that have acknowledged the published version."""
        return Adoptions(self.database)

    # ------------------------------------------------------- notifications

    @cached_property
    def notifications(self) -> Notifications:
        """Reads the events that concern a clinic."""
        return Notifications(self.database, self.history, self.assignments)

    @cached_property
    def acknowledgements(self) -> Acknowledgements:
        """Stores and reads the acknowledgements of clinics."""
        return Acknowledgements(self.database, self.log, self.history, self.version_history)

    @cached_property
    def active_subscriptions(self) -> ActiveSubscriptions:
        """Registers open subscriptions of all server processes."""
        return ActiveSubscriptions(self.database, self.log, self.clock)

    # ------------------------------------------------- reports and exports

    @cached_property
    def reports(self) -> Reports:
        """Counts for reports."""
        return Reports(self.database, self.adoptions, self.kinds)

    @cached_property
    def export_queries(self) -> ExportQueries:
        """Reads long lists for export."""
        return ExportQueries(self.database)

    @cached_property
    def event_details(self) -> EventDetails:
        """Reads the rows that events opened, for export."""
        return EventDetails(self.database)

    @cached_property
    def checkpoints(self) -> Checkpoints:
        """Keeps signed digests of logs."""
        return Checkpoints(self.database)

    def replay(self, principal: str) -> Replay:
        """Start the import of a principal's log, by the principal's key."""
        return Replay(self.database, self.kinds, principal)
