// What the theme leaves to those who hear the page or have no mouse.
document.querySelector(".md-search").setAttribute("aria-label", "Search");

for (const corner of document.querySelectorAll("th:empty")) {
  corner.replaceWith(document.createElement("td"));
}

// A table that is wider than the page is scrolled by keys, too.
for (const table of document.querySelectorAll(".md-typeset table")) {
  if (table.scrollWidth > table.closest("article").clientWidth) {
    table.tabIndex = 0;
  }
}
