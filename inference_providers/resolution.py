"""Which model is meant: a name in any tool's spelling to the offers it stands for.

The rules are tried in order and the first match wins; `Resolution.rule` says which. Pure.
"""

from __future__ import annotations

import re

from inference_providers.candidates import Access, Accesses, Offer
from inference_providers.errors import UnknownModelError
from inference_providers.policies import POLICIES, apply_policy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from inference_providers.local_server import LocalServer
    from inference_providers.registry import Registry

    Launchable = Callable[[str, str | None, str], Sequence[LocalServer]]

LONGEST_NAME = 300  # characters
AUTO = ("auto",)
# Where to look for models that can be launched: what the program gave; also the user's lists; also a path
# and servers that were launched; also files that other programs keep.
GIVEN, NAMED, HERE, FOUND = "given", "named", "here", "found"
# Prefixes of other tools that name a backend; after `litellm_` the rest is resolved again.
_PREFIXES = {"openrouter_": "openrouter", "vllm_": "vllm", "hf_": "huggingface"}
_TAG = r"(?i)(latest|\d+(\.\d+)?[bmkt].*|.*q\d.*|v\d.*|instruct|chat)"


class Resolution:
    """What a name stands for: `.rule` that matched, `.canonical_name` (None if unknown), `.offers`, `.warning`."""

    __slots__ = ("canonical_name", "name", "offers", "rule", "warning")

    def __init__(
        self, name: str, rule: str, canonical_name: str | None, offers: Sequence[Offer], warning: str = ""
    ) -> None:
        self.name, self.rule, self.canonical_name = name, rule, canonical_name
        self.offers, self.warning = list(offers), warning

    def __repr__(self) -> str:
        return f"<Resolution of {self.name!r} by rule {self.rule!r}: {self.canonical_name}, {len(self.offers)} offers>"


