"""One-line calls: `ask_ai`, `stream`, `batch` and `estimate` over one list for each state of the environment."""

from __future__ import annotations

import os

from inference_providers.clients.provider_list import ProviderList
from inference_providers.credentials import Environment, hidden
from inference_providers.testing import stand_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Literal, TypeVar, Unpack, overload

    from inference_providers.batches import Batch
    from inference_providers.calls import AnswerStream
    from inference_providers.chat import Answer, Models, Prompt
    from inference_providers.clients.estimates import Estimate
    from inference_providers.clients.options import (
        AskOptions,
        BatchOptions,
        EstimateOptions,
        Items,
        PlainOptions,
        StreamOptions,
    )

    T = TypeVar("T")

_default: dict[bool, tuple[Environment, object, ProviderList]] = {}


def default_list(*, settings: bool = False) -> ProviderList:
    """The list behind the module's one-line functions: one for each state of the environment.

    *settings*: another one, which goes by the user's stored keys and settings as well.
    """
    environ = Environment(dict(os.environ))
    kept = _default.get(settings)
    if kept is None or kept[0] != environ or kept[1] is not stand_in.active:
        made = ProviderList(environ=environ, settings=settings)
        kept = _default[settings] = (environ, stand_in.active, made)
    return kept[2]


def forget_default_list() -> None:
    """Make new ones when they are next asked for."""
    _default.clear()


if TYPE_CHECKING:

    @overload
    def ask_ai(
        question: Prompt,
        model: Models = None,
        *,
        schema: type[T],
        stream: Literal[False] = False,
        **options: Unpack[PlainOptions],
    ) -> Answer[T]: ...

    @overload
    def ask_ai(
        question: Prompt, model: Models = None, *, stream: Literal[False] = False, **options: Unpack[AskOptions]
    ) -> Answer: ...

    @overload
    def ask_ai(
        question: Prompt, model: Models = None, *, stream: Literal[True], **options: Unpack[StreamOptions]
    ) -> AnswerStream: ...

    @overload
    def ask_ai(
        question: Prompt, model: Models = None, *, stream: bool, **options: Unpack[StreamOptions]
    ) -> Answer | AnswerStream: ...


