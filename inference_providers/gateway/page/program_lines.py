"""What to paste for each program: rows, as docs/programs.md has them. Data.

`http://127.0.0.1:8484` stands for the address of the gateway that shows them. The token is never in them: programs read
it from INFERENCE_PROVIDERS_TOKEN.
"""

from __future__ import annotations

from textwrap import dedent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

USUAL = "http://127.0.0.1:8484"
SHELL, PYTHON, NODE, GO = "Shell", "Python", "JavaScript", "Go"
CHAT, MESSAGES, RESPONSES = "/v1/chat/completions", "/v1/messages", "/v1/responses"
GEMINI, OLLAMA = "/v1beta/models/auto:generateContent", "/api/chat"


class Lines:
    """One block. where: what it is for: a language, a shell, or the file that it goes to."""

    __slots__ = ("text", "where")

    def __init__(self, where: str, text: str) -> None:
        self.where, self.text = where, dedent(text).strip("\n")

    def at(self, address: str) -> str:
        """The text for a gateway at *address*."""
        return self.text.replace(USUAL, address)


class Program:
    """One program. path: of the gateway, which it asks by POST. note: what else to know."""

    __slots__ = ("blocks", "id", "name", "note", "path")

    def __init__(self, id: str, name: str, *blocks: Lines, path: str = CHAT, note: str = "") -> None:
        self.id, self.name, self.blocks, self.path, self.note = id, name, blocks, path, note

    def __repr__(self) -> str:
        return f"<Program {self.name}>"

    def __iter__(self) -> Iterator[Lines]:
        return iter(self.blocks)


TOKEN = Lines(SHELL, 'export INFERENCE_PROVIDERS_TOKEN="the key of a caller"')

