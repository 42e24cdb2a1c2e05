// A client of the inference API for Node.js 18 and later; no package is needed.
//
//   INFERENCE_PROVIDERS_TOKEN=... node client.mjs "Write a poem about coding" [MODEL]

import { pathToFileURL } from "node:url";

export class InferenceError extends Error {
  constructor(status, { code, message, details = {} }) {
    super(message);
    Object.assign(this, { name: "InferenceError", status, code, details, retryAfter: details.retry_after });
  }
}

export class Client {
  constructor({ apiKey = process.env.INFERENCE_PROVIDERS_TOKEN, baseURL } = {}) {
    const address = baseURL ?? process.env.INFERENCE_PROVIDERS_GATEWAY ?? "http://127.0.0.1:8484";
    const url = `${address.replace(/\/+$/, "").replace(/\/inference$/, "").replace(/\/v1$/, "")}/v1/inference`;
    const send = async (path, body) => {
      const response = await fetch(url + path, {
        method: body === undefined ? "GET" : "POST",
        headers: { Authorization: `Bearer ${apiKey}`, "Content-Type": "application/json" },
        body: body === undefined ? undefined : JSON.stringify(body),
      });
      if (response.ok) return response;
      const told = await response.json().catch(() => ({}));
      throw new InferenceError(response.status, told.error ?? { code: "unknown", message: response.statusText });
    };
    this.inference = {
      create: async (request) => withContent(await (await send("", request)).json()),
      retrieve: async (id) => (await send(`/${encodeURIComponent(id)}`)).json(),
      batch: async (requests, options = {}) => (await send("/batch", { requests, ...options })).json(),
      stream: async (request) => chunks(await send("/stream", { ...request, stream: true })),
    };
  }
}

function withContent(reply) {
  return { ...reply, content: reply.choices[0].message.content };
}

async function* chunks(response) {
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of response.body) {
    text += decoder.decode(bytes, { stream: true });
    const events = text.split("\n\n");
    text = events.pop();
    for (const event of events) {
      if (!event.startsWith("data: ")) continue; // a comment that keeps the connection open
      const data = event.slice("data: ".length);
      if (data === "[DONE]") return;
      const chunk = JSON.parse(data);
      if (chunk.error) throw new InferenceError(response.status, chunk.error);
      yield { ...chunk, content: chunk.choices[0].delta.content ?? "" };
    }
  }
  throw new InferenceError(response.status, { code: "stream_broken", message: "The stream ended early." });
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [question = "Write a poem about coding", model = "auto"] = process.argv.slice(2);
  const client = new Client();
  try {
    const stream = await client.inference.stream({ model, messages: [{ role: "user", content: question }] });
    for await (const chunk of stream) process.stdout.write(chunk.content);
    process.stdout.write("\n");
  } catch (error) {
    console.error(error instanceof InferenceError ? `${error.code}: ${error.message}` : `${error}`);
    process.exitCode = 1;
  }
}
