"""Schedules of ends: muster is killed or interrupted at random moments, then the run is resumed.

`kill:SEED` does so to simulated runs, `sshkill:SEED` to runs over sshd. In the end the run must be what
an uninterrupted one is: the same verdicts and values, no server missing, none run again that had its
verdict on disk.
"""

import os
import random
import signal
import subprocess
import time

import check
from faulted import Report, SLACK
from world import BENCHMARKS, configuration, value_of, verdict_of

LIMIT = 30  # seconds for any one muster
GOING = 1.0  # seconds in which an agent that was told of the end is gone
WAYS = {  # how a run is ended, how often of 10, and the exit status
    "SIGKILL": (7, -signal.SIGKILL),
    "SIGINT": (1, 130),
    "SIGTERM": (1, 143),
    "SIGINT twice": (1, 130),
}
# what a simulated run is made of, and how long it takes at least; few, so that each has its reference
FLEETS = [
    ("servers=20,seed=1,delay=0-100ms,error=20%", 8, 0.5),
    ("servers=300,seed=2,delay=0-20ms,error=10%", 64, 0.3),
    ("servers=2000,seed=3,delay=0,error=30%", 32, 0.4),
    ("servers=5000,seed=4,delay=0,error=5%", 200, 0.6),
    ("servers=60,seed=5,delay=10ms-50ms", 60, 0.3),
]
references = {}


def key_results(doc):
    """What a resumed run must have in common with one in one piece."""
    return {
        s["server"]: (
            s["verdict"], s["reason"], s["detail"],
            [(b["benchmark"], b["verdict"], b["reason"], b["value"], b["trials"]) for b in s["benchmarks"]],
        )
        for s in doc["servers"]
    }


def draw_end(rng, duration):
    way = rng.choices(list(WAYS), [often for often, _ in WAYS.values()])[0]
    return way, rng.uniform(0, duration)


def end(child, way, after):
    """Ends muster so. Returns its exit status and how long it took to end, or None when it had."""
    try:
        child.wait(after)
        return child.returncode, None
    except subprocess.TimeoutExpired:
        pass
    began = time.monotonic()
    child.send_signal(signal.Signals[way.split()[0]])
    if way.endswith("twice"):
        time.sleep(0.02)
        if child.poll() is None:
            child.send_signal(signal.SIGINT)
    try:
        child.wait(LIMIT)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
        return None, LIMIT
    return child.returncode, time.monotonic() - began


