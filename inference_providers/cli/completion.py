"""Completion of model, provider and file names in the shell."""

from __future__ import annotations

from typing import Any

import click
from click.shell_completion import CompletionItem


class FileName(click.types.StringParamType):
    """The name of a file, or a URL: text, of which the shell completes files."""

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Leave it to the shell."""
        return [CompletionItem(incomplete, type="file")]


def complete_model(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names that start with what was typed: canonical ones, `auto`, PROVIDER/NAME and NAME:POLICY."""
    from inference_providers.cli.lists import environment, registry
    from inference_providers.offers import AUTO, POLICIES, SMALL

    known, typed = registry(), incomplete.lower()
    head, slash, rest = typed.partition("/")
    row: Any = known.providers.get(known.provider_id(head) or "") if slash else None
    names = [AUTO, SMALL, *environment().section("aliases"), *known.canonical_names]
    if row is not None:  # what it calls them, and what we do
        names = [f"{head}/{name}" for name in {*row.callable_names(), *(row.data.get("model_names") or {})}]
        typed = f"{head}/{rest}"
    elif ":" in typed and (name := typed.rpartition(":")[0]) in names:
        names += [f"{name}:{policy}" for policy in POLICIES]
    return [CompletionItem(name) for name in sorted(names) if name.lower().startswith(typed)]


def complete_parameter(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Parameters that start with what was typed, up to their values."""
    from inference_providers.chat import parameters

    names = [f"{name}=" for name in parameters.VOCABULARY]
    return [CompletionItem(name) for name in names if name.startswith(incomplete.replace("-", "_"))]


def complete_effort(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Levels of thinking that start with what was typed."""
    from inference_providers.chat import parameters

    return [CompletionItem(level) for level in parameters.EFFORTS if level.startswith(incomplete.lower())]


def complete_provider(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Provider ids that start with what was typed."""
    from inference_providers.cli.lists import registry

    return [CompletionItem(pid) for pid in registry().providers if pid.startswith(incomplete.lower())]


def complete_stored(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Providers of which a key is stored, and its variable where it is no provider's."""
    from inference_providers.cli.lists import environment, registry
    from inference_providers.settings import KEYRING, KEYS_FILE

    stored = [name for name, source in environment().stored.sources.items() if source in (KEYRING, KEYS_FILE)]
    rows = registry().providers.values()
    named = {row.id for row in rows if set(row.key_variables) & set(stored)}
    known = {name for row in rows for name in row.key_variables}
    names = sorted(named) + sorted(set(stored) - known)
    return [CompletionItem(name) for name in names if name.lower().startswith(incomplete.lower())]


def complete_server(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Models of launched servers."""
    import os

    from inference_providers.servers import running

    names = {state["model"]["name"] for _, state in running(os.environ)}
    return [CompletionItem(name) for name in sorted(names) if name.startswith(incomplete)]


def complete_open_model(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of models that can be fetched, as far as they start with what was typed."""
    from inference_providers.servers import open_models

    names = [model.name for model in open_models.every()]
    return [CompletionItem(name) for name in names if name.startswith(incomplete.lower())]


def complete_embedder(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Canonical names of models that embed, as far as they start with what was typed."""
    from inference_providers.registry import EMBEDDINGS, bundled

    models = bundled().kinds.get(EMBEDDINGS)
    return [
        CompletionItem(name) for name in sorted(models.rows if models else ()) if name.startswith(incomplete.lower())
    ]


def complete_collection(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of collections, as far as they start with what was typed."""
    from inference_providers.cli.lists import environment
    from inference_providers.vectors import Store

    try:
        return [CompletionItem(name) for name in sorted(Store.of(environment()).names()) if name.startswith(incomplete)]
    except OSError:
        return []
