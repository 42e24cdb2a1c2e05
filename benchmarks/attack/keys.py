"""A key goes to its owner's host: hostile URLs, registries, updates and redirects, before listeners that write down who was meant.

A proxy stands for all of the network: what it is asked to connect to is where a request would have gone.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.attack.put_back import having
from inference_providers import AsyncProviderList, InferenceProvidersError, Policy, ProviderList

PROMPT = "the-secret-prompt"
OWNERS = {
    "OPENAI_API_KEY": ("openai", "https://api.openai.com", "gpt-4o"),
    "GROQ_API_KEY": ("groq", "https://api.groq.com", "llama-3.3-70b"),
    "MISTRAL_API_KEY": ("mistral", "https://api.mistral.ai", "mistral-large"),
    "TOGETHER_API_KEY": ("together", "https://api.together.xyz", "llama-3.3-70b"),
}
FOREIGN = [
    "AWS_SECRET_ACCESS_KEY",
    "DATABASE_URL",
    "NPM_TOKEN",
    "STRIPE_SECRET_KEY",
    "GH_TOKEN",
    "PGPASSWORD",
    "JWT_SECRET",
]
ROWS = ["upload", "create", "poll", "download"]
JOINTS = ["{own}.evil.example", "{own}@evil.example", "{own}:444", "{own}\\.evil.example", "{own}%2eevil.example", "{own}#@evil.example",
          "{own}\t.evil.example", "{own}.", "{own}:0443", "evil.example/{own}", "evil.example?{own}", "{own}:443@evil.example",
          "x:{own}@evil.example", "{own};evil.example", "{own},evil.example", "[{own}]", "{own}\u3002evil.example", "evil.example",
          "EVIL.example:443", "{own}..evil.example", "{own}:99999", "{own}\x00.evil.example", "{own}/..//evil.example"]  # fmt: skip
SCHEMES = ["https://"] * 5 + ["http://", "https:", "//", "HTTPS://", "ftp://", "https:///", "https:\\\\"]
PATHS = [".evil.example/files", "@evil.example/files", ":444/files", "\\.evil.example/x", "files", "#@evil.example", "%2eevil.example/", "//evil.example/files",
         "/files", "/../files", "/{id}@evil.example", "?x=@evil.example", ".evil.example:{port}/files", ""]  # fmt: skip
ONE_TRY = Policy(tries=1, attempts=1)


def _canary(dice: Random) -> str:
    return f"canary-{dice.getrandbits(96):024x}"


def _refuse(connection: Any, request: Any) -> None:
    connection.reply(502, "no")
    connection.close()


class Listeners:
    """A stranger on this machine, and a proxy that is asked for everybody else. *told*: what must be at neither."""

    def __init__(self) -> None:
        from tests.servers import Server

        self.stranger, self.proxy = Server(), Server(_refuse)

    @property
    def environ(self) -> dict[str, str]:
        url = self.proxy.url.removesuffix("/v1")
        return {"HTTPS_PROXY": url, "HTTP_PROXY": url, "OLLAMA_HOST": "127.0.0.1:9"}

    def heard(self, canary: str, host: str) -> str | None:
        """What somebody heard who should not have; forgotten thereafter."""
        found = None
        for name, server in (("a stranger", self.stranger), ("the proxy", self.proxy)):
            for request in server.requests:
                if canary.encode() in request.raw or PROMPT.encode() in request.raw:
                    found = f"{name} heard {request.method} {request.path} with a key or prompt"
                elif request.method == "CONNECT" and request.path != f"{host}:443":
                    found = f"a connection to {request.path} was wanted, where {host} was meant"
            server.requests.clear()
        return found

    def close(self) -> None:
        self.stranger.close()
        self.proxy.close()


def _url(dice: Random, own: str) -> str:
    host = dice.choice(JOINTS).format(own=own.removeprefix("https://"))
    url = dice.choice(SCHEMES) + host + dice.choice(["/v1", "/v1/files", "", "/", "/v1?a=b", "/v1#x"])
    if dice.random() < 0.3:
        at = dice.randrange(len(url))
        url = url[:at] + dice.choice("./:@#?\\%\t ~[]0é") + url[at + dice.choice([0, 1]) :]
    return url


def by_urls(dice: Random, folder: Path) -> Iterator[str | None]:
    """A request with a key to a URL that two readers could take for two places."""
    from inference_providers.transport.async_sender import AsyncSender
    from inference_providers.transport.http import Limits, Request, WireError
    from inference_providers.transport.sync_sender import Sender

    listeners = Listeners()
    environ, canary = listeners.environ, _canary(dice)
    sender, limits = Sender(environ, Limits(total=5)), Limits(total=5)
    offers = {
        variable: ProviderList(environ={variable: canary}, local=False).find_model_providers(f"{pid}/{model}")[0]
        for variable, (pid, _, model) in OWNERS.items()
    }
    try:
        while True:
            variable = dice.choice(list(OWNERS))
            offer, own = offers[variable], OWNERS[variable][1]
            request = Request("GET", _url(dice, own), {"Authorization": f"Bearer {offer.api_key}"}, None, offer)
            said = None
            try:
                if dice.random() < 0.7:
                    sender.send(request)
                else:
                    asyncio.run(_sent(AsyncSender(environ, limits), request))
            except WireError:
                said = None
            except Exception as error:  # noqa: BLE001  (anything else is no refusal)
                said = f"{request.url!r}: {error!r}"
            yield said or listeners.heard(canary, own.removeprefix("https://"))
    finally:
        sender.close()
        listeners.close()


async def _sent(sender: Any, request: Any) -> None:
    await sender.send(request)


def _registry(dice: Random, variable: str, port: int) -> dict[str, Any]:
    """A registry, to be merged, that would have a key or a prompt go astray."""
    pid, own, model = OWNERS[variable]
    rows = {row: dice.choice(PATHS).replace("{port}", str(port)) for row in dice.sample(ROWS, dice.randint(1, 4))}
    evil = dice.choice([f"http://127.0.0.1:{port}/v1", f"http://localhost:{port}/v1", "https://evil.example/v1", _url(dice, own), f"http://127.1:{port}", f"http://[::ffff:127.0.0.1]:{port}/v1"])  # fmt: skip
    other: dict[str, Any] = {
        "name": "Other",
        "connection": {"protocol": "openai", "endpoint": evil, "api_key": variable},
        "model_names": {model: "m"},
    }
    kind = dice.randrange(9)
    if kind < 3:
        endpoint = dice.choice([own, own, f"{own}/v1"])
        connection = {"endpoint": endpoint, "batch": rows} if kind < 2 else {"endpoint": evil}
        return {"providers": {pid: {"connection": connection}}}
    if kind == 3:
        return {"batch": rows, "providers": {pid: {"connection": {"endpoint": own}}}}
    if kind == 4:
        return {"providers": {"other": other}}
    if kind == 5:
        other["connection"]["api_key"] = dice.choice(FOREIGN)
        return {"providers": {"other": other}}
    if kind == 6:
        other["connection"] = {
            "protocol": "openai",
            "endpoint": f"http://127.0.0.1:{port}/${{{dice.choice([variable, *FOREIGN])}}}/v1",
        }
        return {"providers": {"other": other}}
    if kind == 7:
        other["connection"] |= {
            "api_key": "OTHER_KEY",
            "endpoint": f"http://127.0.0.1:{port}/v1",
            "headers": {"X-Other": variable},
        }
        return {"providers": {"other": other}}
    return {"providers": {"ollama": {"connection": {"endpoint": f"http://127.0.0.1:{port}/v1", "api_key": variable}}}}


def _plain(owners_only: bool) -> dict[str, Any]:
    """The installed registry; that of the owners alone takes a tenth of the time to check."""
    from inference_providers.registry.registry import bundled

    data: dict[str, Any] = json.loads(json.dumps(bundled().data, default=dict))
    if owners_only:
        models = {pid: {model: model} for pid, _, model in OWNERS.values()} | {"ollama": {}}
        rows = {
            pid: {**data["providers"][pid], "model_names": names, "more_names": {}, "facts": {}}
            for pid, names in models.items()
        }
        data = {"providers": rows, "batch": data["batch"], "auto_model_priority": []}
    return data


def _tomorrow() -> int:
    return int(time.strftime("%Y%m%d01", time.gmtime(time.time() + 24 * 3600)))


def _with(merged: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
    """A whole registry with those changes."""
    for pid, row in merged.get("providers", {}).items():
        ours = data["providers"].setdefault(pid, {"name": pid})
        ours["connection"] = {**ours.get("connection", {}), **row["connection"]}
        ours.setdefault("model_names", {}).update(row.get("model_names", {}))
    data.update({key: {**data[key], **value} for key, value in merged.items() if key != "providers"})
    return data


def by_registries(dice: Random, folder: Path) -> Iterator[str | None]:
    """A program's own registry, or a downloaded one, that sends a key elsewhere: by endpoint, batch rows, variables, headers."""
    from inference_providers.batches import provider_jobs as batch_jobs
    from tests.servers import Server

    listeners, publisher = Listeners(), Server()
    few = json.dumps(_plain(True))
    try:
        while True:
            variable = dice.choice(list(OWNERS))
            merged, canary = _registry(dice, variable, listeners.stranger.port), _canary(dice)
            environ = {
                **listeners.environ,
                variable: canary,
                "OTHER_KEY": "others-own",
                **dict.fromkeys(FOREIGN, canary),
            }
            options: dict[str, Any] = {"json_override": _with(merged, json.loads(few))}
            way = dice.random()
            if way < 0.01:
                options = {"json_merge": merged}
            elif way < 0.02:
                update = json.dumps(_with(merged, {**_plain(False), "version": _tomorrow()}))
                publisher.behaviour = _publishing(update)
                environ["INFERENCE_PROVIDERS_CACHE_DIR"] = str(folder / f"cache-{dice.getrandbits(48):x}")
                options = {"auto_update": True, "update_url": f"http://127.0.0.1:{publisher.port}/registry.json"}
            said = None
            try:
                with having(batch_jobs, TRIES=1):  # a connection that is refused would be waited for
                    _ask(dice, options, environ, variable, folder)
            except InferenceProvidersError:
                said = None
            except Exception as error:  # noqa: BLE001  (a registry may break nothing)
                said = f"{merged!r}: {error!r}"[:400]
            if "OTHER_KEY" in json.dumps(merged):  # may go there, with a prompt: it is the program's own
                listeners.stranger.requests[:] = [
                    one for one in listeners.stranger.requests if canary.encode() in one.raw
                ]
            yield said or listeners.heard(canary, OWNERS[variable][1].removeprefix("https://"))
    finally:
        listeners.close()
        publisher.close()


