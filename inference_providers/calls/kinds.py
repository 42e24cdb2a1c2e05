"""The candidates for models of other kinds than text: embeddings, images, speech. No network but loopback probes."""

from __future__ import annotations

from inference_providers.errors import NoCredentialsError, UnknownModelError
from inference_providers.offers import KindResolver, order
from inference_providers.protocols import api_of
from inference_providers.registry import KINDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from inference_providers.calls.finder import Finder
    from inference_providers.offers import Offer, Resolution
    from inference_providers.protocols import ModelRequest


def candidates_of_kind(finder: Finder, names: Sequence[str], kind: str) -> list[Offer]:
    """The candidates for names of models of a kind, best first. *kind*: one of `registry.KINDS`.

    `auto` is the first model of the registry's list that a key reaches, and that model alone. Raises UnknownModelError
    and NoCredentialsError as `Finder.first_available` does.
    """
    key = (f"{kind}\0", *names)
    return finder.kept(key, lambda: _look_up(finder, names, kind))


def candidates_for(finder: Finder, request: ModelRequest, names: Sequence[str], *, named: bool) -> list[Offer]:
    """The candidates for a request, by what its path asks for: a model of that kind, where it is for one.

    *named*: the request says which. One without a model gets one of the kind; where nobody is known to have one, it
    stays as it is, and goes to whoever else can be asked, who has a model of that kind of its own.
    """
    kind, body = api_of(request.api), request.body
    if kind not in KINDS:
        return finder.first_available(names)
    without_model = body is not None and not named and "model" not in body
    try:
        offers = candidates_of_kind(finder, names, kind)
    except NoCredentialsError:
        if not without_model:
            raise
        return finder.first_available(names)
    if body is not None and without_model:
        request.body = {**body, "model": ""}  # each gets its own name for it
    return offers


def _look_up(finder: Finder, names: Sequence[str], kind: str) -> list[Offer]:
    found: list[Offer] = []
    problems: list[Exception] = []
    for name in names:
        try:
            found += _candidates(finder, name, kind)
        except (UnknownModelError, NoCredentialsError) as error:
            problems.append(error)
    if not found:
        raise finder.guidance.none_of(names, problems)
    return found


def _candidates(finder: Finder, name: str, kind: str) -> list[Offer]:
    resolver = KindResolver(finder.resolver, kind)
    resolution = resolver.known(name)
    if resolution is None:
        return _others(finder, name, kind)
    found = _ordered(resolution)
    if not found and finder.reread_environment():
        resolution = resolver.known(name) or resolution
        found = _ordered(resolution)
    if not found:
        raise finder.guidance.no_candidates(resolution)
    if resolution.warning:
        finder.warn_once(resolution.warning)
    return found


def _others(finder: Finder, name: str, kind: str) -> list[Offer]:
    """Whoever a name is passed on to that no model of the kind has; UnknownModelError with those that are close."""
    try:
        return finder.candidates(name)
    except UnknownModelError:
        if "/" in name or not name.strip() or kind not in finder.registry.kinds:
            raise
        from difflib import get_close_matches

        close = get_close_matches(name.lower(), finder.registry.kinds[kind].rows, n=3)
        near = f" Did you mean {' or '.join(close)}?" if close else ""
        listed = f"`inference-providers models --kind {kind} --all` lists those there are."
        raise UnknownModelError(f"No model for {kind} is called {name[:80]!r}.{near}\n{listed}", close) from None


def _ordered(resolution: Resolution) -> list[Offer]:
    """Those that can be asked: servers here first, since who runs such a model means to use it; but for a policy."""
    return order(resolution.offers, here_first=not resolution.rule.startswith("policy"))
