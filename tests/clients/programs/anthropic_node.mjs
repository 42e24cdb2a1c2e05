// The anthropic package for Node. What to do is in the environment; what came of it is printed as JSON.
import Anthropic from "@anthropic-ai/sdk";

const { TURNS, STREAM, THINK, GATEWAY_URL, GATEWAY_TOKEN, HEADERS } = process.env;
const tools = [
  {
    name: "add",
    description: "Add two numbers.",
    input_schema: {
      type: "object",
      properties: { a: { type: "integer" }, b: { type: "integer" } },
      required: ["a", "b"],
    },
  },
];
const more = THINK === "yes" ? { thinking: { type: "enabled", budget_tokens: 2048 } } : {};
const client = new Anthropic({ baseURL: GATEWAY_URL, apiKey: GATEWAY_TOKEN, defaultHeaders: JSON.parse(HEADERS) });
const messages = [];
const turns = [];

async function ask(model, seen) {
  const options = { model, max_tokens: 4096, messages, tools, ...more };
  if (STREAM !== "yes") return client.messages.create(options);
  const stream = client.messages.stream(options);
  stream.on("text", (piece) => seen.pieces.push(piece));
  return stream.finalMessage();
}

function joined(content, kind, name) {
  return content
    .filter((block) => block.type === kind)
    .map((block) => block[name])
    .join("");
}

async function turn(said, seen) {
  const content = [{ type: "text", text: said.prompt }];
  if (said.picture) {
    content.unshift({ type: "image", source: { type: "base64", media_type: "image/png", data: said.picture } });
  }
  messages.push({ role: "user", content });
  for (let step = 0; step < 3; step += 1) {
    const reply = await ask(said.model, seen);
    messages.push({ role: "assistant", content: reply.content });
    const usage = reply.usage;
    seen.usage = [usage.input_tokens, usage.cache_read_input_tokens ?? 0, usage.output_tokens];
    seen.thoughts += joined(reply.content, "thinking", "thinking");
    seen.text = joined(reply.content, "text", "text");
    seen.reason = reply.stop_reason;
    const uses = reply.content.filter((block) => block.type === "tool_use");
    if (!uses.length) return;
    seen.said += seen.text;
    seen.calls.push(...uses.map((use) => [use.name, use.input]));
    const results = uses.map((use) => ({
      type: "tool_result",
      tool_use_id: use.id,
      content: String(use.input.a + use.input.b),
    }));
    messages.push({ role: "user", content: results });
  }
}

for (const said of JSON.parse(TURNS)) {
  const seen = { text: "", said: "", pieces: [], thoughts: "", calls: [], usage: null, reason: null, error: null };
  turns.push(seen);
  try {
    await turn(said, seen);
  } catch (error) {
    seen.error = { status: error.status ?? null, message: error.message, type: error.error?.error?.type ?? null };
    break;
  }
}
console.log(JSON.stringify({ turns }));