class Story:
    """One run, its ends and its resumes; checks them one after the other."""

    def __init__(self, world, report, names):
        self.world, self.report, self.names = world, report, names
        self.mistakes = report.mistakes
        self.judged = {}  # what had its verdict on disk after the end before this one
        self.log_size = 0
        self.run_id = None
        self.results = key_results
        self.output = "run.out"
        self.twice = False  # whether the last piece has a rival

    def say(self, sentence):
        self.mistakes.append(sentence)

    def check_end(self, way, status, took):
        """After one end: exit status, time, and the store as it lies there."""
        if took is not None:
            self.report.worst(f"from {way} to the end, ms", took * 1e3)
            wanted = WAYS[way][1]
            # before muster listens to a signal it ends by it; or it had just come to its own end
            if status not in (wanted, -signal.Signals[way.split()[0]], 0, 1):
                self.say(f"after {way} the exit status is {status}, not {wanted}")
            if took > SLACK:
                self.say(f"after {way} it took {took:.2f} s to end")
        rows = check.Rows(self.world.store, self.world.folder)
        self.mistakes += rows.mistakes + rows.sums()
        judged = rows.judged()
        for position, row in self.judged.items():
            if judged.get(position) != row:
                self.say(f"{row[0]['name']} had a verdict before, and its rows are others now")
        self.check_log(judged, rows)
        self.judged = judged
        if rows.run:
            self.run_id = rows.run["id"]
        return rows

    def check_log(self, judged, rows):
        """Servers that had their verdict at the start of this piece are not in its part of the log."""
        if not self.run_id and not rows.run:
            return
        path = os.path.join(self.world.state, "muster", "logs", f"{self.run_id or rows.run['id']}.jsonl")
        if not os.path.exists(path):
            return
        with open(path, "rb") as f:
            f.seek(self.log_size)
            part = f.read()
        self.log_size += len(part)
        piece = self.world.path("piece.jsonl")
        with open(piece, "wb") as f:
            f.write(part)
        lines, mistakes = check.read_log(piece, torn=1)
        self.mistakes += mistakes
        before = {row[0]["name"] for row in self.judged.values()}
        again = {line["server"] for line in lines if "server" in line} & before
        if again:
            self.say(f"run again, though they had their verdicts: {sorted(again)[:10]}")
        now = {row[0]["name"]: row[0] for row in judged.values()}
        for name, said in check.verdicts_of(lines).items():
            final = [v for v in said if v[0] != "cancelled"]
            if len(final) > 1:
                self.say(f"{name} has {len(final)} verdicts in one piece of the log: {said}")
            # a verdict is on disk before it is told
            if final and (name not in now or (now[name]["verdict"], now[name]["reason"]) != final[0]):
                self.say(f"{name}: the log tells {final[0]}, which the store does not have")

    def read_document(self, status):
        doc, mistakes = check.read_document(self.world.read(self.output))
        if not doc:
            self.mistakes += mistakes
            self.say(f"a piece ended with status {status}: {self.world.read('run.err')[:500]}")
        return doc

    def check_interrupted(self):
        """What was interrupted in order says all there is to say."""
        if self.world.read(self.output) == "":
            return  # before it had begun
        if doc := self.read_document(130):
            self.mistakes += check.document(doc, self.names)

    def check_whole(self, child_status, rows, reference):
        """After the last piece: the document is that of one run."""
        doc = self.read_document(child_status)
        if not doc:
            return
        self.mistakes += check.document(doc, self.names)
        self.mistakes += check.exit_status(child_status, doc)
        self.mistakes += check.store(rows, doc)
        results = self.results(doc)
        for name, wanted in reference.items():
            if results.get(name) != wanted:
                self.say(f"{name}: {results.get(name)}, in an uninterrupted run {wanted}")


# ---- simulated runs --------------------------------------------------------------------------------


def reference_of(world, fleet, fanout):
    if fleet not in references:
        world.reset()
        child = world.start("run", f"--simulate={fleet}", "-f", str(fanout), "--json", "-q", "--retries", "0")
        child.wait(LIMIT)
        references[fleet], _ = check.read_document(world.read("run.out"))
    return references[fleet]


def simulated(world, kind, seed):
    rng = random.Random(f"{kind}:{seed}")
    report = Report(f"{kind}:{seed}")
    fleet, fanout, duration = rng.choice(FLEETS)
    doc = reference_of(world, fleet, fanout)
    ends = [draw_end(rng, duration) for _ in range(rng.choice((1, 1, 1, 2, 3)))]
    report.about = [f"{fleet}, {fanout} at once", *(f"{way} after {at:.3f} s" for way, at in ends)]
    world.reset()
    story = Story(world, report, [s["server"] for s in doc["servers"]])
    first = ["run", f"--simulate={fleet}", "-f", str(fanout), "--json", "-q", "--retries", "0"]
    story.twice = rng.random() < 0.3
    pieces(story, first, ends, key_results(doc), lambda over: world.leftovers())
    return report


def resume_twice(story, arguments):
    """Two at once: one does it, the other is told so, or comes when all is done. Returns the status."""
    children = {name: story.world.start(*arguments, name=name) for name in ("run", "rival")}
    status = {name: child.wait(LIMIT) for name, child in children.items()}
    told = [name for name in children if status[name] == 2]
    done = [name for name in children if name not in told]
    for name in told:
        if "is being worked on by process" not in story.world.read(name + ".err"):
            story.say(f"a second resume says {story.world.read(name + '.err')[:300]}")
    story.report.count("resumes that found another at work", len(told))
    story.output = (done or ["run"])[0] + ".out"
    return status[(done or ["run"])[0]]


