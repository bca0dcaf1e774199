"""Schedules of faults: some servers of a fleet have a bad way or a bad time, the others do not.

`ssh:SEED` puts the proxy before each server, `jump:SEED` before the bastion and behind it. `linger:SEED`
loses first connections of runs whose agents linger: retries must find them, and nothing runs twice. All
that a schedule does follows from its seed alone, but for where in time a signal falls.
"""

import json
import math
import os
import random
import re
import signal
import time
from datetime import datetime

import check
from fault_proxy import KINDS, Fault
from world import BASTION, SHORT, abstract_sockets, below, configuration, value_of, verdict_of

UP, DOWN, IMAGE = 9000, 9000, 300000  # bytes that a session sends, and the agent's size, about
SLACK = 2.5  # seconds that teardown and a machine with other work may take beyond a deadline
DESCRIPTORS = 24  # muster's own; and for each session in progress
DESCRIPTORS_EACH = 8
SETTLED = 0.4  # seconds after which a server's verdict in the log means that its session is closed
PROMPT = ("cut", "reset", "sever")  # both ends, or muster, see them at once
LOSSES = (*PROMPT, "half", "corrupt", "blackhole")
GARBLES = ("corrupt", "reorder", "insert")
ROLES = ("sshd", "agent", "guard", "command")
LINGER = 6  # seconds
SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM)
NETWORK = {"unreachable", "connection-lost", "timeout"}
TIMES = {"connect": 1.0, "login": 2.5, "benchmark": 2.0, "beat": 0.3, "lease": 1.5}


class Report:
    """What became of a schedule: `mistakes` is empty when all invariants held."""

    def __init__(self, name):
        self.name = name
        self.about = []
        self.mistakes = []
        self.figures = {}
        self.counts = {}

    def worst(self, figure, value):
        self.figures[figure] = max(self.figures.get(figure, value), value)

    def count(self, what, times=1):
        self.counts[what] = self.counts.get(what, 0) + times


# ---- what a schedule does --------------------------------------------------------------------------


def draw_fault(rng, cold, kinds=KINDS):
    kind = rng.choice(kinds)
    direction = rng.choice(("up", "down"))
    size = (UP + IMAGE * (cold and rng.random() < 0.4)) if direction == "up" else DOWN
    # as often among the first bytes, where the protocol changes with every few, as among the others
    at = int(math.exp(rng.uniform(0, math.log(size)))) - 1 if rng.random() < 0.5 else rng.randrange(size)
    amount = {
        "delay": rng.choice((0.2, 0.5, 1.2, 3)), "trickle": rng.choice((1, 0.1, 0.01)),
        "corrupt": rng.randrange(8), "reorder": rng.choice((1, 16, 200)),
        "insert": rng.choice((1, 16, 2000)),
    }.get(kind, 0)
    return Fault(kind, direction, at, amount)


class Signal:
    """A signal to a process of a session, some time after muster's start."""

    def __init__(self, rng, roles=ROLES, numbers=SIGNALS):
        self.role = rng.choice(roles)
        self.number = rng.choice(numbers)
        self.at = rng.uniform(0.05, 0.8)

    def __str__(self):
        return f"{self.number.name} to its {self.role} after {self.at:.3f} s"

    def target(self, server):
        """The process it is for, or None when there is none now."""
        mine = [p for p in below(os.getpid()) if p.server() == server]
        pids = {p.pid: p for p in mine}
        agents = [p for p in mine if p.is_agent()]
        if self.role == "sshd":
            tops = {p.ppid for p in mine if p.ppid not in pids}
            found = [p for p in below(os.getpid()) if p.pid in tops and p.command.startswith("sshd: ")]
        elif self.role == "agent":
            parents = {p.ppid for p in agents}
            found = [p for p in agents if p.pid not in parents] or agents
        elif self.role == "guard":
            found = [p for p in agents if p.ppid not in pids]
        else:
            found = [p for p in mine if not p.is_agent() and "umask 077" not in p.command]
        return found[0] if found else None