PROGRAMS = (
    Program(
        "curl", "curl",
        Lines(
            SHELL,
            """
            curl -sS --fail http://127.0.0.1:8484/v1/chat/completions -H "Authorization: Bearer $INFERENCE_PROVIDERS_TOKEN" -H "Content-Type: application/json" -d '{"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}]}'
            """,  # noqa: E501
        ),
    ),
    Program(
        "openai-python", "openai for Python",
        Lines(
            PYTHON,
            """
            import os

            import openai

            client = openai.OpenAI(base_url="http://127.0.0.1:8484/v1", api_key=os.environ["INFERENCE_PROVIDERS_TOKEN"])
            reply = client.chat.completions.create(model="auto", messages=[{"role": "user", "content": "Hello"}])
            print(reply.choices[0].message.content)
            """,
        ),
        Lines(
            "Shell, for programs that make their own client",
            'export OPENAI_BASE_URL=http://127.0.0.1:8484/v1 OPENAI_API_KEY="$INFERENCE_PROVIDERS_TOKEN"',
        ),
        note="Do not set these variables where the gateway itself is started: it would ask itself.",
    ),
    Program(
        "openai-node", "openai for Node",
        Lines(
            NODE,
            """
            import OpenAI from "openai";

            const client = new OpenAI({
              baseURL: "http://127.0.0.1:8484/v1",
              apiKey: process.env.INFERENCE_PROVIDERS_TOKEN,
            });
            const reply = await client.chat.completions.create({
              model: "auto",
              messages: [{ role: "user", content: "Hello" }],
            });
            console.log(reply.choices[0].message.content);
            """,
        ),
    ),
    Program(
        "langchain", "LangChain",
        Lines(
            PYTHON,
            """
            import os

            from langchain_openai import ChatOpenAI

            model = ChatOpenAI(model="auto", base_url="http://127.0.0.1:8484/v1", api_key=os.environ["INFERENCE_PROVIDERS_TOKEN"])
            print(model.invoke("Hello").text)
            """,  # noqa: E501
        ),
    ),
    Program(
        "vercel-ai-sdk", "Vercel AI SDK",
        Lines(
            NODE,
            """
            import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
            import { generateText } from "ai";

            const gateway = createOpenAICompatible({
              name: "inference-providers",
              baseURL: "http://127.0.0.1:8484/v1",
              apiKey: process.env.INFERENCE_PROVIDERS_TOKEN,
              includeUsage: true,
            });
            const reply = await generateText({ model: gateway("auto"), prompt: "Hello", maxRetries: 0 });
            console.log(reply.text);
            """,
        ),
        note="It repeats by the status alone; maxRetries: 0 leaves that to the gateway.",
    ),
    Program(
        "anthropic-python", "anthropic for Python",
        Lines(
            PYTHON,
            """
            import os

            import anthropic

            client = anthropic.Anthropic(base_url="http://127.0.0.1:8484", api_key=os.environ["INFERENCE_PROVIDERS_TOKEN"])
            reply = client.messages.create(model="auto", max_tokens=1024, messages=[{"role": "user", "content": "Hello"}])
            print(reply.content[0].text)
            """,  # noqa: E501
        ),
        path=MESSAGES,
    ),
    Program(
        "anthropic-node", "anthropic for Node",
        Lines(
            NODE,
            """
            import Anthropic from "@anthropic-ai/sdk";

            const client = new Anthropic({
              baseURL: "http://127.0.0.1:8484",
              apiKey: process.env.INFERENCE_PROVIDERS_TOKEN,
            });
            const reply = await client.messages.create({
              model: "auto",
              max_tokens: 1024,
              messages: [{ role: "user", content: "Hello" }],
            });
            console.log(reply.content[0].text);
            """,
        ),
        path=MESSAGES,
    ),
    Program(
        "vercel-ai-sdk-by-anthropic-s-api", "Vercel AI SDK, by Anthropic's API",
        Lines(
            NODE,
            """
            import { createAnthropic } from "@ai-sdk/anthropic";
            import { generateText } from "ai";

            const gateway = createAnthropic({
              baseURL: "http://127.0.0.1:8484/v1",
              apiKey: process.env.INFERENCE_PROVIDERS_TOKEN,
            });
            const reply = await generateText({ model: gateway("auto"), prompt: "Hello", maxOutputTokens: 1024, maxRetries: 0 });
            console.log(reply.text);
            """,  # noqa: E501
        ),
        path=MESSAGES,
    ),
    Program(
        "google-genai-python", "google-genai for Python",
        Lines(
            PYTHON,
            """
            import os

            from google import genai

            client = genai.Client(
                api_key=os.environ["INFERENCE_PROVIDERS_TOKEN"], http_options={"base_url": "http://127.0.0.1:8484"}
            )
            print(client.models.generate_content(model="auto", contents="Hello").text)
            """,
        ),
        path=GEMINI,
    ),
    Program(
        "ollama-python", "ollama for Python",
        Lines(
            PYTHON,
            """
            import os

            import ollama

            client = ollama.Client(
                host="http://127.0.0.1:8484", headers={"Authorization": f"Bearer {os.environ['INFERENCE_PROVIDERS_TOKEN']}"}
            )
            print(client.chat("auto", [{"role": "user", "content": "Hello"}]).message.content)
            """,  # noqa: E501
        ),
        path=OLLAMA,
        note="What was made for Ollama and takes an address alone has nowhere to put a token.",
    ),
    Program(
        "llm", "llm",
        Lines(
            'extra-openai-models.yaml, in the folder that `dirname "$(llm logs path)"` prints',
            """
            - model_id: gateway
              model_name: auto
              api_base: http://127.0.0.1:8484/v1
              api_key_name: gateway
              supports_tools: true
            """,
        ),
        Lines(
            SHELL,
            """
            llm keys set gateway --value "$INFERENCE_PROVIDERS_TOKEN"
            llm -m gateway "Hello"
            """,
        ),
    ),
    Program(
        "aider", "aider",
        Lines(
            SHELL,
            """
            export OPENAI_API_BASE=http://127.0.0.1:8484/v1 OPENAI_API_KEY="$INFERENCE_PROVIDERS_TOKEN"
            aider --model openai/auto
            """,
        ),
        note="openai/ is aider's word for the API, and not sent.",
    ),
    Program(
        "opencode", "opencode",
        Lines(
            "opencode.json, in the folder of the project",
            """
            {
              "$schema": "https://opencode.ai/config.json",
              "model": "gateway/auto",
              "small_model": "gateway/auto:small",
              "provider": {
                "gateway": {
                  "npm": "@ai-sdk/openai-compatible",
                  "name": "inference-providers",
                  "options": {
                    "baseURL": "http://127.0.0.1:8484/v1",
                    "apiKey": "{env:INFERENCE_PROVIDERS_TOKEN}"
                  },
                  "models": {"auto": {}, "auto:small": {}}
                }
              }
            }
            """,
        ),
        Lines(SHELL, 'opencode run "Hello"'),
    ),
    Program(
        "claude-code", "Claude Code",
        Lines(
            SHELL,
            """
            export ANTHROPIC_BASE_URL=http://127.0.0.1:8484 ANTHROPIC_AUTH_TOKEN="$INFERENCE_PROVIDERS_TOKEN"
            export ANTHROPIC_MODEL=auto ANTHROPIC_DEFAULT_HAIKU_MODEL=auto:small
            claude
            """,
        ),
        path=MESSAGES,
        note="CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1 keeps it from asking anybody but the gateway.",
    ),
    Program(
        "codex", "Codex",
        Lines(
            "~/.codex/config.toml",
            """
            model = "auto"
            model_provider = "gateway"
            web_search = "disabled"

            [model_providers.gateway]
            name = "inference-providers"
            base_url = "http://127.0.0.1:8484/v1"
            env_key = "INFERENCE_PROVIDERS_TOKEN"
            wire_api = "responses"
            request_max_retries = 0
            stream_max_retries = 0
            """,
        ),
        Lines(SHELL, 'codex exec "Hello"'),
        path=RESPONSES,
        note="Its web search runs at OpenAI: where it is on, only models of providers that have it can answer.",
    ),
    Program(
        "gemini-cli", "Gemini CLI",
        Lines(
            SHELL,
            """
            export GOOGLE_GEMINI_BASE_URL=http://127.0.0.1:8484 GEMINI_API_KEY="$INFERENCE_PROVIDERS_TOKEN" GEMINI_MODEL=auto
            gemini --skip-trust -p "Hello"
            """,  # noqa: E501
        ),
        Lines(
            "~/.gemini/settings.json, the first time",
            """
            {
              "security": {"auth": {"selectedType": "gemini-api-key"}},
              "privacy": {"usageStatisticsEnabled": false},
              "general": {"enableAutoUpdate": false}
            }
            """,
        ),
        path=GEMINI,
    ),
    Program(
        "go", "Go",
        Lines(
            GO,
            """
            package main

            import (
            	"encoding/json"
            	"fmt"
            	"net/http"
            	"os"
            	"strings"
            )

            func main() {
            	address := "http://127.0.0.1:8484/v1/chat/completions"
            	body := `{"model": "auto", "messages": [{"role": "user", "content": "Hello"}]}`
            	request, err := http.NewRequest("POST", address, strings.NewReader(body))
            	if err != nil {
            		panic(err)
            	}
            	request.Header.Set("Authorization", "Bearer "+os.Getenv("INFERENCE_PROVIDERS_TOKEN"))
            	request.Header.Set("Content-Type", "application/json")
            	reply, err := http.DefaultClient.Do(request)
            	if err != nil {
            		panic(err)
            	}
            	defer reply.Body.Close()
            	var said struct {
            		Choices []struct{ Message struct{ Content string } }
            		Error   struct{ Message string }
            	}
            	if err := json.NewDecoder(reply.Body).Decode(&said); err != nil {
            		panic(err)
            	}
            	if reply.StatusCode != http.StatusOK {
            		panic(said.Error.Message)
            	}
            	fmt.Println(said.Choices[0].Message.Content)
            }
            """,
        ),
    ),
)  # fmt: skip
