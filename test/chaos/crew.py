"""Schedules for a crew: several workers share a run in PostgreSQL, and all of them have a bad time.

`crew:SEED` submits a simulated run or a few, starts workers and somebody who waits for the end of each, and
then kills, stops, drains and cuts off workers, and restarts, kills, stops, fills and fails over PostgreSQL.
What was killed is started again, what was cut is mended: in the end a run must be what one muster alone
makes of it, and what was printed, stored and logged must agree.

Each process reaches PostgreSQL by a way of its own (postgres_site.py). losscrew.py and sshcrew.py have
the same stories on other ways, and with real servers.
"""

import heapq
import json
import os
import random
import signal
import subprocess
import time

import check
from faulted import Report
from killed import key_results
from postgres_site import Proxied, Rows, Site
from world import MUSTER, die_with_parent, wait_until

WORKERS = 5
WAITER = 100
LIMIT = 60  # seconds from the end of the last fault to the end of the run
ENDING = 15  # seconds for a worker to end that has nothing to do
GRACE = 10  # seconds for a worker's last servers
AGAIN = 0.5  # seconds
NOT_ALL = "not all of its share of the run"
# what a run is made of, the fan-out of each worker
FLEETS = [
    ("servers=2000,seed=11,delay=100ms-600ms,error=10%", 100),
    ("servers=2000,seed=12,delay=0-60ms,error=20%", 10),
    ("servers=2000,seed=13,delay=50ms-250ms,error=5%", 32),
]
MORE_FLEETS = ["servers=200,seed=14,delay=20ms-100ms,error=10%", "servers=30,seed=15,delay=200ms-800ms,error=20%"]
references = {}

# ---- workers ---------------------------------------------------------------------------------------


class Worker:
    """One worker after the other in the same place, each with a log of its own."""

    def __init__(self, story, number, fanout):
        self.story, self.number, self.fanout = story, number, fanout
        self.logs = []  # path, and whether the worker was killed
        self.child = None
        self.turn = 0
        self.told = 0  # how often it was told to end

    def start(self):
        if self.child:
            return
        self.told = 0
        world = self.story.world
        self.turn += 1
        place = world.make("crew", self.story.report.name, f"{self.number}-{self.turn}")
        log = os.path.join(place, "log.jsonl")
        words = [
            MUSTER, "worker", "--store", self.story.url(self.number), "-f", str(self.fanout),
            "--lease", f"{self.story.lease}s", "--grace", f"{GRACE}s", "--log-file", log, "--log-format", "json",
            *(["--exit-when-idle"] if self.story.idle else []),
        ]
        with open(os.path.join(place, "err"), "wb") as err:
            self.child = subprocess.Popen(
                words, cwd=place, env={**world.environment(), "XDG_STATE_HOME": place},
                stdin=subprocess.DEVNULL, stdout=err, stderr=err, preexec_fn=self.story.inside(self.number),
            )
        self.logs.append([log, False])

    def signal(self, number):
        if self.child and self.child.poll() is None:
            self.child.send_signal(number)

    def kill(self):
        if not self.child or self.child.poll() is not None:
            return
        self.signal(signal.SIGKILL)
        self.child.wait()
        self.logs[-1][1] = True
        self.story.killed.add(self.child.pid)
        self.child = None

    def drain(self):
        self.told, self.drained = self.told + 1, time.monotonic()
        self.signal(signal.SIGTERM)

    def started_anew(self):
        """After kill or drain; one that takes its time to end is looked at again a little later."""
        late = self.told and time.monotonic() > self.drained + GRACE
        if self.told and not late and self.child and self.child.poll() is None:
            return AGAIN
        if self.told:
            self.ended(self.story.ending)
        self.start()

    def ended(self, seconds):
        """Waits for it to end by itself, or as it was told."""
        if not self.child:
            return
        try:
            status = self.child.wait(seconds)
            if status == -signal.SIGTERM and not os.path.exists(self.logs[-1][0]):
                self.logs.pop()  # it was told to end before it listened
            elif status != 0 and not self.story.may_end(self, status):
                self.story.say(f"worker {self.number} ended with status {status}: {self.last_words()}")
        except subprocess.TimeoutExpired:
            self.story.say(f"worker {self.number} did not end within {seconds} s: {self.last_words()}")
            self.kill()
        self.child = None

    def last_words(self):
        with open(os.path.join(os.path.dirname(self.logs[-1][0]), "err"), errors="replace") as f:
            return " / ".join(f.read().splitlines()[-3:])


# ---- runs ------------------------------------------------------------------------------------------