class Schedule:
    def __init__(self, kind, seed):
        rng = self.rng = random.Random(f"{kind}:{seed}")
        self.name = f"{kind}:{seed}"
        self.count = rng.randint(5, 10)
        self.names = [f"web{i}" for i in range(1, self.count + 1)]
        self.benchmarks = rng.sample(SHORT, rng.randint(1, 3))
        self.fanout = rng.choice((self.count, self.count, 3))
        self.retries = rng.choice((0, 0, 1, 2))
        self.timeout = rng.choice((3, 4, 5))
        self.cold = rng.random() < 0.25
        self.jump = kind == "jump"
        self.lingers = kind == "linger"
        if self.lingers:
            self.retries, self.timeout = 2, 8
        self.faults = {}  # of a way, the bastion's included: (fault, of every connection?)
        self.signals = {}
        self.behind = set()  # the servers that are reached through the bastion
        self.draw()

    def draw(self):
        rng = self.rng
        numbers = range(1, self.count + 1)
        if self.jump:
            self.behind = set(rng.sample(numbers, rng.randint(2, self.count - 1)))
            if rng.random() < 0.7:
                self.faults[BASTION] = (draw_fault(rng, self.cold), rng.random() < 0.4)
                return
        for i in rng.sample(numbers, rng.randint(1, self.count - 1)):
            if self.lingers and rng.random() < 0.2:
                self.signals[i] = Signal(rng, ("sshd",), (signal.SIGKILL,))
            elif self.lingers:
                self.faults[i] = (draw_fault(rng, self.cold, LOSSES), False)
            elif not self.jump and rng.random() < 0.2:
                self.signals[i] = Signal(rng)
            else:
                self.faults[i] = (draw_fault(rng, self.cold), rng.random() < 0.5)

    def touched(self, i):
        return i in self.faults or i in self.signals or (BASTION in self.faults and i in self.behind)

    def lines(self):
        yield (
            f"{self.count} servers, {self.fanout} at once, retries {self.retries}, time-out"
            f" {self.timeout}s, benchmarks {' '.join(self.benchmarks)}{', no agent there yet' * self.cold}"
            f"{', agents linger' * self.lingers}"
        )
        if self.jump:
            yield f"behind the bastion: {' '.join(f'web{i}' for i in sorted(self.behind))}"
        for i, (fault, every) in sorted(self.faults.items()):
            way = "the bastion" if i == BASTION else f"web{i}"
            yield f"{way}: {fault}, {'every connection' if every else 'the first connection'}"
        for i, s in sorted(self.signals.items()):
            yield f"web{i}: {s}"

    def faults_of(self, i):
        fault, every = self.faults.get(i, (None, False))
        return lambda number: [fault] if fault and (every or number == 0) else []

    def reasons(self, i):
        """The reasons that a touched server may have an error with."""
        if i in self.signals:
            # it may be a program that puts the agent there, which is then not whole
            return NETWORK | {"bad-output", "benchmark-crashed", "unsupported"}
        fault = self.faults[i if i in self.faults else BASTION][0]
        # before the keys are agreed on, what is garbled may be the host key or its signature
        return NETWORK | ({"host-key"} if fault.kind in GARBLES else set())

    def must_recover(self, i):
        """Whether a retry is sure to help a touched server."""
        if i in self.signals:
            return self.lingers
        if self.retries == 0 or self.timeout < 4 or BASTION in self.faults:
            return False
        fault, every = self.faults[i]
        return fault.kind in PROMPT and not every

    def hosts(self):
        for i in range(1, self.count + 1):
            # a server behind the bastion has the proxy on the bastion's far side
            lines = f"Host web{i}\n  HostName 127.0.1.{i}\n"
            yield lines + ("  ProxyJump bastion\n" if i in self.behind else "")
        alive = self.rng.choice(("", "  ServerAliveInterval 1\n  ServerAliveCountMax 1\n"))
        yield f"Host bastion\n  HostName 127.0.1.{BASTION}\n{alive}"

    def arguments(self, world):
        top = (
            f"ssh: {{connect_timeout: {TIMES['connect']}s, login_timeout: {TIMES['login']}s}}",
            f"heartbeat: {TIMES['beat']}s", f"lease: {TIMES['lease']}s",
        )
        text = configuration(self.benchmarks, top, f"{TIMES['benchmark']}s")
        return [
            "run", "-F", world.ssh_config(self.hosts()), "-c", world.write("muster.yaml", text),
            "-f", str(self.fanout), "--retries", str(self.retries), "--timeout", f"{self.timeout}s",
            "--json", "-v", "--log-file", world.path("log.jsonl"), "--log-format", "json", "-q",
            "--failed-to", world.path("failed"), "--passed-to", world.path("passed"),
            *(["--linger", f"{LINGER}s"] if self.lingers else []), *self.names,
        ]

    @property
    def turns(self):
        """How many time-outs the run may take: a server that is tried again may wait for a place."""
        turns = math.ceil(self.count / self.fanout)
        return turns + 1 if self.retries and turns > 1 else turns


