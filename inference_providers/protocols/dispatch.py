"""Which protocol an offer speaks, and what it makes of a request. Pure."""

from __future__ import annotations

from functools import lru_cache

from inference_providers import chat
from inference_providers.chat import parameter_rules, parameters
from inference_providers.errors import InvalidRequestError
from inference_providers.offers import AUTO, SMALL
from inference_providers.protocols import openai_chat
from inference_providers.registry import CHAT, MESSAGES, RESPONSES, TALKS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from inference_providers.offers import Offer
    from inference_providers.protocols.classify import Verdict
    from inference_providers.protocols.protocol import ModelProtocol
    from inference_providers.protocols.request import FittedRequest, ModelRequest, WhoCould

NOBODY_CAN = "unsupported"  # code of the error where no candidate can do what a request needs


class _Protocols(dict[str, "ModelProtocol"]):
    """The protocols by `Offer.protocol`. What few offers speak is loaded with the first of them."""

    def __missing__(self, protocol: str) -> ModelProtocol:
        if protocol != MESSAGES:
            raise KeyError(protocol)
        from inference_providers.protocols import messages

        self[protocol] = messages
        return messages


PROTOCOLS: Mapping[str, ModelProtocol] = _Protocols({openai_chat.ID: openai_chat})


def fit(request: ModelRequest, offer: Offer) -> FittedRequest:
    """The request as this offer gets it: worked out when it is first needed, remembered for the call."""
    fitted = request.fits.get(id(offer))
    if fitted is None:
        if request.native is None:
            fitted = _protocol(request, offer).encode(request, offer)
        else:
            from inference_providers.protocols import native

            encode = native.native_request if native.speaks(request, offer) else _protocol(request, offer).encode
            fitted = encode(request, offer)
        request.fits[id(offer)] = fitted
    return fitted


def reading(request: ModelRequest, offer: Offer) -> tuple[ModelProtocol, str]:
    """By which protocol, and as a reply to which path, what an offer says is read."""
    if request.native is not None and (path := fit(request, offer).native):
        return openai_chat, path
    return _protocol(request, offer), request.api


def _protocol(request: ModelRequest, offer: Offer) -> ModelProtocol:
    """How an offer is spoken to: at an address of the user's it may have been found to take chat completions only."""
    if offer.protocol == MESSAGES and request.repairs:
        known = request.repairs.get(offer.place)
        if known is not None and _BY_CHAT in known.without:
            return openai_chat
    return PROTOCOLS[offer.protocol]


def capable_offers(request: ModelRequest, offers: Sequence[Offer], who_could: WhoCould) -> Sequence[Offer]:
    """Those of the offers that can do what the request needs. Raises InvalidRequestError if none can.

    *who_could* says who else could, for the message: it is given a test of an offer.
    """
    native = request.native
    if native is not None and native.only:
        offers = _only_native(request, offers, native.only)
    for offer in offers:
        if offer.api != CHAT:  # what is served by chat may be by all others, too
            offers = _served_by(request.api, offers, native.api if native is not None else "")
            break
    if request.unsupported == parameters.KEEP or request.body is None:
        return offers
    needs = parameter_rules.needs(request.body)
    if not needs and request.unsupported == parameters.DROP:
        return offers
    missing = {id(offer): _missing(request, offer, needs) for offer in offers}
    capable = [offer for offer in offers if not missing[id(offer)]]
    if offers and not capable:
        raise _nobody(offers, missing, who_could(lambda offer: not _missing(request, offer, needs)))
    return _known_first(capable, needs) if request.asked in _LEFT_TO_US else capable


_LEFT_TO_US = (None, AUTO, SMALL)  # the caller has not said in which order
_SELDOM = frozenset(("pdf", "audio"))  # features that few have, while some do not say that they have not heard


def _known_first(offers: list[Offer], needs: Sequence[str]) -> list[Offer]:
    """Those of which it is known that they can, before those of which it is not known."""
    wanted = _SELDOM.intersection(needs)
    return sorted(offers, key=lambda offer: not wanted <= offer.features) if wanted else offers


_BY_PATH = {
    chat.PATH: CHAT,
    "/responses": RESPONSES,
    "/embeddings": "embeddings",
    "/images": "images",
    "/audio/speech": "speech",
    "/audio": "transcription",
    "/moderations": "moderation",
    "/rerank": "rerank",
}


_BY_CHAT = "client().chat.completions.create(...)"
_TRANSLATED = f"{_BY_CHAT}, or a gateway (`inference-providers serve`), which translates responses,"
_ASKED_BY = {
    RESPONSES: "client().responses.create(...)",
    "embeddings": "ProviderList.embed(...), or client().embeddings.create(...),",
    "images": "client().images.generate(...)",
    "speech": "client().audio.speech.create(...)",
    "transcription": "client().audio.transcriptions.create(...)",
    "moderation": "client().moderations.create(...)",
}


@lru_cache(maxsize=64)
def api_of(path: str) -> str:
    """By which API a path asks (`chat`, `responses`, a kind of models); empty where that is not known."""
    return next((api for start, api in _BY_PATH.items() if path.startswith(start)), "")


def _only_native(request: ModelRequest, offers: Sequence[Offer], why: str) -> Sequence[Offer]:
    """Those of the offers that get a request as it came. Raises InvalidRequestError if none does."""
    from inference_providers.protocols.native import speaks

    found = [offer for offer in offers if speaks(request, offer)]
    if offers and not found:
        asked = parameters.listed(f"{offer.provider}/{offer.internal_name}" for offer in offers[:4])
        raise InvalidRequestError(f"Nothing was sent: {why}, and {asked} cannot take it.", code=NOBODY_CAN)
    return found


