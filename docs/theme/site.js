// The theme's search is a dialog without a name for those who hear the page.
document.querySelector(".md-search").setAttribute("aria-label", "Search");
