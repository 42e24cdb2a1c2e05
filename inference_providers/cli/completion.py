"""Completion of model and provider names in the shell."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem


def complete_model(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Canonical names that start with what was typed."""
    from inference_providers.registry import bundled

    return [CompletionItem(name) for name in sorted(bundled().canonical_names) if name.startswith(incomplete.lower())]


def complete_provider(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Provider ids that start with what was typed."""
    from inference_providers.registry import bundled

    return [CompletionItem(pid) for pid in bundled().providers if pid.startswith(incomplete.lower())]
