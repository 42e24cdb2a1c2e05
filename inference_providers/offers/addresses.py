"""Where the user says, in variables, that a provider or a server on this machine is, and that others are out of reach.

Pure.
"""

from __future__ import annotations

import re

from inference_providers.credentials import (
    find,
    host_of,
    is_loopback,
    sources_of,
    told,
    variables_of,
    written_address,
)
from inference_providers.registry import bundled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from inference_providers.registry import Provider

# Whom every list avoids, whom alone it asks, and whether it asks nobody further away than private networks.
SELECTING = ("INFERENCE_PROVIDERS_AVOID", "INFERENCE_PROVIDERS_ONLY", "INFERENCE_PROVIDERS_OFFLINE")
AVOID_VARIABLE, ONLY_VARIABLE, OFFLINE_VARIABLE = SELECTING
# What ends like the name of a variable with an address, and is none that is followed.
_ALIKE = ("_API_URL", "_URL", "_API_HOST", "_HOST", "_API_ENDPOINT", "_ENDPOINT", "_BASE", "_BASEURL")


def is_offline(environ: Mapping[str, str], variable: str = OFFLINE_VARIABLE) -> bool:
    """Whether the environment says that nothing goes further than this machine and private networks."""
    return environ.get(variable, "").strip().lower() not in ("", "0", "false", "no", "off")


def address(provider: Provider, environ: Mapping[str, str]) -> str:
    """The base URL where this server would run: by the user's variables (`OLLAMA_HOST`), else by the registry.

    Empty where what the user says is no address.
    """
    variable, own, _ = own_address(provider, environ)
    return own if variable else provider.endpoint


def own_address(provider: Provider, environ: Mapping[str, str]) -> tuple[str, str, str]:
    """The variable in which the user says where a provider is, the base URL, and what is wrong with that.

    All are empty where none is set; the URL is where something is wrong.
    """
    for variable in _variables(provider):
        given = environ.get(variable, "").strip()
        if given and _is_meant(variable, provider, environ):
            return (variable, *_read(given, variable, provider))
    return "", "", ""


def _variables(provider: Provider) -> tuple[str, ...]:
    """The variables that count: of a row of the program's own, which says where it is, those that the row names."""
    return provider.address_variables if provider.id in bundled().providers else provider.own_variables


def _is_meant(variable: str, provider: Provider, environ: Mapping[str, str]) -> bool:
    """Whether a variable that is called like a key of a provider says where this one is, and no other.

    `OLLAMA_BASE_URL` says where the server on this machine is, not its makers' cloud; and a variable that is called
    like a key that several providers take moves no other key of theirs.
    """
    if provider.local is not None or variable in provider.own_variables:
        return True
    rows = [row for row in bundled().providers.values() if row.id != provider.id]
    if any(row.local is not None and variable in row.address_variables for row in rows):
        return False
    named = [name for name in provider.key_variables if _names(variable, name)]
    if not any(name in row.key_variables for row in rows for name in named):
        return True
    credential, _ = find(provider, environ)
    return credential is None or credential.variable in named


def _names(variable: str, key: str) -> bool:
    """Whether the variable of an address is called like that of a key."""
    stem = key.removesuffix("_API_KEY")
    return stem != key and variable in (stem + "_BASE_URL", stem + "_API_BASE", stem + "_API_BASE_URL")


def unheeded(provider: Provider, environ: Mapping[str, str]) -> dict[str, str]:
    """Variables that seem to say where a provider is, and are not followed -> why not."""
    followed, own, _ = own_address(provider, environ)
    parts = {} if followed else _contradicted(provider, environ)
    known = [name for name in _variables(provider) if not environ.get(name) or _is_meant(name, provider, environ)]
    found = {
        name: f"{followed} is followed"
        for name in known
        if name != followed and environ.get(name, "").strip() and _read(environ[name], name, provider)[0] != own
    }
    found |= parts
    if followed or provider.local is not None or not known:
        return found
    stems = [name.removesuffix("_API_KEY") for name in provider.key_variables if name.endswith("_API_KEY")]
    alike = {stem + end for stem in stems for end in _ALIKE} - {*_variables(provider), *sources_of(provider)}
    alike |= {name.lower() for name in known}
    seeming = [name for name in sorted(alike) if "://" in environ.get(name, "") and _is_meant(name, provider, environ)]
    best = next((name for name in known if _is_meant(name, provider, environ)), "") if seeming else ""
    return found | {name: f"set {best}" for name in seeming if best}


def _contradicted(provider: Provider, environ: Mapping[str, str]) -> dict[str, str]:
    """Variables for a place of the usual address that say something else than the one that counts -> why not."""
    found: dict[str, str] = {}
    for name in variables_of(provider.endpoint):
        said = told(provider, name, environ)
        first = next(iter(said), "")
        found |= {one: f"{first} is followed" for one, value in said.items() if value.lower() != said[first].lower()}
    return found


def notices(provider: Provider, environ: Mapping[str, str], endpoint: str, key: str) -> list[str]:
    """What is to be known of a provider's address: that others listen there, or that the user meant another one.

    *key*: what goes there, for a person.
    """
    host = host_of(endpoint)
    found = []
    if endpoint.startswith("http://") and not is_loopback(host):
        found.append(
            f"{key} goes to {host} without encryption: its address is http. "
            "Use https, unless you trust the network between."
        )
    return found + [
        f"{name} is not followed, so {provider.id} is asked at {host}: {why}"
        for name, why in unheeded(provider, environ).items()
    ]


def _read(given: str, variable: str, provider: Provider) -> tuple[str, str]:
    """(the base URL that a variable's value means, "") or ("", what is wrong with it)."""
    local = provider.local is not None
    found, problem = written_address(_with_host(given, provider.endpoint) if local else given)
    if problem:
        return "", f"{variable} is not a plain http(s) address: {problem}"
    path = "".join(f"/{part}" for part in provider.endpoint.split("/", 3)[3:])
    bare = found.count("/") == 2
    if variable.endswith("_HOST") and not found.endswith(path):  # where the server is, its API below it
        return found + path, ""
    as_it_is = (variable in provider.own_variables and not local) or "$" in path
    return found + path * (bare and not as_it_is), ""


def _with_host(given: str, endpoint: str) -> str:
    """`host`, `host:port` or a URL of a server on this machine as a URL: without a scheme, the usual port counts."""
    text = given.strip("'\" ")
    scheme, mark, rest = text.partition("://")
    if not mark:
        scheme, rest = "http", text
    host, slash, path = rest.partition("/")
    name, port = _host_and_port(host)
    name = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "[::]": "[::1]"}.get(name, name)
    if not mark:
        port = port or host_of(endpoint).rpartition(":")[2]
    return f"{scheme}://{name}{port and ':'}{port}{slash}{path}"


def _host_and_port(host: str) -> tuple[str, str]:
    """A host, an IPv6 address in brackets, and the port, which may be empty."""
    import ipaddress

    if host.count(":") > 1 and "[" not in host:
        name, _, port = host.rpartition(":")
        for whole, rest in ((host, ""), (name, port)):
            try:
                return f"[{ipaddress.IPv6Address(whole)}]", rest
            except ValueError:
                continue
    found = re.fullmatch(r"(\[[^]]*\]|[^:]*)(?::(.*))?", host)
    return (found[1], found[2] or "") if found else (host, "")
