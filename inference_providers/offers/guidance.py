"""What to do when there is nobody to ask: which variables would help, and which are set in vain. Pure."""

from __future__ import annotations

from inference_providers.chat import MODEL_VARIABLE
from inference_providers.credentials import Environment
from inference_providers.errors import (
    LocalServerError,
    NoCredentialsError,
    ProviderAvoidedError,
    UnknownModelError,
)
from inference_providers.offers.access import ALLOW_VARIABLE, LACKING, unspoken
from inference_providers.registry import OPENAI_PROTOCOL, SPOKEN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from inference_providers.offers.access import Accesses
    from inference_providers.offers.local_server import LocalServer
    from inference_providers.offers.lookup import Lookup
    from inference_providers.offers.offer import Offer
    from inference_providers.offers.resolution import Resolution
    from inference_providers.registry import Provider


_NOTHING: Mapping[str, str] = {}
_MODEL_VARIABLE = "INFERENCE_PROVIDERS_LOCAL_MODEL"


class Guidance:
    """Words for a person, from a registry's accesses and an environment."""

    def __init__(
        self,
        accesses: Accesses,
        environ: Mapping[str, str],
        local: Callable[[], Sequence[LocalServer]] = tuple,
        advice: Callable[[], Sequence[str]] = tuple,
        kept: Callable[[Mapping[str, str]], Sequence[str]] = lambda _: (),
    ) -> None:
        """*local*: the servers that run here. *advice*: what would have a model answer here, in lines.

        *kept*: what there is that is not read, likewise.
        """
        self._kept = kept
        self._accesses, self._registry, self._environ = accesses, accesses.registry, Environment.of(environ)
        self._local, self._advice = local, advice

    def no_candidates(self, resolution: Resolution) -> NoCredentialsError:
        """The error for a model that nobody within reach serves, with the variables that would help."""
        providers = dict.fromkeys(offer.row() for offer in resolution.offers)
        avoided = {p.name: why for p in providers if (why := self._accesses.avoids(p))}
        avoided |= {o.provider_name: o.reason for o in resolution.offers if o.reason.startswith("avoided by ")}
        asked = [p for p in providers if p.name not in avoided]
        if avoided and not asked:
            return self._avoided(resolution.name, avoided)
        closed = _closed(resolution.offers)
        lacking = {p.id: self._lacking(p) for p in asked if p.key_variables and p.id not in closed}
        variables = list(dict.fromkeys(lacking.values()))
        shown = _named(resolution)
        unused = self.unused({p.id for p in asked}, closed)
        unused += self._misspelt({v for p in asked for v in p.key_variables})
        if not resolution.offers:
            head = f"Nobody serves {resolution.name!r} now (rule: {resolution.rule})."
        elif len(asked) == 1:
            (only,) = asked
            reason = self._accesses[only.id].reason or "it cannot be used"
            head = f"No key for {only.name}, which {resolution.name!r} was asked of: {reason}."
            if lacking.get(only.id) not in (None, *only.key_variables):
                head = f"{only.name}, which {resolution.name!r} was asked of, cannot be reached: {reason}."
            if only.id in closed:
                return NoCredentialsError(f"{only.name} cannot be asked for {resolution.name!r}: {closed[only.id]}.")
        else:
            head = f"No key for {shown}: {len(asked)} providers serve it, none is usable now."
        if avoided:
            head += f" {len(avoided)} more {'is' if len(avoided) == 1 else 'are'} not asked: {_reasons(avoided)}."
        gone = []
        if resolution.ended:
            from inference_providers.offers.retirement import without_key

            gone = [without_key(self._registry, resolution)]
        return NoCredentialsError("\n".join([*gone, head, *unused, self.what_to_set(variables)]), variables)

    def _lacking(self, provider: Provider) -> str:
        """The variable that a provider lacks: its key's, or, with a key, one for a part of its address."""
        from inference_providers.credentials import find, told, variables_of

        rules = provider.connection.get("variables") or {}
        if find(provider, self._environ)[0] is not None:
            for name in variables_of(provider.endpoint):
                if not told(provider, name, self._environ) and "default" not in rules.get(name, {}):
                    return name
        return provider.key_variables[0]

    @staticmethod
    def _avoided(name: str, avoided: Mapping[str, str]) -> ProviderAvoidedError:
        """The error for a model that only those serve who are avoided."""
        if len(avoided) == 1:
            ((who, why),) = avoided.items()
            return ProviderAvoidedError(f"{who}, which {name!r} was asked of, is {why}.")
        return ProviderAvoidedError(f"All {len(avoided)} who serve {name!r} are avoided: {_reasons(avoided)}.")

    def no_server(
        self, resolution: Resolution, first: Offer, near: Sequence[str], how: str = "", silence: str = ""
    ) -> LocalServerError:
        """The error for an engine that is named, does not run, and cannot be started with what lies here.

        *near*: names of models here that were perhaps meant. *how*: the command that would bring the model. *silence*:
        what was waited for in vain.
        """
        from inference_providers.offers.addresses import own_address

        variable = own_address(self._registry.providers[first.provider], self._environ)[0]
        where = first.endpoint + (f" ({variable})" if variable else "")
        named = first.provider_name.removeprefix("A ")  # "A server on this machine" is a name, too
        server = named if "server" in named.lower() else f"{named} server"
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        return LocalServerError(
            f"{resolution.name!r}: no {server} runs at {where}{silence}, and no model file is "
            f"called {first.internal_name!r}, nor is one there.{hint} "
            + (f"`{how}` fetches it." if how else "`inference-providers local list` shows those that are.")
        )

    def none_of(self, names: Sequence[str], problems: Sequence[Exception], *, by_default: bool = False) -> Exception:
        """The error for several names of which none can be asked, each with its own.

        *by_default*: whether nobody named them but the user's settings.
        """
        error = self._none_of(names, problems)
        if by_default:
            kept = self._environ.source(MODEL_VARIABLE) == "settings"
            how = "`inference-providers config set model` changes that" if kept else f"{MODEL_VARIABLE} says that"
            error.args = (f"{error}\nIt is asked by default: {how}.",)
        return error

    def _none_of(self, names: Sequence[str], problems: Sequence[Exception]) -> Exception:
        if not names:
            return UnknownModelError("The list of models is empty. Give at least one name.")
        keyless = [error for error in problems if isinstance(error, NoCredentialsError)]
        if len(names) == 1 or not keyless:
            return next((error for error in problems if isinstance(error, LocalServerError)), problems[0])
        variables = [variable for error in keyless for variable in error.variables]
        head = f"No key for any of {', '.join(map(str, names))}."
        return NoCredentialsError(f"{head}\n{self.what_to_set(variables)}", variables)

    @staticmethod
    def no_engine(resolution: Resolution) -> LocalServerError | None:
        """The error of a model that lies here, and no engine can run."""
        offers = resolution.offers
        if offers and all(offer.launchable for offer in offers):
            reasons = "".join(f"\n  {offer.reason}" for offer in offers)
            return LocalServerError(f"No engine here can run {resolution.name!r}:{reasons}")
        if len(offers) == 1 and offers[0].row().local is not None and not offers[0].reason.startswith("avoided by "):
            return LocalServerError(f"{resolution.name!r}: {offers[0].reason}")
        return None

    def who_could(self, able: Callable[[Offer], bool], keyed: Sequence[Offer], lookup: Lookup) -> str:
        """Who could do what was asked, for a person: of what the keys reach, else of what a key would reach."""
        found = [offer for offer in keyed if able(offer)]
        if found:
            return f"These could: {', '.join(f'{offer.provider}/{offer.internal_name}' for offer in found[:3])}."
        names = self._registry.auto_model_priority
        listed = (offer for name in names for offer in lookup.offers_of(name, local=False) if able(offer))
        first = next(listed, None)
        if first is None:
            return ""
        variables = self._registry.providers[first.provider].key_variables
        return f"{first.provider}/{first.internal_name} could" + (f", with {variables[0]}." if variables else ".")

    def what_to_set(self, variables: Sequence[str]) -> str:
        """Which variables would help, with the address where a key is to be had."""
        consoles = {
            keys[0]: p.data.get("console") for p in self._registry.providers.values() if (keys := p.key_variables)
        }
        rows = [
            f"  {variable}" + (f" (get one at {consoles[variable]})" if consoles.get(variable) else "")
            for variable in list(variables)[:5]
        ]
        more = f"\n  ... or one of {len(variables) - 5} more" if len(variables) > 5 else ""
        if not rows:
            return "`inference-providers doctor` shows what is there."
        return "Set one of these environment variables:\n" + "\n".join(rows) + more

    def unused(self, providers: set[str] | None = None, closed: Mapping[str, str] = _NOTHING) -> list[str]:
        """One line for each key variable that is set and yet of no use, and why.

        *closed*: why a provider cannot be asked for the model in question, with any key.
        """
        lines: dict[str, str] = {}
        for provider in self._registry.providers.values():
            if provider.local is not None or (providers is not None and provider.id not in providers):
                continue
            access = self._accesses[provider.id]
            for variable in provider.key_variables:
                if variable in lines:
                    continue
                if problem := self._environ.problem(variable):
                    lines[variable] = f"  {problem}"
                if variable not in self._environ or variable in lines:
                    continue
                if access.opt_in and provider.id not in closed:
                    lines[variable] = (
                        f"  {variable} is a general-purpose token: name the provider ({provider.id}/MODEL), "
                        f"or set {ALLOW_VARIABLE}={provider.id}"
                    )
                elif provider.id in closed:
                    lines[variable] = f"  {variable} is set, but of no use: {closed[provider.id]} at {provider.name}"
                elif access.reason:
                    said = (
                        access.reason.removeprefix(f"{variable} ")
                        if variable in access.reason
                        else f"{provider.id}: {access.reason}"
                    )
                    said = said if said.startswith(("holds", "may", "names")) else access.reason
                    lines[variable] = f"  {variable} is set, but {said}"
                elif providers is None and provider.connection.get("no_chat"):
                    kinds = " and ".join(provider.connection.get("kinds") or ())
                    lines[variable] = f"  {variable}: {provider.id} has no model to talk to, only those for {kinds}"
                elif providers is None and not provider.data.get("model_names"):
                    lines[variable] = (
                        f"  {variable}: no model of {provider.id} is in the registry; name one: {provider.id}/MODEL"
                    )
        return ["Set, but not used:", *list(lines.values())[:8]] if lines else []

    def _ended(self) -> list[str]:
        """One line for each key variable that is set, of a service that has ended; no general-purpose token."""
        live = {variable for provider in self._registry.providers.values() for variable in provider.key_variables}
        return [
            f"  {variable} is of {row['name']}, which ended in {row['ended']}; try {row['successor']}"
            for row in self._registry.retired_providers.values()
            for variable in row.get("api_key") or ()
            if variable in self._environ and variable.endswith("_API_KEY") and variable not in live
        ]

    def near_misses(self) -> dict[str, str]:
        """Set variables that were perhaps meant to be a key's, with that one's name."""
        from inference_providers.credentials import near_misses

        providers = self._registry.providers
        called = {alias: pid for alias, pid in self._registry.provider_aliases.items() if pid in providers}
        called |= {word[:-1]: pid for word, pid in self._registry.families if word.endswith("-") and pid in providers}
        first = {
            word.replace("-", "_"): keys[0] for word, pid in called.items() if (keys := providers[pid].key_variables)
        }
        return near_misses([v for p in providers.values() for v in p.key_variables], self._environ, first)

    def _misspelt(self, among: set[str] | None = None) -> list[str]:
        """One line for each of those, or of those that were meant to be one of *among*."""
        lines = [
            f"  {variable}: did you mean {meant}?"
            for variable, meant in self.near_misses().items()
            if among is None or meant in among
        ]
        return ["Perhaps misspelt:", *lines[:8]] if lines else []

    def _servers_of_no_use(self) -> list[str]:
        """One line for each server here that names no model to ask for, and what to do."""
        lines = []
        for server in self._local():
            provider = self._registry.providers[server.provider]
            if server.locked:
                variable = next((f", with its key in {name}" for name in provider.key_variables), "")
                lines.append(f"  It wants its key to list its models: name one, {provider.id}/MODEL{variable}.")
            elif any(map(server.talks, server.models)):
                continue
            else:
                has = f"has no model to talk to, only {', '.join(list(server.models)[:3])}" if server.models else ""
                get = (provider.local or {}).get("get", "")
                lines.append(f"  It {has or 'has no models'}." + (f" Get one: `{get}`" if get else ""))
            lines.insert(-1, f"{provider.name} runs at {server.endpoint}.")
        return lines

    def nothing(self) -> NoCredentialsError:
        """Nothing to ask: what is set and not used, the five easiest keys to get, and the way without a key."""
        known = [self._registry.providers[pid] for pid in self._registry.easiest if pid in self._registry.providers]
        easiest = [provider for provider in known if not self._accesses.avoids(provider)]
        rows = [
            f"  {p.key_variables[0]:<20} {p.data.get('console', p.data.get('website', ''))}"
            for p in easiest
            if p.key_variables
        ]
        unused, here, misspelt = self.unused(), self._servers_of_no_use(), self._misspelt()
        if ended := self._ended():
            unused = [*(unused or ["Set, but not used:"]), *ended]
        key = "No usable API key" if unused else "No API key"
        server = "no model server that can be asked" if here else "no model server"
        lines = [f"{key} and {server} was found.", *self._kept(self._environ), *unused, *misspelt, *here]
        if rows:
            lines += ["The easiest keys to get (set the variable to the key):", *rows]
        lines.append("Without a key: start Ollama, LM Studio, llama.cpp or vLLM, or set")  # 80 columns are enough
        lines += [f"{_MODEL_VARIABLE} to a GGUF file.", "`inference-providers doctor` shows what is there."]
        lines += self._advice()
        error = NoCredentialsError("\n".join(lines), [p.key_variables[0] for p in easiest if p.key_variables])
        error.found_nothing = True
        return error


def _closed(offers: Sequence[Offer]) -> dict[str, str]:
    """Why providers cannot be asked, by id.

    What they have of a model is served by APIs that nothing here speaks, or is not in their own lists.
    """
    spoken = {offer.provider for offer in offers if offer.api in SPOKEN}
    closed = {o.provider: unspoken(OPENAI_PROTOCOL, o.api) for o in offers if o.provider not in spoken}
    return closed | {o.provider: o.reason for o in offers if o.reason.startswith(LACKING)}


def _named(resolution: Resolution) -> str:
    """The model, as it was typed, and as what it was understood."""
    typed, meant = resolution.name, resolution.canonical_name
    if meant is None or meant in typed or resolution.ended:  # what has ended is told with its successor
        return repr(meant if resolution.ended and meant else typed)
    return f"{typed!r} ({meant})"


def _reasons(avoided: Mapping[str, str]) -> str:
    """Who is avoided by what, the first few."""
    shown = "; ".join(f"{who} is {why}" for who, why in list(avoided.items())[:3])
    return shown + (f"; and {len(avoided) - 3} more" if len(avoided) > 3 else "")
