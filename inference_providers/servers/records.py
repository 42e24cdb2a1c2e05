"""Shapes of the dicts that pass between modules, processes and files. For type checkers: no program loads it."""

from typing import Literal, NotRequired, TypedDict


class KeyRule(TypedDict, total=False):
    """How an engine gets the key of its server; empty if it takes none. Either `variable`, or all of the others."""

    variable: str  # the environment variable that it reads
    argument: list[str]  # what is added to the command line; `{file}` is the path of a file that holds the key
    content: str  # template of that file; `{key}` is the key
    suffix: str  # of the file's name


class LaunchRecipe(TypedDict):
    """How an engine is launched: a row of `connection.local.launch` in the registry file, or a program's command."""

    name: str  # of the recipe; one engine may have several
    command: list[str]  # the command line, as templates; see `recipes`
    health: str  # path of a page that answers 200 once the model is loaded
    loading: float  # seconds that loading may take
    formats: list[str]  # of models: `gguf`, `hf` (a Hugging Face folder)
    program: NotRequired[str]  # must be on the PATH, or beside this Python
    module: NotRequired[str]  # must be installed beside this package; it is not imported
    install: NotRequired[str]  # how to install it, for a person
    options: NotRequired[
        dict[str, list[str] | dict[str, str]]
    ]  # launch option -> arguments, or variables, as templates
    environment: NotRequired[dict[str, str]]  # variable -> template
    key: NotRequired[KeyRule]
    served: NotRequired[str]  # template of the model's name in requests; `{name}` where it is left out
    source: NotRequired[str]  # the only program whose model files the engine runs: `Ollama`
    memory: NotRequired[list[str]]  # where the model goes: `main`, `gpu`; `main` where it is left out
    title: NotRequired[str]  # of a program's own command, for a person; else the provider's name


class LaunchOptions(TypedDict, total=False):
    """What a user says of how a model is launched. What is left out the engine or this package decides."""

    context: int  # tokens
    slots: int  # requests at once
    threads: int
    gpu_memory: float  # part of the GPU's memory, above 0 and at most 1
    tensor_parallel: int  # GPUs to spread the model over
    tokenizer: str  # path
    port: int  # on loopback
    idle: float  # seconds without a call after which the server ends; 0: never
    anyway: bool  # start it though the memory seems too small
    command: list[str]  # templates of a program's own command line
    health: str  # path of the page that says that this command's server is ready
    key_variable: str  # the environment variable in which this command's server gets its key


class ModelEntry(LaunchOptions):
    """A model of a list or of the program, completed."""

    name: str
    model_path: str | None  # as it was written, `~` included; None: the name stands for a model elsewhere
    tokenizer_path: str | None  # likewise; the model's where nothing else is said
    description: str
    engine: NotRequired[str]  # the provider's id, or another of its spellings


class ModelFacts(TypedDict, total=False):
    """What a model file says of itself: all fields, 0 for what it does not say; or none, where it cannot be read."""

    layers: int
    kv_heads: int  # heads of keys and values in each layer
    key: int  # numbers in a key, of one head
    value: int  # numbers in a value, of one head
    context: int  # tokens, at most


class ModelRecord(TypedDict):
    """A `ModelFile`, in a state file."""

    name: str
    path: str  # absolute; empty for a command that brings its model
    kind: str  # `gguf`, `hf`
    size: int  # bytes of its weights
    source: str  # who put it there, for a person
    served: str  # what its server calls it
    tokenizer_path: str
    description: str
    engine: str  # that is preferred; empty: whichever can
    options: LaunchOptions


class ServerIdentity(TypedDict):
    """What a server is, from its plan to its end."""

    provider: str  # id of the engine's row
    title: str  # of the engine, for a person
    way: str  # name of its recipe
    model: ModelRecord


class LaunchPlan(TypedDict):
    """What a supervisor gets on its standard input, as JSON. Written and read by one version of this package."""

    command: list[str]  # templates, of which `values`, the port and the key are filled in
    environment: dict[str, str]  # variable -> template, likewise
    values: dict[str, object]  # placeholder -> value
    folder: str  # of the server: absolute
    cwd: str  # in which the engine is started
    base: dict[str, str]  # what the engine gets of the user's environment
    key: KeyRule
    health: str  # path
    loading: float  # seconds
    port: int  # 0: any that is free
    idle: float  # seconds; 0: never
    state: ServerIdentity


class ServerState(ServerIdentity):
    """`state.json` in a server's folder. Other versions of this package read it: fields are added, not renamed."""

    phase: Literal["loading", "ready", "failed", "ended"]
    message: str  # why it failed or ended; else empty
    since: float  # seconds since the epoch, of this phase's begin
    supervisor: int  # number of its process
    engine: int | None  # likewise; None while none runs
    engine_started: NotRequired[
        float | None
    ]  # seconds since the epoch; with the number it tells the process from others
    namespace: NotRequired[str | None]  # in which these are the processes' numbers; see `peers.pid_namespace`
    port: int  # on 127.0.0.1; 0 before the first is tried
    key: str | None  # that the server wants; None if it wants none, and once it has ended
    idle: float  # seconds; 0: never
