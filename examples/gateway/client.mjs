// Ask the gateway from Node.js 18 and later, and print the answer as it comes; no package is needed.
//
//   inference-providers serve &
//   INFERENCE_PROVIDERS_TOKEN=... node client.mjs "Tell me a story." [MODEL]

const gateway = process.env.INFERENCE_PROVIDERS_GATEWAY ?? "http://127.0.0.1:8484";
const [question = "Hello", model = "auto"] = process.argv.slice(2);

const response = await fetch(`${gateway}/v1/chat/completions`, {
  method: "POST",
  headers: {
    authorization: `Bearer ${process.env.INFERENCE_PROVIDERS_TOKEN}`,
    "content-type": "application/json",
  },
  body: JSON.stringify({ model, stream: true, messages: [{ role: "user", content: question }] }),
});
if (!response.ok) {
  const { error } = await response.json();
  console.error(`${response.status}: ${error.message}`);
  process.exit(1);
}

let waiting = "";
let whole = false;
for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
  const lines = (waiting + text).split("\n");
  waiting = lines.pop();
  for (const line of lines) {
    if (!line.startsWith("data: ")) continue;
    const data = line.slice("data: ".length);
    if (data === "[DONE]") {
      whole = true;
      continue;
    }
    const chunk = JSON.parse(data);
    if (chunk.error) {
      console.error(`\n${chunk.error.message}`);
      process.exit(1);
    }
    process.stdout.write(chunk.choices[0]?.delta.content ?? "");
  }
}
console.log();
if (!whole) {
  console.error("The answer broke off.");
  process.exit(1);
}
