// Buttons that copy the text beneath them.
"use strict";

for (const button of document.querySelectorAll("button.copy")) {
  const code = button.closest(".lines").querySelector("code");
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      said(button, "Copied");
    } catch {
      // Over plain http from another machine there is no clipboard: the text is selected, for Ctrl+C.
      getSelection().selectAllChildren(code);
      said(button, "Selected");
    }
  });
}

function said(button, words) {
  const before = button.textContent;
  button.textContent = words;
  button.disabled = true;
  setTimeout(() => {
    button.textContent = before;
    button.disabled = false;
    button.focus();
  }, 1500);
}
