"""Whether a command printed what its page shows.

Line by line, blank ones apart, but for what differs from one time to the next: numbers, dates, times
and durations, keys' fingerprints, the width of columns, the user's home, and what else kept a server busy
(conditions). The counts of a summary (`Out of 20, 3 servers failed`) are held to the digit. `...` stands
for any lines, or within a line for anything. The id of a run that a page shows stands for the one that
came, from then on, and KIND for the kind of the servers at hand.
"""

import re

KIND = "EPYC 9654 x2 192c 768G"
RUN = re.compile(r"\d{8}-\d{6}-[0-9a-f]{6}")
COUNT = re.compile(r"\d+(?= (?:passed|failed|errors?|cancelled|servers? failed)\b|, \d+ servers? failed)")
CONDITIONS = re.compile(r' conditions=(?:"[^"]*"|\S+)')
DATE = re.compile(r"\b\d{4}-\d\d-\d\d(?:T[\d:.]+Z)?")
DURATION = re.compile(r"(?<![\w.])(?:\d+(?:\.\d+)?(?:d|h|min|ms|us|m|s))+(?!\w)")
NUMBER = re.compile(r"(?<![A-Za-z_\d.-])[-+]?\d[\d.,:]*(?:e[-+]?\d+)?")
ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def numbers_apart(text):
    text = CONDITIONS.sub("", ESCAPES.sub("", text))
    text = re.sub(r"SHA256:[\w+/=]+", "SHA256", text)
    text = COUNT.sub(lambda m: "".join("abcdefghij"[int(d)] for d in m[0]) + "~", text)
    text = DATE.sub("DATE", text)
    text = NUMBER.sub("#", DURATION.sub("#s", text))
    return re.sub(r"\s+", " ", text)


def normal(line):
    """A line as it is compared; ids of runs stay."""
    parts, at = [], 0
    for m in RUN.finditer(line):
        parts += [numbers_apart(line[at:m.start()]), m[0]]
        at = m.end()
    return "".join(parts + [numbers_apart(line[at:])]).strip()


def lines_of(text, world):
    text = text.replace(world.home, "~").replace("/home/op", "~")
    text = text.replace(KIND, "KIND").replace(world.kind, "KIND")
    return [n for n in map(normal, text.split("\n")) if n]


class Shape:
    """What one page has shown so far: the ids of its runs."""

    def __init__(self, world):
        self.world = world
        self.ids = {}  # of the page: those that came

    def with_ids(self, command):
        return RUN.sub(lambda m: self.ids.get(m[0], m[0]), command)

    def unknown_ids(self, command):
        return [x for x in RUN.findall(command) if x not in self.ids]

    def pattern(self, line, groups):
        parts, at = [], 0
        for m in re.finditer(RUN.pattern + r"|\.\.\.", line):
            parts.append(re.escape(line[at:m.start()]))
            at = m.end()
            if m[0] == "...":
                parts.append(".*")
            elif m[0] in self.ids:
                parts.append(self.ids[m[0]])
            elif m[0] in groups:
                parts.append(f"(?P=r{groups.index(m[0])})")
            else:
                parts.append(f"(?P<r{len(groups)}>{RUN.pattern})")
                groups.append(m[0])
        return "".join(parts) + re.escape(line[at:]) + r"\n"

    def difference(self, shown, printed):
        """None when `printed` has the shape of the lines `shown`, else a sentence."""
        expected = lines_of("\n".join(shown), self.world)
        came = "".join(line + "\n" for line in lines_of(printed, self.world))
        groups = []
        patterns = [r"(?:.*\n)*?" if x == "..." else self.pattern(x, groups) for x in expected]
        if m := re.fullmatch("".join(patterns), came):
            for i, page_id in enumerate(groups):
                self.ids[page_id] = m[f"r{i}"]
            return None
        for n in range(len(patterns), -1, -1):
            if m := re.match("".join(patterns[:n]), came):
                break
        rest = came[m.end():].split("\n")[0]
        if n == len(patterns):
            return f"printed beyond what the page shows: {rest}"
        return f"the page shows: {expected[n]}\n  what came has:  {rest or 'nothing more'}"