class Resolver:
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
        self.registry: Registry = accesses.registry
        self._accesses = accesses
        self._aliases = {name.lower(): target for name, target in (aliases or {}).items()}
        self._local, self._launchable = local, launchable
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
            self._engine_passes, self._engine_colon, self._policy, self._spelling, self._family,
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
        found = self._without_aliases(self._launch).resolve(target)
        return Resolution(name, "alias", found.canonical_name, found.offers, found.warning)

    def _without_aliases(self, launch: bool) -> Resolver:
        return Resolver(self._accesses, local=self._local, launchable=self._launchable, launch=launch)

    # Rule 3
    def _prefix(self, name: str) -> Resolution | None:
        if name.startswith("litellm_") and len(name) > 8:
            found = self.resolve(name[8:])
            return Resolution(name, "prefix", found.canonical_name, found.offers, found.warning)
        for prefix, pid in _PREFIXES.items():
            if name.startswith(prefix) and len(name) > len(prefix) and pid in self.registry.providers:
                listed = self.launched(name, None, NAMED)
                if listed:  # of the user's own list
                    return Resolution(name, "prefix", listed[0].canonical_name, listed)
                return Resolution(name, "prefix", *self._own_name(pid, name[len(prefix) :]))
        return None

    def _own_name(self, pid: str, rest: str) -> tuple[str | None, list[Offer]]:
        canonical = self.registry.providers[pid].canonical_of(rest) or self.registry.names.canonical_name(rest)
        return canonical, self._offers_at(pid, canonical, [rest])

    # Also: models that the calling program gave
    def _given(self, name: str) -> Resolution | None:
        given = self.launched(name, None, GIVEN)
        return Resolution(name, "given", given[0].canonical_name, given) if given else None

    def launched(self, wanted: str, pid: str | None = None, where: str = FOUND) -> list[Offer]:
        """Offers of models that can be launched here, and are called so or lie there."""
        servers = self._launchable(wanted, pid, where)
        return [offer for server in servers for offer in self._server_offers(server, server.models, named=bool(pid))]

    # Rule 4
    def _canonical(self, name: str) -> Resolution | None:
        from inference_providers.naming import loose

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

    def _served(self, pid: str, rest: str, head: str = "") -> tuple[str | None, list[Offer]] | None:
        """What provider *pid* lists under *rest*, or serves of the canonical model *rest*.

        Where `head + rest` is an internal name elsewhere (`openai/gpt-oss-120b:free`), only an exact
        canonical name counts here.
        """
        provider = self.registry.providers[pid]
        named = self.launched(rest, pid, NAMED) if provider.local is not None else []
        if named:
            return named[0].canonical_name, named
        for server in self._local():
            listed = [
                model
                for model in server.models
                if server.provider == pid and not server.launched and self._matches(model, server.models[model], rest)
            ]
            if listed:
                return server.models[listed[0]], self._server_offers(server, listed, named=True)
        launched = self.launched(rest, pid) if provider.local is not None else []
        if launched:
            return launched[0].canonical_name, launched
        wanted = rest.lower()
        listed = [i for i in provider.all_facts if i.lower() == wanted] or [
            i for i in (provider.data.get("model_names") or {}).values() if i.lower() == wanted
        ]
        if listed:
            return provider.canonical_of(listed[0]), self._offers_at(pid, provider.canonical_of(listed[0]), listed)
        canonical = self._canonical_of(rest)
        if canonical is None and f"{head}{rest}".lower() not in self.registry.internal_index:
            canonical = self.registry.names.canonical_name(rest)
        internal = provider.internal_names(canonical) if canonical else []
        return (canonical, self._offers_at(pid, canonical, internal)) if internal else None

    def _canonical_of(self, name: str) -> str | None:
        from inference_providers.naming import loose

        return self.registry.loose_index.get(loose(name))

    def _matches(self, model: str, canonical: str | None, wanted: str) -> bool:
        return (
            model == wanted
            or model.lower() == wanted.lower()
            or (
                canonical is not None
                and canonical
                in (wanted.lower(), self._canonical_of(wanted), self.registry.names.canonical_name(wanted))
            )
        )

    def _engine_passes(self, name: str) -> Resolution | None:
        head, slash, rest = name.partition("/")
        pid = self.registry.provider_id(head) if slash and rest else None
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
        return Resolution(
            name,
            f"policy {policy.lower()}",
            found.canonical_name,
            apply_policy(policy.lower(), found.offers, self.registry),
            found.warning,
        )

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

    def offers_of(self, canonical: str, *, local: bool = True) -> list[Offer]:
        """Every offer of a canonical model: the registry's in its order, then servers on this machine."""
        offers = [
            Offer(self._accesses[p.id], canonical, internal)
            for p, internal in self.registry.offers_of(canonical)
            if p.local is None
        ]
        return offers + (self._running(canonical=canonical) if local else [])

    def _running(self, *, canonical: str | None = None, internal: str | None = None) -> list[Offer]:
        wanted = (internal, f"{internal}:latest") if internal is not None else ()
        return [
            offer
            for server in self._local()
            for offer in self._server_offers(
                server,
                [m for m, c in server.models.items() if (canonical is not None and c == canonical) or m in wanted],
            )
        ]

    def _server_offers(self, server: LocalServer, models: Iterable[str], *, named: bool = False) -> list[Offer]:
        access = self._accesses.at(server)
        return [Offer(access, server.models[model], model, named=named) for model in models]

    def _offers_at(self, pid: str, canonical: str | None, internal_names: Iterable[str]) -> list[Offer]:
        """Offers of one provider that the user named: at the running servers' addresses where it is local.

        A model that it could be launched with stands before those.
        """
        names = list(internal_names)
        local = self.registry.providers[pid].local is not None
        launched = [offer for name in names for offer in self.launched(name, pid)] if local else []
        if launched:
            return launched
        accesses: list[Access] = [
            self._accesses.at(server) for server in self._local() if server.provider == pid and not server.launched
        ]
        return [
            Offer(access, canonical, internal, named=True)
            for access in accesses or [self._accesses[pid]]
            for internal in names
        ]

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
