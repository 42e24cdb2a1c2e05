"""Which model is meant: a name in any tool's spelling to the offers it stands for.

The rules are tried in order and the first match wins; `Resolution.rule` says which. Pure.
"""

from __future__ import annotations

import re

from inference_providers.errors import UnknownModelError
from inference_providers.offers.access import Accesses
from inference_providers.offers.offer import Offer
from inference_providers.offers.offerings import GIVEN, HERE, NAMED, Offerings
from inference_providers.offers.sorting import POLICIES, apply_policy
from inference_providers.registry import NEUTRAL, Heads, edits, is_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from inference_providers.offers.local_server import LocalServer
    from inference_providers.offers.offerings import Launchable

LONGEST_NAME = 300  # characters
AUTO = ("auto",)
# Prefixes of other tools that name a backend; after `litellm_` the rest is resolved again.
_PREFIXES = {"openrouter_": "openrouter", "vllm_": "vllm", "hf_": "huggingface"}
_TAG = r"(?i)(latest|\d+(\.\d+)?[bmkt].*|.*q\d.*|v\d.*|instruct|chat)"


class Resolution:
    """What a name stands for: `.rule` that matched, `.canonical_name` (None if unknown), `.offers`, `.warning`."""

    __slots__ = ("canonical_name", "guessed", "name", "offers", "rule", "warning")

    def __init__(
        self,
        name: str,
        rule: str,
        canonical_name: str | None,
        offers: Sequence[Offer],
        warning: str = "",
        *,
        guessed: bool = False,
    ) -> None:
        self.name, self.rule, self.canonical_name = name, rule, canonical_name
        self.offers, self.warning = list(offers), warning
        self.guessed = guessed  # whether a warning has to say who is asked

    def under(self, name: str, rule: str, offers: Sequence[Offer] | None = None) -> Resolution:
        """The same for another name that stands for this one."""
        kept = self.offers if offers is None else offers
        return Resolution(name, rule, self.canonical_name, kept, self.warning, guessed=self.guessed)

    def __repr__(self) -> str:
        return f"<Resolution of {self.name!r} by rule {self.rule!r}: {self.canonical_name}, {len(self.offers)} offers>"


