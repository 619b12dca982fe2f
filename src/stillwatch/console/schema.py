"""The tables of the console's database, and its migrations.

Rules:
    Facts are copied from results folders and replaced by a later scan; work (assignment, notes, appeals) is
    never changed by a scan. Text of customers is in no table: it is read from the results folder when a
    person may see it.
    Every list that a page shows is read by an index, a page at a time.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Connection,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    insert,
    inspect,
    select,
    update,
)

METADATA = MetaData()  # the tables below, as SQLAlchemy creates them
NUMBER = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows itself only for INTEGER
BODY = JSON(none_as_null=True)  # type of a column with JSON; None is stored as SQL's NULL


def _number() -> Column[int]:
    """The column with a row's number."""
    return Column("id", NUMBER, primary_key=True, autoincrement=True)


def _of(table: str) -> Column[int]:
    """A reference to the row of another table, named after it."""
    one = {"cases": "case", "accounts": "account", "people": "person", "appeals": "appeal"}[table]
    return Column(f"{one}_id", NUMBER, ForeignKey(f"{table}.id"), nullable=False)


# One row: version of the schema that the database has.
VERSION = Table("schema_version", METADATA, Column("version", Integer, nullable=False))

# A row for each scan that was imported.
SCANS = Table(
    "scans",
    METADATA,
    _number(),
    Column("folder", Text, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("imported_at", String(32), nullable=False),
    Column("first_seen", Float),
    Column("last_seen", Float),
    Column("accounts", BigInteger),
    Column("exchanges", BigInteger),
    Column("body", BODY),  # overview and the comparison of groups
    UniqueConstraint("folder", "digest"),
)
# A row for each campaign or lead over all scans.
CASES = Table(
    "cases",
    METADATA,
    _number(),
    Column("name", String(20), nullable=False, unique=True),
    Column("group_id", Text, nullable=False),
    Column("is_lead", Boolean, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("scan_id", NUMBER, ForeignKey("scans.id"), nullable=False),
    Column("accounts", BigInteger, nullable=False),
    Column("exchanges", BigInteger, nullable=False),
    Column("first_seen", Float),
    Column("last_seen", Float),
    Column("explanation", Text),
    Column("log10_e", Float),  # what remains against the nearest explanation
    Column("body", BODY),  # further facts of its row
    Column("status", String(12), nullable=False, default="open"),
    Column("assignee", String(80)),
    Column("due_at", Float),
    Column("locked_by", String(80)),
    Column("locked_until", Float),
    Column("settled_as", String(12)),
    Index("cases_by_work", "status", "is_lead", "exchanges"),
    Index("cases_by_assignee", "assignee", "status"),
    Index("cases_by_due", "due_at"),
    Index("cases_by_exchanges", "exchanges"),
)
# A row for each case and part of its results in the last scan, as JSON.
DETAILS = Table(
    "details",
    METADATA,
    Column("case_id", NUMBER, ForeignKey("cases.id"), primary_key=True),
    Column("part", String(20), primary_key=True),
    Column("body", BODY),
)
# A row for each case and scan that reported it.
APPEARANCES = Table(
    "appearances",
    METADATA,
    Column("case_id", NUMBER, ForeignKey("cases.id"), primary_key=True),
    Column("scan_id", NUMBER, ForeignKey("scans.id"), primary_key=True),
    Column("group_id", Text, primary_key=True),
    Column("is_lead", Boolean, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("accounts", BigInteger, nullable=False),
    Column("exchanges", BigInteger, nullable=False),
    Column("joined", BigInteger, nullable=False),
    Column("gone", BigInteger, nullable=False),
    Column("log10_e", Float),
)
# A row for each account that any case has.
ACCOUNTS = Table(
    "accounts",
    METADATA,
    _number(),
    Column("name", Text, nullable=False, unique=True),
    Column("exchanges", BigInteger, nullable=False),
    Column("created_at", Float),
    Column("first_seen", Float),
    Column("last_seen", Float),
    Index("accounts_by_exchanges", "exchanges", "id"),
)
# A row for each case and account of it.
MEMBERS = Table(
    "members",
    METADATA,
    Column("case_id", NUMBER, ForeignKey("cases.id"), primary_key=True),
    Column("account_id", NUMBER, ForeignKey("accounts.id"), primary_key=True),
    Column("score", Float),  # null for a lead
    Column("exchanges", BigInteger, nullable=False),
    Column("owner", BigInteger),
    Column("marks", Text, nullable=False, default=""),
    Index("members_by_account", "account_id"),
    Index("members_by_exchanges", "case_id", "exchanges", "account_id"),
)
# A row for each value that accounts share.
INDICATORS = Table(
    "indicators",
    METADATA,
    _number(),
    Column("kind", String(60), nullable=False),
    Column("value", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("about", Text, nullable=False),
    Column("accounts", BigInteger, nullable=False),
    Column("cases", BigInteger, nullable=False),
    Column("others", BigInteger),
    Column("network_class", Text),
    UniqueConstraint("kind", "value"),
    Index("indicators_by_accounts", "accounts", "id"),
)
# A row for each account and value that it shows.
LINKS = Table(
    "links",
    METADATA,
    Column("indicator_id", NUMBER, ForeignKey("indicators.id"), primary_key=True),
    Column("account_id", NUMBER, ForeignKey("accounts.id"), primary_key=True),
    Column("case_id", NUMBER, ForeignKey("cases.id"), primary_key=True),
    Column("weight", Float, nullable=False),
    Index("links_by_account", "account_id", "indicator_id"),
    Index("links_by_case", "case_id", "account_id", "indicator_id"),
)
# A row for each case and value that its members share.
SHARED = Table(
    "shared",
    METADATA,
    Column("case_id", NUMBER, ForeignKey("cases.id"), primary_key=True),
    Column("indicator_id", NUMBER, ForeignKey("indicators.id"), primary_key=True),
    Column("accounts", BigInteger, nullable=False),
    Column("log10", Float, nullable=False),
    Index("shared_by_indicator", "indicator_id"),
)
# A row for each decision of the guard that is no plain allow.
ACTIONS = Table(
    "actions",
    METADATA,
    _number(),
    Column("code", String(64), nullable=False, unique=True),
    Column("at", Float, nullable=False),
    Column("account", Text, nullable=False),
    Column("campaign", Text, nullable=False),
    Column("action", String(40), nullable=False),
    Column("would", String(40), nullable=False),
    Column("policy", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Index("actions_by_account", "account"),
    Index("actions_by_campaign", "campaign", "would"),
)
# A row for each measured effect of an action on a case.
EFFECTS = Table(
    "effects",
    METADATA,
    _number(),
    _of("cases"),
    Column("at", Float, nullable=False),
    Column("author", String(80), nullable=False),
    Column("body", BODY, nullable=False),
    Index("effects_by_case", "case_id"),
)
# A row for each person who may sign in.
PEOPLE = Table(
    "people",
    METADATA,
    _number(),
    Column("name", String(80), nullable=False, unique=True),
    Column("role", String(20), nullable=False),
    Column("password", Text),
    Column("totp", Text),
    Column("totp_step", BigInteger, nullable=False, default=0),
    Column("subject", Text, unique=True),  # issuer and subject of OpenID Connect
    Column("invited", String(64), unique=True),
    Column("invited_until", Float),
    Column("disabled", Boolean, nullable=False, default=False),
    Column("created_at", Float, nullable=False),
)
# A row for each passkey of a person.
PASSKEYS = Table(
    "passkeys",
    METADATA,
    _number(),
    _of("people"),
    Column("name", String(80), nullable=False),
    Column("credential", String(1400), nullable=False, unique=True),  # its identifier, in base64url
    Column("public_key", LargeBinary, nullable=False),  # as COSE (RFC 9052)
    Column("sign_count", BigInteger, nullable=False),  # the authenticator's counter when it was last used
    Column("created_at", Float, nullable=False),
    Column("used_at", Float),
    Index("passkeys_by_person", "person_id"),
)
# A row for each session of a person.
SESSIONS = Table(
    "sessions",
    METADATA,
    Column("digest", String(64), primary_key=True),
    _of("people"),
    Column("csrf", String(64), nullable=False),
    Column("created_at", Float, nullable=False),
    Column("seen_at", Float, nullable=False),
    Index("sessions_by_person", "person_id"),
)
# A row for each token of the API.
TOKENS = Table(
    "tokens",
    METADATA,
    _number(),
    _of("people"),
    Column("name", String(80), nullable=False),
    Column("digest", String(64), nullable=False, unique=True),
    Column("role", String(20), nullable=False),
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float, nullable=False),
    Column("revoked", Boolean, nullable=False, default=False),
    Index("tokens_by_person", "person_id"),
)
# A row for each permission to read a case's texts, with its end.
REVEALS = Table(
    "reveals",
    METADATA,
    _number(),
    _of("people"),
    _of("cases"),
    Column("reason", Text, nullable=False),
    Column("at", Float, nullable=False),
    Column("expires_at", Float, nullable=False),
    Index("reveals_by_person", "person_id", "case_id", "expires_at"),
)
# A row for each bulk action on accounts.
BULKS = Table(
    "bulks",
    METADATA,
    _number(),
    Column("author", String(80), nullable=False),
    Column("at", Float, nullable=False),
    Column("verdict", String(12), nullable=False),
    Column("reason", Text, nullable=False),
    Column("expires", String(40)),
    Column("size", BigInteger, nullable=False),
    Column("status", String(12), nullable=False),  # begun, done, not done, undone
    Column("undoes", NUMBER),
    Index("bulks_by_status", "status"),
)
# A row for each account of a bulk action.
BULK_ACCOUNTS = Table(
    "bulk_accounts",
    METADATA,
    Column("bulk_id", NUMBER, ForeignKey("bulks.id"), primary_key=True),
    Column("account_id", NUMBER, ForeignKey("accounts.id"), primary_key=True),
    Column("before", BODY),  # the label that stood before; null where there was none
    Index("bulk_accounts_by_account", "account_id", "bulk_id"),
)
# A row for each note on a case.
NOTES = Table(
    "notes",
    METADATA,
    _number(),
    Column("case_id", NUMBER, ForeignKey("cases.id")),
    Column("author", String(80), nullable=False),
    Column("at", Float, nullable=False),
    Column("text", Text, nullable=False),
    Index("notes_by_case", "case_id", "at"),
)
# A row for each saved view of a list.
VIEWS = Table(
    "views",
    METADATA,
    _number(),
    Column("name", String(120), nullable=False),
    Column("author", String(80), nullable=False),
    Column("at", Float, nullable=False),
    Column("list", String(12), nullable=False),
    Column("query", BODY, nullable=False),
    Column("note", Text, nullable=False),
)
# A row for each text that an author wrote about several cases.
STORIES = Table(
    "stories",
    METADATA,
    _number(),
    Column("title", String(200), nullable=False),
    Column("author", String(80), nullable=False),
    Column("at", Float, nullable=False),
    Column("text", Text, nullable=False),
)
# A row for each action that waits for, or got, a second person's decision.
APPROVALS = Table(
    "approvals",
    METADATA,
    _number(),
    Column("what", String(20), nullable=False),
    Column("given", BODY, nullable=False),
    Column("asked_by", String(80), nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", Float, nullable=False),
    Column("status", String(12), nullable=False),
    Column("decided_by", String(80)),
    Column("decided_at", Float),
    Column("why", Text),
    Index("approvals_by_status", "status", "at"),
)
# A row for each appeal of a customer.
APPEALS = Table(
    "appeals",
    METADATA,
    _number(),
    _of("accounts"),
    Column("case_id", NUMBER, ForeignKey("cases.id")),
    Column("digest", String(64), nullable=False, unique=True),
    Column("opened_by", String(80), nullable=False),
    Column("at", Float, nullable=False),
    Column("expires_at", Float, nullable=False),
    Column("status", String(12), nullable=False),  # invited, received, upheld, overturned
    Column("statement", Text),
    Column("received_at", Float),
    Column("decided_by", String(80)),
    Column("decided_at", Float),
    Column("reasons", Text),
    Column("answer", Text),
    Index("appeals_by_status", "status", "at"),
    Index("appeals_by_account", "account_id"),
)
# A row for each file of an appeal.
APPEAL_FILES = Table(
    "appeal_files",
    METADATA,
    _number(),
    _of("appeals"),
    Column("name", String(120), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("content", LargeBinary, nullable=False),
    Index("files_by_appeal", "appeal_id"),
)
# A row for each account that is to be reviewed after an appeal.
REVIEWS = Table(
    "reviews",
    METADATA,
    _number(),
    _of("appeals"),
    _of("accounts"),
    Column("status", String(12), nullable=False),  # open, stands, overturned
    Column("decided_by", String(80)),
    Column("decided_at", Float),
    Column("reason", Text),
    UniqueConstraint("appeal_id", "account_id"),
    Index("reviews_by_status", "status", "id"),
)
# A row for each webhook.
HOOKS = Table(
    "hooks",
    METADATA,
    _number(),
    Column("url", Text, nullable=False),
    Column("secret", Text, nullable=False),
    Column("author", String(80), nullable=False),
    Column("at", Float, nullable=False),
    Column("failures", BigInteger, nullable=False, default=0),
)
# A row for each event that waits to be sent to a webhook.
OUTBOX = Table(
    "outbox",
    METADATA,
    _number(),
    Column("hook_id", NUMBER, ForeignKey("hooks.id"), nullable=False),
    Column("event", BODY, nullable=False),
)


def _first(db: Connection) -> None:
    """Version 1: all tables."""
    METADATA.create_all(db)


def _with_passkeys(db: Connection) -> None:
    """Version 2: the table of passkeys, which a new database has from the first step."""
    PASSKEYS.create(db, checkfirst=True)


MIGRATIONS: tuple[Callable[[Connection], None], ...] = (_first, _with_passkeys)
"""The steps from each version of the schema to the next. A step is never changed once it was released; a
later one alters tables in SQL that SQLite and PostgreSQL have in common.
"""


def version_of(db: Connection) -> int:
    """The version of the schema of a database; 0 for an empty one."""
    if not inspect(db).has_table(VERSION.name):
        return 0
    return int(db.scalar(select(VERSION.c.version)) or 0)


def migrate(db: Connection) -> int:
    """Bring a database to the present version within one transaction, and return it."""
    version = version_of(db)
    for number, step in enumerate(MIGRATIONS[version:], version + 1):
        step(db)
        db.execute(
            insert(VERSION).values(version=number) if number == 1 else update(VERSION).values(version=number)
        )
    return len(MIGRATIONS)