def ask_ai(
    question: Prompt,
    model: Models = None,
    *,
    system: str | None = None,
    images: Any = None,
    files: Any = None,
    schema: Any = None,
    stream: bool = False,
    **options: Any,
) -> Answer | AnswerStream:
    """Ask the best model within reach, or *model*; its answer.

    Whoever fails to answer is followed by the next candidate. Other tools' words for parameters work as well, such as
    `max_new_tokens` and `stop_strings` (docs/parameters.md).

    Args:
        question: Text, a list of messages, or a `Conversation`.
        model: A name in any spelling, or several, best first. Default: the best model that a key reaches, else what a
            server on this machine has.
        system: The system prompt.
        images: A picture, or several: paths, addresses or bytes.
        files: Files of any kind, one or several: paths, addresses, bytes, or (name, bytes). Pictures, PDF files, sound
            and text are told by how they begin, and only models that take them are asked.
        schema: What the answer must fit: a JSON Schema, or a type such as a pydantic model. The value is
            `answer.parsed`. A reply that does not fit is sent back once.
        stream: Whether to give text as it comes.

    Keyword Args:
        max_tokens (int): The most tokens that the answer may have.
        temperature (float): Randomness, from 0 to 2.
        top_p, top_k, min_p (float): Which tokens may be chosen.
        seed (int): The same seed gives much the same answer.
        stop (str | list[str]): Text before which the answer ends.
        stop_token_ids (list[int]): Tokens at which it ends.
        frequency_penalty, presence_penalty, repetition_penalty (float): How much repetition is discouraged.
        logit_bias (dict[int, float]): A bias for each token id.
        logprobs, top_logprobs, n: Log probabilities and further answers, which are in `answer.data`.
        response_format (str | dict): "json", or OpenAI's object.
        reasoning_effort (str): "low", "medium", "high", or what else the model has.
        guided_json, guided_regex, guided_choice, guided_grammar: What the answer must look like, for servers with that.
        verbosity, service_tier, user (str): Passed on.
        tools (list[Callable | dict]): Functions that the model may call, until it answers; or descriptions of tools,
            whose calls are in `answer.tool_calls`.
        tool_choice (str | dict): "auto", "none", "required", or the tool that must be called.
        parallel_tool_calls (bool): Whether the model may call several at once.
        policy (str | Callable): Who is asked first: "listed", "random", "cheapest", "fastest", "smartest", "balanced",
            or a function that puts a list of offers in order.
        max_cost (float): The most that the call may cost, in USD, all tries included; what may cost more is not sent.
        provider (str): The provider that is asked; with *fallback_providers*, the first of them.
        fallback_providers (list[str]): Who is asked after it, in this order, and nobody else.
        quality_threshold (float): From 0 to 1, how good a model must be that you did not name.
        retry_attempts (int): How often one candidate is asked again.
        backoff_multiplier (float): By how much each pause may be longer than the last.
        strategies (list[dict]): Providers to ask in this order, each with a `model` and a `timeout` (milliseconds) of
            its own.
        fallback_config (dict): *fallback_providers*, *retry_attempts* and *backoff_multiplier* in one.
        cost_optimization (bool | dict): True is `policy="cheapest"`.
        latency_optimization (bool): True is `policy="fastest"`.
        test (bool): Whether the next candidate is asked when one fails. Without it the first whose server can be
            reached is asked, and its failure is raised.
        max_steps (int): The most replies in which the model may call tools. Default: 10.
        on_unsupported (str): "drop" leaves out what a provider does not take, and names it in `answer.dropped`; "error"
            asks only those who take everything. Default: "drop".
        extra_body (dict): Fields that go into the request as they are.
        timeout (float): Seconds for each reply, retries and fallbacks included. Default: that of the list, 600.
        avoid (str | list[str]): Providers not to ask, by id or country (`"CN"`), beside those of the list.
        only (str | list[str]): Providers or countries; nobody else is asked.
        api_key (str): The key for the one provider that the model's name begins with, which alone is asked.
        api_base (str): The address of an OpenAI-compatible server, which alone is asked.
        split_thinking (bool): Whether thoughts between tags (`<think>`) at the beginning become `answer.reasoning`, and
            are no part of the text. Default: that of the list, False.
        cache (bool | dict): Whether a kept reply will do, and a new one is kept; or options (docs/cache.md). Default:
            that of the list.
        cache_config (dict): The same options under another tool's name.

    Returns:
        The answer, a `str` with `.provider`, `.model`, `.usage`, `.cost`, `.attempts` and more. With *stream*, an
        `AnswerStream`.

    Raises:
        NoCredentialsError: There is no key for the model; `variables` names those that would help.
        ProviderAvoidedError: Whoever could be asked is avoided.
        UnknownModelError: The name means no model; `suggestions` has the closest.
        BudgetExceededError: The call may cost more than a limit leaves; nothing was sent.
        InvalidRequestError: The request is at fault: ContextLengthError, ContentFilteredError, or as the provider says.
        ProviderError: The only provider that was asked failed: AuthenticationError, RateLimitError and the like.
        AllProvidersFailedError: All who were asked failed; `attempts` has each of them.
        InvalidReplyError: The answer does not fit *schema*.
        StepLimitError: The model called tools in each of *max_steps* replies.
        TypeError: An option is unknown, or of the wrong type.
        ValueError: An option's value is out of range.
    """
    if "api_key" in options:
        options["api_key"] = hidden(options["api_key"])
    options |= {"system": system, "images": images, "files": files, "schema": schema}
    return (
        default_list().stream(question, model, **options)
        if stream
        else default_list().ask_ai(question, model, **options)
    )


