"""What the pages show in tests and pictures: three providers with models and prices, and calls of the last month."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from inference_providers.files import row_writer
from inference_providers.gateway import Callers
from inference_providers.gateway.spending import Spending
from inference_providers.usage import LogFile
from tests.conftest import ROOT, keys
from tests.running import Running

TOKEN = "administrator-token-0123456789"
SMALL, LARGE, OPEN = "gpt-4o-mini", "claude-sonnet-5", "llama-3.3-70b"
LOUD, BROKEN = "loud-model", "broken-model"
_NAMES = {"northwind": "Northwind", "contoso": "Contoso", "fabrikam": "Fabrikam"}
_MODELS: dict[str, dict[str, tuple[float, float]]] = {  # USD for a million tokens, read and made
    "northwind": {SMALL: (0.15, 0.6), LOUD: (1.0, 2.0)},
    "contoso": {LARGE: (3.0, 15.0), BROKEN: (1.0, 2.0)},
    "fabrikam": {OPEN: (0.59, 0.79), SMALL: (0.16, 0.64)},
}
_SHARES = ((SMALL, "northwind", 6), (LARGE, "contoso", 3), (OPEN, "fabrikam", 2), (SMALL, "fabrikam", 1))
CALLERS: dict[str, dict[str, Any]] = {
    "alice": {"tier": "basic", "budget": 5.0, "expires": "30d"},
    "build-server": {"requests_per_minute": 30, "models": [SMALL, OPEN]},
    "support-bot": {"tier": "pro", "budget": 20.0},
}
SPENT = {"alice": 3.1842, "support-bot": 19.37}
_DAY = 86400.0


def registry(url: str) -> dict[str, Any]:
    """One with the providers of the scene alone, all at one server."""
    providers = {
        provider: {
            "name": _NAMES[provider],
            "connection": {"protocol": "openai", "endpoint": url, "api_key": f"P{number}_API_KEY"},
            "model_names": {name: f"{name}-{provider}" for name in models},
            "facts": {f"{name}-{provider}": [128000, 8192, *prices, None, "tS"] for name, prices in models.items()},
        }
        for number, (provider, models) in enumerate(_MODELS.items(), 1)
    }  # fmt: skip
    return {"providers": providers, "auto_model_priority": [LARGE, SMALL, OPEN]}


def environ(home: Path) -> dict[str, str]:
    """Of a gateway whose user's home that is."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "PYTHONPATH": str(ROOT),
        "TZ": "UTC",
        "INFERENCE_PROVIDERS_TOKEN": TOKEN,
        "INFERENCE_PROVIDERS_AVOID": "local",
        "INFERENCE_PROVIDERS_LOG": "usage",
        **keys(3),
    }


def fill(home: Path, now: float, *, days: int = 30) -> None:
    """Put callers, what they have spent, and calls of the last *days* until *now* into the files of a user."""
    where = environ(home)
    callers = Callers(where, clock=lambda: now - 20 * _DAY)
    ids = {}
    for name, fields in CALLERS.items():
        made, _ = callers.create(name, **{key: value for key, value in fields.items() if key != "expires"})
        ids[name] = made.id
    Callers(where, clock=lambda: now).update("alice", expires=CALLERS["alice"]["expires"])
    spending = Spending(Spending.of(where).database, clock=lambda: now)
    for name, cost in SPENT.items():
        reserved = spending.reserve(ids[name], 1000.0, cost)
        assert not isinstance(reserved, float)
        spending.settle(reserved, cost)
    log = LogFile.of(where)
    assert log is not None
    for row in sorted(calls(now, days, [*ids.values(), None]), key=lambda row: row["at"]):
        log.put(tuple(row.values()))
    assert row_writer().flush(30)


def calls(now: float, days: int, callers: list[str | None]) -> Iterator[dict[str, Any]]:
    """Rows of the log, the same for the same *now*: more by day than by night, and one in thirty fails."""
    chance = random.Random(7)
    choices = [share[:2] for share in _SHARES for _ in range(share[2])]
    for back in range(days - 1, -1, -1):
        for _ in range(18 + chance.randrange(24) + 2 * (days - back)):
            at = now - back * _DAY - chance.random() ** 2 * _DAY * 0.7
            model, provider = chance.choice(choices)
            yield _call(chance, at, model, provider, chance.choice(callers))


def _call(chance: random.Random, at: float, model: str, provider: str, caller: str | None) -> dict[str, Any]:
    fails = chance.random() < 0.03
    read, made = chance.randrange(80, 4000), 0 if fails else chance.randrange(20, 900)
    prices = _MODELS[provider][model]
    cost = None if fails else (read * prices[0] + made * prices[1]) / 1e6
    first = None if fails else 0.15 + chance.random()
    return {
        "at": at, "program": "serve", "path": "/chat/completions", "asked": model, "provider": provider,
        "model": f"{model}-{provider}", "name": model, "outcome": "RateLimitError" if fails else "ok",
        "input": None if fails else read, "output": None if fails else made, "cached": 0, "written": 0, "reasoning": 0,
        "cost": cost, "reported": 0, "seconds": 0.4 if fails else (first or 0) + made / 90, "first": first,
        "attempts": 2 if fails else 1, "tries": None, "prompt": None, "conversation": None, "caller": caller,
    }  # fmt: skip


def serving(
    home: Path, url: str, *, port: int = 0, module: str = "inference_providers", more: Mapping[str, str] | None = None
) -> Running:
    """A gateway over the scene, as a user starts it. *module*: what is run; *more*: of its environment."""
    file = home / "registry.json"
    file.write_text(json.dumps(registry(url)))
    command = [sys.executable, "-m", module, "serve", "--port", str(port), "--registry", str(file)]
    given = {**environ(home), **(more or {})}
    process = subprocess.Popen(command, env=given, cwd=home, stderr=subprocess.PIPE, text=True, encoding="utf-8")
    return Running(process, TOKEN)
