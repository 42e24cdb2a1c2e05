"""What was learnt of offers, kept for a while in a file that its user can read: what they refuse, and what they lack.

Nothing of any request is in it: the provider, its address, its name for the model, the day, and names of fields.
"""

from __future__ import annotations

import json
import os
import time

from inference_providers.files import folders, replacing
from inference_providers.protocols import Repairs
from inference_providers.text import jsontext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from inference_providers.offers import Offer

NAME = "learned.json"
WEEK, DAY = 7 * 86400.0, 86400.0  # seconds for which repairs, and missing models, are remembered
_LAST = 1e12  # seconds since 1970: an integer may be too large to be reckoned with
_CAP, _ENTRIES = 1024 * 1024, 1000  # bytes that are read, and entries that are kept


class Learned:
    """The file of what was learnt: `repairs` and `absent`, by address and name for the model.

    A file that cannot be read or written is as good as none: it is said once, and every call goes on.
    """

    def __init__(self, path: str, clock: Callable[[], float] = time.time) -> None:
        """*clock*: seconds since 1970."""
        self.path, self._clock = path, clock
        self._entries: dict[tuple[str, str, bool], dict[str, Any]] = {}
        self._read()

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Learned | None:
        """What this user's programs have learnt; None for a user without a home folder."""
        folder = folders.own("state", environ)
        return None if folder is None else cls(os.path.join(folder, NAME))

    def __repr__(self) -> str:
        return f"<Learned of {len(self._entries)} offers>"

    @property
    def entries(self) -> list[dict[str, Any]]:
        """What is known, as in the file; what is too old is left out."""
        return list(self._entries.values())

    def as_rows(self) -> list[dict[str, Any]]:
        """What could be rows of the registry: for each model at its provider, what it refuses and calls otherwise."""
        found = []
        for entry in self._entries.values():
            repairs = Repairs.of_row({} if entry.get("absent") else entry["repairs"])
            refused = sorted({*repairs.dropped, *(repairs.without & {"developer", "json_schema"})})
            row = {"refuses": refused, "spelling": repairs.renamed, "most": repairs.most}
            if parameters := {name: value for name, value in row.items() if value}:
                found.append({"provider": entry["provider"], "model": entry["model"], "parameters": parameters})
        return found

    @property
    def repairs(self) -> dict[tuple[str, str], Repairs]:
        """What offers refuse."""
        return {
            (endpoint, model): Repairs.of_row(entry["repairs"])
            for (endpoint, model, absent), entry in self._entries.items()
            if not absent
        }

    @property
    def absent(self) -> dict[tuple[str, str], float]:
        """Models that are not there, and for how many more seconds that counts."""
        now = self._clock()
        return {
            (endpoint, model): entry["learned"] + DAY - now
            for (endpoint, model, absent), entry in self._entries.items()
            if absent
        }

    def keep(self, offer: Offer, repairs: Repairs) -> None:
        """Remember what an offer refuses.

        Nothing is kept of a server that this package launches, which has no address, nor of an address that may hold a
        secret.
        """
        if _is_told(offer):
            self._put(offer, {"repairs": repairs.as_row()})

    def keep_absent(self, offer: Offer) -> None:
        """Remember that a provider does not have a model."""
        if _is_told(offer):
            self._put(offer, {"absent": True})

    def clear(self) -> None:
        """Forget everything. Raises OSError."""
        self._entries.clear()
        if os.path.lexists(self.path):
            os.unlink(self.path)

    def _put(self, offer: Offer, fact: Mapping[str, Any]) -> None:
        if not self._read():  # others may have written since
            return
        entry = {
            "provider": offer.provider,
            "endpoint": offer.endpoint,
            "model": offer.internal_name,
            "learned": int(self._clock()),
            **fact,
        }
        self._entries[_key(entry)] = entry
        rows = sorted(self._entries.values(), key=lambda row: row["learned"])[-_ENTRIES:]
        try:
            folders.make(os.path.dirname(self.path))
            with replacing(self.path, text=True, mode=0o600) as file:
                json.dump({"version": 1, "offers": rows}, file, indent=1)
        except OSError as error:
            folders.warn_once(
                f"{self.path} cannot be written ({error.strerror}): what was learnt is forgotten with this process"
            )

    def _read(self) -> bool:
        """Read what is there. Whether the folder is nobody else's: a link in it could lead to any file of the user."""
        if why := folders.distrust(os.path.dirname(self.path)):
            folders.warn_once(f"{self.path} is neither read nor written: {why}")
            return False
        try:
            held = jsontext.loads(folders.read(self.path, _CAP))
        except FileNotFoundError:
            return True
        except OSError as error:
            folders.warn_once(f"{self.path} is not read: {error.strerror}")
            return True
        except ValueError:
            folders.warn_once(f"{self.path} is not JSON, and is written anew when something is learnt")
            return True
        rows = held.get("offers") if isinstance(held, dict) else None
        now = self._clock()
        for row in rows[:_ENTRIES] if isinstance(rows, list) else ():
            if _is_entry(row) and 0 <= now - row["learned"] < (DAY if row.get("absent") else WEEK):
                self._entries[_key(row)] = row
        return True


def _is_told(offer: Offer) -> bool:
    """Whether the address of an offer can stand in a file."""
    address = offer.endpoint
    secret = offer.api_key is not None and len(offer.api_key) > 3 and offer.api_key in address
    return not (offer.launchable or secret or "?" in address or "@" in address)


def _key(entry: Mapping[str, Any]) -> tuple[str, str, bool]:
    return entry["endpoint"], entry["model"], bool(entry.get("absent"))


def _is_entry(row: Any) -> bool:
    texts = ("provider", "endpoint", "model")
    return (
        isinstance(row, dict)
        and all(isinstance(row.get(name), str) for name in texts)
        and isinstance(row.get("learned"), int | float)
        and row["learned"] < _LAST
        and (row.get("absent") is True or isinstance(row.get("repairs"), dict))
    )
