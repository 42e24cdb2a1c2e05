"""The system's keyring, where it can be used: keys that are loaded when they are about to be sent.

`keyring` is imported here alone, and not before that. Its backends may ask the user, hang or fail in ways of their
own: each call has a thread and a time limit.
"""

from __future__ import annotations

import threading
import time

from inference_providers.credentials import LateKey, Secret, refusal
from inference_providers.errors import LocalServerError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

SERVICE = "inference_providers"
LIMIT = 30.0  # seconds: the user may be asked for a password
_PAUSE = 60.0  # seconds for which a keyring that failed is not asked again
_HINT = "`inference-providers keys set PROVIDER --file` keeps a key in a file instead"
_LOOK = 0.02  # seconds after which a task looks again whether a key has come
_USABLE = 1.0  # the least priority of a backend that keeps secrets as the system does; files have less
_failed: tuple[float, str] | None = None  # when the keyring of this process failed last, and how


class KeyringError(LocalServerError):
    """The keyring cannot be used now, as the message says."""


def backend() -> str:
    """What the keyring of this system is called, where it can be used; else empty."""
    try:
        name: str = _within(LIMIT, _backend)
    except KeyringError:
        return ""
    return name


def _backend() -> str:
    import keyring

    found = keyring.get_keyring()
    return str(found.name) if float(getattr(found, "priority", 0)) >= _USABLE else ""


def put(variable: str, key: str) -> None:
    """Keep a key. Raises KeyringError."""

    def write() -> None:
        import keyring

        keyring.set_password(SERVICE, variable, str(key))
        if keyring.get_password(SERVICE, variable) != str(key):
            raise RuntimeError("it does not give back what it was given")

    _within(LIMIT, write)


def remove(variable: str) -> None:
    """Remove a key; nothing where there is none. Raises KeyringError."""

    def delete() -> None:
        import keyring
        from keyring.errors import PasswordDeleteError

        try:
            keyring.delete_password(SERVICE, variable)
        except PasswordDeleteError:
            if keyring.get_password(SERVICE, variable) is not None:
                raise

    _within(LIMIT, delete)


class KeyringKey(LateKey):
    """A key in the keyring, loaded once, however many wait for it. `mark` changes when another is put in its place."""

    __slots__ = ("_key", "_lock", "_variable", "_work", "mark")

    def __init__(self, variable: str, mark: str) -> None:
        self._variable, self.mark = variable, f"keyring {variable} {mark}"
        self._key: Secret | None = None
        self._work: _Work | None = None
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<KeyringKey of {self._variable}>"

    @property
    def loaded(self) -> Secret | None:
        """The key, if it was loaded."""
        return self._key

    def load(self, limit: float = LIMIT) -> Secret:
        """The key, within *limit* seconds. Raises KeyringError, which says why there is none and what to do."""
        if self._key is None:
            work, limit = self._begun(), min(limit, LIMIT)
            work.done.wait(limit)
            self._finish(work, limit)
        assert self._key is not None
        return self._key

    async def load_async(self, limit: float = LIMIT) -> Secret:
        """`load` for asyncio; the loop's own threads are for looking names up."""
        import asyncio

        if self._key is None:
            work, limit = self._begun(), min(limit, LIMIT)
            until = time.monotonic() + limit
            while not work.done.is_set() and time.monotonic() < until:
                await asyncio.sleep(_LOOK)
            self._finish(work, limit)
        assert self._key is not None
        return self._key

    def _begun(self) -> _Work:
        """What loads it: one thread for all. Raises KeyringError where the keyring has just failed."""
        with self._lock:
            if self._work is None:
                if _failed is not None and time.monotonic() - _failed[0] < _PAUSE:
                    raise KeyringError(f"{self._variable} is in the keyring, which {_failed[1]}")
                self._work = _Work(self._read)
            return self._work

    def _finish(self, work: _Work, waited: float) -> None:
        """Keep the key that was loaded. Raises KeyringError."""
        global _failed
        if work.done.is_set():
            self._work = None
        try:
            found = work.outcome(waited)
        except KeyringError as error:
            _failed = (time.monotonic(), f"{error}\n{_HINT}")
            raise KeyringError(f"{self._variable} is in the keyring, which {_failed[1]}") from None
        what = "is not in the keyring any more" if found is None else ""
        if found is not None and (problem := refusal(found)):
            what = f"in the keyring {problem}"
        if found is None or what:
            raise KeyringError(f"{self._variable} {what}; `inference-providers keys set` puts it there.")
        self._key = Secret(found.strip())

    def _read(self) -> Secret | None:
        import keyring

        found = keyring.get_password(SERVICE, self._variable)
        return None if found is None else Secret(found)


class _Work:
    """Some work with the keyring, in a thread that is left alone if it takes too long: nobody can end it."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self.done = threading.Event()
        self._found: Any = None
        self._problem = "gave no answer"

        def run() -> None:
            try:
                self._found = work()
                self._problem = ""
            except ImportError:
                from inference_providers.installing import KEYRING

                self._problem = f"needs a package that is not installed: {KEYRING}"
            except Exception as error:  # noqa: BLE001  (a backend may raise anything, with anything in its words)
                self._problem = f"cannot be used now ({type(error).__name__}); is it locked?"
            finally:
                self.done.set()

        threading.Thread(target=run, daemon=True, name="keyring").start()

    def outcome(self, waited: float) -> Any:
        """What the work gave. Raises KeyringError where it failed, or is not done after this many seconds."""
        if not self.done.is_set():
            raise KeyringError(f"gave no answer within {waited:.0f} seconds; is it locked?")
        if self._problem:
            raise KeyringError(self._problem)
        return self._found


def _within(seconds: float, work: Callable[[], Any]) -> Any:
    """What some work with the keyring gives. Raises KeyringError for all that goes wrong, and where it takes longer."""
    begun = _Work(work)
    begun.done.wait(seconds)
    try:
        return begun.outcome(seconds)
    except KeyringError as error:
        raise KeyringError(f"The keyring {error}\n{_HINT}") from None
