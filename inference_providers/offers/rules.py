"""The rules of name resolution, in their order: the first that knows a name says what it stands for. Pure.

Each is given what names are looked up in and the name, and returns None where it has nothing to say. Those that
find that a name can mean nobody raise UnknownModelError.
"""

from __future__ import annotations

import re

from inference_providers.errors import UnknownModelError
from inference_providers.offers.lookup import GIVEN, HERE, NAMED
from inference_providers.offers.resolution import Resolution

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from inference_providers.offers.lookup import Lookup
    from inference_providers.offers.offer import Offer

    Rule = Callable[[Lookup, str], Resolution | None]

# Prefixes by which other tools say where a model's name leads (`vllm_my-model`, `hf_gpt2`), known once for all:
# prefix -> (the provider that a bare name goes to, the engine of a model file that a list gives such a name).
# Empty: the rest of the name, or whichever engine can. `hf_` means Hugging Face's servers, and nothing else.
PREFIXES = {
    "litellm": ("", ""),
    "openrouter": ("openrouter", ""),
    "vllm": ("vllm", "vllm"),
    "hf": ("huggingface", ""),
}
_TAG = r"(?i)(latest|\d+(\.\d+)?[bmkt].*|.*q\d.*|v\d.*|instruct|chat)"
_SERVERS = ":local"  # a family's provider: whichever server runs here


def given(lookup: Lookup, name: str) -> Resolution | None:
    """A model that the calling program gave."""
    offers = lookup.launched(name, None, GIVEN)
    return Resolution(name, "given", offers[0].canonical_name, offers) if offers else None


def alias(lookup: Lookup, name: str) -> Resolution | None:
    """An alias, the user's before the registry's. What it stands for is resolved without aliases."""
    key = name.lower()
    target = lookup.aliases.get(key) or lookup.registry.aliases.get(key)
    if target is None or target.lower() == key:
        return None
    found = lookup.variant(aliases=None, launch=lookup.launch).resolve(target)
    if found.ended and found.rule in ("canonical", "retired"):  # it is this name that is gone
        offers = _offers_of(lookup, found.ended, name)
        return _unless_ended(lookup, Resolution(name, "alias", found.ended, offers))
    return found.under(name, "alias", lookup.exactly(name, found.offers))


def prefix_of(name: str) -> str:
    """The prefix of a name, without its underscore; empty where it has none, or nothing else."""
    head, mark, rest = name.partition("_")
    return head if mark and rest and head in PREFIXES else ""


def prefix(lookup: Lookup, name: str) -> Resolution | None:
    """A prefix by which another tool names a backend."""
    head = prefix_of(name)
    if not head:
        return None
    rest, pid = name[len(head) + 1 :], PREFIXES[head][0]
    if not pid:
        return lookup.resolve(rest).under(name, "prefix")
    if pid not in lookup.registry.providers:
        return None
    if listed := lookup.launched(name, None, NAMED):  # of the user's own list
        return Resolution(name, "prefix", listed[0].canonical_name, listed)
    if lookup.registry.providers[pid].local is None:  # `openrouter_gpt-4o` is `openrouter/gpt-4o`
        served = lookup.served(pid, rest, rest)
        found = (
            _engine(lookup, name, rest, served)
            if served
            else _passed(lookup, name, pid, _with_own_head(lookup, pid, rest))
        )
        return found.under(name, "prefix")
    return Resolution(name, "prefix", *lookup.own_name(pid, rest))


def canonical_name(lookup: Lookup, name: str) -> Resolution | None:
    """A canonical name, or that of a model that has ended and whose successor is meant."""
    canonical = lookup.registry.canonical(name)
    if canonical is None:
        running = lookup.running(canonical=name.lower())
        return Resolution(name, "canonical", name.lower(), running) if running else None
    return _unless_ended(lookup, Resolution(name, "canonical", canonical, _offers_of(lookup, canonical, name)))


def _offers_of(lookup: Lookup, canonical: str, name: str = "") -> list[Offer]:
    """Who serves a model, or could be launched with it; of each provider what is called *name* first."""
    offers = lookup.offers_of(canonical) + (lookup.launched(canonical) if lookup.launch else [])
    return lookup.exactly(name or canonical, offers)


def _unless_ended(lookup: Lookup, found: Resolution) -> Resolution:
    """*found*, or what answers instead where its model has ended and nobody within reach serves it any more."""
    if found.canonical_name not in lookup.registry.retired_models:
        return found
    from inference_providers.offers.retirement import unless_ended

    return unless_ended(lookup, found)


