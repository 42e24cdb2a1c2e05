"""The findings of `inference-providers doctor`, as data and as text."""

from __future__ import annotations

import os
from typing import Any

from inference_providers import credentials
from inference_providers.clients import ProviderList
from inference_providers.credentials import Environment
from inference_providers.installing import LOCAL
from inference_providers.offers import addresses, is_offline
from inference_providers.plugins import examined
from inference_providers.registry import Registry, bundled
from inference_providers.servers import discovery, engines, model_files
from inference_providers.settings import KEYRING, KEYS_FILE, SETTINGS, SETTINGS_FILE, LayeredEnvironment
from inference_providers.text import printable
from inference_providers.transport import network_settings


def examine(providers: ProviderList) -> dict[str, Any]:
    """Everything that doctor reports, as data for JSON; it contains no key."""
    registry, environ = providers.registry, Environment.of(providers.pipeline.users_environ)
    unused_variables = [line.strip() for line in providers.pipeline.finder.guidance.unused()[1:]]
    variables = [variable for provider in registry.providers.values() for variable in provider.key_variables]
    explanation = providers.explain()
    chosen = explanation.chosen
    return {
        "keys": _keys(registry, environ),
        "skipped": [
            {"variable": v, "reason": reason}
            for v in dict.fromkeys(variables)
            if environ.late(v) is None and v in environ and (reason := credentials.refusal(environ[v]))
        ],
        "near_misses": [
            {"variable": v, "meant": meant} for v, meant in providers.pipeline.finder.guidance.near_misses().items()
        ],
        "ended": [
            {"variable": v, "service": row["name"], "successor": row["successor"]}
            for row in registry.retired_providers.values()
            for v in row.get("api_key", ())
            if v in environ and v not in variables  # else others take that key, too
        ],
        "unused": unused_variables,
        "settings": _settings(environ),
        "files": environ.stored.problems if isinstance(environ, LayeredEnvironment) else [],
        "addresses": _addresses(registry, environ),
        "not_followed": _not_followed(registry, environ),
        "offline": is_offline(environ),
        "looked_at": _looked_at(registry, environ),
        "servers": [
            {"provider": s.provider, "endpoint": s.endpoint, "models": list(s.models), "locked": s.locked}
            for s in providers.local_servers()
        ],
        "embedded_engine": _embedded(environ),
        "network": _network(chosen.endpoint if chosen else "", environ),
        "registry": {
            "version": registry.version,
            "providers": sum(provider.local is None for provider in registry.providers.values()),
            "local_servers": sum(provider.local is not None for provider in registry.providers.values()),
            "models": len(registry.canonical_names),
            "age_days": _age(registry),
        },
        "would_use": chosen
        and {
            "provider": chosen.provider,
            "model": chosen.internal_name,
            "canonical_name": chosen.canonical_name,
            "why": explanation.why(chosen),
        },
        "plugins": [
            {"name": one.name, "group": one.declaration.group, "package": one.package, "problem": one.problem}
            for one in examined(environ)
        ],
    }


def _keys(registry: Registry, environ: Environment) -> list[dict[str, Any]]:
    rows = []
    for provider in registry.providers.values():
        credential, _ = credentials.find(provider, environ)
        if credential is not None and credential.variable:
            rows.append(
                {
                    "provider": provider.id,
                    "variable": credential.variable,
                    "from": environ.source(credential.variable),
                    "general_purpose": provider.opt_in(credential.variable),
                }
            )
    return rows


def _settings(environ: Environment) -> list[dict[str, str]]:
    """What the user's settings say, and variables that stand for them."""
    return [
        {"name": name, "value": environ[setting.variable], "from": environ.source(setting.variable)}
        for name, setting in SETTINGS.items()
        if environ.get(setting.variable)
    ]


def _addresses(registry: Registry, environ: Environment) -> list[dict[str, str]]:
    """Addresses to which the user's variables send a key: OPENAI_BASE_URL and the like."""
    return [
        {"provider": provider.id, "variable": variable, "address": _shown(address)}
        for provider in registry.providers.values()
        if provider.local is None and any(v in environ for v in provider.key_variables)
        for variable, address, problem in [addresses.own_address(provider, environ)]
        if variable and not problem
    ]


def _not_followed(registry: Registry, environ: Environment) -> list[dict[str, str]]:
    """Variables that seem to say where somebody is with a key, or a server, and are not followed."""
    return [
        {"provider": provider.id, "variable": variable, "reason": reason}
        for provider in registry.providers.values()
        if provider.local is not None or any(v in environ for v in provider.key_variables)
        for variable, reason in addresses.unheeded(provider, environ).items()
    ]


def _shown(address: str) -> str:
    host = credentials.host_of(address)
    plain = address.startswith("http://") and not credentials.is_loopback(host)
    return f"{host}, without https" if plain else host


def _looked_at(registry: Registry, environ: Environment) -> list[dict[str, str]]:
    """Addresses of local servers that are set by the user's variables."""
    return [
        {"provider": p.id, "variable": variable, "address": address or problem.removeprefix(f"{variable} ")}
        for p in registry.providers.values()
        if p.local is not None
        for variable, address, problem in [addresses.own_address(p, environ)]
        if variable
    ]


def _network(endpoint: str, environ: Environment) -> dict[str, Any]:
    """Which proxy and whose certificates count for whoever would be asked, and what is wrong with them."""
    used, problem = network_settings(endpoint, environ) if endpoint else ([], "")
    return {"used": used, "problem": problem}


