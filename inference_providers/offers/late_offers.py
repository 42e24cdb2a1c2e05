"""Offers of which something comes late: a server is started, a token fetched, a key loaded. Pure."""

from __future__ import annotations

from inference_providers import credentials
from inference_providers.errors import LocalServerError
from inference_providers.offers.offer import Offer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from inference_providers.credentials import LateKey, Tokens
    from inference_providers.offers.access import Access
    from inference_providers.offers.local_server import LocalServer


class LaunchedOffer(Offer):
    """The offer of a server that this package launches: its address and its key are new with each start.

    So they are never filled, but read of the server whenever they are asked for.
    """

    __slots__ = ("awake", "fits", "peer_check", "wished")
    launchable: bool = True

    def __init__(self, access: Access, canonical_name: str | None, internal_name: str, *, named: bool = False) -> None:
        super().__init__(access, canonical_name, internal_name, named=named)
        object.__setattr__(self, "fits", self._server.fits)
        object.__setattr__(self, "wished", self._server.wished)
        object.__setattr__(self, "peer_check", self._server.stranger)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """A field that has not been filled."""
            if name == "endpoint":
                return self._server.endpoint
            if name == "api_key":
                return credentials.Secret(self._server.key or credentials.DUMMY_KEY)
            if name == "awake":
                return self._server.awake and bool(self._server.endpoint)
            return super().__getattr__(name)

    @property
    def _server(self) -> LocalServer:
        server = self._access.server
        assert server is not None
        return server

    def wake(self, limit: float) -> None:
        """Have the server running. Raises LocalServerError."""
        self._server.wake(limit)

    async def wake_async(self, limit: float) -> None:
        """`wake` for asyncio."""
        await self._server.wake_async(limit)

    def lost(self) -> None:
        """Note that a request did not get through."""
        self._server.lost()


class TokenOffer(Offer):
    """An offer whose key has to be exchanged for an access token, which is fetched when it is about to be sent."""

    __slots__ = ("awake",)

    def __init__(self, access: Access, canonical_name: str | None, internal_name: str, *, named: bool = False) -> None:
        super().__init__(access, canonical_name, internal_name, named=named)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """A field that has not been filled."""
            if name == "api_key":
                return self.tokens.current
            if name == "awake":
                return self.tokens.current is not None
            return super().__getattr__(name)

        @property
        def tokens(self) -> Tokens | None:
            """What is sent in place of the key."""
            return self._access.tokens


class KeptOffer(Offer):
    """An offer whose key is loaded when it is about to be sent: it lies where looking for it takes time."""

    __slots__ = ("awake",)

    def __init__(self, access: Access, canonical_name: str | None, internal_name: str, *, named: bool = False) -> None:
        super().__init__(access, canonical_name, internal_name, named=named)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """A field that has not been filled. Asked for its key, it loads that; None where there is none."""
            if name == "awake":
                return self._late.loaded is not None
            if name != "api_key":
                return super().__getattr__(name)
            try:
                return self._access.key
            except LocalServerError as error:
                from inference_providers.log import warn

                warn(str(error))
                return None

    def key_mark(self) -> str:
        """What stands for the key, loaded or not."""
        return self._late.mark

    @property
    def _late(self) -> LateKey:
        late = self._access.late
        assert late is not None
        return late

    def wake(self, limit: float) -> None:
        """Have the key here. Raises LocalServerError."""
        self._late.load(limit)

    async def wake_async(self, limit: float) -> None:
        """`wake` for asyncio."""
        await self._late.load_async(limit)


def offer_by(access: Access, canonical_name: str | None, internal_name: str, *, named: bool = False) -> Offer:
    """The offer of whatever is reached so: a provider, a server on this machine, or one that can be launched."""
    if access.server is None and access.tokens is None and access.late is None:
        return Offer(access, canonical_name, internal_name, named=named)
    kind = LaunchedOffer if access.server is not None else TokenOffer if access.tokens is not None else KeptOffer
    return kind(access, canonical_name, internal_name, named=named)