class Run:
    """One of a story's runs, and who waits for it."""

    def __init__(self, story, fleet, number):
        self.story, self.fleet = story, fleet
        self.name = f"run{number}" if number else "run"
        self.wanted = story.reference(fleet)

    def submit(self):
        """Returns whether that went well; then it is waited for."""
        world, site = self.story.world, self.story.site
        words = ["submit", *self.story.submission(self.fleet), "--store", site.cluster.url(site.database)]
        status, out, err = world.ask(*words)
        self.id = out.strip()
        if status != 0:
            self.story.say(f"submit ended with status {status}: {err[-500:]}")
            return False
        words = ["wait", self.id, "--store", self.story.url(WAITER), "--json", "-q"]
        self.waiter = world.start(*words, name=self.name, inside=self.story.inside(WAITER))
        return True

    def ended(self, until):
        """Whether it did so in time."""
        try:
            self.waiter.wait(max(0, until - time.monotonic()))
            return True
        except subprocess.TimeoutExpired:
            self.waiter.kill()
            self.waiter.wait()
            return False

    def check(self, lines):
        """The document against what is wanted, the store, and all lines of the workers' logs."""
        story, world = self.story, self.story.world
        doc, mistakes = check.read_document(world.read(self.name + ".out"))
        if not doc:
            return story.say(f"{mistakes}: {world.read(self.name + '.err')[-500:]}")
        rows = Rows(story.site, self.id)
        mistakes += check.document(doc, list(self.wanted)) + check.exit_status(self.waiter.returncode, doc)
        mistakes += check.store(rows, doc)
        results = story.results(doc)
        for name, wanted in self.wanted.items():
            if results.get(name) != wanted:
                mistakes.append(f"{name}: {results.get(name)}, alone {wanted}")
        if rows.run and not rows.run["judged"]:
            mistakes.append("the run was not judged")
        story.report.mistakes += mistakes
        self.check_audit(rows)
        self.check_logs(doc, [line for line in lines if line.get("run") == self.id])

    def check_audit(self, rows):
        """Each server came to its end once, by its last claim, and each claim had a number of its own."""
        audit, say = {}, self.story.say
        of = f"WHERE run = {rows.run['number']} ORDER BY at"
        for entry in self.story.site.rows(f"SELECT * FROM public.audit {of}"):
            audit.setdefault(entry["position"], []).append(entry)
        for row in rows.servers:
            entries = audit.get(row["position"], [])
            ends = [e for e in entries if e["state"] == "done"]
            claims = [e["claim"] for e in entries if e["claim"] != e["old_claim"]]
            self.story.report.count("servers that were claimed again", len(claims) > 1)
            if len(ends) != 1:
                say(f"{row['name']} came to its end {len(ends)} times: {ends}")
            elif ends[0]["claim"] != row["claim"] or ends[0]["old_claim"] != row["claim"]:
                say(f"{row['name']}: claim {row['claim']}, at its end {ends[0]}")
            if claims != list(range(1, row["claim"] + 1)):
                say(f"{row['name']}: claims {claims}")
            if any(e["was"] == "done" for e in entries):
                say(f"{row['name']} was done, and then not: {entries}")

    def check_logs(self, doc, lines):
        """All workers together tell of each verdict once; one that was killed may not have come to it."""
        said, sure = check.verdicts_of(lines), not self.story.killed
        for s in doc["servers"]:
            told = [verdict for verdict in said.pop(s["server"], []) if verdict[0] != "cancelled"]
            wanted = [(s["verdict"], s["reason"])]
            if told != wanted and (told or sure):
                self.story.say(f"{s['server']}: {wanted[0]}, in the workers' logs {told}")
        if said:
            self.story.say(f"the logs have verdicts of servers that were not asked for: {said}")


# ---- a schedule ------------------------------------------------------------------------------------

OF_WORKERS = {  # how often of 16, and how long it lasts
    "kill": (4, 0.0, 2.0), "drain": (2, 0.0, 1.0), "stop": (3, 0.2, 4.0), "freeze": (3, 0.2, 4.0),
    "cut": (2, 0.0, 0.0), "refuse": (1, 0.5, 3.0), "forget": (1, 0.5, 3.0),
}
OF_POSTGRES = {
    "fast": (1, 0.0, 2.0), "immediate": (1, 0.0, 2.0), "kill": (2, 0.0, 2.0), "crash": (2, 0.0, 2.0),
    "pause": (2, 0.2, 4.0), "fill": (2, 0.2, 3.0), "fail over": (2, 0.0, 0.0),
}


def draw(rng, kinds):
    kind = rng.choices(list(kinds), [often for often, *_ in kinds.values()])[0]
    return kind, rng.uniform(*kinds[kind][1:])


