"""A page's HTML, read strictly: what a browser would forgive, and what keeps somebody out, is a complaint."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"br", "col", "hr", "img", "input", "link", "meta"}
TYPED = {"input", "select", "textarea"}


class Page(HTMLParser):
    """One page. complaints: what is wrong with it. text: what a reader sees, in one string."""

    def __init__(self, html: str, *, whole: bool = True) -> None:
        super().__init__(convert_charrefs=True)
        self.complaints: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        self.complaints += [f"<{name}> is not closed" for name in self._open]
        self._check(whole)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def all(self, name: str) -> list[dict[str, str]]:
        """The attributes of all elements of a name."""
        return [attributes for element, attributes in self.elements if element == name]

    def fields(self) -> dict[str, str]:
        """Names and values of the inputs."""
        return {one["name"]: one.get("value", "") for one in self.all("input") if "name" in one}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        if len(names) != len(set(names)):
            self.complaints.append(f"<{tag}> has an attribute twice")
        own = "svg-title" if tag == "title" and "svg" in self._open else tag  # which is another thing
        self.elements.append((own, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.complaints.append(f"</{tag}> closes something else")

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
        if self._open and self._open[-1] in ("script", "style") and data.strip():
            self.complaints.append(f"<{self._open[-1]}> within the page")

    def handle_comment(self, data: str) -> None:
        self.complaints.append("a comment")

    def _check(self, whole: bool) -> None:
        complain = self.complaints.append
        ids = [attributes["id"] for _, attributes in self.elements if "id" in attributes]
        for one in {one for one in ids if ids.count(one) > 1}:
            complain(f"the id {one!r} is there {ids.count(one)} times")
        labels = {label.get("for", "") for label in self.all("label")}
        for name, attributes in self.elements:
            self._check_element(name, attributes, set(ids), labels)
        levels = [int(name[1]) for name, _ in self.elements if len(name) == 2 and name[0] == "h" and name[1].isdigit()]
        for before, level in zip([1 if whole else 2, *levels], levels, strict=False):
            if level > before + 1:
                complain(f"a heading of level {level} beneath one of level {before}")
        for table in range(len(self.all("table")) - len(self.all("caption"))):
            complain(f"table {table} has no caption")
        if whole:
            for name in ("html", "head", "title", "body", "main", "h1"):
                if len(self.all(name)) != 1:
                    complain(f"{len(self.all(name))} times <{name}>")
            if not all(one.get("lang") for one in self.all("html")):
                complain("no language")

    def _check_element(self, name: str, attributes: dict[str, str], ids: set[str], labels: set[str]) -> None:
        complain = self.complaints.append
        for key in attributes:
            if key.startswith("on") or key == "style":
                complain(f"<{name} {key}>")
        for key in ("aria-labelledby", "aria-describedby", "for"):
            for one in attributes.get(key, "").split():
                if one not in ids:
                    complain(f"{key} of <{name}> means {one!r}, which is not there")
        is_hidden = attributes.get("type") == "hidden" or "hidden" in attributes
        if name in TYPED and not is_hidden and attributes.get("id") not in labels and "aria-label" not in attributes:
            complain(f"<{name} name={attributes.get('name')!r}> has no label")
        if name == "img" and "alt" not in attributes:
            complain("<img> without words")
        if name == "th" and "scope" not in attributes:
            complain("<th> without scope")
        for key in ("href", "src", "action"):
            value = attributes.get(key, "/")
            if not value.startswith(("/", "#", "?", "https://")) or value.startswith("//"):
                complain(f"<{name} {key}={value!r}>")


def complaints(content: bytes, *, whole: bool = True) -> list[str]:
    """What is wrong with a page."""
    return Page(content.decode(), whole=whole).complaints
