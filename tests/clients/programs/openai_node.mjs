// The openai package for Node. What to do is in the environment; what came of it is printed as JSON.
import OpenAI from "openai";

const { MODEL, SCRIPT, STREAM, GATEWAY_URL, GATEWAY_TOKEN, HEADERS } = process.env;
const tools = [
  {
    type: "function",
    function: {
      name: "add",
      description: "Add two numbers.",
      parameters: {
        type: "object",
        properties: { a: { type: "integer" }, b: { type: "integer" } },
        required: ["a", "b"],
      },
    },
  },
];
const client = new OpenAI({
  baseURL: GATEWAY_URL,
  apiKey: GATEWAY_TOKEN,
  organization: "org-of-the-caller",
  defaultHeaders: JSON.parse(HEADERS),
});
const seen = { text: "", pieces: [], calls: [], usage: null, error: null };

async function ask(messages) {
  if (STREAM !== "yes") {
    const reply = await client.chat.completions.create({ model: MODEL, messages, tools });
    seen.usage = reply.usage.total_tokens;
    return reply.choices[0].message;
  }
  const stream = client.chat.completions.stream({
    model: MODEL,
    messages,
    tools,
    stream_options: { include_usage: true },
  });
  stream.on("content", (piece) => seen.pieces.push(piece));
  const reply = await stream.finalChatCompletion();
  seen.usage = reply.usage.total_tokens;
  return reply.choices[0].message;
}

try {
  if (SCRIPT === "models") {
    const names = [];
    for await (const model of client.models.list()) names.push(model.id);
    seen.text = names.join(" ");
  } else {
    const messages = [{ role: "user", content: SCRIPT }];
    let message = await ask(messages);
    if (message.tool_calls?.length) {
      messages.push(message);
      for (const call of message.tool_calls) {
        const given = JSON.parse(call.function.arguments);
        seen.calls.push([call.function.name, given]);
        messages.push({ role: "tool", tool_call_id: call.id, content: String(given.a + given.b) });
      }
      message = await ask(messages);
    }
    seen.text = message.content;
  }
} catch (error) {
  seen.error = { status: error.status ?? null, message: error.message, code: error.code ?? null };
}
console.log(JSON.stringify(seen));