def provider_before_slash(lookup: Lookup, name: str) -> Resolution | None:
    """`provider/rest`, where that provider lists or serves it."""
    pid, rest = _split(lookup, name, "/")
    served = lookup.served(pid, rest, name) if pid else None
    return _engine(lookup, name, rest, served) if served else None


def internal_name(lookup: Lookup, name: str) -> Resolution | None:
    """Some provider's own name; all who serve that model, and that variant of it, are meant.

    Or one of a server or a file here. Who is named before it, and could be asked, is not passed over: `azure/GPT-4o` is
    a router's name as well, and goes to Azure.
    """
    canonical = lookup.registry.internal_index.get(name.lower())
    if canonical in lookup.registry.canonical_names and not _is_somebodys(lookup, name, canonical):
        wanted = lookup.wanted(name, canonical)
        offers = [offer for offer in lookup.offers_of(canonical) if wanted.kept_by(offer.internal_name)]
        offers = lookup.exactly(name, offers)
        alike = sorted(offers, key=lambda o: (o.internal_name.lower() != name.lower(), o.internal_name != name))
        return _unless_ended(lookup, Resolution(name, "internal name", canonical, alike))
    here = lookup.launched(name, None, NAMED) or lookup.running(internal=name) or lookup.launched(name, None, HERE)
    here = here or lookup.listed_live(internal=name)
    here += lookup.launched(name) if lookup.launch else []
    return Resolution(name, "internal name", here[0].canonical_name, here) if here else None


def _is_somebodys(lookup: Lookup, name: str, canonical: str) -> bool:
    """Whether a name says who is to be asked: a host, or whoever makes a model that others have not been given."""
    from inference_providers.registry import Heads

    if _split(lookup, name, "/")[0] is None:
        return False
    is_open = lookup.registry.model(canonical).get("open_weights")
    return not is_open or Heads(lookup.registry).is_host(name.partition("/")[0].lower())


def own_suffix(lookup: Lookup, name: str) -> Resolution | None:
    """A model of a provider that lists it, with a suffix of that provider's own: `openai/gpt-4o:online`.

    Behind a model's plain name, a policy of ours is one, and a provider's name is in the wrong place. Raises where a
    provider's name may be Hugging Face's word for whom to ask, and may be meant for whom to ask directly.
    """
    from inference_providers.offers.sorting import POLICIES
    from inference_providers.offers.unknown_names import misplaced_tail

    if not re.search("[:@#]", name):
        return None
    for mark in "/:":
        if (named := _split(lookup, name, mark)[0]) and "suffixes" in lookup.registry.providers[named].connection:
            return None
    word = name.rpartition(":")[2].lower()
    if "/" not in name and (word in POLICIES or lookup.registry.provider_id(word)):
        return None
    found = [
        lookup.offer_as_written(provider, internal_name)
        for provider in lookup.registry.providers.values()
        if "suffixes" in provider.connection and (internal_name := lookup.suffixed(provider, name))
    ]
    if not found:
        return None
    if lookup.registry.provider_id(word) and (
        error := misplaced_tail(lookup, name[: -len(word) - 1], word, [f"{o.provider}/{name}" for o in found])
    ):
        raise error
    who = " and ".join(dict.fromkeys(offer.provider for offer in found))
    warning = f"nobody lists {name!r}; what it ends in is a word of {who}, who gets it as it is"
    return Resolution(name, "suffix", found[0].canonical_name, found, warning)


def other_kind(lookup: Lookup, name: str) -> Resolution | None:
    """A model for something else than text: embeddings, images, speech."""
    from inference_providers.offers.kinds import KindResolver

    found = (KindResolver(lookup, kind).listed(name) for kind in lookup.registry.kinds)
    return next((one for one in found if one is not None), None)


def passed_after_slash(lookup: Lookup, name: str) -> Resolution | None:
    """`provider/rest`, which it does not list: passed on as it is."""
    pid, rest = _split(lookup, name, "/")
    return _passed(lookup, name, pid, _with_own_head(lookup, pid, rest)) if pid else None


def _with_own_head(lookup: Lookup, pid: str, rest: str) -> str:
    """What follows a provider's name, as it calls it: of `openrouter/auto` and `openrouter:auto`, `openrouter/auto`.

    All of its names have a head, and this one its own.
    """
    if "/" in rest or lookup.registry.names.canonical_name(rest) is not None:
        return rest
    listed = lookup.registry.providers[pid].all_facts
    headed = all("/" in one for one in listed) and any(one.startswith(f"{pid}/") for one in listed)
    return f"{pid}/{rest}" if headed else rest


