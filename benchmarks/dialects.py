"""What it costs to speak another API than the provider does: requests a second, and CPU of the gateway.

Run `python -m benchmarks.dialects [quick] [ROUNDS]` from the checkout, in an environment that has the `gateway` extra.

One gateway has two providers: one speaks Anthropic's messages, in which requests go through as they come; the other
only chat completions, into which they are translated, and their replies back. Both answer at once. The gateway runs on
one core; the load and the providers share the other. What is compared takes turns in random order, and numbers are
medians of the rounds.
"""

from __future__ import annotations

import json
import os
import random
import sys
from typing import TYPE_CHECKING

from benchmarks.common import NO_MARK, TEST_KEY, print_table, verdict
from benchmarks.gateway import Rates, Run, check, load, upstream
from benchmarks.gateway_load import Target
from benchmarks.gateway_peers import CHAT, TOKEN, Start, ours, running

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

MESSAGES = "/v1/messages"
NATIVE, TRANSLATED, PLAIN = "messages, as they are", "messages, translated", "chat completions, as they are"
KINDS = {"plain": "small replies", "stream": "streams of 20 events"}
AT_ONCE = (1, 16, 64)
LEAST = 0.5  # of the requests a second of what is not translated
MODELS = {NATIVE: "speaks-messages", TRANSLATED: "speaks-chat"}


class MessagesTarget(Target):
    """Where a message is asked for."""

    def request(self, kind: str) -> bytes:
        """The bytes of one question, as programs for Anthropic's API put it."""
        message = {"role": "user", "content": f"reply={kind} Say hello."}
        body: dict[str, object] = {"model": self.model, "max_tokens": 1024, "messages": [message]}
        if kind == "stream":
            body["stream"] = True
        content = json.dumps(body).encode()
        fields = {
            "Host": f"127.0.0.1:{self.port}",
            "Content-Type": "application/json",
            "Content-Length": str(len(content)),
            "anthropic-version": "2023-06-01",
            **self.headers,
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        return f"POST {self.path} HTTP/1.1\r\n{head}\r\n".encode() + content


def gateway(folder: Path, port: int) -> Start:
    """`inference-providers serve` before two providers."""
    start, url = ours(folder, port), f"http://127.0.0.1:{port}/v1"
    speaks = {"messages": {"endpoint": url, "key": "x-api-key", "headers": {"anthropic-version": "2023-06-01"}}}
    providers = {
        "p1": {"connection": {"protocol": "openai", "endpoint": url, "api_key": "P1_API_KEY", "speaks": speaks}},
        "p2": {"connection": {"protocol": "openai", "endpoint": url, "api_key": "P2_API_KEY"}},
    }
    for row, model in zip(providers.values(), MODELS.values(), strict=True):
        row["model_names"] = {model: f"{model}-internal"}
    file = folder / "registry.json"
    file.write_text(json.dumps({"providers": providers}))
    environ = {**start.environ, "P1_API_KEY": TEST_KEY, "P2_API_KEY": TEST_KEY}
    target = Target(start.target.port, CHAT, MODELS[TRANSLATED], start.target.headers)
    return Start([*start.command, "--registry", str(file)], environ, target)


def targets(port: int) -> Mapping[str, Target]:
    """What is compared."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    return {
        **{name: MessagesTarget(port, MESSAGES, model, headers) for name, model in MODELS.items()},
        PLAIN: Target(port, CHAT, MODELS[TRANSLATED], headers),
    }


def measured(run: Run, port: int) -> Rates:
    """All in turn, on one gateway."""
    rates = Rates()
    with running(gateway, port, run.serving) as one:
        asked = targets(one.target.port)
        for turn in range(-1, run.rounds):  # the first is not counted
            for kind in KINDS:
                for connections in AT_ONCE:
                    for name in random.sample(list(asked), len(asked)):
                        cpu = one.cpu()
                        taken = load(asked[name], kind, connections, 0.3 if turn < 0 else run.seconds)
                        if turn >= 0:
                            check(f"{name}, {kind}", taken)
                            rates.note(name, kind, connections, taken, one.cpu() - cpu)
    return rates


def rows(rates: Rates, kind: str) -> list[list[str]]:
    """Of a table: what each gave, and how the translated compare."""
    made = []
    for name in (NATIVE, TRANSLATED, PLAIN):
        cells = [f"{rates.rate(name, kind, connections) or 0:,.0f}" for connections in AT_ONCE]
        cpu = rates.cpu(name, kind)
        made.append([name, *cells, f"{(cpu or 0) * 1e6:,.0f}", "", NO_MARK])
    at = [(rates.rate(TRANSLATED, kind, number), rates.rate(NATIVE, kind, number)) for number in AT_ONCE]
    ratios = [mine / its if mine and its else 0.0 for mine, its in at]
    mine, its = rates.cpu(TRANSLATED, kind), rates.cpu(NATIVE, kind)
    cpu_ratio = mine / its if mine and its else float("inf")
    cells = [f"{ratio:.2f}x" for ratio in (*ratios, cpu_ratio)]
    result = verdict(min(ratios) >= LEAST)
    made.append(["translated / as they are", *cells, f"at least {LEAST}x the requests", result])
    return made


def main(arguments: Sequence[str]) -> None:
    """Measure, and print the tables."""
    run = Run(arguments)
    if run.asking is not None:
        os.sched_setaffinity(0, {run.asking})
    with upstream(run.asking) as port:
        rates = measured(run, port)
    for kind, title in KINDS.items():
        print()
        head = [
            f"{title}: requests a second",
            "1 connection",
            "16",
            "64",
            "CPU at 16, µs a request",
            "target",
            "result",
        ]
        print_table(head, rows(rates, kind))


if __name__ == "__main__":
    main(sys.argv[1:])
