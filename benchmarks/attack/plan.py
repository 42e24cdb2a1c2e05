"""All attacks, by name: what each tries, and how many tries of it are a small count."""

from __future__ import annotations

from benchmarks.attack import echoes, framing, keys, machine, meaning, outputs, replies, terminal, tracebacks
from benchmarks.attack.kit import Attack

ATTACKS: dict[str, tuple[Attack, int]] = {
    "answers to threads": (framing.to_threads, 96),
    "answers to tasks": (framing.to_tasks, 96),
    "bytes against h11": (framing.against_h11, 2000),
    "left streams": (framing.after_streams, 12),
    "cancelled streams": (framing.after_cancelled, 16),
    "keys by URLs": (keys.by_urls, 200),
    "keys by registries": (keys.by_registries, 40),
    "keys by redirects": (keys.by_redirects, 20),
    "echoes": (echoes.everywhere, 40),
    "interrupted calls": (tracebacks.interrupted, 8),
    "holders of keys": (tracebacks.shown, 40),
    "terminal": (terminal.commands, 3),
    "texts for a terminal": (terminal.texts, 500),
    "outputs written anew": (outputs.rewritten, 6),
    "special files": (outputs.special, 20),
    "inputs as outputs": (outputs.inputs, 10),
    "formulas": (outputs.formulas, 10),
    "slow replies": (replies.slow, 20),
    "large replies": (replies.large, 5),
    "odd replies": (replies.shapes, 100),
    "endless streams": (replies.endless, 4),
    "calls of tools": (replies.tools, 10),
    "schemas of a program": (replies.schemas, 10),
    "registries of a program": (replies.registries, 10),
    "states of servers": (machine.states, 10),
    "caches": (machine.caches, 20),
    "model lists": (machine.lists, 40),
    "engines": (machine.engines, 100),
    "private servers": (meaning.private, 8),
    "names with a slip": (meaning.heads, 15),
    "probes": (meaning.probes, 8),
    "no home": (machine.homeless, 10),
}
