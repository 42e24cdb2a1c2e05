// The Vercel AI SDK with its provider for compatible APIs. What came of it is printed as JSON.
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

const { MODEL, SCRIPT, STREAM, GATEWAY_URL, GATEWAY_TOKEN, HEADERS, RETRIES } = process.env;
const gateway = createOpenAICompatible({
  name: "gateway",
  baseURL: GATEWAY_URL,
  apiKey: GATEWAY_TOKEN,
  headers: JSON.parse(HEADERS),
  includeUsage: true,
});
const seen = { text: "", pieces: [], calls: [], usage: null, error: null };
const options = {
  model: gateway(MODEL),
  prompt: SCRIPT,
  stopWhen: stepCountIs(3),
  ...(RETRIES ? { maxRetries: Number(RETRIES) } : {}),
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

try {
  if (STREAM === "yes") {
    let failure;
    const result = streamText({ ...options, onError: ({ error }) => (failure = error) });
    for await (const piece of result.textStream) seen.pieces.push(piece);
    if (failure) throw failure;
    seen.text = await result.text;
    seen.usage = (await result.usage).totalTokens;
  } else {
    const result = await generateText(options);
    seen.text = result.text;
    seen.usage = result.usage.totalTokens;
  }
} catch (error) {
  const last = error.lastError ?? error;
  seen.error = { status: last.statusCode ?? null, message: last.message, code: last.data?.error?.code ?? null };
}
console.log(JSON.stringify(seen));
process.exit(0);
