"""What a caller wants of whichever candidate: a path, a body, and what becomes of parameters that it does not take. Pure."""

from __future__ import annotations

import json

from inference_providers import chat
from inference_providers.chat import parameter_rules, parameters
from inference_providers.errors import InvalidRequestError
from inference_providers.transport import request_to

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping, Sequence
    from typing import Any

    from inference_providers.offers import Offer
    from inference_providers.transport import Request

    Could = Callable[[Callable[[Offer], bool]], str]


_as_json = json.JSONEncoder(ensure_ascii=False).encode  # made once: `json.dumps` makes one for each call


class Ask:
    """What a caller wants of whichever candidate: a path, and a JSON body, or another one as bytes.

    The model is set when a candidate is chosen: in the JSON body, or in the form that *content* holds.
    *unsupported* is what becomes of a parameter that the candidate does not take: it is kept or
    dropped, or the candidate is not asked (`parameters.KEEP`, `DROP`, `ERROR`). *untouched* fields go as they are.
    """

    __slots__ = (
        "allow_empty",
        "body",
        "content",
        "content_type",
        "headers",
        "method",
        "path",
        "unsupported",
        "untouched",
    )

    def __init__(
        self,
        body: Mapping[str, Any] | None = None,
        path: str = chat.PATH,
        *,
        method: str = "POST",
        content: bytes = b"",
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
        allow_empty: bool = False,
        unsupported: str = parameters.DROP,
        untouched: Container[str] = (),
    ) -> None:
        self.untouched = untouched
        self.unsupported = unsupported if path == chat.PATH else parameters.KEEP
        self.body, self.path, self.method = body, path, method
        self.content, self.content_type = content, content_type
        self.headers = dict(headers or {})  # the caller's own, for whoever answers
        self.allow_empty = allow_empty

    @property
    def streams(self) -> bool:
        """Whether the reply is to come as events."""
        return bool(self.body) and bool(self.body.get("stream"))  # type: ignore[union-attr]

    def request(self, offer: Offer) -> Request:
        """The request as this candidate gets it: its address, its key, its name for the model."""
        content = (
            _as_json(self.payload(offer)).encode("utf-8", "replace")
            if self.body is not None
            else _form_with_model(self.content, offer.internal_name)
        )
        headers = {**self.headers, "Accept": "text/event-stream" if self.streams else "application/json"}
        if content:
            headers["Content-Type"] = self.content_type
        return request_to(offer, self.method, self.path, headers, content or None)

    def payload(self, offer: Offer) -> dict[str, Any]:
        """The JSON body as this candidate gets it."""
        body = self.body or {}
        payload = (
            parameter_rules.adapted(body, offer.rules, mode=self.unsupported, exempt=self.untouched)
            if self.path == chat.PATH
            else dict(body)
        )
        payload["model"] = offer.internal_name
        return payload

    def dropped(self, offer: Offer) -> list[str]:
        """Names of the parameters that this candidate does not take, and does not get."""
        if self.unsupported == parameters.KEEP or self.body is None:
            return []
        return parameter_rules.dropped(self.body, offer.rules, self.untouched)

    def able(self, offers: Sequence[Offer], could: Could) -> Sequence[Offer]:
        """Those of the candidates that can do what the request needs. Raises InvalidRequestError if none can.

        *could* says who else could, for the message: it is given a test of an offer.
        """
        if self.unsupported == parameters.KEEP or self.body is None:
            return offers
        needs = parameter_rules.needs(self.body)
        if not needs and self.unsupported == parameters.DROP:
            return offers
        missing = {id(offer): self._lacking(offer, needs) for offer in offers}
        found = [offer for offer in offers if not missing[id(offer)]]
        if offers and not found:
            raise _nobody(offers, missing, could(lambda offer: not self._lacking(offer, needs)))
        return found

    def _lacking(self, offer: Offer, needs: Sequence[str]) -> list[str]:
        """What keeps this candidate from being asked, in words."""
        missing = [parameter_rules.NEEDS[need] for need in needs if offer.lacks(need) or need in offer.rules.refused]
        return missing + (self.dropped(offer) if self.unsupported == parameters.ERROR else [])


def _nobody(offers: Sequence[Offer], missing: Mapping[int, list[str]], others: str) -> InvalidRequestError:
    asked = parameters.listed(f"{offer.provider}/{offer.internal_name}" for offer in offers[:4])
    more = f" and {len(offers) - 4} more" if len(offers) > 4 else ""
    lacks = parameters.listed(name for offer in offers for name in missing[id(offer)])
    return InvalidRequestError(
        f"Nothing was sent: {asked}{more} cannot do {lacks}. {others}".strip(), code="unsupported"
    )


_FORM_MODEL = rb'(name="model"\r\n(?:[^\r\n]+\r\n)*\r\n)([^\r\n]*)'


def form_model(content: bytes) -> str | None:
    """The model that a multipart form names."""
    import re

    match = re.search(_FORM_MODEL, content)
    return match[2].decode("utf-8", "replace") if match else None


def _form_with_model(content: bytes, model: str) -> bytes:
    import re

    return re.sub(_FORM_MODEL, lambda match: match[1] + model.encode(), content, count=1) if content else content