# ---- running it ------------------------------------------------------------------------------------


class Watch:
    """Follows muster while it runs: samples its descriptors, sends the schedule's signals."""

    def __init__(self, schedule, muster):
        self.muster = muster
        self.began = time.monotonic()
        self.waiting = dict(schedule.signals)
        self.stopped = []
        self.samples = []
        self.bound = schedule.turns * schedule.timeout + 2 * SLACK

    def follow(self):
        """Returns muster's exit status, or None when it did not end within the bound."""
        while self.muster.poll() is None:
            passed = time.monotonic() - self.began
            if passed > self.bound:
                return None
            try:
                open_now = len(os.listdir(f"/proc/{self.muster.pid}/fd"))
                self.samples.append((time.time(), open_now))
            except OSError:
                pass
            for i, s in list(self.waiting.items()):
                if passed >= s.at and (process := s.target(i)):
                    process.signal(s.number)
                    self.stopped += [process] if s.number == signal.SIGSTOP else []
                    del self.waiting[i]
            time.sleep(0.02)
        self.wall = time.monotonic() - self.began
        return self.muster.returncode

    def let_go_on(self):
        for process in self.stopped:
            process.signal(signal.SIGCONT)


def threads_of(pid):
    """Where the threads of a process that should have ended are."""
    found = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            words = []
            for name in ("comm", "wchan", "syscall"):
                with open(f"/proc/{pid}/task/{task}/{name}") as f:
                    words.append(f.read().strip())
            found.append("thread " + " ".join(words))
    except OSError:
        pass
    return found


def run(world, kind, seed):
    schedule = Schedule(kind, seed)
    report = Report(schedule.name)
    report.about = list(schedule.lines())
    world.reset()
    if schedule.cold:
        world.drop_agent()
    for i, route in world.routes.items():
        route.count = 0
        route.faults_of = schedule.faults_of(i)
    watch = Watch(schedule, world.start(*schedule.arguments(world)))
    status = watch.follow()
    if status is None:
        report.mistakes.append(f"muster did not end within {watch.bound:g} s")
        report.mistakes += threads_of(watch.muster.pid)
        watch.muster.kill()
        watch.muster.wait()
    check_servers_clean(world, watch, LINGER if schedule.lingers else 0, report)
    if status is not None:
        check_all(world, schedule, watch, status, report)
    return report


def is_muster_s(process):
    """Not sshd's own, and not an agent that was never asked for anything: it was told of no lease but
    the usual one, of a minute, and holds nothing."""
    if process.is_agent():
        pids = {name.rpartition(":")[2] for name in abstract_sockets()}
        family = [process, *below(process.pid)]
        return any(p.is_agent() and str(p.pid) in pids for p in family)
    return not process.command.startswith("sshd:")


def check_servers_clean(world, watch, linger, report):
    """With the connections that hang still open, then without them. An agent may linger in vain: its
    server has its verdict, and the word of the end was lost with the session."""
    watch.let_go_on()
    lease = TIMES["lease"] + SLACK
    took, left = world.wait_clean(lease + linger, is_muster_s)
    report.worst("clean-up without a word of the end, ms", max(0, took - linger) * 1e3)
    report.mistakes += [f"left on a server after {took:.1f} s: {p}" for p in left]
    world.proxy.drop()
    took, left = world.wait_clean(SLACK + linger)
    report.worst("clean-up after the end of the connection, ms", max(0, took - linger) * 1e3)
    report.mistakes += [f"left on a server after the connections' end: {p}" for p in left]
    report.mistakes += world.leftovers()
    world.kill_all()


