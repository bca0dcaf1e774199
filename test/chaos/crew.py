"""Schedules for a crew: several workers share a run in PostgreSQL, and all of them have a bad time.

`crew:SEED` submits a simulated run, starts workers and somebody who waits for its end, and then kills,
stops, drains and cuts off workers, and restarts, kills, stops, fills and fails over PostgreSQL. What was
killed is started again, what was cut is mended: in the end the run must be what one muster alone makes
of it, and what was printed, stored and logged must agree.

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
# what a run is made of, the fan-out of each worker
FLEETS = [
    ("servers=2000,seed=11,delay=100ms-600ms,error=10%", 100),
    ("servers=2000,seed=12,delay=0-60ms,error=20%", 6),
    ("servers=2000,seed=13,delay=50ms-250ms,error=5%", 32),
]
references = {}

# ---- workers ---------------------------------------------------------------------------------------


class Worker:
    """One worker after the other in the same place, each with a log of its own."""

    def __init__(self, story, number, fanout):
        self.story, self.number, self.fanout = story, number, fanout
        self.logs = []  # path, and whether the worker was killed
        self.child = None
        self.turn = 0
        self.draining = False

    def start(self):
        if self.child:
            return
        self.draining = False
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
        self.draining, self.drained = True, time.monotonic()
        self.signal(signal.SIGTERM)

    def started_anew(self):
        """After kill or drain; one that takes its time to end is looked at again a little later."""
        late = self.draining and time.monotonic() > self.drained + GRACE
        if self.draining and not late and self.child and self.child.poll() is None:
            return AGAIN
        if self.draining:
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
            elif status != 0:
                self.story.say(f"worker {self.number} ended with status {status}: {self.last_words()}")
        except subprocess.TimeoutExpired:
            self.story.say(f"worker {self.number} did not end within {seconds} s: {self.last_words()}")
            self.kill()
        self.child = None

    def last_words(self):
        with open(os.path.join(os.path.dirname(self.logs[-1][0]), "err"), errors="replace") as f:
            return " / ".join(f.read().splitlines()[-3:])


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
    """One run and what happens during it. Other kinds of crews derive from it."""

    of_workers, of_postgres = OF_WORKERS, OF_POSTGRES
    results = staticmethod(key_results)
    ending = ENDING
    connected = 5  # seconds that PostgreSQL may take to see that a connection has ended

    def __init__(self, world, name):
        self.world, self.report = world, Report(name)
        rng = self.rng = random.Random(name)
        what, fanout = self.draw_run()
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

    # -- the run --

    def draw_run(self):
        """Returns what it is, for people, and the fan-out of each worker."""
        self.fleet, fanout = self.rng.choice(FLEETS)
        return self.fleet, fanout

    def submission(self):
        """What `muster submit` is asked for."""
        return [f"--simulate={self.fleet}", "--retries", "0"]

    def reference(self):
        """What results() must give in the end: that of one muster alone."""
        if self.fleet not in references:
            words = ["run", f"--simulate={self.fleet}", "-f", "2000", "--json", "-q", "--retries", "0"]
            self.world.start(*words).wait(LIMIT)
            references[self.fleet] = key_results(json.loads(self.world.read("run.out")))
        return references[self.fleet]

    # -- what happens --

    def act(self, at, sentence, does):
        """does() returns nothing, or the seconds after which it wants another turn."""
        self.actions.append((at, len(self.actions), sentence, does))

    def draw_of_workers(self):
        rng = self.rng
        for _ in range(rng.randint(1, 5)):
            kind, lasts = draw(rng, self.of_workers)
            worker = rng.choice(self.workers)
            at = rng.uniform(0, 3)
            who = f"worker {worker.number}"
            begins, ends = self.strike_worker(kind, worker)
            self.report.count(f"{kind} worker")
            self.report.count("stops that outlast a worker's lease", kind == "stop" and lasts > self.lease)
            self.act(at, f"{kind} {who}", begins)
            if ends:
                self.act(at + lasts, f"{who} is well again ({kind})", ends)

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
        self.wanted = self.reference()
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
        status, out, err = self.world.ask(
            "submit", *self.submission(), "--store", self.site.cluster.url("schedule")
        )
        if status != 0:
            return self.say(f"submit ended with status {status}: {err[-500:]}")
        self.id = out.strip()
        waiter = self.world.start(
            "wait", self.id, "--store", self.url(WAITER), "--json", "-q", inside=self.inside(WAITER)
        )
        began = time.monotonic()
        for worker in self.workers:
            worker.start()
        while self.actions:
            at, order, sentence, does = heapq.heappop(self.actions)
            time.sleep(max(0, began + at - time.monotonic()))
            if again := does():
                heapq.heappush(self.actions, (at + again, order, sentence, does))
        healed = time.monotonic()
        try:
            status = waiter.wait(LIMIT)
        except subprocess.TimeoutExpired:
            self.say(f"the run did not end within {LIMIT} s after the last fault")
            self.report.mistakes += self.how_it_stands()
            waiter.kill()
            return waiter.wait()
        self.report.worst("from the last fault to the end of a run, ms", (time.monotonic() - healed) * 1e3)
        self.mend()
        for worker in self.workers:
            if not self.idle:
                worker.drain()
            worker.ended(self.ending)
        self.check(status)

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

    def check(self, status):
        doc, mistakes = check.read_document(self.world.read("run.out"))
        if not doc:
            return self.say(f"{mistakes}: {self.world.read('run.err')[-500:]}")
        rows = Rows(self.site)
        mistakes += check.document(doc, list(self.wanted)) + check.exit_status(status, doc)
        mistakes += check.store(rows, doc)
        results = self.results(doc)
        for name, wanted in self.wanted.items():
            if results.get(name) != wanted:
                mistakes.append(f"{name}: {results.get(name)}, alone {wanted}")
        if rows.run and not rows.run["judged"]:
            mistakes.append("the run was not judged")
        self.report.mistakes += mistakes
        self.check_audit(rows)
        self.check_left()
        self.check_logs(doc)

    def check_audit(self, rows):
        """Each server came to its end once, by its last claim, and each claim had a number of its own."""
        audit = {}
        for entry in self.site.rows("SELECT * FROM public.audit ORDER BY at"):
            audit.setdefault(entry["position"], []).append(entry)
        for row in rows.servers:
            entries = audit.get(row["position"], [])
            ends = [e for e in entries if e["state"] == "done"]
            claims = [e["claim"] for e in entries if e["claim"] != e["old_claim"]]
            self.report.count("servers that were claimed again", len(claims) > 1)
            if len(ends) != 1:
                self.say(f"{row['name']} came to its end {len(ends)} times: {ends}")
            elif ends[0]["claim"] != row["claim"] or ends[0]["old_claim"] != row["claim"]:
                self.say(f"{row['name']}: claim {row['claim']}, at its end {ends[0]}")
            if claims != list(range(1, row["claim"] + 1)):
                self.say(f"{row['name']}: claims {claims}")
            if any(e["was"] == "done" for e in entries):
                self.say(f"{row['name']} was done, and then not: {entries}")

    def check_left(self):
        """No claim, lease, lock or connection is left, but for the lease of one that was killed."""
        for left in self.site.rows("SELECT name, state, holder FROM muster.server WHERE state <> 'done'"):
            self.say(f"a claim is left: {left}")
        for left in self.site.rows("SELECT * FROM muster.worker WHERE lease_until > now()"):
            if left["pid"] not in self.killed:
                self.say(f"the lease of a worker is left that ended in order: {left}")
        query = "SELECT pid, state, query FROM pg_stat_activity WHERE usename = 'muster'"
        try:
            wait_until(lambda: not self.site.rows(query), self.connected, "connections to end")
        except TimeoutError:
            forgotten = "forget" in str(self.report.about)  # PostgreSQL has not heard of their end
            if not forgotten:
                self.say(f"connections are left: {self.site.rows(query)}")

    def check_logs(self, doc):
        """All workers together tell of each verdict once; one that was killed may not have come to it."""
        said, sure = {}, not self.killed
        for worker in self.workers:
            for path, killed in worker.logs:
                if killed and not os.path.exists(path):
                    continue  # it had not come so far
                lines, mistakes = check.read_log(path, torn=int(killed))
                self.report.mistakes += mistakes
                refused = [line for line in lines if line["event"].startswith("result refused")]
                self.report.count("results that were refused", len(refused))
                for name, verdicts in check.verdicts_of(lines).items():
                    said.setdefault(name, []).extend(v for v in verdicts if v[0] != "cancelled")
        for s in doc["servers"]:
            told = said.pop(s["server"], [])
            wanted = [(s["verdict"], s["reason"])]
            if told != wanted and (told or sure):
                self.say(f"{s['server']}: {wanted[0]}, in the workers' logs {told}")
        if said:
            self.say(f"the logs have verdicts of servers that were not asked for: {said}")


def site_of(world, name, ways):
    """The PostgreSQL of a lane's kind of crew, which is made for the first of its schedules."""
    world.reset()
    if name not in world.sites:
        world.sites[name] = Site(world, ways((*range(1, WORKERS + 1), WAITER)))
    return world.sites[name]


def run(world, kind, seed):
    site = site_of(world, "proxied", Proxied)
    return Story(world, f"{kind}:{seed}").tell(site)