def _embedded(environ: Environment) -> dict[str, Any]:
    named, models, unfit = discovery.home_models(environ), [], []
    for path in named:
        try:
            models += [path] if model_files.at(path, source="models folder") else []
        except ValueError as error:
            missing = f"{discovery.MODEL_VARIABLE}: there is no file {path}"
            unfit.append(str(error) if os.path.exists(path) else missing)
    rows = (bundled().providers[engine].local or {} for engine in bundled().engines)
    recipes = [recipe for row in rows for recipe in row["launch"] if model_files.GGUF in recipe["formats"]]
    return {
        "installed": any(engines.installed(recipe, environ) for recipe in recipes),
        "models": models,
        "missing": [path for path in named if not os.path.exists(path)],
        "unfit": unfit,
    }


def _age(registry: Registry) -> int | None:
    from datetime import date

    text = str(registry.version)
    try:
        return (date.today() - date(int(text[:4]), int(text[4:6]), int(text[6:8]))).days
    except ValueError:
        return None


_WAYS = (
    "a key: `inference-providers keys set PROVIDER` (groq, google, openrouter and others have free ones)",
    "Ollama, LM Studio, llama.cpp or vLLM, running on this machine",
    f"a small model on this machine: {LOCAL}, then `inference-providers local get smollm2`",
)


def report(findings: dict[str, Any]) -> str:
    """The findings of `examine` as text for a terminal."""
    registry = findings["registry"]
    days = registry["age_days"]
    age = f"{days} day{'' if days == 1 else 's'} old"
    lines = [
        f"Registry {registry['version']} ({age}): {registry['providers']} providers, "
        f"{registry['local_servers']} kinds of local servers, {registry['models']} models.",
        "",
        "Keys found:",
    ]
    for key in findings["keys"]:
        general = "  (general-purpose: used only when named or allowed)" if key["general_purpose"] else ""
        origin = f"  ({key['from']})" if key["from"] not in ("environment", "") else ""
        lines.append(f"  {key['variable']:<28} {key['provider']}{origin}{general}")
    if not findings["keys"]:
        lines.append("  none")
    lines += _section("Skipped:", [f"  {s['variable']} {s['reason']}" for s in findings["skipped"]])
    lines += _section(
        "Perhaps misspelt:", [f"  {m['variable']}: did you mean {m['meant']}?" for m in findings["near_misses"]]
    )
    lines += _section(
        "Services that ended:",
        [f"  {e['variable']} belongs to {e['service']}; try {e['successor']}" for e in findings["ended"]],
    )
    lines += _section("Set, but not used:", [f"  {line}" for line in findings["unused"] if "placeholder" not in line])
    lines += _addressed(findings)
    lines += ["", "Servers on this machine:"]
    lines += [
        f"  {s['provider']} at {s['endpoint']}: "
        + ("lists its models only with its key" if s["locked"] else ", ".join(s["models"][:5]) or "no models")
        for s in findings["servers"]
    ] or ["  none"]
    lines += [
        f"  looked for {row['provider']} at {row['address']} ({row['variable']})" for row in findings["looked_at"]
    ]
    engine = findings["embedded_engine"]
    lines += [f"  {why}" for why in engine["unfit"]]
    if engine["installed"]:
        models = ", ".join(engine["models"]) or "no model file (`inference-providers local get smollm2` fetches one)"
        lines.append(f"  embedded llama.cpp: installed, {models}")
    elif engine["models"]:
        lines += [f"  {path}: no engine that runs it is installed ({LOCAL})" for path in engine["models"]]
    network, used = findings["network"], findings["would_use"]
    lines += _section("Network:", [f"  {setting}" for setting in network["used"]])
    lines.append("")
    if used and network["problem"]:
        lines.append(f"ask_ai would use {used['model']} at {used['provider']}, but {network['problem']}.")
    elif used:
        lines.append(f"ask_ai would use {used['model']} at {used['provider']}: {used['why']}.")
    elif engine["installed"] and engine["models"]:
        lines.append(f"ask_ai would start the embedded engine with {engine['models'][0]}.")
    else:
        lines.append("ask_ai would find nothing to use. Any of these changes that:")
        lines += [f"  {way}" for way in _WAYS]
    return printable("\n".join(lines))


def _addressed(findings: dict[str, Any]) -> list[str]:
    lines = _section("Settings:", [f"  {s['name']} = {s['value']}  ({s['from']})" for s in findings["settings"]])
    lines += _section("Files of settings and keys:", [f"  {line}" for line in findings["files"]])
    if {row["from"] for row in (*findings["keys"], *findings["settings"])} & {KEYRING, KEYS_FILE, SETTINGS_FILE}:
        lines += ["", "What is kept counts for commands, the gateway and programs with settings=True."]
    lines += _section(
        "Addresses changed by you:",
        [f"  {a['variable']}: {a['provider']} goes to {a['address']}" for a in findings["addresses"]],
    )
    lines += _section(
        "Addresses not followed:",
        [f"  {a['variable']} is not followed for {a['provider']}: {a['reason']}" for a in findings["not_followed"]],
    )
    if findings["offline"]:
        lines += ["", "INFERENCE_PROVIDERS_OFFLINE is set: nobody beyond this machine and private networks is asked."]
    return lines + _section("Plug-ins:", [f"  {_plugin(one)}" for one in findings["plugins"]])


def _plugin(row: dict[str, Any]) -> str:
    problem = f": left out; {row['problem']}" if row["problem"] else ""
    return f"{row['name']} ({row['group']}) of {row['package']}{problem}"


def _section(title: str, rows: list[str]) -> list[str]:
    return ["", title, *rows] if rows else []
