"""Access tokens: what is sent in place of a credential that has to be exchanged first, for as long as it counts.

Nothing is fetched here: `transport.renew_token` does that, when a token is about to be sent.
"""

from __future__ import annotations

import os
import threading
import time

from inference_providers.credentials.hosts import host_of, origin_of
from inference_providers.credentials.keys import Secret, Secretive

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from inference_providers.credentials.keys import Credential
    from inference_providers.credentials.pins import Pins

_EARLY = 300.0  # seconds before its end from which a token is not sent any more; half of its life, if that is short


class Tokens(Secretive):
    """The access token of one credential. Safe to share between threads: whoever renews it holds `lock`."""

    __slots__ = ("_clock", "_ends", "_lock", "_pins", "_process", "_token", "auth", "credential", "environ", "variable")

    def __init__(
        self,
        auth: Mapping[str, Any],
        credential: Credential,
        variable: str,
        environ: Mapping[str, str],
        pins: Pins,
        clock: Callable[[], float] = time.time,  # counts while a machine sleeps, as tokens do
    ) -> None:
        """*auth*: as in the registry. *credential*: the key, or the path of a file with it. *clock*: seconds."""
        self.auth, self.credential, self.variable, self.environ = auth, credential, variable, environ
        self._lock, self._process = threading.Lock(), os.getpid()
        self._pins, self._clock = pins, clock
        self._token: Secret | None = None
        self._ends = 0.0

    def __repr__(self) -> str:
        return f"<Tokens for {self.variable}>"

    @property
    def secret(self) -> Secret:
        """The key, or the path of the file that holds it. Raises LocalServerError for one that cannot be loaded."""
        return self.credential.key

    @property
    def lock(self) -> threading.Lock:
        """Held by whoever renews the token. A fork has one of its own: no thread there would ever release another's."""
        if self._process != os.getpid():
            self._lock, self._process = threading.Lock(), os.getpid()
        return self._lock

    @property
    def current(self) -> Secret | None:
        """The token, if there is one that counts for a while yet."""
        return self._token if self._clock() < self._ends else None

    def put(self, token: str, seconds: float) -> Secret:
        """Keep a token that counts for so many seconds from now; it is renewed before they are over."""
        self._token, self._ends = Secret(token), self._clock() + seconds - min(_EARLY, seconds / 2)
        return self._token

    def drop(self) -> None:
        """Forget the token: it was refused."""
        self._ends = 0.0

    def forbids(self, url: str) -> str:
        """Why the credential must not go to *url* to be exchanged; empty where it may."""
        own = origin_of(url) == origin_of(self.auth["token"]) and self._pins.allows(self.variable, url)
        if own or self._pins.trusts(self.variable, url):
            return ""
        return f"{self.variable} is exchanged at {host_of(self.auth['token'])} only, not at {host_of(url)}"
