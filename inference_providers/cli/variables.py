"""Every environment variable that this package reads, but for those that the registry's rows name, and what it says.

From here `docs/environment.md` is made; a test compares it with the source.
"""

from __future__ import annotations

OURS, FOLDERS, NETWORK, OUTPUT, ENGINES, COMPATIBLE = (
    "This package",
    "Folders",
    "Network",
    "Terminal",
    "Models and engines on this machine",
    "Interfaces of other tools",
)
VARIABLES: dict[str, dict[str, str]] = {
    OURS: {
        "INFERENCE_PROVIDERS_MODEL": "the model, or models, best first, for calls that name none, between commas",
        "INFERENCE_PROVIDERS_EMBEDDING_MODEL": "the same for [vectors](kinds.md)",
        "INFERENCE_PROVIDERS_POLICY": "in which order candidates are asked, see [policies.md](policies.md)",
        "INFERENCE_PROVIDERS_BUDGET": "what may be spent, in USD: `per_day=5,per_call=0.1`, see [limits.md](limits.md)",
        "INFERENCE_PROVIDERS_AVOID": "providers, countries or `local` that are never asked, between commas",
        "INFERENCE_PROVIDERS_ONLY": "nobody but these is asked",
        "INFERENCE_PROVIDERS_OFFLINE": "`1`: nobody but on this machine and private networks is asked, nothing fetched",
        "INFERENCE_PROVIDERS_ALLOW": "providers that may have a general-purpose token unnamed, between commas",
        "INFERENCE_PROVIDERS_URL": "where updates of the registry are taken from; default: models.dev",
        "INFERENCE_PROVIDERS_CACHE_DIR": "where updates of the registry are kept; default: the cache folder",
        "INFERENCE_PROVIDERS_LOCAL_MODEL": "a GGUF file that is started where there is nobody else to ask",
        "INFERENCE_PROVIDERS_MODELS": "lists of models of your own: files, between `:` (`;` on Windows)",
        "INFERENCE_PROVIDERS_LOG": "`usage`, `text` or `off`: what of calls is logged, see [usage.md](usage.md)",
        "INFERENCE_PROVIDERS_PLUGINS": "`off`, or whose [plug-ins](plugins.md) are used: packages, between commas",
        "INFERENCE_PROVIDERS_TOKEN": "the token of [the gateway](gateway.md); its own is in a file by default",
        "INFERENCE_PROVIDERS_STATE": "`shared`, or a Redis: what programs know together, see [scale.md](scale.md)",
        "INFERENCE_PROVIDERS_COMPAT": "`0.2`: what that version gave, see [moving.md](moving.md)",
        "INFERENCE_PROVIDERS_GATEWAY": "the gateway that `Client` asks, see [inference-api.md](inference-api.md)",
    },
    FOLDERS: {
        "HOME": "where `~` is, and the folders below; default: by the system's accounts",
        "USERPROFILE": "the same on Windows",
        "HOMEDRIVE": "with `HOMEPATH`, the same where `USERPROFILE` is not set",
        "HOMEPATH": "see `HOMEDRIVE`",
        "LOCALAPPDATA": "where all is kept on Windows",
        "APPDATA": "where gcloud keeps its credentials on Windows; see [clouds.md](clouds.md)",
        "CLOUDSDK_CONFIG": "where it keeps them, in place of `~/.config/gcloud`",
        "XDG_CACHE_HOME": "where updates are kept; default: `~/.cache`",
        "XDG_CONFIG_HOME": "where your lists of models are; default: `~/.config`",
        "XDG_DATA_HOME": "where model files and the log of calls are; default: `~/.local/share`",
        "TMPDIR": "where packages with catalogues lie while a registry is built of them; default: `/tmp`",
        "XDG_STATE_HOME": "where servers and what was learnt are noted; default: `~/.local/state`",
    },
    NETWORK: {
        "HTTPS_PROXY": "the proxy for https, in either case of letters; see [network.md](network.md)",
        "HTTP_PROXY": "the proxy for http",
        "ALL_PROXY": "the proxy for both where those are not set",
        "NO_PROXY": "hosts that are reached without one",
        "REQUEST_METHOD": "where it is set, as in a CGI program, `HTTP_PROXY` is a header's and not believed",
        "SSL_CERT_FILE": "certificates to trust, in place of certifi's: a file",
        "SSL_CERT_DIR": "the same: a folder",
        "REQUESTS_CA_BUNDLE": "the same, a file or a folder, where those are not set",
        "CURL_CA_BUNDLE": "the same, where none of those is set",
        "NODE_EXTRA_CA_CERTS": "certificates to trust beside the others",
        "RAY_ADDRESS": "the cluster of Ray for [batches](batch.md#on-a-cluster) that name none",
        "SSLKEYLOGFILE": "where keys of TLS are logged, to look at traffic",
    },
    OUTPUT: {
        "NO_COLOR": "whatever it holds: no colours",
        "COLUMNS": "how wide a terminal is, where that is not what it says itself",
        "TERM": "`dumb`: nothing goes through a pager",
        "PAGER": "what shows long tables on a terminal; empty or `cat`: nothing",
        "LESS": "options of `less`, if that is it; `FRX` where it is not set",
    },
    ENGINES: {
        "PATH": "where programs are: `llama-server`, `vllm`, `ollama`, `nvidia-smi`",
        "OLLAMA_MODELS": "where Ollama keeps its models",
        "HF_HUB_CACHE": "where Hugging Face's models are",
        "HUGGINGFACE_HUB_CACHE": "the same, in its old spelling",
        "HF_HOME": "the folder above it",
        "LLAMA_CACHE": "where llama.cpp keeps its downloads",
        "MODELS_DIR": "a folder of models of yours: files, and folders of Hugging Face",
        "HF_ENDPOINT": "a mirror of Hugging Face, for `local get`",
        "HF_HUB_OFFLINE": "`1`: nothing is fetched from there",
        "LLAMA_API_KEY": "set for an engine that is started: the key that it asks for",
    },
    COMPATIBLE: {
        "TIKTOKEN_CACHE_DIR": "where tiktoken keeps its files, of which `estimate` reads those that are there",
        "DATA_GYM_CACHE_DIR": "the same, by its older name",
        "TMPDIR": "the folder above it where neither is set",
        "AWS_LAMBDA_FUNCTION_NAME": "where it is set, a call is logged before it ends: the process may be frozen then",
        "K_SERVICE": "the same",
        "MAX_TOKENS": "of `generate_response`: the longest answer; default: 250",
        "TEMPERATURE": "of `generate_response`; default: 0.1",
    },
}  # fmt: skip


def rows() -> dict[str, str]:
    """Each variable and what it says."""
    return {name: said for group in VARIABLES.values() for name, said in group.items()}