def provider_before_colon(lookup: Lookup, name: str) -> Resolution | None:
    """`provider:rest`, unless the colon is a tag's or a policy's."""
    from inference_providers.offers.sorting import POLICIES

    pid, rest = _split(lookup, name, ":")
    if pid is None:
        return None
    if served := lookup.served(pid, rest, rest):
        return _engine(lookup, name, rest, served)
    is_tag = ":" not in rest and (re.fullmatch(_TAG, rest) or _is_suffix(lookup, rest))
    return None if is_tag or rest in POLICIES else _passed(lookup, name, pid, _with_own_head(lookup, pid, rest))


def _is_suffix(lookup: Lookup, rest: str) -> bool:
    """Whether some provider takes a word behind names of models: `kimi-for-coding:online` asks nobody for `online`."""
    return any(f":{rest}" in (row.connection.get("suffixes") or ()) for row in lookup.registry.providers.values())


def policy(lookup: Lookup, name: str) -> Resolution | None:
    """`model:policy`: the rest, sorted or filtered."""
    from inference_providers.offers.sorting import POLICIES, apply_policy

    rest, colon, word = name.rpartition(":")
    word = word.lower()
    if not colon or word not in POLICIES:
        return None
    launching = lookup.variant(aliases=lookup.aliases, launch=True) if word == "local" else lookup
    found = launching.resolve(rest)
    return found.under(name, f"policy {word}", apply_policy(word, found.offers, lookup.registry))


def provider_joined(lookup: Lookup, name: str) -> Resolution | None:
    """`azure-gpt-4o`, `gpt-4o-azure`, where the spelling alone would give `gpt-4o`, whoever serves it.

    Raises for `gpt-4o:azure`: what follows a colon is a variant.
    """
    from inference_providers.offers.unknown_names import misplaced_tail
    from inference_providers.registry import SERVICES, Heads

    key = name.lower()
    for spelling, pid in lookup.registry.provider_aliases.items():
        rest, mark = "", ""
        if key.startswith(spelling) and "/" not in name:
            mark, rest = key[len(spelling) : len(spelling) + 1], name[len(spelling) + 1 :]
        elif key.endswith(spelling) and re.fullmatch(SERVICES, spelling):
            mark, rest = key[: -len(spelling)][-1:], name[: -len(spelling) - 1]
        is_tail = key.startswith(rest.lower())
        if not mark or mark not in ("-_. :@" if is_tail else "-_. ") or not Heads(lookup.registry).is_host(spelling):
            continue
        canonical = lookup.registry.names.canonical_name(rest)
        if canonical in lookup.registry.canonical_names and lookup.registry.names.canonical_name(name) == canonical:
            if mark in ":@" and (error := misplaced_tail(lookup, rest, spelling)):
                raise error
            served = lookup.served(pid, rest, rest)
            return _engine(lookup, name, rest, served) if served else _passed(lookup, name, pid, rest)
    return None


def unknown_head(lookup: Lookup, name: str) -> Resolution | None:
    """A name under a head that nobody is called: an error, but for open weights, which anybody may serve.

    Before spellings: what names somebody is left to nobody else.
    """
    from inference_providers.offers.unknown_names import no_such_head, strangers
    from inference_providers.registry import NEUTRAL, is_path

    if is_path(name):
        raise UnknownModelError(f"{name!r} is the path of a file, and local=False looks at no file.")
    if name.lower().startswith(NEUTRAL):
        found = lookup.resolve(name[len(NEUTRAL) :])
        return found.under(name, found.rule)
    unknown = strangers(lookup, name)
    if not unknown.heads:
        return None
    if account := family(lookup, name, "/:"):
        return account
    taken = spelling(lookup, name) if unknown.may_be_served_by_anybody else None
    if taken is None or not taken.offers or unknown.has_slip:
        raise no_such_head(lookup, name, unknown)
    said = f"no provider or organisation is called {unknown.heads[0]!r}; {name!r} is taken for {taken.canonical_name}"
    return Resolution(name, taken.rule, taken.canonical_name, taken.offers, said, guessed=True)


