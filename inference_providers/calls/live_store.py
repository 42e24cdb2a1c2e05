"""The file with providers' own lists: kept for a day, so that not each program of a user asks for them.

It holds no key and no address, but a digest of both that only this machine can make: it is keyed with random bytes in
a file of the user's own. What is damaged counts as not there, and is written anew.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress

from inference_providers.calls.live_asking import MOST
from inference_providers.files import folders, replacing
from inference_providers.offers import LiveList
from inference_providers.text import jsontext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from inference_providers.registry import Provider

LIVE_FILES = ("live-lists.json", "live-lists.key")  # the lists, and the random bytes
DAY = 86400.0  # seconds for which a list counts
_SECRET_SIZE = 32  # bytes
_CAP, _ENTRIES = 8 * 1024 * 1024, 200  # bytes, and lists, that are kept
_LONGEST = 200  # characters of a name


class LiveStore:
    """The lists in the cache folder of a user; a folder that is not trusted, or not there, keeps nothing."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        folder = folders.cache(environ)
        self.path = os.path.join(folder, LIVE_FILES[0]) if folder else ""
        self._secret_path = os.path.join(folder, LIVE_FILES[1]) if folder else ""
        self._secret = b""

    def __repr__(self) -> str:
        return f"<LiveStore {self.path}>"

    def digest(self, endpoint: str, key: str) -> str:
        """What stands for an address and a key in the file; neither can be had from it."""
        import hmac

        secret = self._secret or self._read_secret()
        return hmac.new(secret, f"{endpoint.rstrip('/')}\0{key}".encode(), "sha256").hexdigest()

    def read(self, now: float) -> dict[str, dict[str, Any]]:
        """What counts now, by digest, as in the file."""
        if not self._usable():
            return {}
        try:
            held = jsontext.loads(folders.read(self.path, _CAP + 1))
        except FileNotFoundError:
            return {}
        except OSError as error:
            folders.warn_once(f"{self.path} is not read: {error.strerror}")
            return {}
        except ValueError:
            folders.warn_once(f"{self.path} is damaged; providers are asked anew what they have")
            return {}
        rows = held.get("lists") if isinstance(held, dict) else None
        return {name: row for name, row in rows.items() if _counts(row, now)} if isinstance(rows, dict) else {}

    def keep(self, made: Mapping[str, LiveList], providers: Mapping[str, str], now: float) -> None:
        """Write lists, by digest, beside those of others that still count. *providers*: whose they are, by digest."""
        if not made or not self._usable():
            return
        rows = self.read(now) | {
            name: {
                "provider": providers[name], "asked": int(one.asked), "whole": one.whole, "talking": one.talking,
                "other": one.other,
            }
            for name, one in made.items()
        }  # fmt: skip
        newest = sorted(rows, key=lambda name: rows[name]["asked"])[-_ENTRIES:]
        while len(text := json.dumps({"version": 1, "lists": {name: rows[name] for name in newest}})) > _CAP:
            del newest[: len(newest) // 2 or 1]
        self._write(self.path, text.encode())

    def _usable(self) -> bool:
        """Whether the user has a cache folder that nobody else can write."""
        if why := folders.distrust(os.path.dirname(self.path)) if self.path else folders.NO_HOME:
            folders.warn_once(f"What providers have is not kept{f' in {self.path}' if self.path else ''}: {why}")
        return not why

    def _read_secret(self) -> bytes:
        """The random bytes of this user; new ones where there are none, which last for this process at least."""
        if self._usable():
            for _ in range(2):  # another process may write them at the same time: what is there afterwards counts
                with suppress(OSError):
                    self._secret = folders.read(self._secret_path, _SECRET_SIZE + 1)
                if len(self._secret) == _SECRET_SIZE:
                    return self._secret
                if not self._write(self._secret_path, os.urandom(_SECRET_SIZE)):
                    break
        self._secret = os.urandom(_SECRET_SIZE)
        return self._secret

    @staticmethod
    def _write(path: str, content: bytes) -> bool:
        try:
            folders.make(os.path.dirname(path))
            with replacing(path, mode=0o600) as file:
                file.write(content)
        except OSError as error:
            folders.warn_once(f"{path} cannot be written ({error.strerror}): what providers have is not kept")
            return False
        return True


def list_of(row: Mapping[str, Any], provider: Provider) -> LiveList:
    """The list that an entry of the file is."""
    return LiveList(provider, row["talking"], row["other"], asked=row["asked"], whole=row["whole"])


def _counts(row: Any, now: float) -> bool:
    """Whether an entry is one, and not older than a day, nor of the future."""
    return (
        isinstance(row, dict)
        and isinstance(row.get("provider"), str)
        and isinstance(row.get("asked"), int)
        and 0 <= now - row["asked"] < DAY
        and isinstance(row.get("whole"), bool)
        and all(_are_names(row.get(kind)) for kind in ("talking", "other"))
    )


def _are_names(names: Any) -> bool:
    return (
        isinstance(names, list)
        and len(names) <= MOST
        and all(isinstance(name, str) and 0 < len(name) <= _LONGEST and name.isprintable() for name in names)
    )