def stream(question: Prompt, model: Models = None, **options: Unpack[StreamOptions]) -> AnswerStream:
    """Ask as `ask_ai` does; its answer, as it comes. Iterate over it for pieces of text.

    Who fails before the first text has come is followed by the next candidate; later failures are raised.

    Args:
        question: Text, a list of messages, or a `Conversation`.
        model: A name in any spelling, or several, best first. Default: the best within reach.

    Keyword Args:
        system (str): The system prompt.
        images: A picture, or several: paths, addresses or bytes.
        files: Files of any kind, one or several: paths, addresses, bytes, or (name, bytes). Pictures, PDF files, sound
            and text are told by how they begin, and only models that take them are asked.
        max_tokens (int): The most tokens that the answer may have.
        temperature (float): Randomness, from 0 to 2.
        top_p, top_k, min_p (float): Which tokens may be chosen.
        seed (int): The same seed gives much the same answer.
        stop (str | list[str]): Text before which the answer ends.
        stop_token_ids (list[int]): Tokens at which it ends.
        frequency_penalty, presence_penalty, repetition_penalty (float): How much repetition is discouraged.
        logit_bias (dict[int, float]): A bias for each token id.
        logprobs, top_logprobs, n: Log probabilities and further answers, which are in `answer.data`.
        response_format (str | dict): "json", or OpenAI's object.
        reasoning_effort (str): "low", "medium", "high", or what else the model has.
        guided_json, guided_regex, guided_choice, guided_grammar: What the answer must look like, for servers with that.
        verbosity, service_tier, user (str): Passed on.
        policy (str | Callable): Who is asked first: "listed", "random", "cheapest", "fastest", "smartest", "balanced",
            or a function that puts a list of offers in order.
        max_cost (float): The most that the call may cost, in USD, all tries included; what may cost more is not sent.
        provider (str): The provider that is asked; with *fallback_providers*, the first of them.
        fallback_providers (list[str]): Who is asked after it, in this order, and nobody else.
        quality_threshold (float): From 0 to 1, how good a model must be that you did not name.
        retry_attempts (int): How often one candidate is asked again.
        backoff_multiplier (float): By how much each pause may be longer than the last.
        strategies (list[dict]): Providers to ask in this order, each with a `model` and a `timeout` (milliseconds) of
            its own.
        fallback_config (dict): *fallback_providers*, *retry_attempts* and *backoff_multiplier* in one.
        cost_optimization (bool | dict): True is `policy="cheapest"`.
        latency_optimization (bool): True is `policy="fastest"`.
        test (bool): Whether the next candidate is asked when one fails. Without it the first whose server can be
            reached is asked, and its failure is raised.
        on_unsupported (str): "drop" leaves out what a provider does not take, and names it in `answer.dropped`; "error"
            asks only those who take everything. Default: "drop".
        extra_body (dict): Fields that go into the request as they are.
        timeout (float): Seconds for each reply, retries and fallbacks included. Default: that of the list, 600.
        avoid (str | list[str]): Providers not to ask, by id or country (`"CN"`), beside those of the list.
        only (str | list[str]): Providers or countries; nobody else is asked.
        api_key (str): The key for the one provider that the model's name begins with, which alone is asked.
        api_base (str): The address of an OpenAI-compatible server, which alone is asked.
        split_thinking (bool): Whether thoughts between tags (`<think>`) at the beginning become `answer.reasoning`, and
            are no part of the text. Default: that of the list, False.
        cache (bool | dict): Whether a kept reply will do, and a new one is kept; or options (docs/cache.md). Default:
            that of the list.
        cache_config (dict): The same options under another tool's name.

    Returns:
        An iterator over text, which has `.answer` after its end, and `.close()` to stop early.

    Raises:
        NoCredentialsError: There is no key for the model; `variables` names those that would help.
        ProviderAvoidedError: Whoever could be asked is avoided.
        UnknownModelError: The name means no model; `suggestions` has the closest.
        BudgetExceededError: The call may cost more than a limit leaves; nothing was sent.
        InvalidRequestError: The request is at fault: ContextLengthError, ContentFilteredError, or as the provider says.
        ProviderError: The only provider that was asked failed: AuthenticationError, RateLimitError and the like.
        AllProvidersFailedError: All who were asked failed; `attempts` has each of them.
        TruncatedStreamError: The stream broke after its first text; `partial` has what came.
        TypeError: An option is unknown, or of the wrong type.
        ValueError: An option's value is out of range.
    """
    if "api_key" in options:
        options["api_key"] = hidden(options["api_key"])
    return default_list().stream(question, model, **options)