class Resolver(Offerings):
    """The rules over one registry, one set of accesses, the user's aliases and the servers that run here."""

    def __init__(
        self,
        accesses: Accesses,
        *,
        aliases: Mapping[str, str] | None = None,
        local: Callable[[], Sequence[LocalServer]] = tuple,
        launchable: Launchable = lambda wanted, pid, where: (),
        launch: bool = False,
    ) -> None:
        super().__init__(accesses, local, launchable)
        self._aliases = {name.lower(): target for name, target in (aliases or {}).items()}
        self._heads = Heads(self.registry)
        self._launch = launch  # whether a plain name may mean a model that would have to be launched

    def resolve(self, name: str, provider: str | None = None) -> Resolution:
        """The first rule that matches. Raises UnknownModelError, with the closest names, when none does."""
        if not isinstance(name, str) or len(name) > LONGEST_NAME:
            shown = f"{name[:60]!r}... ({len(name)} characters)" if isinstance(name, str) else repr(type(name).__name__)
            raise UnknownModelError(f"{shown} is no model name: give a text of at most {LONGEST_NAME} characters")
        name = name.strip()
        if re.search(r"[\x00-\x1f\x7f]", name):
            raise UnknownModelError(f"{name[:60]!r} holds control characters; no model is called so")
        if provider is not None:
            return self._at_provider(name, provider)
        if name.lower() in AUTO:
            return self._auto(name)
        rules = (
            self._given, self._alias, self._prefix, self._canonical, self._engine_lists, self._internal,
            self._engine_passes, self._engine_colon, self._policy, self._engine_dash, self._unknown_head,
            self._spelling, self._tail, self._family,
        )  # fmt: skip
        for rule in rules:
            found = rule(name)
            if found is not None:
                return found
        raise self._unknown(name)

    # Rule 1
    def _at_provider(self, name: str, spelling: str) -> Resolution:
        pid = self._provider(spelling)
        canonical = self.registry.providers[pid].canonical_of(name) or self.registry.names.canonical_name(name)
        return Resolution(name, "provider", canonical, self._offers_at(pid, canonical, [name]))

    def _provider(self, spelling: str) -> str:
        pid = self.registry.provider_id(spelling)
        if pid is None:
            from difflib import get_close_matches

            close = get_close_matches(spelling.lower(), list(self.registry.provider_aliases), n=3)
            hint = f"Did you mean {', '.join(close)}?" if close else "`inference-providers providers` lists them."
            raise UnknownModelError(f"There is no provider {spelling!r} in the registry. {hint}", close)
        return pid

    def _auto(self, name: str) -> Resolution:
        offers = [offer for model in self.registry.auto_model_priority for offer in self.offers_of(model, local=False)]
        running = [offer for server in self._local() for offer in self._server_offers(server, server.models)]
        return Resolution(name, "auto", None, offers + running)

    # Rule 2
    def _alias(self, name: str) -> Resolution | None:
        key = name.lower()
        target = self._aliases.get(key) or self.registry.aliases.get(key)
        if target is None or target.lower() == key:
            return None
        return self._without_aliases(self._launch).resolve(target).under(name, "alias")

    def _without_aliases(self, launch: bool) -> Resolver:
        return Resolver(self._accesses, local=self._local, launchable=self._launchable, launch=launch)

    # Rule 3
    def _prefix(self, name: str) -> Resolution | None:
        if name.startswith("litellm_") and len(name) > 8:
            return self.resolve(name[8:]).under(name, "prefix")
        for prefix, pid in _PREFIXES.items():
            if name.startswith(prefix) and len(name) > len(prefix) and pid in self.registry.providers:
                listed = self.launched(name, None, NAMED)
                if listed:  # of the user's own list
                    return Resolution(name, "prefix", listed[0].canonical_name, listed)
                return Resolution(name, "prefix", *self._own_name(pid, name[len(prefix) :]))
        return None

    # Also: models that the calling program gave
    def _given(self, name: str) -> Resolution | None:
        given = self.launched(name, None, GIVEN)
        return Resolution(name, "given", given[0].canonical_name, given) if given else None

    # Rule 4
    def _canonical(self, name: str) -> Resolution | None:
        from inference_providers.registry import loose

        canonical = name if name in self.registry.canonical_names else self.registry.loose_index.get(loose(name))
        if canonical is None:
            running = self._running(canonical=name.lower())
            return Resolution(name, "canonical", name.lower(), running) if running else None
        offers = self.offers_of(canonical) + (self.launched(canonical) if self._launch else [])
        retired = self.registry.retired_models.get(canonical)
        if retired is None or any(not offer.doubtful for offer in offers):
            return Resolution(name, "canonical", canonical, offers)
        successor = retired["successor"]
        return Resolution(
            name,
            "retired",
            successor,
            self.offers_of(successor),
            f"{canonical} has ended; its successor is {successor}",
        )

    # Rules 5 and 7
    def _engine_lists(self, name: str) -> Resolution | None:
        head, slash, rest = name.partition("/")
        pid = self.registry.provider_id(head) if slash and rest else None
        if pid is None:
            return None
        served = self._served(pid, rest, head + "/")
        return Resolution(name, "engine", *served) if served else None

    def _engine_passes(self, name: str) -> Resolution | None:
        head, slash, rest = name.partition("/")
        pid = self.registry.provider_id(head) if slash and rest else None
        if pid and "/" not in rest and self.registry.names.canonical_name(rest) is None:
            listed = self.registry.providers[
                pid
            ].all_facts  # `openrouter/auto`: all of its names have a head, this one its own
            own = all("/" in one for one in listed) and any(one.startswith(f"{pid}/") for one in listed)
            rest = f"{pid}/{rest}" if own else rest
        return self._passed(name, pid, rest) if pid else None

    def _passed(self, name: str, pid: str, rest: str) -> Resolution:
        canonical, offers = self._own_name(pid, rest)
        return Resolution(
            name, "engine, unlisted", canonical, offers, f"{pid} does not list {rest!r}; it is passed on as it is"
        )

    # Rule 6
    def _internal(self, name: str) -> Resolution | None:
        canonical = self.registry.internal_index.get(name.lower())
        if canonical in self.registry.canonical_names:
            offers = self.offers_of(canonical)
            exact = [offer for offer in offers if offer.internal_name.lower() == name.lower()]
            return Resolution(
                name, "internal name", canonical, exact + [offer for offer in offers if offer not in exact]
            )
        here = self.launched(name, None, NAMED) or self._running(internal=name) or self.launched(name, None, HERE)
        here += self.launched(name) if self._launch else []
        return Resolution(name, "internal name", here[0].canonical_name, here) if here else None

    # Rule 8
    def _engine_colon(self, name: str) -> Resolution | None:
        head, colon, rest = name.partition(":")
        pid = self.registry.provider_id(head) if colon and rest else None
        if pid is None:
            return None
        served = self._served(pid, rest)
        if served:
            return Resolution(name, "engine", *served)
        return None if re.fullmatch(_TAG, rest) or rest in POLICIES else self._passed(name, pid, rest)

    # Rule 9
    def _policy(self, name: str) -> Resolution | None:
        rest, colon, policy = name.rpartition(":")
        if not colon or policy.lower() not in POLICIES:
            return None
        launching = Resolver(
            self._accesses, aliases=self._aliases, local=self._local, launchable=self._launchable, launch=True
        )
        found = launching.resolve(rest) if policy.lower() == "local" else self.resolve(rest)
        offers = apply_policy(policy.lower(), found.offers, self.registry)
        return found.under(name, f"policy {policy.lower()}", offers)

    # Also: a provider's name joined to a model's in another way
    def _engine_dash(self, name: str) -> Resolution | None:
        """`azure-gpt-4o`, where the spelling alone would give `gpt-4o`, whoever serves it."""
        key = name.lower()
        for spelling, pid in self.registry.provider_aliases.items() if "/" not in name else ():
            rest = name[len(spelling) + 1 :]
            joined = key.startswith(spelling) and key[len(spelling) : len(spelling) + 1] in ("-", "_", ".", " ")
            if not joined or not self._heads.is_host(spelling):
                continue
            canonical = self.registry.names.canonical_name(rest)
            if canonical in self.registry.canonical_names and self.registry.names.canonical_name(name) == canonical:
                served = self._served(pid, rest)
                return Resolution(name, "engine", *served) if served else self._passed(name, pid, rest)
        return None

    # Before rule 10: what names somebody is left to nobody else
    def _unknown_head(self, name: str) -> Resolution | None:
        """A name under a head that nobody is called: an error, but for open weights, which anybody may serve."""
        if is_path(name):
            raise UnknownModelError(f"{name!r} is the path of a file, and local=False looks at no file.")
        if name.lower().startswith(NEUTRAL):
            found = self.resolve(name[len(NEUTRAL) :])
            return found.under(name, found.rule)
        heads, last = self._heads.of(name)
        canonical = self.registry.names.canonical_name(last if ":" in name and "/" not in name else name)
        known = canonical in self.registry.canonical_names or canonical in self.registry.retired_models
        is_open = self.registry.facts_of_model(canonical).get("open_weights") if canonical and known else None
        strangers = [head for head in heads if not self._heads.known(head)]
        if canonical and known and not is_open:  # of weights that are perhaps open, organisations make variants
            strangers += [
                head
                for head in heads
                if not self._heads.makes(head, canonical)
                and (is_open is False or not self._heads.is_organisation(head))
            ]
        if not strangers:
            return None
        taken = self._spelling(name) if is_open or not known else None
        if taken is None or not taken.offers or any(map(self._heads.is_slip, strangers)):
            raise self._no_such_head(name, strangers[0], canonical if known else None)
        said = f"no provider or organisation is called {strangers[0]!r}; {name!r} is taken for {taken.canonical_name}"
        return Resolution(name, taken.rule, taken.canonical_name, taken.offers, said, guessed=True)

    def _no_such_head(self, name: str, head: str, canonical: str | None) -> UnknownModelError:
        heads, last = self._heads.of(name)
        meant = [
            f"{pid}/{canonical if canonical and self.registry.providers[pid].internal_names(canonical) else last}"
            for pid in self._heads.meant(heads)[:3]
        ]
        if canonical is None and not meant:
            return self._unknown(name)
        lines = [self._heads.said(head, canonical)]
        if canonical is not None:
            serving = sorted(self.offers_of(canonical), key=lambda offer: (not offer.usable, offer.doubtful))
            meant += list(dict.fromkeys(f"{offer.provider}/{canonical}" for offer in serving))[: max(3 - len(meant), 1)]
        lines += ["Nobody is asked. Did you mean:", *(f"  {one}" for one in dict.fromkeys(meant))] if meant else []
        if canonical is not None:
            lines.append(f"{canonical} alone is asked of whoever serves it.")
        return UnknownModelError("\n".join(lines), [*dict.fromkeys(meant), *([canonical] if canonical else [])])

    # Before families: a tail that is a slip
    def _tail(self, name: str) -> Resolution | None:
        """Raise for `gpt-4o:cheepest` and `gpt-4o:azure`: a family would send them on as they are, to one provider."""
        match = re.fullmatch(r"(.+)[:@]([^:@/]+)", name)
        canonical = self.registry.names.canonical_name(match[1]) if match else None
        if match is None or canonical not in self.registry.canonical_names:
            return None
        rest, tail = match[1], match[2]
        pid = self.registry.provider_id(tail)
        if pid is None and re.fullmatch(_TAG, tail):
            return None
        meant = [f"{near}/{rest}" for near in ([pid] if pid else self._heads.near(tail)[:2])]
        meant += [f"{rest}:{policy}" for policy in POLICIES if not pid and edits(tail.lower(), policy) <= 2]
        if not meant:
            return None
        what = "is a provider; its name goes before the model's" if pid else "is neither a policy nor a provider"
        close = "".join(f"\n  {one}" for one in meant)
        raise UnknownModelError(f"{tail[:32]!r} {what}.\nNobody is asked. Did you mean:{close}", meant)

    # Rule 10
    def _spelling(self, name: str) -> Resolution | None:
        canonical = self.registry.names.canonical_name(name)
        if canonical is None:
            return None
        if canonical in self.registry.canonical_names or canonical in self.registry.retired_models:
            found = self._canonical(canonical)
            return found and Resolution(
                name,
                "spelling" if found.rule == "canonical" else found.rule,
                found.canonical_name,
                found.offers,
                found.warning,
            )
        here = self._running(canonical=canonical) + (self.launched(name) if self._launch else [])
        return Resolution(name, "spelling", canonical, here) if here else None

    def _family(self, name: str) -> Resolution | None:
        key = name.lower()
        for prefix, pid in self.registry.families:
            if not key.startswith(prefix):
                continue
            if pid in self.registry.providers:
                canonical, offers = self._own_name(pid, name)
                return Resolution(
                    name,
                    "family",
                    canonical,
                    offers,
                    f"the registry does not know {name!r}; names like it belong to {pid}",
                )
            servers = [server for server in self._local() if not server.locked]  # who a locked one is nobody knows
            if pid == ":local" and servers:
                offers = [Offer(self._accesses.at(s), None, name) for s in servers]
                return Resolution(
                    name,
                    "family",
                    None,
                    offers,
                    f"the registry does not know {name!r}; it is passed to the server on this machine",
                )
        return None

    def _unknown(self, name: str) -> UnknownModelError:
        close = self.suggestions(name)
        if not name:
            return UnknownModelError(
                "The model name is empty. Give one, or call connect_to_ai() for the best that your keys reach."
            )
        lines = [f"No provider in the registry serves {name!r}, in any spelling known."]
        if self.registry.provider_id(name):
            pid = self.registry.provider_id(name)
            lines = [f"{name!r} is a provider, not a model. Name one of its models: {pid}/MODEL."]
            close = []
        if close:
            lines += ["Closest names:", *(f"  {suggestion}: {self._enabling(suggestion)}" for suggestion in close)]
        lines.append(
            "`inference-providers models PATTERN` searches the names; `PROVIDER/NAME` passes a name on unlisted."
        )
        return UnknownModelError("\n".join(lines), close)

    def suggestions(self, name: str, count: int = 5) -> list[str]:
        """The closest canonical names."""
        from difflib import get_close_matches

        key = (self.registry.names.canonical_name(name) or name.lower())[:80]
        return get_close_matches(key, sorted(self.registry.canonical_names), n=count, cutoff=0.5)

    def _enabling(self, canonical: str) -> str:
        """Which variable would enable a model, or that it is usable now."""
        offers = self.offers_of(canonical)
        if any(offer.usable for offer in offers):
            return "usable now"
        variables = dict.fromkeys(
            o.connection["api_key"][0]
            for o in offers
            if isinstance(o.connection.get("api_key"), list) and o.connection["api_key"]
        )
        return "set " + " or ".join(list(variables)[:3]) if variables else "no key enables it"
