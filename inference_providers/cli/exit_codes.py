"""Exit codes, and the one place where errors become messages: no traceback of this package reaches the user."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from inference_providers import errors
from inference_providers.cli.output import leave_reader, say, say_json, silence
from inference_providers.cli.wording import from_settings, spoken

FAILED, USAGE, NO_CREDENTIALS, UNKNOWN_MODEL, BAD_REGISTRY, INTERRUPTED = 1, 2, 3, 4, 5, 130

EXIT_CODES = (
    "Exit codes: 0 done; 1 no provider answered, or the request was refused; 2 wrong usage; 3 no key and no server "
    "found; 4 unknown model or provider; 5 invalid or unreachable registry; 130 interrupted."
)

_CODES: tuple[tuple[type[Exception], int], ...] = (
    (errors.NoCredentialsError, NO_CREDENTIALS),
    (errors.UnknownModelError, UNKNOWN_MODEL),
    (errors.RegistryError, BAD_REGISTRY),
    (errors.SettingsError, USAGE),
    (errors.InferenceProvidersError, FAILED),
)


def code_of(kind: type[Exception]) -> int:
    """The exit code for an error of this package."""
    return next(code for base, code in _CODES if issubclass(kind, base))


def guarded(command: Callable[..., Any]) -> Callable[..., Any]:
    """A command whose errors become a message on standard error and an exit code."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except errors.InferenceProvidersError as error:
            if kwargs.get("as_json"):
                say_json(_as_dict(error))
            _tell(spoken(error))
            if advice := _advice(error):
                say(advice, err=True)
            sys.exit(code_of(type(error)))
        except KeyboardInterrupt:
            say(err=True)
            sys.exit(INTERRUPTED)
        except (ValueError, TypeError) as error:
            if from_settings(error):  # what is wrong was not typed here, so the usage is no help
                _tell(f"{spoken(error)}\n`inference-providers config edit` opens it.")
                sys.exit(USAGE)
            raise click.UsageError(spoken(error)) from None
        except BrokenPipeError:
            leave_reader()
        except OSError as error:
            silence()
            path = error.filename or "the output"
            say(f"Error: {path} cannot be written: {error.strerror or error}", err=True)
            sys.exit(FAILED)

    return run


def _tell(text: str) -> None:
    say("Error:", err=True, nl=False, fg="red", bold=True)
    say(" ", err=True, nl=False)
    say(text, err=True, taken=len("Error: "))


def _advice(error: errors.InferenceProvidersError) -> str:
    """What to do about the only key that was asked with, where it was refused; about a model for something else."""
    if not isinstance(error, errors.AuthenticationError):
        return _other_kind({attempt.model for attempt in getattr(error, "attempts", ())})
    from inference_providers.cli.key_report import replacement
    from inference_providers.cli.lists import environment, registry

    row, environ = registry().providers.get(error.provider or ""), environment()
    variable = next((name for name in row.key_variables if environ.source(name)), None) if row is not None else None
    return "" if row is None or variable is None else replacement(row, variable)


def _other_kind(models: set[str]) -> str:
    """That a model which did not answer is none to talk to, where that is known."""
    from inference_providers.cli.lists import registry

    known = registry()
    for model in sorted(models if len(models) == 1 else ()):
        kind = next((kind for kind, rows in known.kinds.items() if rows.canonical(model)), "")
        if kind and model not in known.canonical_names:
            return f"{model} is a model for {kind}: `inference-providers models` lists those to talk to."
    return ""


def _as_dict(error: errors.InferenceProvidersError) -> dict[str, Any]:
    """What a program that asked for JSON gets of a failure."""
    attempts = [
        {"provider": a.provider, "model": a.model, "outcome": a.outcome, "seconds": round(a.seconds, 3)}
        for a in getattr(error, "attempts", ())
    ]
    found = {"error": spoken(error), "kind": type(error).__name__}
    return {**found, "attempts": attempts} if attempts else found