def batch(questions: Items, models: Models = None, **options: Unpack[BatchOptions]) -> Batch:
    """Ask many questions at once; results with `.answer` or `.error`, in order.

    Args:
        questions: Texts, message lists, or dicts with `prompt` or `messages`, `custom_id`, `model` and parameters, or
            lines of OpenAI's batch format, of any number. Or a file (`pathlib.Path`) of JSON lines, JSON, CSV or text.
        models: A name or several, best first, for questions that name none. Default: the best within reach.

    Keyword Args:
        prompt (str): What is asked of each row, as `"Summarise: {column}"`.
        input_format (str): "jsonl", "json", "csv" or "text". Default: as the file's name ends.
        encoding (str): Of a file. Default: UTF-8, UTF-16 or UTF-32, as it begins.
        out (str | os.PathLike): A file for results: JSON lines, or CSV if its name ends so. With it, all is done when
            this returns.
        resume (bool): Whether questions that have an answer in *out* are not asked again. Default: True.
        csv_formulas (str): "keep" leaves cells that a spreadsheet would run, and warns of them; "escape" makes them
            text. Default: "keep".
        concurrency (int | str): Requests at once, or "auto" to find what each provider allows. Default: "auto".
        adaptive (bool): False keeps *concurrency* as it is. Default: True.
        requests_per_minute, tokens_per_minute (float): The most for each provider.
        on_error (str): "keep" gives failures as results, "raise" raises the first. Default: "keep".
        as_completed (bool): Whether results come as they finish, not in order. Default: False.
        patience (float): Seconds for which a question that is refused for the rate is asked again. Default: 3600.
        max_retries (int): How often a question is asked again at one provider, however it fails.
        progress (bool): Whether a line on standard error tells how far it is. Default: on a terminal, with *out*.
        mode (str): "provider" uses a provider's own batch API, which takes hours and costs half or so; with *out*.
        completion_window (str): How long such a job may take, as "24h", where the provider can be told. Default: its
            own.
        engine (str): "ray" asks from a cluster of Ray, with limits that hold for all of it; with *out*.
        address (str): Of the cluster, as in `ray.init`. Default: RAY_ADDRESS, or the one of this machine.
        actors (int): How many processes of the cluster ask. Default: one for each node.
        model (str | list[str]): The same as *models*.
        system (str): The system prompt.
        schema: A JSON Schema or a type that each answer must fit.
        max_tokens (int): The most tokens that the answer may have.
        temperature (float): Randomness, from 0 to 2.
        top_p, top_k, min_p (float): Which tokens may be chosen.
        seed (int): The same seed gives much the same answer.
        stop (str | list[str]): Text before which the answer ends.
        stop_token_ids (list[int]): Tokens at which it ends.
        frequency_penalty, presence_penalty, repetition_penalty (float): How much repetition is discouraged.
        logit_bias (dict[int, float]): A bias for each token id.
        logprobs, top_logprobs, n: Log probabilities and further answers, which are in `answer.data`.
        response_format (str | dict): "json", or OpenAI's object.
        reasoning_effort (str): "low", "medium", "high", or what else the model has.
        guided_json, guided_regex, guided_choice, guided_grammar: What the answer must look like, for servers with that.
        verbosity, service_tier, user (str): Passed on.
        tools (list[Callable | dict]): Functions that the model may call, until it answers; or descriptions of tools,
            whose calls are in `answer.tool_calls`.
        tool_choice (str | dict): "auto", "none", "required", or the tool that must be called.
        parallel_tool_calls (bool): Whether the model may call several at once.
        policy (str | Callable): Who is asked first: "listed", "random", "cheapest", "fastest", "smartest", "balanced",
            or a function that puts a list of offers in order.
        max_cost (float): The most that the batch may cost, in USD.
        provider (str): The provider that is asked; with *fallback_providers*, the first of them.
        fallback_providers (list[str]): Who is asked after it, in this order, and nobody else.
        quality_threshold (float): From 0 to 1, how good a model must be that you did not name.
        retry_attempts (int): How often one candidate is asked again.
        backoff_multiplier (float): By how much each pause may be longer than the last.
        strategies (list[dict]): Providers to ask in this order, each with a `model` and a `timeout` (milliseconds) of
            its own.
        fallback_config (dict): *fallback_providers*, *retry_attempts* and *backoff_multiplier* in one.
        cost_optimization (bool | dict): True is `policy="cheapest"`.
        latency_optimization (bool): True is `policy="fastest"`.
        on_unsupported (str): "drop" leaves out what a provider does not take, and names it in `answer.dropped`; "error"
            asks only those who take everything. Default: "drop".
        extra_body (dict): Fields that go into the request as they are.
        timeout (float): Seconds for each reply, retries and fallbacks included. Default: that of the list, 600.
        avoid (str | list[str]): Providers not to ask, by id or country (`"CN"`), beside those of the list.
        only (str | list[str]): Providers or countries; nobody else is asked.
        api_key (str): The key for the one provider that the model's name begins with, which alone is asked.
        api_base (str): The address of an OpenAI-compatible server, which alone is asked.
        split_thinking (bool): Whether thoughts between tags (`<think>`) at the beginning become `answer.reasoning`, and
            are no part of the text. Default: that of the list, False.
        cache (bool | dict): Whether a kept reply will do, and a new one is kept; or options (docs/cache.md). Default:
            that of the list.
        cache_config (dict): The same options under another tool's name.

    Returns:
        An iterable of `Result`, with a `.summary` of what was asked, answered and spent.

    Raises:
        TypeError: An option is unknown, or of the wrong type.
        ValueError: An option's value is out of range, or the input is an output as well.
        BlockingIOError: Another process writes to *out*.
        OSError: *out* is not a regular file, or cannot be written.
        InferenceProvidersError: Nobody can be asked; what is wrong with single questions is in their results.
    """
    if "api_key" in options:
        options["api_key"] = hidden(options["api_key"])
    return default_list().batch(questions, models, **options)