def check_all(world, schedule, watch, status, report):
    doc, mistakes = check.read_document(world.read("run.out"))
    report.mistakes += mistakes
    if not doc:
        report.mistakes.append(f"muster ended with status {status}: {world.read('run.err')[:500]}")
        return
    lines, mistakes = check.read_log(world.path("log.jsonl"))
    report.mistakes += mistakes
    rows = check.Rows(world.store, world.folder)
    report.mistakes += check.document(doc, schedule.names)
    report.mistakes += check.exit_status(status, doc)
    report.mistakes += check.store(rows, doc)
    report.mistakes += check.log(lines, doc)
    report.mistakes += check.lists(world.read("failed"), world.read("passed"), doc)
    report.mistakes += check_shown(world, doc)
    report.mistakes += check_results(schedule, doc)
    report.mistakes += check_executions(world, schedule, doc)
    check_deadlines(schedule, watch, doc, report)
    check_descriptors(schedule, watch, lines, report)


def check_shown(world, doc):
    """The store's own command shows the same document."""
    status, out, err = world.ask("show", "last", "--json")
    wanted = 0 if doc["passed"] == doc["total"] else 1
    try:
        shown = json.loads(out)
    except ValueError:
        return [f"`muster show last --json` prints no JSON: {out[:200]!r} {err[:200]!r}"]
    mistakes = [] if shown == doc else ["`muster show last --json` differs from the run's own document"]
    return mistakes + ([] if status in (0, wanted) else [f"`muster show` ends with status {status}"])


def check_results(schedule, doc):
    mistakes = []
    for i, s in enumerate(doc["servers"], 1):
        is_as_ever = (s["verdict"], s["reason"]) == verdict_of(schedule.benchmarks, i)
        said = f"{s['server']}: {s['verdict']} {s['reason']} ({s['detail']})"
        if not schedule.touched(i):
            measured = [b["benchmark"] for b in s["benchmarks"] if b["value"] is not None]
            if not is_as_ever or s["attempts"] != 1 or measured != schedule.benchmarks:
                mistakes.append(f"{said}, though no fault touched it")
        elif not is_as_ever and schedule.must_recover(i):
            mistakes.append(f"{said}, though it could be tried again")
        elif not is_as_ever and s["reason"] not in schedule.reasons(i):
            mistakes.append(f"{said}, a reason that its fault does not explain")
        for b in s["benchmarks"]:
            if b["value"] is not None and b["value"] != value_of(b["benchmark"], i):
                mistakes.append(f"{s['server']}: {b['benchmark']} is {b['value']}")
    return mistakes


def check_executions(world, schedule, doc):
    """No benchmark ran more often than its server was tried; with agents that linger, none ran twice."""
    mistakes = []
    ran = world.read("executions").split("\n")
    for i, s in enumerate(doc["servers"], 1):
        for b in schedule.benchmarks:
            times = ran.count(f"{i} {b}")
            most = 1 if schedule.lingers else s["attempts"]
            if times > most or (times != 1 and not schedule.touched(i)):
                mistakes.append(f"{s['server']}: {b} ran {times} times in {s['attempts']} attempts")
    return mistakes


def deadlines(schedule, s):
    """(what, seconds, limit) of the deadlines that ended a server, as far as their beginning is known."""
    yield "a server's time", s["seconds"], schedule.timeout
    passed = re.search(r"no (SSH banner|end of the login) .* within ([0-9.]+)s", s["detail"] or "")
    if passed and s["attempts"] == 1:
        yield "a connection's or a login's time", s["seconds"], float(passed[2])
    for b in s["benchmarks"]:
        if b["reason"] == "timeout" and "did not end within" in (s["detail"] or ""):
            yield "a trial's time", b["seconds"], TIMES["benchmark"]


def check_deadlines(schedule, watch, doc, report):
    for s in doc["servers"]:
        for what, seconds, limit in deadlines(schedule, s):
            report.worst(f"over {what}, ms", max(0, (seconds - limit) * 1e3))
            if seconds - limit > SLACK:
                report.mistakes.append(f"{s['server']}: {what} was {limit} s, and it took {seconds}")
    over = watch.wall - schedule.turns * schedule.timeout
    report.worst("over a run's time, ms", max(0, over * 1e3))


def check_descriptors(schedule, watch, lines, report):
    """What is open is bounded by what is in progress, at every moment."""
    ended = sorted(
        datetime.fromisoformat(line["timestamp"]).timestamp()
        for line in lines if line["event"] in ("server passed", "server failed")
    )
    for at, count in watch.samples:
        done = sum(t < at - SETTLED for t in ended)
        busy = min(schedule.fanout, schedule.count - done)
        if count > DESCRIPTORS + DESCRIPTORS_EACH * busy:
            report.mistakes.append(f"{count} descriptors are open with {busy} servers in progress")
            return