class Story:
    """What happens during one run or a few. Other kinds of crews derive from it."""

    of_workers, of_postgres = OF_WORKERS, OF_POSTGRES
    results = staticmethod(key_results)
    ending = ENDING
    connected = 5  # seconds that PostgreSQL may take to see that a connection has ended

    def __init__(self, world, name):
        self.world, self.report = world, Report(name)
        rng = self.rng = random.Random(name)
        what, fanout = self.draw_runs()
        self.lease = rng.choice((1, 2, 3))
        self.idle = rng.random() < 0.3
        self.workers = [Worker(self, i, fanout) for i in range(1, rng.randint(2, WORKERS) + 1)]
        self.killed = set()  # pids
        self.actions = []  # (seconds, order of those at the same time, sentence, what is done)
        self.fails_over = False
        self.draw_of_workers()
        self.draw_of_postgres()
        heapq.heapify(self.actions)
        self.report.about = [
            f"{what}, {len(self.workers)} workers with {fanout} at once, a lease of {self.lease} s"
            f"{', which end when idle' * self.idle}",
            *(f"{at:.3f} s: {what}" for at, _, what, _ in sorted(self.actions)),
        ]

    def say(self, sentence):
        self.report.mistakes.append(sentence)

    # -- the runs --

    def draw_runs(self):
        """Returns what they are, for people, and the fan-out of each worker."""
        fleet, fanout = self.rng.choice(FLEETS)
        self.fleets = [fleet, *self.rng.sample(MORE_FLEETS, self.rng.choice((0, 0, 1, 2)))]
        self.report.count("runs", len(self.fleets))
        return " and ".join(self.fleets), fanout

    def submission(self, fleet):
        """What `muster submit` is asked for."""
        return self.simulated(fleet)

    def simulated(self, fleet):
        """Whatever configuration other stories have left here."""
        return [f"--simulate={fleet}", "--retries", "0", "-c", self.world.write("plain.yaml", "{}\n")]

    def reference(self, fleet):
        """What results() must give in the end: that of one muster alone."""
        if fleet not in references:
            self.world.start("run", *self.simulated(fleet), "-f", "2000", "--json", "-q").wait(LIMIT)
            references[fleet] = key_results(json.loads(self.world.read("run.out")))
        return references[fleet]

    # -- what happens --

    def act(self, at, sentence, does):
        """does() returns nothing, or the seconds after which it wants another turn."""
        self.actions.append((at, len(self.actions), sentence, does))

    def draw_of_workers(self):
        rng = self.rng
        for _ in range(rng.randint(1, 5)):
            kind, lasts = draw(rng, self.of_workers)
            worker = rng.choice(self.workers)
            kind = self.allowed(kind, worker)
            at = rng.uniform(0, 3)
            who = f"worker {worker.number}"
            begins, ends = self.strike_worker(kind, worker)
            self.report.count(f"{kind} worker")
            self.report.count("stops that outlast a worker's lease", kind == "stop" and lasts > self.lease)
            self.act(at, f"{kind} {who}", begins)
            if ends:
                self.act(at + lasts, f"{who} is well again ({kind})", ends)

    def allowed(self, kind, worker):
        """What is done to a worker instead, where `kind` would leave a run without an end."""
        return kind

    def strike_worker(self, kind, worker):
        way = worker.number
        return {
            "kill": (worker.kill, worker.started_anew),
            "drain": (worker.drain, worker.started_anew),
            "stop": (lambda: worker.signal(signal.SIGSTOP), lambda: worker.signal(signal.SIGCONT)),
            "freeze": (self.strike(way, "freeze"), self.strike(way, "thaw")),
            "cut": (self.strike(way, "cut"), None),
            "refuse": (self.strike(way, "refuse", "cut"), self.strike(way, "accept")),
            "forget": (self.strike(way, "forget"), self.strike(way, "cut")),
        }[kind]

    def strike(self, way, *kinds):
        def does():
            self.site.ways.strike(way, *kinds)

        return does

    def draw_of_postgres(self):
        """One after the other; nothing comes after it has failed over."""
        rng = self.rng
        at = 0
        for _ in range(rng.choice((0, 1, 1, 2))):
            kind, lasts = draw(rng, self.of_postgres)
            at += rng.uniform(0.1, 2)
            if kind == "fail over":
                self.fails_over = True
                self.report.count("fail-over of PostgreSQL")
                self.act(at, "PostgreSQL crashes, and its replica takes over", lambda: self.site.fail_over())
                return
            begins, ends = self.strike_postgres(kind)
            self.report.count(f"{kind} PostgreSQL")
            self.act(at, f"{kind} PostgreSQL", begins)
            at += lasts
            self.act(at, f"PostgreSQL is well again ({kind})", ends)

    def strike_postgres(self, kind):
        if kind == "pause":
            return lambda: self.site.cluster.pause(), lambda: self.site.cluster.resume()
        if kind == "fill":
            return lambda: self.site.fill(), lambda: self.site.empty()
        return lambda: self.site.cluster.stop(kind), lambda: self.site.cluster.start()

    # -- how it goes --

    def tell(self, site):
        self.site = site
        self.runs = [Run(self, fleet, number) for number, fleet in enumerate(self.fleets)]
        site.prepare("schedule", self.fails_over)
        try:
            self.run()
        finally:
            for worker in self.workers:
                worker.kill()
            site.clear()
        return self.report

    def url(self, number):
        return self.site.url(number)

    def inside(self, number):
        """What a process on way `number` does before it becomes muster."""
        def does():
            die_with_parent()
            self.site.ways.enter(number)

        return does

    def run(self):
        if not all(run.submit() for run in self.runs):
            return
        began = time.monotonic()
        for worker in self.workers:
            worker.start()
        while self.actions:
            at, order, sentence, does = heapq.heappop(self.actions)
            time.sleep(max(0, began + at - time.monotonic()))
            if again := does():
                heapq.heappush(self.actions, (at + again, order, sentence, does))
        healed = time.monotonic()
        if late := [run.id for run in self.runs if not run.ended(healed + LIMIT)]:
            self.say(f"{' '.join(late)} did not end within {LIMIT} s after the last fault")
            self.report.mistakes += self.how_it_stands()
            return
        self.report.worst("from the last fault to the end of a run, ms", (time.monotonic() - healed) * 1e3)
        self.mend()
        for worker in self.workers:
            if not self.idle:
                worker.drain()
            worker.ended(self.ending)
        self.check()

    def may_end(self, worker, status):
        """Whether a worker may end so: with 3, when it was told twice, at once, and had no PostgreSQL."""
        return status == 3 and worker.told > 1 and NOT_ALL in worker.last_words()

    def mend(self):
        """Whatever was to last until the end of the run is well again."""

    def how_it_stands(self):
        for query in (
            "SELECT state, holder, count(*), min(position) FROM muster.server GROUP BY 1, 2",
            "SELECT number, pid, run, lease_until - now() AS lease FROM muster.worker",
            "SELECT number, passed, failed, errors, judged, closed, stopped FROM muster.run",
            "SELECT pid, state, wait_event, left(query, 60) AS query FROM pg_stat_activity "
            "WHERE usename = 'muster'",
        ):
            yield from map(str, self.site.rows(query))
        for worker in self.workers:
            state = "is there" if worker.child and worker.child.poll() is None else "is not there"
            yield f"worker {worker.number} {state}: {worker.last_words() if worker.logs else ''}"

    # -- what must be --

    def check(self):
        lines = self.read_logs()
        for run in self.runs:
            run.check(lines)
        self.check_left()

    def read_logs(self):
        """The lines of all workers' logs."""
        all_lines = []
        for path, killed in (log for worker in self.workers for log in worker.logs):
            if not killed or os.path.exists(path):  # one that was killed had perhaps not come so far
                lines, mistakes = check.read_log(path, torn=int(killed))
                self.report.mistakes += mistakes
                all_lines += lines
        refused = sum(line["event"].startswith("result refused") for line in all_lines)
        self.report.count("results that were refused", refused)
        return all_lines

    def check_left(self):
        """No claim, lease, lock or connection is left, but for the lease of one that was killed."""
        for left in self.site.rows("SELECT name, state, holder FROM muster.server WHERE state <> 'done'"):
            self.say(f"a claim is left: {left}")
        for left in self.site.rows("SELECT * FROM muster.worker WHERE lease_until > now()"):
            if left["pid"] not in self.killed:
                self.say(f"the lease of a worker is left that ended in order: {left}")
        # before its first statement PostgreSQL does not know how soon it shall take muster for gone
        query = "SELECT pid, state, query FROM pg_stat_activity WHERE usename = 'muster' AND query <> ''"
        try:
            wait_until(lambda: not self.site.rows(query), self.connected, "connections to end")
        except TimeoutError:
            forgotten = "forget" in str(self.report.about)  # PostgreSQL has not heard of their end
            if not forgotten:
                self.say(f"connections are left: {self.site.rows(query)}")


def site_of(world, name, ways):
    """The PostgreSQL of a lane's kind of crew, which is made for the first of its schedules."""
    world.reset()
    if name not in world.sites:
        world.sites[name] = Site(world, ways((*range(1, WORKERS + 1), WAITER)))
    return world.sites[name]


def run(world, kind, seed):
    site = site_of(world, "proxied", Proxied)
    return Story(world, f"{kind}:{seed}").tell(site)
