"""Crews whose packets are lost: no reset, no refusal, and nobody who acknowledges.

`losscrew:SEED` is a crew (crew.py) whose workers are in network namespaces of their own (cables.py), and
reach PostgreSQL by cables that lose all packets, those of one direction, or some. What ends such a
connection is time alone: tcp_user_timeout and keepalives on muster's side, PostgreSQL's own keepalives
and the leases on the other. The URL has short ones; in `longcrew:SEED` muster's defaults hold, and one loss
lasts for longer than those. A loss that is for good is mended when the run has ended, so that the worker can
be told to end.
"""

import time
from datetime import datetime

import check
import crew
from cables import Cables

# how often of 16, and how long it lasts
OF_WORKERS = {
    "kill": (1, 0.0, 2.0), "drain": (1, 0.0, 1.0), "stop": (1, 0.2, 4.0), "lose": (4, 0.5, 9.0),
    "lose up": (2, 0.5, 9.0), "lose down": (2, 0.5, 9.0), "lose some": (2, 1.0, 6.0),
    "lose for good": (3, 0.5, 3.0),
}
OF_POSTGRES = {
    "immediate": (1, 0.0, 2.0), "crash": (2, 0.0, 2.0), "pause": (1, 0.2, 4.0), "fail over": (2, 0.0, 0.0),
    "lose": (4, 0.5, 9.0), "lose up": (1, 0.5, 9.0), "lose down": (1, 0.5, 9.0), "lose some": (2, 1.0, 6.0),
}
SHORT = "&connect_timeout=2&tcp_user_timeout=3000&keepalives_idle=1&keepalives_interval=1&keepalives_count=3"
# Until a worker notices that nobody answers, with SHORT and with muster's defaults, where it asks both
# addresses for 10 s each after 30 s of silence. What a loaded machine may take beyond.
NOTICED, NOTICED_BY_DEFAULT = 6, 50
MORE = 6
LONG = (NOTICED_BY_DEFAULT + MORE, NOTICED_BY_DEFAULT + MORE + 5)  # seconds of a loss


class Loss:
    """What one worker has lost, and when."""

    def __init__(self, worker, kind):
        self.worker, self.kind = worker, kind
        self.log = worker.logs[-1][0] if worker.logs else None
        self.began, self.ended = None, None


class Story(crew.Story):
    of_workers, of_postgres = OF_WORKERS, OF_POSTGRES
    kinds_of_loss = {
        "lose": {}, "lose up": {"directions": ("up",)}, "lose down": {"directions": ("down",)},
        "lose some": {"share": 40}, "lose for good": {},
    }
    connected = 40  # by PostgreSQL's keepalives
    ending = crew.ENDING + NOTICED + MORE
    deadlines, noticed = SHORT, NOTICED + MORE

    def __init__(self, world, name):
        self.losses = []
        self.touched = set()  # the numbers of workers that something else happens to
        self.gone = set()  # of those that lose all for good
        super().__init__(world, name)

    def allowed(self, kind, worker):
        if kind == "lose for good":
            self.gone.add(worker.number)
        return "lose" if kind == "lose for good" and len(self.gone) == len(self.workers) else kind

    def strike_worker(self, kind, worker):
        if kind not in self.kinds_of_loss:
            self.touched.add(worker.number)
            return super().strike_worker(kind, worker)
        return self.strike_ways(kind, [worker], [worker.number])

    def strike_postgres(self, kind):
        if kind not in self.kinds_of_loss:
            return super().strike_postgres(kind)
        return self.strike_ways(kind, self.workers, [crew.WAITER, *(w.number for w in self.workers)])

    def strike_ways(self, kind, workers, numbers):
        losses = []

        def begins():
            losses.extend(Loss(worker, kind) for worker in workers)
            self.losses.extend(losses)
            for number in numbers:
                self.site.ways.lose(number, **self.kinds_of_loss[kind])
            for loss in losses:
                loss.began = time.time()

        def ends():
            for loss in losses:
                loss.ended = time.time()
            for number in numbers:
                self.site.ways.mend(number, **self.kinds_of_loss[kind])

        return begins, None if kind == "lose for good" else ends

    def may_end(self, worker, status):
        """Also when it was cut off while its grace ended."""
        mine = [loss for loss in self.losses if loss.worker is worker]
        lost = worker.told and any(not loss.ended or loss.ended > worker.drained for loss in mine)
        return super().may_end(worker, status) or status == 3 and lost and crew.NOT_ALL in worker.last_words()

    def mend(self):
        for loss in self.losses:
            loss.ended = loss.ended or time.time()
        self.site.ways.prepare()

    def url(self, number):
        return self.site.url(number) + self.deadlines

    def check(self):
        super().check()
        for loss in self.losses:
            self.check_noticed(loss)

    def check_noticed(self, loss):
        """A worker that has lost all for long enough, and had no other trouble, says so in its log."""
        by = loss.began + self.noticed
        if loss.kind == "lose some" or loss.ended < by or not loss.log or loss.worker.number in self.touched:
            return
        lines, _ = check.read_log(loss.log)
        events = [(datetime.fromisoformat(line["timestamp"]).timestamp(), line["event"]) for line in lines]
        if any(event == "worker ended" and at < by for at, event in events):
            return
        words = [(at, event) for at, event in events if event.startswith("the store ") and at <= by]
        if not words or words[-1][1] == "the store is back":
            return self.say(f"worker {loss.worker.number} did not notice a loss within {self.noticed} s")
        self.report.count("losses of all packets that were noticed by time alone")
        self.report.worst("from a loss to its notice, ms", max(0, words[-1][0] - loss.began) * 1e3)


class LongStory(Story):
    deadlines, noticed = "", NOTICED_BY_DEFAULT + MORE

    def draw_of_workers(self):
        super().draw_of_workers()
        worker = self.rng.choice([w for w in self.workers if w.number not in self.touched] or self.workers)
        begins, ends = self.strike_worker("lose", worker)
        self.report.count("lose worker, for longer than muster's deadlines")
        self.act(self.rng.uniform(0, 2), f"lose worker {worker.number}, for long", begins)
        self.act(self.rng.uniform(*LONG) + 2, f"worker {worker.number} is well again (long)", ends)


def run(world, kind, seed):
    site = crew.site_of(world, "cables", Cables)
    return Story(world, f"{kind}:{seed}").tell(site)


def run_long(world, kind, seed):
    site = crew.site_of(world, "cables", Cables)
    return LongStory(world, f"{kind}:{seed}").tell(site)