def _served_by(path: str, offers: Sequence[Offer], native: str = "") -> Sequence[Offer]:
    """Those of the offers that are served by the API of a path. Raises InvalidRequestError if none is.

    An offer of chat may be served by others as well; chat is left to those of chat, and of *native*, the API in whose
    words the request came.
    """
    kind = api_of(path)
    if not kind:
        return offers
    apis = (*TALKS, native) if kind == CHAT else (kind, CHAT, native)
    served = [offer for offer in offers if offer.api in apis]
    if offers and not served:
        asked = parameters.listed(f"{offer.provider}/{offer.internal_name}" for offer in offers[:4])
        theirs = parameters.listed(offer.api for offer in offers)
        words = next((words for api, words in _ASKED_BY.items() if kind == CHAT and api in theirs), "")
        if any(offer.api in TALKS for offer in offers):  # by an API that chat completions become, such as messages
            words = _TRANSLATED if kind == RESPONSES else _BY_CHAT
        hint = f" {words} asks it." if words else ""
        raise InvalidRequestError(
            f"Nothing was sent: {asked} can be asked by the API {theirs!r} only, not by {kind!r}.{hint}",
            code=NOBODY_CAN,
        )
    return served


def _missing(request: ModelRequest, offer: Offer, needs: Sequence[str]) -> list[str]:
    return PROTOCOLS[offer.protocol].missing(request, offer, needs)


def _nobody(offers: Sequence[Offer], missing: Mapping[int, list[str]], others: str) -> InvalidRequestError:
    asked = parameters.listed(f"{offer.provider}/{offer.internal_name}" for offer in offers[:4])
    more = f" and {len(offers) - 4} more" if len(offers) > 4 else ""
    lacks = parameters.listed(name for offer in offers for name in missing[id(offer)])
    return InvalidRequestError(f"Nothing was sent: {asked}{more} cannot do {lacks}. {others}".strip(), code=NOBODY_CAN)


def mend(request: ModelRequest, offer: Offer, verdict: Verdict) -> None:
    """See whether a refusal says what this offer does not take; if so, the request is put otherwise for it.

    *verdict* is then `repaired`: the same offer can be asked again at once. Never after a refusal of what is said, nor
    of a key or an account: that is not about a field, whatever words it has, and each try may be held against the user.
    """
    if verdict.words is None or verdict.error is None or not request.mends or request.api != chat.PATH:
        return
    from inference_providers.errors import ContentFilteredError
    from inference_providers.protocols import classify, complaints
    from inference_providers.protocols.repairs import Repairs

    if verdict.action == classify.DEAD or isinstance(verdict.error, ContentFilteredError):
        return
    learnt = request.learnt.setdefault(offer.place, [])
    fitted = fit(request, offer)
    if fitted.native:
        _mend_native(request, offer, verdict)
        return
    if len(learnt) >= complaints.TRIES or fitted.body is None:
        return
    if fitted.asked is not None and verdict.error.status in NO_SUCH_PATH and not verdict.absent and offer.moved():
        _ask_by_chat(request, offer, verdict, _BY_CHAT)
        return
    said, text, param = fitted.body, verdict.words.text, verdict.words.param
    if fitted.asked is not None:
        from inference_providers.protocols.messages_words import in_words_of_chats

        said, text, param = dict(fitted.asked), in_words_of_chats(text), in_words_of_chats(param)
    found = complaints.repair_of(verdict.error, text, param, said)
    if found is None:
        return
    known = request.repairs.get(offer.place) or Repairs()
    request.repairs = {**request.repairs, offer.place: known | found}
    request.fits.pop(id(offer))
    if fit(request, offer).body == fitted.body:
        return  # it was left out already, and is refused all the same
    learnt.append(found)
    left_out = [f"without {name}" for name in sorted(found.dropped)]
    verdict.repaired = ", ".join([*left_out, *found.applied(said)[2]]) or found.told


NO_SUCH_PATH = (404, 405, 501)
_BY_CHAT = f"{MESSAGES}_api"


def _mend_native(request: ModelRequest, offer: Offer, verdict: Verdict) -> None:
    """See whether a request that came in another API's words can be put otherwise.

    As a chat completion, where a server lacks that API; without the thoughts of another model, where it refuses those.
    """
    native = request.native
    assert native is not None
    words = verdict.words.text if verdict.words is not None else ""
    if native.plainer is not None and (body := native.plainer(native.body, words)) is not None:
        native.body, native.raw, native.plainer = body, b"", None
        request.fits.pop(id(offer))
        verdict.repaired = "without the thoughts of another model"
        return
    if verdict.error is None or verdict.error.status not in NO_SUCH_PATH or native.only or offer.api == native.api:
        return
    _ask_by_chat(request, offer, verdict, native.mark)


def _ask_by_chat(request: ModelRequest, offer: Offer, verdict: Verdict, mark: str) -> None:
    """Have a request put as a chat completion, where a server lacks an API: see `NativeForm.mark`."""
    from inference_providers.protocols.repairs import Repairs

    found = Repairs(without=[mark])
    known = request.repairs.get(offer.place) or Repairs()
    request.repairs = {**request.repairs, offer.place: known | found}
    request.fits.pop(id(offer))
    request.learnt[offer.place].append(found)
    verdict.repaired = found.told
