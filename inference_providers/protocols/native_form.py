"""A request in the words of another API than chat completions, in which it came. Pure."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from inference_providers.offers import Offer

    Plainer = Callable[[Mapping[str, Any], str], dict[str, Any] | None]


class NativeForm:
    """api: its name in the registry. path: where it is asked, below an endpoint. body, raw: read, and as it came.

    headers: the caller's own, for whoever speaks the API. only: why nobody else can take the request, in words; empty
    where they can. plainer: makes of a body and a refusal's words one without what was refused, that of another model's
    thoughts; None where there is nothing of it.
    """

    __slots__ = ("api", "body", "headers", "only", "path", "plainer", "raw")

    def __init__(
        self,
        api: str,
        path: str,
        body: Mapping[str, Any],
        raw: bytes,
        *,
        headers: Mapping[str, str] | None = None,
        only: str = "",
        plainer: Plainer | None = None,
    ) -> None:
        self.api, self.path, self.body, self.raw, self.only = api, path, body, raw, only
        self.headers, self.plainer = dict(headers or {}), plainer

    @property
    def mark(self) -> str:
        """How it is noted of an offer that it does not speak this API after all: see `Repairs.without`."""
        return f"{self.api}_api"

    def row(self, offer: Offer) -> Mapping[str, Any] | None:
        """How an offer is asked by this API (`endpoint`, `key`, `headers`); None where it does not speak it."""
        return offer.asked_by(self.api)
