"""Messages that name what a Python program would write, put for who is at a terminal."""

from __future__ import annotations

import re

# Whole phrases of our own only: words that a server, a model or a file says stay as they are.
_PHRASES = (
    (r"\b[Tt]his call's (avoid|only)\b", r"--\1"),
    (r"^(timeout|concurrency) must be\b", r"--\1 must be"),
    (r"^api_base (is|must)\b", r"--api-base \1"),
    (r"give its address as api_base\b", "give its address by --api-base"),
    (
        r"^The easiest keys to get \(set the variable to the key\):$",
        "The easiest keys to get (set the variable, or `inference-providers keys set`):",
    ),
    (
        r"^Set one of these environment variables:$",
        "Set one of these environment variables, or `inference-providers keys set`:",
    ),
    (r"A provider's own parameters go into extra_body=\{\.\.\.\}", "A provider's own go into -o 'extra_body={...}'"),
    (r"\bfiles= takes it$", "-a takes it"),
    (r"\bA smaller max_tokens\b", "A smaller --max-tokens"),
    (r"\bGive a larger max_steps\b", "Give a larger --max-steps"),
    (r"\bresume=False \(--no-resume\)", "--no-resume"),
    (r"^engine='(\w+)' needs an output file \(out=\)", r"--engine \1 needs an output file (-o FILE)"),
    (r"^engine='(\w+)' asks items one by one, and mode=\"(\w+)\"", r"--engine \1 asks items one by one, and --mode \2"),
    (r"^address and actors are of an engine, as in engine=\"(\w+)\"", r"--address and --actors are of --engine \1"),
    (r"\bhere \(address=, or RAY_ADDRESS\)", "here (--address, or RAY_ADDRESS)"),
    (r"; address=\"local\" takes this machine alone$", "; --address local takes this machine alone"),
    (r"\bgive an output file \(out=\) in a folder\b", "give an output file (-o) in a folder"),
    (r"\bor by a new ProviderList, which reads (\w+) anew", r"or after a new start, with another key in \1"),
)


def spoken(error: object) -> str:
    """The message of an error, for a person at a terminal."""
    text = str(error)
    for phrase, put in _PHRASES:
        text = re.sub(phrase, put, text, flags=re.MULTILINE)
    return text
