"""`-t`, `-p` and `--save`: questions that are kept as templates."""

from __future__ import annotations

import os
from functools import wraps

import click

from inference_providers.cli.lists import environment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from click.shell_completion import CompletionItem

    from inference_providers.templates import Template


def complete_template(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of templates that start with what was typed."""
    from click.shell_completion import CompletionItem

    from inference_providers.templates import every

    return [CompletionItem(name) for name in every(environment()) if name.startswith(incomplete)]


_use = click.option(
    "-t", "--template", "use", metavar="NAME", shell_complete=complete_template, help="Ask as this template says."
)
_values = click.option(
    "-p", "--param", "values", multiple=True, metavar="NAME=VALUE", help="A variable of the template; may be repeated."
)
_save = click.option(
    "--save", metavar="NAME", help="Keep question and options as a template of this name, and do not ask."
)


def template_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds `-t`, `-p` and `--save`, which `with_template` reads."""
    return _use(_values(_save(command)))


def with_template(command: Callable[..., Any]) -> Callable[..., Any]:
    """Has a template's settings stand in for options that are not given. Stands right below `guarded`.

    *template* makes the question of what is typed; None without a template. With `--save` nothing is asked.
    """
    used = _filling(command)

    @wraps(command)
    def run(*args: Any, save: str | None, **kwargs: Any) -> Any:
        return used(*args, **kwargs) if save is None else keep(save, click.get_current_context())

    return run


def with_chat_template(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds `-t` and `-p`, and does as `with_template` does; a prompt has to have a place for what is typed."""
    return _use(_values(_filling(command, repeats=True)))


def _filling(command: Callable[..., Any], *, repeats: bool = False) -> Callable[..., Any]:
    @wraps(command)
    def run(*args: Any, use: str | None, values: tuple[str, ...], **kwargs: Any) -> Any:
        if use is None:
            if values:
                raise click.UsageError("-p sets a variable of a template: name one with -t.")
            return command(*args, template=None, **kwargs)
        from functools import partial

        from inference_providers.templates import find

        template, given = find(use, environment()), _given(values)
        template.check(given)
        if repeats and template.prompt and not template.has_input:
            raise click.UsageError(
                f"The prompt of the template {use} has no $input, so chat would say it again and again: ask-ai -t {use}"
            )
        kwargs |= _settings(template, given, click.get_current_context(), kwargs)
        return command(*args, template=partial(_question, template, given), **kwargs)

    return run


def _question(template: Template, given: dict[str, str], typed: str) -> str:
    return template.prompt_with(typed, given)


def _given(values: tuple[str, ...]) -> dict[str, str]:
    pairs = [value.partition("=") for value in values]
    for name, equals, _ in pairs:
        if not (equals and name.strip()):
            raise click.UsageError(f"-p {name} is not NAME=VALUE.")
    return {name.strip(): value for name, _, value in pairs}


def _settings(
    template: Template, given: dict[str, str], context: click.Context, options: dict[str, Any]
) -> dict[str, Any]:
    """What the template sets of a command's options, as far as they are not given. Raises UsageError."""
    known = {one.name or "": one for one in context.command.params}
    own = {name.replace("-", "_"): value for name, value in template.options.items()}
    wanted = {
        "models": template.models,
        "system": template.system_with(given),
        "schema": template.schema,
        "tool": template.tools,
        "servers": template.mcp,
        **{name: value for name, value in own.items() if name in _PARAMETERS},
    }
    typed = options.get("given", ())  # by `-o`
    named = {one.partition("=")[0].strip().replace("-", "_") for one in typed}
    found: dict[str, Any] = {}
    for name, value in wanted.items():
        if value in (None, [], "") or name in named or not _is_open(context, name):
            continue
        if name not in known:
            where = context.info_name
            raise click.UsageError(f"The template {template.name} sets {name}, which {where} does not take.")
        found[name] = _converted(template, known[name], value, context)
    others = [f"{name}={_written(value)}" for name, value in own.items() if name not in wanted and name not in named]
    found["given"] = (*others, *typed)
    return found


def _is_open(context: click.Context, name: str) -> bool:
    """Whether an option was not given."""
    return context.get_parameter_source(name) in (click.core.ParameterSource.DEFAULT, None)


def _written(value: Any) -> str:
    import json

    return value if isinstance(value, str) else json.dumps(value)


def _converted(template: Template, parameter: click.Parameter, value: Any, context: click.Context) -> Any:
    try:
        return parameter.type_cast_value(context, _written(value) if isinstance(value, dict) else value)
    except click.UsageError as error:
        raise click.UsageError(f"The template {template.name}: {error.format_message()}") from None


def keep(name: str, context: click.Context) -> None:
    """Write what a command line says as a template. Raises what `templates.save` raises."""
    from inference_providers.cli.output import say
    from inference_providers.templates import save

    content: dict[str, Any] = {}
    options: dict[str, Any] = {}
    for parameter in context.command.params:
        own = parameter.name or ""
        value: Any = context.params.get(own)
        if context.get_parameter_source(own) is not click.core.ParameterSource.COMMANDLINE:
            continue
        if own in _KEPT:
            content[_KEPT[own]] = _kept(own, value)
        elif own == "given":
            options |= dict(one.partition("=")[::2] for one in value)
        elif own in _PARAMETERS:
            options[own] = list(value) if isinstance(value, tuple) else value
        elif own == "values":
            content["defaults"] = _given(value)
        elif own not in ("save", "no_stdin"):
            raise click.UsageError(f"{parameter.opts[-1]} cannot be kept in a template.")
    if not content and not options:
        raise click.UsageError("Give what to keep: a question, a system prompt, a model or other options.")
    say(f"Wrote {save(name, {**content, 'options': options}, environment())}.", err=True)


_KEPT = {
    "question": "prompt", "models": "model", "model": "model", "system": "system", "schema": "schema", "tool": "tools",
    "servers": "mcp",
}  # fmt: skip
# Options that a template's table `options` may set beside parameters of models: none says where a question goes, or
# what may be done without asking.
_PARAMETERS = (
    "temperature", "max_tokens", "reasoning_effort", "timeout", "policy", "max_cost", "avoid", "only", "extract",
    "max_steps",
)  # fmt: skip


def _kept(name: str, value: Any) -> Any:
    if name == "question":
        return " ".join(value)
    if name == "tool":
        return [_whole(address) for address in value]
    if name == "schema" and value.lower().endswith(".json"):
        return os.path.abspath(os.path.expanduser(value))
    if isinstance(value, tuple):
        return value[0] if name == "models" and len(value) == 1 else list(value)
    return value


def _whole(address: str) -> str:
    """A tool's address, which means the same in every folder."""
    place, colon, name = address.rpartition(":")
    return f"{os.path.abspath(os.path.expanduser(place))}:{name}" if colon and place.endswith(".py") else address
