"""LangChain's standard tests of a chat model and of embeddings, run by `test_langchain` in processes of their own.

SUITE_CLIENT says over which client: `bare`, the SDK's own, or `ours`. SUITE_URL is where a server is.
"""

from __future__ import annotations

import os
from typing import Any

import openai
from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from langchain_tests.integration_tests import ChatModelIntegrationTests, EmbeddingsIntegrationTests

from inference_providers import ProviderList
from tests.conftest import keys, registry_of
from tests.servers import refused_port

URL = os.environ["SUITE_URL"]
clients: tuple[openai.OpenAI, openai.AsyncOpenAI]
if os.environ["SUITE_CLIENT"] == "bare":
    clients = openai.OpenAI(base_url=URL, api_key="bare"), openai.AsyncOpenAI(base_url=URL, api_key="bare")
else:
    nobody = f"http://127.0.0.1:{refused_port()}/v1"
    providers = ProviderList(json_override=registry_of(nobody, URL), environ=keys(2), local=False)
    clients = providers.client(), providers.async_client()


class TestChat(ChatModelIntegrationTests):
    """Over chat completions."""

    responses = False

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        """The class that is tested."""
        return ChatOpenAI

    @property
    def chat_model_params(self) -> dict[str, Any]:
        """How one is made."""
        return {
            "model": "m",
            "client": clients[0].chat.completions,
            "async_client": clients[1].chat.completions,
            "root_client": clients[0],
            "root_async_client": clients[1],
            "use_responses_api": self.responses,
        }


class TestResponses(TestChat):
    """Over the responses API."""

    responses = True


class TestEmbeddings(EmbeddingsIntegrationTests):
    """Embeddings."""

    @property
    def embeddings_class(self) -> type[Embeddings]:
        """The class that is tested."""
        return OpenAIEmbeddings

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        """How one is made."""
        return {
            "model": "m",
            "client": clients[0].embeddings,
            "async_client": clients[1].embeddings,
            "check_embedding_ctx_length": False,
        }
