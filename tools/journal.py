"""Numbers of a long study, each written down as soon as it is there."""

import json

__all__ = ["Journal"]


class Journal:
    """Values by key, kept in a file line by line, so that a study that was stopped goes on."""

    def __init__(self, path):
        self.path, self.known, text = path, {}, ""
        if path.exists():
            text = path.read_text(encoding="utf-8")
        for line in text.splitlines():
            try:
                row = json.loads(line)
                self.known[row["key"]] = row["value"]
            except (ValueError, KeyError):  # the line that a kill cut short
                continue
        self.cut = bool(text) and not text.endswith("\n")

    def get(self, key, make):
        """Return the value of ``key``; where there is none, ``make()`` makes it."""
        if key not in self.known:
            self.known[key] = make()
            row = json.dumps({"key": key, "value": self.known[key]})
            with self.path.open("a", encoding="utf-8") as file:
                file.write(("\n" if self.cut else "") + row + "\n")
            self.cut = False
        return self.known[key]
