"""`inference-providers`: look at keys, servers, models and the registry. Each command is a module beside this one."""

from __future__ import annotations

import click

from inference_providers import __version__
from inference_providers.cli.ask import main as ask
from inference_providers.cli.batch import batch
from inference_providers.cli.batch_jobs import batch_jobs
from inference_providers.cli.cache import cache
from inference_providers.cli.callers import callers
from inference_providers.cli.chat import chat
from inference_providers.cli.collections import collections
from inference_providers.cli.completion_script import completion
from inference_providers.cli.config import config
from inference_providers.cli.doctor import doctor
from inference_providers.cli.embed import embed
from inference_providers.cli.exit_codes import EXIT_CODES
from inference_providers.cli.keys import keys
from inference_providers.cli.learned import learned
from inference_providers.cli.local import local
from inference_providers.cli.logs import logs
from inference_providers.cli.mcp import mcp
from inference_providers.cli.models import models
from inference_providers.cli.output import Group
from inference_providers.cli.paths import paths, purge
from inference_providers.cli.plugins import plugins
from inference_providers.cli.providers import providers
from inference_providers.cli.registry import registry
from inference_providers.cli.resolve import resolve
from inference_providers.cli.roll_call import roll_call
from inference_providers.cli.serve import serve
from inference_providers.cli.similar import similar
from inference_providers.cli.templates import templates
from inference_providers.cli.terms import offline
from inference_providers.cli.usage import usage


@click.group(cls=Group, epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
@offline
def main() -> None:
    """See which models your keys and servers reach, and look after the registry behind it."""


# What each is for, in a line of a terminal of 80 columns.
_SUMMARIES = {
    "ask": "Ask a question, and print the answer: what `ask-ai` does.",
    "batch": "Ask every item of a file, and write the answers to another.",
    "batch-jobs": "Look after the jobs of providers' batch APIs.",
    "cache": "Look after the replies that programs have kept.",
    "callers": "Give people and programs keys to a gateway of yours.",
    "chat": "Talk to a model, or to two.",
    "collections": "Look at collections of vectors, and remove them.",
    "completion": "Print a script that completes what is typed in a shell.",
    "config": "Show and change settings.",
    "doctor": "Show what was found, what is wrong, and who would answer.",
    "embed": "Print the vector of a text, or collect those of many.",
    "keys": "Keep API keys, list and remove them.",
    "learned": "Show what providers were found to refuse.",
    "local": "Models and model servers on this machine.",
    "logs": "Look at calls in the log; turn it on and off.",
    "mcp": "List MCP servers and their tools.",
    "models": "List models and their prices.",
    "paths": "Show where everything is that is kept for you.",
    "plugins": "List the plug-ins of installed packages.",
    "providers": "List providers.",
    "purge": "Remove what is kept for you.",
    "registry": "Build, update, check and show the registry.",
    "resolve": "Show which model a name means, and who serves it.",
    "roll-call": "Ask every model within reach the same questions.",
    "serve": "Serve every model within reach at one address.",
    "similar": "Find what means nearly the same in a collection.",
    "templates": "Look after templates, which are questions to fill in.",
    "usage": "Show what was used: calls, tokens, costs and times.",
}

main.add_command(ask, "ask")
for command in (
    batch, batch_jobs, cache, callers, chat, collections, completion, config, doctor, embed, keys, learned, local,
    logs, mcp, models, paths, plugins, providers, purge, registry, resolve, roll_call, serve, similar, templates, usage,
):  # fmt: skip
    main.add_command(command)
for name, command in main.commands.items():
    command.short_help = _SUMMARIES[name]


if __name__ == "__main__":
    main()
