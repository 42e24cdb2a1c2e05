// The Vercel AI SDK with its provider for Anthropic's API. What came of it is printed as JSON.
import { createAnthropic } from "@ai-sdk/anthropic";
import { generateText, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

const { TURNS, STREAM, THINK, GATEWAY_URL, GATEWAY_TOKEN, HEADERS, RETRIES } = process.env;
const gateway = createAnthropic({
  baseURL: `${GATEWAY_URL}/v1`,
  apiKey: GATEWAY_TOKEN,
  headers: JSON.parse(HEADERS),
});
const messages = [];
const turns = [];

function options(model, seen) {
  return {
    model: gateway(model),
    messages,
    stopWhen: stepCountIs(3),
    maxOutputTokens: 4096,
    ...(RETRIES ? { maxRetries: Number(RETRIES) } : {}),
    ...(THINK === "yes"
      ? { providerOptions: { anthropic: { thinking: { type: "enabled", budgetTokens: 2048 } } } }
      : {}),
    tools: {
      add: tool({
        description: "Add two numbers.",
        inputSchema: z.object({ a: z.number().int(), b: z.number().int() }),
        execute: async ({ a, b }) => {
          seen.calls.push(["add", { a, b }]);
          return String(a + b);
        },
      }),
    },
  };
}

async function turn(said, seen) {
  const content = [{ type: "text", text: said.prompt }];
  if (said.picture) content.unshift({ type: "image", image: said.picture, mediaType: "image/png" });
  messages.push({ role: "user", content });
  let result;
  if (STREAM === "yes") {
    let failure;
    result = streamText({ ...options(said.model, seen), onError: ({ error }) => (failure = error) });
    for await (const piece of result.textStream) seen.pieces.push(piece);
    if (failure) throw failure;
  } else {
    result = await generateText(options(said.model, seen));
  }
  const steps = await result.steps;
  messages.push(...(await result.response).messages);
  seen.text = await result.text;
  for (const step of steps.slice(0, -1)) seen.said += step.text;
  for (const step of steps) seen.thoughts += step.reasoningText ?? "";
  const { inputTokens, cachedInputTokens, outputTokens } = await result.usage;
  seen.usage = [inputTokens - (cachedInputTokens ?? 0), cachedInputTokens ?? 0, outputTokens];
  seen.reason = await result.finishReason;
}

for (const said of JSON.parse(TURNS)) {
  const seen = { text: "", said: "", pieces: [], thoughts: "", calls: [], usage: null, reason: null, error: null };
  turns.push(seen);
  try {
    await turn(said, seen);
  } catch (error) {
    const last = error.lastError ?? error;
    const type = last.data?.error?.type ?? null;
    seen.error = { status: last.statusCode ?? null, message: last.message ?? JSON.stringify(last), type };
    break;
  }
}
console.log(JSON.stringify({ turns }));
process.exit(0);