def spelling(lookup: Lookup, name: str) -> Resolution | None:
    """A spelling from which a known canonical name follows."""
    canonical = lookup.registry.names.canonical_name(name)
    if canonical is None:
        return None
    if canonical in lookup.registry.canonical_names or canonical in lookup.registry.retired_models:
        offers = _offers_of(lookup, canonical)
        # A packing may be anybody's: `Llama-3.3-70B-Instruct-AWQ` names weights. A tag of a server here is one file.
        tag, weights = (lookup.wanted(name, canonical, packing=packing) for packing in (True, False))
        kept = [offer for offer in offers if (tag if offer.local else weights).kept_by(offer.internal_name)]
        found = _unless_ended(lookup, Resolution(name, "spelling", canonical, kept))
        return found if kept or not offers or found.ended else None
    tag = lookup.wanted(name, canonical)
    here = [offer for offer in lookup.running(canonical=canonical) if tag.kept_by(offer.internal_name)]
    here += lookup.launched(name) if lookup.launch else []
    return Resolution(name, "spelling", canonical, here) if here else None


def slip_after_colon(lookup: Lookup, name: str) -> Resolution | None:
    """Raise for `gpt-4o:cheepest` and `gpt-4o:azure`: a family would send them on as they are, to one provider."""
    from inference_providers.offers.unknown_names import misplaced_tail

    match = re.fullmatch(r"(.+)[:@]([^:@/]+)", name)
    canonical = lookup.registry.names.canonical_name(match[1]) if match else None
    if match is None or canonical not in lookup.registry.canonical_names:
        return None
    is_tag = lookup.registry.provider_id(match[2]) is None and re.fullmatch(_TAG, match[2])
    error = None if is_tag else misplaced_tail(lookup, match[1], match[2])
    if error is not None:
        raise error
    return None


def family(lookup: Lookup, name: str, marks: str = "") -> Resolution | None:
    """A name that the registry does not know, of a kind that it does.

    *marks*: kinds alone that end in one of these: what stands in an account (`accounts/me/models/mine`), and not in
    one that the registry gives to nobody (`accounts/fireworks/models/...`).
    """
    key = name.lower()
    if "," in key:  # several names, between commas: nobody has a model that is called so
        return None
    for start, pid in lookup.registry.families:
        if not key.startswith(start) or (marks and (start[-1] not in marks or pid == _SERVERS)):
            continue
        if marks and not pid:
            return None
        unknown = f"{name!r} is not in the registry"
        if pid in lookup.registry.providers:
            canonical, offers = lookup.own_name(pid, name)
            return Resolution(name, "family", canonical, offers, f"{unknown}; {pid}, which has such names, is asked")
        if pid == _SERVERS:  # open weights: `gpt-oss-...` is not OpenAI's, whatever it begins with
            said = f"{unknown}; it is passed to the server on this machine"
            offers = lookup.passed_to_servers(name)
            return Resolution(name, "family", None, offers, said) if offers else None
    return None


RULES: tuple[Rule, ...] = (
    given, alias, prefix, canonical_name, provider_before_slash, internal_name, own_suffix, other_kind,
    passed_after_slash,
    provider_before_colon, policy, provider_joined, unknown_head, spelling, slip_after_colon, family,
)  # fmt: skip


def _split(lookup: Lookup, name: str, mark: str) -> tuple[str | None, str]:
    """The id of the provider before a mark, or None, and what stands after it."""
    head, found, rest = name.partition(mark)
    pid = lookup.registry.provider_id(head) if found and rest else None
    if pid is None or "/" not in rest or "regions" not in lookup.registry.providers[pid].connection:
        return pid, rest
    from inference_providers.offers.regions import without_region

    access = lookup.access(pid)
    return pid, without_region(access.provider.connection, access.region, rest)


def _engine(lookup: Lookup, name: str, rest: str, served: tuple[str | None, list[Offer]]) -> Resolution:
    """What a provider that is named lists or serves; or what it has instead of a model that has ended there."""
    found = Resolution(name, "engine", *served)
    if found.canonical_name not in lookup.registry.retired_models or not found.offers:
        return found
    from inference_providers.offers.retirement import unless_ended_there

    return unless_ended_there(lookup, found, rest)


def _passed(lookup: Lookup, name: str, pid: str, rest: str) -> Resolution:
    """What a provider that is named does not list: as it is; or what it has instead of a model that has ended."""
    if lookup.registry.retired_models:
        from inference_providers.offers.retirement import at_provider

        if instead := at_provider(lookup, name, pid, rest):
            return instead
    rest = lookup.suffixed(lookup.registry.providers[pid], rest) or rest
    canonical, offers = lookup.own_name(pid, rest)
    warning = f"{pid} does not list {rest!r}; it is passed on as it is"
    return Resolution(name, "engine, unlisted", canonical, offers, warning)