def pieces(story, first, ends, reference, after_end):
    """Runs, ends and resumes until the run is whole. `after_end` finds more mistakes after each piece, told
    whether it was the last."""
    arguments = first
    for way, after in [*ends, (None, LIMIT)]:
        if way is None and story.twice and arguments is not first:
            status, took = resume_twice(story, arguments), None
        else:
            status, took = end(story.world.start(*arguments), way or "SIGKILL", after)
        if way is None and took is not None:
            story.say(f"muster did not end within {LIMIT} s")
            return
        if took is not None:
            story.report.count(f"times muster was ended by {way}")
        rows = story.check_end(way, status, took)
        story.mistakes += after_end(took is None)
        if took is None:  # it came to its own end
            story.check_whole(status, rows, reference)
            return
        if status is not None and status > 1 and way != "SIGINT twice":
            story.check_interrupted()
        if rows.run:
            arguments = ["resume", "last", "--json", "-q"]


# ---- runs over sshd --------------------------------------------------------------------------------


def check_clean(world, report):
    took, left = world.wait_clean(SLACK)
    report.worst("clean-up after the end of muster, ms", took * 1e3)
    mistakes = [f"left on a server after {took:.1f} s: {p}" for p in left] + world.leftovers()
    world.kill_all()
    return mistakes


def over_sshd(world, kind, seed):
    rng = random.Random(f"{kind}:{seed}")
    report = Report(f"{kind}:{seed}")
    count = rng.randint(4, 8)
    numbers = list(range(1, count + 1))
    names = [f"web{i}" for i in numbers]
    benchmarks = rng.sample(sorted(BENCHMARKS), rng.randint(1, 3))
    ends = [draw_end(rng, 1.2) for _ in range(rng.choice((1, 1, 2)))]
    cold = rng.random() < 0.3
    fanout = rng.choice((1, 3, count))
    lingers = rng.random() < 0.4
    report.about = [
        f"{count} servers, {fanout} at once, benchmarks {' '.join(benchmarks)}{', no agent there yet' * cold}"
        f"{', agents linger' * lingers}",
        *(f"{way} after {at:.3f} s" for way, at in ends),
    ]
    world.reset()
    if cold:
        world.drop_agent()
    hosts = [f"Host web{i}\n  HostName 127.0.2.{i}\n" for i in numbers]
    first = [
        "run", "-F", world.ssh_config(hosts), "-c", world.write("muster.yaml", configuration(benchmarks)),
        "-f", str(fanout), "--retries", "0", "--json", "-q", *(["--linger", "30s"] if lingers else []), *names,
    ]
    reference = {}
    for i, name in zip(numbers, names):
        values = [value_of(b, i) for b in benchmarks]
        reference[name] = (verdict_of(benchmarks, i), values)
    story = Story(world, report, names)
    story.results = lambda doc: {
        s["server"]: ((s["verdict"], s["reason"]), [b["value"] for b in s["benchmarks"]])
        for s in doc["servers"]
    }
    ran = {}  # how many benchmarks, by those that had their verdict when this piece began
    stayed = set()  # the servers whose agents lingered, so that nothing may run twice

    def executions(name):
        i = names.index(name) + 1
        return sum(line.startswith(f"{i} ") for line in world.read("executions").split("\n"))

    def after_end(over):
        mistakes = check_clean(world, report) if over or not lingers else []
        for name, times in ran.items():
            if (now := executions(name)) != times:
                mistakes.append(f"{name} had its verdict, and ran {now - times} benchmarks more")
        if over:
            mistakes += [
                f"{name} ran {executions(name)} benchmarks, not {len(benchmarks)}, though its agent lingered"
                for name in stayed if executions(name) != len(benchmarks)
            ]
        elif lingers:
            # an agent that was told of the end goes, though muster had no time left to store the verdict
            time.sleep(GOING)
            here = {f"web{p.server()}" for p in world.on_servers() if p.is_agent()}
            stayed.intersection_update(row["name"] for row, _ in story.judged.values())
            stayed.update(here)
        ran.clear()
        ran.update({row["name"]: executions(row["name"]) for row, _ in story.judged.values()})
        return mistakes

    pieces(story, first, ends, reference, after_end)
    return report
