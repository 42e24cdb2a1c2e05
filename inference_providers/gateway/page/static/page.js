// What every page has: nothing works by this alone. Phones scroll the navigation to where one is.
"use strict";

document.querySelector("nav a[aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