def _publishing(text: str) -> Any:
    return lambda connection, request: connection.reply(200, text)


def _ask(dice: Random, options: dict[str, Any], environ: dict[str, str], variable: str, folder: Path) -> None:
    """Ask in one of the ways there are."""
    pid, _, model = OWNERS[variable]
    given = options.get("json_override") or options.get("json_merge") or {}
    others = "other" in given.get("providers", {})
    name = dice.choice([model, f"{'other' if others else pid}/{model}"])
    settings: dict[str, Any] = {**options, "environ": environ, "local": False, "policy": ONE_TRY, "timeout": 3.0}
    way = dice.randrange(4)
    if way == 0:
        ProviderList(**settings).ask_ai(PROMPT, name)
    elif way == 1:
        asyncio.run(_asked(AsyncProviderList(**settings), name))
    else:
        out = folder / f"out-{dice.getrandbits(48):x}.jsonl"
        try:
            list(
                ProviderList(**settings).batch(
                    [PROMPT], f"{pid}/{model}", mode="provider", out=out, progress=False, patience=0.0
                )
            )
        finally:
            for path in folder.glob(f"{out.name}*"):
                os.unlink(path)


async def _asked(made: Any, name: str) -> None:
    try:
        await made.ask_ai(PROMPT, name)
    finally:
        await made.aclose()