def estimate(question: Prompt, model: Models = None, **options: Unpack[EstimateOptions]) -> Estimate:
    """What a question may take and cost, before it is sent.

    Tokens are counted by `tiktoken` or `tokenizers` where they are installed and have what they need, else by
    characters.

    Args:
        question: Text, a list of messages, or a `Conversation`.
        model: A name in any spelling, or several, best first. It is estimated for the first candidate.

    Keyword Args:
        system (str): The system prompt.
        images: A picture, or several: paths, addresses or bytes.
        files: Files of any kind, one or several: paths, addresses, bytes, or (name, bytes).
        schema: What the answer must fit.
        extra_body (dict): Fields that go into the request as they are.
        max_tokens (int): The most tokens that the answer may have.
        temperature (float): Randomness, from 0 to 2.
        top_p, top_k, min_p (float): Which tokens may be chosen.
        seed (int): The same seed gives much the same answer.
        stop (str | list[str]): Text before which the answer ends.
        stop_token_ids (list[int]): Tokens at which it ends.
        frequency_penalty, presence_penalty, repetition_penalty (float): How much repetition is discouraged.
        logit_bias (dict[int, float]): A bias for each token id.
        logprobs, top_logprobs, n: Log probabilities and further answers, which are in `answer.data`.
        response_format (str | dict): "json", or OpenAI's object.
        reasoning_effort (str): "low", "medium", "high", or what else the model has.
        guided_json, guided_regex, guided_choice, guided_grammar: What the answer must look like, for servers with that.
        verbosity, service_tier, user (str): Passed on.
        tools (list[Callable | dict]): Functions that the model may call, until it answers; or descriptions of tools,
            whose calls are in `answer.tool_calls`.
        tool_choice (str | dict): "auto", "none", "required", or the tool that must be called.
        parallel_tool_calls (bool): Whether the model may call several at once.

    Returns:
        Tokens and USD from the least to the most, None where nobody knows; `.method` says how tokens were counted.

    Raises:
        NoCredentialsError: There is no key for the model.
        UnknownModelError: The name means no model.
        TypeError: An option is unknown, or of the wrong type.
        ValueError: An option's value is out of range.
    """
    return default_list().estimate(question, model, **options)
