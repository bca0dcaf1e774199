"""Schedules of ends: muster is killed or interrupted at random moments, then the run is resumed.

`kill:SEED` does so to simulated runs, `sshkill:SEED` to runs over sshd. In the end the run must be what
an uninterrupted one is: the same verdicts and values, no server missing, none run again that had its
verdict on disk.
"""

import json
import os
import random
import signal
import subprocess
import time

import check
from faulted import Report, SLACK
from world import SHORT, configuration, value_of, verdict_of

LIMIT = 30  # seconds for any one muster
GOING = 1.0  # seconds in which an agent that was told of the end is gone
WAYS = {  # how a run is ended, how often of 10, and the exit status
    "SIGKILL": (7, -signal.SIGKILL),
    "SIGINT": (1, 130),
    "SIGTERM": (1, 143),
    "SIGINT twice": (1, 130),
}
# simulated runs: what they are made of, their fan-out, about how long they take, how often they are
# drawn; few, so that what they are without an end is found out once for each
FLEETS = [
    ("servers=20,seed=1,delay=0-100ms,error=20%", 8, 0.5, 3),
    ("servers=300,seed=2,delay=0-20ms,error=10%", 64, 0.3, 3),
    ("servers=2000,seed=3,delay=0,error=30%", 32, 0.4, 2),
    ("servers=5000,seed=4,delay=0,error=5%", 200, 0.6, 1),
    ("servers=60,seed=5,delay=10ms-50ms", 60, 0.3, 3),
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
    """One run, its ends and its resumes; checks them one after the other. Kinds of runs derive from it."""

    ends = ()  # (way, seconds) of each
    twice = False  # whether the last resume has a rival

    def __init__(self, world, name):
        self.world, self.report = world, Report(name)
        self.mistakes = self.report.mistakes
        self.rng = random.Random(name)
        self.reference = {}  # by name, what results() must give in the end
        self.names = []
        self.judged = {}  # what had its verdict on disk after the end before this one
        self.log_size = 0
        self.run_id = None
        self.output = "run.out"

    # -- of each kind --

    def arguments(self):
        """Of the first muster."""
        raise NotImplementedError

    def results(self, doc):
        return key_results(doc)

    def check_left(self, over):
        """What else there is to see after a piece; `over` after the last."""
        self.mistakes += self.world.leftovers()

    # -- of all --

    def tell(self):
        """Runs, ends and resumes until the run is whole."""
        self.report.about += [f"{way} after {at:.3f} s" for way, at in self.ends]
        arguments = first = self.arguments()
        for way, after in [*self.ends, (None, LIMIT)]:
            if way is None and self.twice and arguments is not first:
                status, took = self.resume_twice(arguments), None
            else:
                status, took = end(self.world.start(*arguments), way or "SIGKILL", after)
            if way is None and took is not None:
                self.say(f"muster did not end within {LIMIT} s")
                break
            rows = self.check_end(way, status, took)
            self.check_left(took is None)
            if took is None:  # it came to its own end
                self.check_whole(status, rows)
                break
            self.report.count(f"times muster was ended by {way}")
            if status is not None and status > 1 and way != "SIGINT twice":
                self.check_interrupted()
            if rows.run:
                arguments = ["resume", "last", "--json", "-q"]
        return self.report

    def resume_twice(self, arguments):
        """Two at once: one does it, the other is told so, or comes when all is done."""
        children = {name: self.world.start(*arguments, name=name) for name in ("run", "rival")}
        status = {name: child.wait(LIMIT) for name, child in children.items()}
        told = [name for name in children if status[name] == 2]
        for name in told:
            if "is being worked on by process" not in self.world.read(name + ".err"):
                self.say(f"a second resume says {self.world.read(name + '.err')[:300]}")
        self.report.count("resumes that found another at work", len(told))
        done = next((name for name in children if name not in told), "run")
        self.output = done + ".out"
        return status[done]

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
            # thousands of servers' last results are on their way to a disk that other schedules write to
            if took > 2 * SLACK:
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

    def check_whole(self, status, rows):
        """After the last piece: the document is that of one run."""
        doc = self.read_document(status)
        if not doc:
            return
        self.mistakes += check.document(doc, self.names)
        self.mistakes += check.exit_status(status, doc)
        self.mistakes += check.store(rows, doc)
        results = self.results(doc)
        for name, wanted in self.reference.items():
            if results.get(name) != wanted:
                self.say(f"{name}: {results.get(name)}, in an uninterrupted run {wanted}")


# ---- simulated runs --------------------------------------------------------------------------------


class Simulated(Story):
    def __init__(self, world, name):
        super().__init__(world, name)
        fleet = self.rng.choices(FLEETS, [often for *_, often in FLEETS])[0]
        self.fleet, self.fanout, duration, _ = fleet
        self.ends = [draw_end(self.rng, duration) for _ in range(self.rng.choice((1, 1, 1, 2, 3)))]
        self.twice = self.rng.random() < 0.3
        self.report.about = [f"{self.fleet}, {self.fanout} at once"]
        if self.fleet not in references:
            references[self.fleet] = self.in_one_piece()
        self.reference = references[self.fleet]
        self.names = list(self.reference)
        world.reset()

    def arguments(self):
        simulate = f"--simulate={self.fleet}"
        return ["run", simulate, "-f", str(self.fanout), "--json", "-q", "--retries", "0"]

    def in_one_piece(self):
        self.world.reset()
        self.world.start(*self.arguments()).wait(LIMIT)
        return key_results(json.loads(self.world.read("run.out")))


# ---- runs over sshd --------------------------------------------------------------------------------


class OverSshd(Story):
    def __init__(self, world, name):
        super().__init__(world, name)
        rng = self.rng
        self.count = rng.randint(4, 8)
        self.benchmarks = rng.sample(SHORT, rng.randint(1, 3))
        self.ends = [draw_end(rng, 1.2) for _ in range(rng.choice((1, 1, 2)))]
        cold = rng.random() < 0.3
        self.fanout = rng.choice((1, 3, self.count))
        self.lingers = rng.random() < 0.4
        self.report.about = [
            f"{self.count} servers, {self.fanout} at once, benchmarks {' '.join(self.benchmarks)}"
            f"{', no agent there yet' * cold}{', agents linger' * self.lingers}"
        ]
        for i in range(1, self.count + 1):
            values = [value_of(b, i) for b in self.benchmarks]
            self.reference[f"web{i}"] = (verdict_of(self.benchmarks, i), values)
        self.names = list(self.reference)
        self.ran = {}  # how many benchmarks, by those that had their verdict when this piece began
        self.stayed = set()  # the servers whose agents lingered, so that nothing may run twice
        world.reset()
        if cold:
            world.drop_agent()

    def arguments(self):
        hosts = [f"Host web{i}\n  HostName 127.0.2.{i}\n" for i in range(1, self.count + 1)]
        return [
            "run", "-F", self.world.ssh_config(hosts),
            "-c", self.world.write("muster.yaml", configuration(self.benchmarks)),
            "-f", str(self.fanout), "--retries", "0", "--json", "-q",
            *(["--linger", "30s"] if self.lingers else []), *self.names,
        ]

    def results(self, doc):
        return {
            s["server"]: ((s["verdict"], s["reason"]), [b["value"] for b in s["benchmarks"]])
            for s in doc["servers"]
        }

    def executions(self, name):
        number = name.removeprefix("web") + " "
        return sum(line.startswith(number) for line in self.world.read("executions").split("\n"))

    def check_left(self, over):
        if over or not self.lingers:
            self.check_clean()
        for name, times in self.ran.items():
            if (now := self.executions(name)) != times:
                self.say(f"{name} had its verdict, and ran {now - times} benchmarks more")
        judged = {row["name"] for row, _ in self.judged.values()}
        self.ran = {name: self.executions(name) for name in judged}
        if over:
            for name in self.stayed:
                if (times := self.executions(name)) != len(self.benchmarks):
                    self.say(f"{name} ran {times} benchmarks, though its agent lingered")
        elif self.lingers:
            # an agent that was told of the end goes, though muster had no time left to store the verdict
            time.sleep(GOING)
            here = {f"web{p.server()}" for p in self.world.on_servers() if p.is_agent()}
            self.stayed = self.stayed & judged | here

    def check_clean(self):
        took, left = self.world.wait_clean(SLACK)
        self.report.worst("clean-up after the end of muster, ms", took * 1e3)
        self.mistakes += [f"left on a server after {took:.1f} s: {p}" for p in left]
        self.mistakes += self.world.leftovers()
        self.world.kill_all()


def simulated(world, kind, seed):
    return Simulated(world, f"{kind}:{seed}").tell()


def over_sshd(world, kind, seed):
    return OverSshd(world, f"{kind}:{seed}").tell()
