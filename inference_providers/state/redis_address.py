"""The address of a Redis: what is one, what may be said of it, and what is wrong with it in words of ours."""

from __future__ import annotations

import re
from importlib.util import find_spec
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from inference_providers import installing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

NAMESPACE = "namespace"  # an option of ours after the `?`: whose keys these are, of several who share one database
_NAMES = re.compile(r"[A-Za-z0-9._-]{1,64}")
_FOR_NOW = ("OOM", "READONLY", "MISCONF", "NOREPLICAS", "BUSY", "MASTERDOWN")
SCHEMES = ("redis", "rediss", "unix")
_CODES = {"ReadOnlyError": "READONLY", "OutOfMemoryError": "OOM", "NoPermissionError": "NOPERM"}  # of redis-py's errors
_FORM = 'a state in Redis is named like "redis://host:6379/0"; "rediss://" encrypts, "unix:///path" is on this machine'


def checked(url: str) -> None:
    """Raise ValueError for what is not an address, or if the package `redis` is missing. None of it is in the error."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise ValueError(f"the host or the port of the Redis cannot be read: {_FORM}") from None
    is_socket = parts.scheme == "unix"
    if parts.fragment or "@" in parts.query or ("@" in parts.path and not is_socket):
        raise ValueError(f"in the password of the Redis, / ? # @ and % are written %2F %3F %23 %40 and %25: {_FORM}")
    if parts.scheme not in SCHEMES or not (parts.path.strip("/") if is_socket else parts.hostname):
        raise ValueError(_FORM)
    database = "" if is_socket else parts.path.strip("/")
    if database and not (database.isascii() and database.isdigit()):
        raise ValueError(f"what comes after the host of the Redis is the number of a database: {_FORM}")
    if (name := namespace_of(url)) is not None and not _NAMES.fullmatch(name):
        raise ValueError("the namespace of a state in Redis is up to 64 letters, digits, dots, dashes and underscores")
    if find_spec("redis") is None:
        raise ValueError(f"a state in Redis needs the package redis: {installing.REDIS}")
    if parts.query:
        try:
            client_of(url, 1.0).connection_pool.make_connection()  # which connects only when it is used
        except Exception:  # noqa: BLE001 - redis-py has several, and its words may have the password
            raise ValueError("an option after the `?` of the Redis is not one of redis-py's") from None


def namespace_of(url: str) -> str | None:
    """Whose keys are meant, of several who share one database; None where nobody else is there."""
    found = dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
    return found.get(NAMESPACE)


def place_of(url: str) -> str:
    """Where a Redis is, without a password."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return parts.path
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    return f"{host}:{parts.port}" if parts.port else host


def client_of(url: str, patience: float) -> Any:
    """A client of redis-py's. Nothing is connected before it is used.

    A connection that the other side has closed meanwhile is opened again at once; nothing else is tried twice.
    """
    from redis import ConnectionPool, Redis
    from redis.backoff import NoBackoff
    from redis.exceptions import ConnectionError
    from redis.retry import Retry

    parts = urlsplit(url)
    options: dict[str, Any] = {"socket_timeout": patience, "protocol": 2, "decode_responses": False}
    if parts.scheme != "unix":
        options["socket_connect_timeout"] = patience
    ours = {*options, NAMESPACE}
    query = urlencode([(name, value) for name, value in parse_qsl(parts.query) if name not in ours])
    retry = Retry(NoBackoff(), 1, supported_errors=(ConnectionError,))
    pool = ConnectionPool.from_url(
        urlunsplit(parts._replace(query=query)), **options, retry=retry, client_name="inference_providers"
    )
    return Redis(connection_pool=pool)


def reason(error: Exception) -> str:
    """What is wrong, without a server's words but the first, which is a code: `READONLY`, `OOM`."""
    from redis.exceptions import AuthenticationError, ConnectionError, InvalidResponse, ResponseError, TimeoutError

    if isinstance(error, AuthenticationError):
        return "it refuses the password"
    if isinstance(error, TimeoutError):
        return "it does not answer in time"
    if isinstance(error, ConnectionError | OSError):
        return "it cannot be reached"
    if isinstance(error, InvalidResponse):
        return "what answers there is no Redis"
    if isinstance(error, ResponseError):
        code = _CODES.get(type(error).__name__) or _code(str(error))
        return f"it refuses with {code}" if code else "it refuses"
    return f"{type(error).__name__} of what was to be said"


def wrote_nothing(error: Exception) -> bool:
    """Whether a server that refuses for now has done nothing of a script: it may be asked for that again."""
    return reason(error).rpartition(" ")[2] in _FOR_NOW


def _code(said: str) -> str:
    """Such as `OOM`; of an error within a script, that of the command."""
    for word in said.replace("-", " ").split(" ")[:12]:
        if 2 < len(word) <= 20 and word.isascii() and word.isupper() and word.isalpha() and word != "ERR":
            return word
    return ""