def by_redirects(dice: Random, folder: Path) -> Iterator[str | None]:
    """The owner's server sends a request on to somebody else."""
    from tests.servers import Server

    listeners = Listeners()
    to = listeners.stranger.url

    def send_on(connection: Any, request: Any) -> None:
        place = dice.choice(
            [
                f"{to}/chat/completions",
                to.replace("http:", ""),
                to.replace("127.0.0.1", "localhost"),
                "https://evil.example/v1",
            ]
        )
        code = dice.choice([300, 301, 302, 303, 305, 307, 308, 399])
        connection.reply(
            code, {}, {dice.choice(["Location", "Refresh", "Content-Location"]): place, "Set-Cookie": "a=b"}
        )

    try:
        with Server(send_on) as server:
            while True:
                canary = _canary(dice)
                environ = {**listeners.environ, "OPENAI_API_KEY": canary, "OPENAI_BASE_URL": server.url}
                made: Any = ProviderList(environ=environ, local=False, policy=ONE_TRY, timeout=3.0)
                try:
                    if dice.random() < 0.5:
                        made.ask_ai(PROMPT, "openai/gpt-4o")
                    else:
                        "".join(made.stream(PROMPT, "openai/gpt-4o"))
                except InferenceProvidersError:
                    pass
                cookie = any("cookie" in request.headers for request in server.requests)
                server.requests.clear()
                yield "a cookie came back" if cookie else listeners.heard(canary, "")
    finally:
        listeners.close()
