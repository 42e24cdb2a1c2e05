// One question to several models, side by side. What a model says is put into the page as text, and never as markup.
"use strict";

const csrf = document.querySelector('meta[name="csrf-token"]')?.content ?? "";
const question = document.getElementById("question");
const [ask, stop, add, heard] = ["ask", "stop", "add", "heard"].map((id) => document.getElementById(id));
const columns = [...document.querySelectorAll(".column")];
let running = null; // what stops the answers under way

question.addEventListener("submit", (event) => {
  event.preventDefault();
  send();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") running?.abort();
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.closest("#question, .column")) {
    event.preventDefault();
    question.requestSubmit();
  }
});
stop.addEventListener("click", () => running?.abort());

add.addEventListener("click", () => {
  const next = columns.find((column) => column.hidden);
  if (!next) return;
  next.hidden = false;
  offer();
  next.querySelector(".chosen").focus();
});
for (const column of columns) {
  column.querySelector(".away").addEventListener("click", () => {
    column.hidden = true;
    clear(column);
    column.querySelector(".chosen").value = "";
    offer();
    add.focus();
  });
}
offer();

// Which buttons can be used: there is one model at least, and four at most.
function offer() {
  const shown = columns.filter((column) => !column.hidden);
  add.disabled = shown.length === columns.length;
  for (const column of columns) column.querySelector(".away").disabled = shown.length === 1 || running !== null;
}

async function send() {
  if (running) return;
  const asked = columns.filter((column) => !column.hidden && column.querySelector(".chosen").value.trim());
  if (!asked.length) {
    heard.textContent = "Choose a model first.";
    columns.find((column) => !column.hidden).querySelector(".chosen").focus();
    return;
  }
  running = new AbortController();
  ask.disabled = true;
  stop.disabled = false;
  offer();
  heard.textContent = asked.length === 1 ? "Asking one model." : `Asking ${asked.length} models.`;
  await Promise.all(asked.map((column) => answer(column, running.signal)));
  const stopped = running.signal.aborted;
  running = null;
  ask.disabled = false;
  stop.disabled = true;
  offer();
  const failed = asked.filter((column) => column.dataset.state === "failed").length;
  const good = asked.length - failed;
  heard.textContent = stopped ? "Stopped." : `${good} of ${asked.length} answered.`;
}

function clear(column) {
  column.dataset.state = "";
  column.querySelector(".answer").replaceChildren();
  for (const fact of column.querySelectorAll("[data-fact]")) fact.textContent = "–";
}

function tell(column, facts) {
  for (const [name, words] of Object.entries(facts)) {
    column.querySelector(`[data-fact="${name}"]`).textContent = words;
  }
}

async function answer(column, signal) {
  clear(column);
  column.dataset.state = "asked";
  try {
    const reply = await fetch(question.action, {
      method: "POST",
      headers: { "content-type": "application/json", "x-csrf-token": csrf },
      body: JSON.stringify(wanted(column)),
      signal,
    });
    if (!(reply.headers.get("content-type") ?? "").startsWith("application/x-ndjson")) {
      const why = reply.redirected || reply.status === 403 ? "your session has ended: open this page again" : `status ${reply.status}`;
      fail(column, `This was not sent: ${why}.`);
      return;
    }
    for await (const line of lines(reply.body)) take(column, JSON.parse(line));
    if (column.dataset.state === "asked" || column.dataset.state === "talks") fail(column, "The answer broke off.");
  } catch (error) {
    if (signal.aborted) column.dataset.state = "stopped";
    else fail(column, `The gateway cannot be reached: ${error.message}`);
  }
}

function wanted(column) {
  const sent = {
    model: column.querySelector(".chosen").value.trim(),
    prompt: question.elements.prompt.value,
    system: question.elements.system.value,
  };
  for (const name of ["temperature", "max_tokens"]) {
    const value = question.elements[name].value;
    if (value !== "") sent[name] = Number(value);
  }
  return sent;
}

async function* lines(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    const parts = (rest + value).split("\n");
    rest = parts.pop();
    yield* parts.filter((part) => part);
  }
  if (rest) yield rest;
}

function take(column, said) {
  if (said.text !== undefined) {
    column.querySelector(".answer").append(said.text); // a string becomes text
  } else if (said.error) {
    fail(column, said.error.message);
    if (said.error.provider) tell(column, { provider: said.error.provider });
  } else if (said.end) {
    column.dataset.state = "done";
    const { input_tokens: read, output_tokens: made, cost, speed } = said.end;
    tell(column, {
      provider: said.end.provider,
      speed: speed === null ? "–" : Math.round(speed).toLocaleString("en"),
      tokens: made === null ? "–" : `${read} + ${made}`,
      cost: dollars(cost),
    });
    if (said.end.finish_reason === "length") note(column, "Cut off: it has used up its tokens.");
  } else {
    column.dataset.state = "talks";
    tell(column, { provider: said.provider, first: duration(said.first) });
  }
}

function fail(column, words) {
  column.dataset.state = "failed";
  note(column, words);
}

function note(column, words) {
  const line = document.createElement("p");
  line.className = "said";
  line.textContent = words;
  column.querySelector(".answer").append(line);
}

// As the other pages say it: all that matters of a small sum.
function dollars(cost) {
  if (cost === null) return "–";
  if (cost === 0) return "$0";
  if (cost >= 0.01) return `$${cost.toFixed(cost >= 1 ? 2 : 3)}`;
  return `$${cost.toFixed(Math.min(Math.max(1 - Math.floor(Math.log10(cost)), 2), 9))}`;
}

function duration(seconds) {
  return seconds < 1 ? `${Math.round(seconds * 1000)} ms` : `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`;
}
