"""Who may ask: callers with a key each, in a file of the user's, and the administrator with a token.

A key is shown once, when it is made; the file has its SHA-256 alone. Several processes share the file: what one
changes, the others know a second later.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from hashlib import sha256

from inference_providers.files import Database, folders
from inference_providers.gateway.caller_fields import FieldError, UnknownCallerError, checked, checked_name
from inference_providers.gateway.quotas import RATES, quota_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping
    from typing import Any, TypeVar

    T = TypeVar("T")

FILE = "callers.sqlite"
PREFIX = "ip-"  # of every key
ADMIN_ID = "admin"
LOOKS_EVERY = 1.0  # seconds
MIGRATIONS = (
    """
    CREATE TABLE callers (
        id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE COLLATE NOCASE, digest BLOB NOT NULL UNIQUE, models TEXT,
        tier TEXT, requests_per_minute INTEGER, tokens_per_minute INTEGER, concurrent INTEGER, budget REAL,
        created REAL NOT NULL, expires REAL, revoked REAL)
    """,
)
_COLUMNS = ("id", "name", "models", "tier", *RATES, "budget", "created", "expires", "revoked")
_SELECT = f"SELECT digest, {', '.join(_COLUMNS)} FROM callers ORDER BY created, name"


class Caller:
    """Somebody who asks. Times are seconds since 1970.

    models: names of the only models that it may ask, None for all. tier: by which its limits go, where *quota* does not
    say otherwise: None for none. quota: what it may use; None without any limit. revoked: when its key was.
    """

    __slots__ = (
        "budget",
        "concurrent",
        "created",
        "expires",
        "id",
        "is_admin",
        "models",
        "name",
        "quota",
        "requests_per_minute",
        "revoked",
        "tier",
        "tokens_per_minute",
    )

    def __init__(
        self,
        id: str,
        name: str,
        models: tuple[str, ...] | None = None,
        tier: str | None = None,
        requests_per_minute: int | None = None,
        tokens_per_minute: int | None = None,
        concurrent: int | None = None,
        budget: float | None = None,
        created: float = 0.0,
        expires: float | None = None,
        revoked: float | None = None,
        *,
        is_admin: bool = False,
    ) -> None:
        self.id, self.name, self.models, self.tier, self.is_admin = id, name, models, tier, is_admin
        self.requests_per_minute, self.tokens_per_minute = requests_per_minute, tokens_per_minute
        self.concurrent, self.budget = concurrent, budget
        self.created, self.expires, self.revoked = created, expires, revoked
        self.quota = None if is_admin else quota_of(tier, {rate: getattr(self, rate) for rate in RATES}, budget)

    def __repr__(self) -> str:
        return f"<Caller {self.name}>"

    def problem(self, now: float) -> str:
        """Why its key is not taken; empty where it is."""
        if self.revoked is not None:
            return f"This key was revoked on {day(self.revoked)}; its administrator may give another."
        if self.expires is not None and self.expires <= now:
            return f"This key expired on {day(self.expires)}; its administrator may give another."
        return ""

    def as_dict(self) -> dict[str, Any]:
        """All of it, for JSON; times in words, in UTC. Nothing of its key."""
        found = {name: getattr(self, name) for name in _COLUMNS}
        found["models"] = None if self.models is None else list(self.models)
        return found | {name: _time(found[name]) for name in ("created", "expires", "revoked")}


ADMIN = Caller(ADMIN_ID, "administrator", is_admin=True)
ANYBODY = Caller("anybody", "anybody")  # who asks where no token is asked for


class Callers:
    """The callers of a user's gateway. Whoever changes them gets errors: FieldError, UnknownCallerError, OSError."""

    def __init__(
        self,
        environ: Mapping[str, str],
        admin_token: str = "",
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """*environ*: by which the file is found. *admin_token*: whose token is the administrator's; empty for nobody's.

        clock: seconds since 1970.
        """
        self.database = Database.of(FILE, environ, MIGRATIONS)
        self._admin = {_digest(admin_token): ADMIN} if admin_token else {}
        self._clock, self._monotonic = clock, monotonic
        self._by_digest: dict[bytes, Caller] = {**self._admin}
        self._looks_at = float("-inf")
        self._seen: tuple[Any, Any] = (None, None)  # connection, and how often others had written by then

    def __repr__(self) -> str:
        return f"<Callers in {FILE}>"

    def of(self, token: str) -> Caller | None:
        """Whose key that is; None where it is nobody's, or is not taken any more: see `problem`."""
        caller = self._known(token)
        if caller is None or caller.is_admin:
            return caller
        return None if caller.problem(self._clock()) else caller

    def by_id(self, id: str) -> Caller | None:
        """The one of that id, as long as its key is taken: for what goes on after its request.

        Raises OSError where it is not known and the file cannot be read, so that nobody can tell.
        """
        self._known("")
        caller = next((one for one in self._by_digest.values() if one.id == id), None)
        if caller is None and self.database is not None and self.database.fault:
            raise OSError(0, self.database.fault, self.database.path)
        return None if caller is None or caller.problem(self._clock()) else caller

    def problem(self, token: str) -> str:
        """Why a key is not taken, for whoever has it: it expired, or was revoked. Empty for a key that is nobody's."""
        caller = self._known(token)
        return "" if caller is None else caller.problem(self._clock())

    def _known(self, token: str) -> Caller | None:
        now = self._monotonic()
        if now >= self._looks_at:
            self._looks_at = now + LOOKS_EVERY
            self._look()
        return self._by_digest.get(_digest(token))

    def _look(self) -> None:
        """Read the file again where it has changed. Where it cannot be read, what was known holds."""
        if self.database is None:
            return

        def work(connection: sqlite3.Connection) -> dict[bytes, Caller] | None:
            version = connection.execute("PRAGMA data_version").fetchone()[0]
            if self._seen[0] is connection and self._seen[1] == version:
                return None
            rows = connection.execute(_SELECT).fetchall()
            self._seen = (connection, version)
            return {digest: caller for digest, *row in rows if (caller := _caller(row)) is not None}

        found = self.database.read(work)
        if found is not None:
            self._by_digest = {**found, **self._admin}
        elif not self.database.fault and not os.path.exists(self.database.path):  # somebody has removed it
            self._by_digest, self._seen = {**self._admin}, (None, None)

    # What the administrator does

    def list(self) -> list[Caller]:
        """All of them, the oldest first, also those whose keys are not taken any more."""
        if self.database is None:
            return []
        rows = self.database.read(lambda connection: connection.execute(_SELECT).fetchall())
        if rows is None and self.database.fault:
            raise OSError(0, self.database.fault, self.database.path)
        return [caller for _, *row in rows or () if (caller := _caller(row)) is not None]

    def get(self, name: str) -> Caller:
        """The one of that name. Raises UnknownCallerError."""
        return _named(self.list(), name)

    def create(self, name: str, /, **fields: Any) -> tuple[Caller, str]:
        """A new caller, and its key, which is nowhere else. *fields*: as `update` takes them."""
        values = checked(fields, self._clock())
        row = {"id": f"c_{secrets.token_hex(8)}", "name": checked_name(name), "created": self._clock(), **values}
        key = PREFIX + secrets.token_urlsafe(32)
        columns = ["digest", *row]

        def work(connection: sqlite3.Connection) -> bool:
            if connection.execute("SELECT 1 FROM callers WHERE name = ?", (name,)).fetchone():
                return False
            sql = f"INSERT INTO callers ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
            connection.execute(sql, (_digest(key), *row.values()))
            return True

        if not self._write(work):
            raise FieldError("name", f"there is a caller called {name!r} already; its name is free once it is purged")
        return self.get(name), key

    def update(self, name: str, /, **fields: Any) -> Caller:
        """Change a caller: models, tier, requests_per_minute, tokens_per_minute, concurrent, budget, expires.

        None takes a limit away.
        """
        values = checked(fields, self._clock())
        return self._changed(name, values) if values else self.get(name)

    def revoke(self, name: str) -> Caller:
        """Take its key no longer. All else that is kept of it stays, and nobody else can have its name."""
        found = self.get(name)
        return found if found.revoked is not None else self._changed(name, {"revoked": self._clock()})

    def remove(self, name: str) -> Caller:
        """Forget it, and its key; what else is kept of it, `purging.purge` removes as well."""
        found = self.get(name)

        def work(connection: sqlite3.Connection) -> bool:
            connection.execute("PRAGMA secure_delete = ON")
            return connection.execute("DELETE FROM callers WHERE id = ?", (found.id,)).rowcount > 0

        self._write(work)
        if self.database is not None:
            self.database.compact()
        return found

    def _changed(self, name: str, values: Mapping[str, Any]) -> Caller:
        sets = ", ".join(f"{column} = ?" for column in values)

        def work(connection: sqlite3.Connection) -> bool:
            sql = f"UPDATE callers SET {sets} WHERE name = ?"
            return connection.execute(sql, (*values.values(), name)).rowcount > 0

        self._write(work)
        return self.get(name)

    def _write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if self.database is None:
            raise OSError(0, folders.NO_HOME, FILE)
        done = self.database.write(work)
        if done is None:
            raise OSError(0, self.database.fault, self.database.path)
        self._seen, self._looks_at = (0, 0), float("-inf")  # its own changes do not count as others'
        return done


def day(when: float) -> str:
    """A time as people read it, in UTC."""
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(when))


def _digest(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogatepass")).digest()


def _named(callers: list[Caller], name: str) -> Caller:
    for one in callers:
        if one.name.lower() == name.lower():
            return one
    raise UnknownCallerError(name, [one.name for one in callers])


def _caller(row: list[Any]) -> Caller | None:
    """A row's caller; None for a row of another form than we write, whose key is not taken then."""
    values = {name: value for name, value in zip(_COLUMNS, row, strict=True) if value is not None}
    try:
        for name, kind in _KINDS.items():
            if name in values:
                values[name] = kind(values[name])
        return Caller(**values)
    except (ValueError, TypeError, OverflowError):
        return None


_KINDS: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("id", "name", "tier"), str),
    **dict.fromkeys(RATES, int),
    **dict.fromkeys(("budget", "created", "expires", "revoked"), float),
    "models": lambda text: tuple(map(str, json.loads(text))),
}


def _time(when: float | None) -> str | None:
    return None if when is None else time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(when))
