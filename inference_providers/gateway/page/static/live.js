// Has the tables told anew every other second, as long as somebody looks and has not paused it.
"use strict";

const place = document.getElementById("live-rows");
const pause = document.getElementById("live-pause");
const state = document.getElementById("live-state");
const EVERY = 2000; // milliseconds
let timer = 0;
let paused = false;

async function refresh() {
  clearTimeout(timer);
  if (paused || document.hidden) return;
  try {
    const reply = await fetch(place.dataset.source, { headers: { accept: "text/html" }, cache: "no-store" });
    if (reply.redirected || reply.status === 401) {
      location.reload(); // the session has ended
      return;
    }
    if (!reply.ok) throw new Error(String(reply.status));
    const text = await reply.text();
    if (!paused && !selects()) replace(text);
    say(selects() ? "Waits as long as something is marked." : "");
  } catch {
    say("The gateway does not answer; this is what it said last.");
  }
  timer = setTimeout(refresh, EVERY);
}

// Whoever has come to one of the tables by the keyboard stays there.
function replace(text) {
  const tables = () => [...place.querySelectorAll("[tabindex]")];
  const at = tables().indexOf(document.activeElement);
  place.replaceChildren(...new DOMParser().parseFromString(text, "text/html").body.childNodes);
  if (at >= 0) tables()[at]?.focus({ preventScroll: true });
}

// Whoever marks some of it, to copy it, keeps what is marked.
function selects() {
  const chosen = getSelection();
  return chosen !== null && !chosen.isCollapsed && place.contains(chosen.anchorNode);
}

function say(words) {
  if (state.textContent !== words) state.textContent = words;
}

pause.addEventListener("click", () => {
  paused = !paused;
  pause.textContent = paused ? "Go on" : "Pause";
  pause.setAttribute("aria-pressed", String(paused));
  say(paused ? "Paused." : "");
  refresh();
});
document.addEventListener("visibilitychange", refresh);
pause.hidden = false;
say("");
refresh();
