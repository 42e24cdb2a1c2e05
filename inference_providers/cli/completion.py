"""Completion of model and provider names in the shell."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem


def complete_model(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Canonical names, and those that leave the choice, that start with what was typed."""
    from inference_providers.offers import AUTO, SMALL
    from inference_providers.registry import bundled

    names = sorted([AUTO, SMALL, *bundled().canonical_names])
    return [CompletionItem(name) for name in names if name.startswith(incomplete.lower())]


def complete_provider(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Provider ids that start with what was typed."""
    from inference_providers.registry import bundled

    return [CompletionItem(pid) for pid in bundled().providers if pid.startswith(incomplete.lower())]


def complete_open_model(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of models that can be fetched, as far as they start with what was typed."""
    from inference_providers.servers import open_models

    names = [model.name for model in open_models.every()]
    return [CompletionItem(name) for name in names if name.startswith(incomplete.lower())]
