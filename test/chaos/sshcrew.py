"""Crews at a hundred real servers.

`sshcrew:SEED` is a crew (crew.py) whose workers measure 100 servers over ssh, by cables (cables.py) that
can lose what goes to PostgreSQL alone, or all: then a worker's sessions are cut off, too. One sshd is all
of them under 100 addresses; each has a network namespace of its own, so that the lock by which agents know
of each other is its own. Before a benchmark begins it takes another lock, a file's, and says so when
somebody on this server has it: two workers measure no server at the same time, also where one was
stopped or cut off, its agent is still there, and the server has been taken over.

No loss outlasts a session's patience, but those that are for good, so that whatever happens to workers and
PostgreSQL, the verdict of a server is what the server deserves.
"""

import os

import crew
import losscrew
from cables import SERVERS, Cables, Space
from postgres_site import PORT
from world import SHORT, configuration, value_of, verdict_of

COUNT = 100
FIRST = 'exec 9>>"$EXECUTIONS.$n"; flock -n 9 || echo "$n twice" >>"$EXECUTIONS"; '
# an agent that hears nothing of its muster ends, and so a server that was taken over has to wait so long
TOP = ("heartbeat: 1s", "lease: 8s")
CLEAN = 20  # seconds after the end, in which agents of those that were killed or cut off end

# how often of 16, and how long it lasts
OF_WORKERS = {
    "kill": (5, 0.0, 2.0), "drain": (1, 0.0, 1.0), "stop": (4, 0.2, 4.0), "lose": (2, 0.2, 3.0),
    "lose store": (2, 0.5, 9.0), "lose for good": (2, 0.5, 3.0),
}
OF_POSTGRES = {
    "immediate": (1, 0.0, 2.0), "kill": (2, 0.0, 2.0), "crash": (2, 0.0, 2.0), "pause": (2, 0.2, 4.0),
    "fail over": (2, 0.0, 0.0), "lose store": (3, 0.5, 9.0),
}


class Story(losscrew.Story):
    of_workers, of_postgres = OF_WORKERS, OF_POSTGRES
    kinds_of_loss = {"lose": {}, "lose store": {"port": PORT}, "lose for good": {}}

    def draw_runs(self):
        self.fleets = [None]
        # one that is still there when a worker's lease is over
        self.benchmarks = [*self.rng.sample(SHORT, self.rng.randint(1, 2)), "lasts"]
        self.rng.shuffle(self.benchmarks)
        fanout = self.rng.choice((12, 20, 30))
        return f"{COUNT} servers, benchmarks {' '.join(self.benchmarks)}", fanout

    def submission(self, fleet):
        hosts = [f"Host web{i}\n  HostName {SERVERS}.{i}\n" for i in range(1, COUNT + 1)]
        text = configuration(self.benchmarks, TOP, "30s", FIRST)
        return ["-F", self.world.ssh_config(hosts), "-c", self.world.write("muster.yaml", text), f"web[1-{COUNT}]"]

    def reference(self, fleet):
        return {
            f"web{i}": (verdict_of(self.benchmarks, i), [value_of(b, i) for b in self.benchmarks])
            for i in range(1, COUNT + 1)
        }

    @staticmethod
    def results(doc):
        return {
            s["server"]: ((s["verdict"], s["reason"]), [b["value"] for b in s["benchmarks"]])
            for s in doc["servers"]
        }

    def check_left(self):
        super().check_left()
        took, left = self.world.wait_clean(CLEAN, is_on_server)
        self.report.worst("from the end of a run to clean servers, ms", took * 1e3)
        self.report.mistakes += [f"left on a server after {took:.1f} s: {p}" for p in left]
        self.report.mistakes += self.world.leftovers()
        ran = self.world.read("executions").splitlines()
        for line in ran:
            if line.endswith("twice"):
                self.say(f"server {line}: it was measured by two at once")
        for i in range(1, COUNT + 1):
            for benchmark in self.benchmarks:
                if f"{i} {benchmark}" not in ran:
                    self.say(f"web{i} has a verdict, and has not run {benchmark}")
        self.report.count("benchmarks of real servers", len(ran))


def is_on_server(process):
    """Those of sshd itself, which learns of a cut connection by TCP, are no business of muster's."""
    return process.server() is not None or process.is_agent()


def start_servers(world):
    """One sshd, whose sessions go to the network namespace of the server that they were begun with."""
    world.spaces = [Space() for _ in range(COUNT)]
    place = world.make("spaces")
    for i, space in enumerate(world.spaces, 1):
        os.symlink(space.path, f"{place}/{i}")
    enter = world.write("enter", f"""set -- $SSH_CONNECTION
exec nsenter --net={place}/${{3##*.}} "$SHELL" -c "$SSH_ORIGINAL_COMMAND"
""")
    world.start_sshd(f"ListenAddress 0.0.0.0\nForceCommand exec sh {enter}\n")


def run(world, kind, seed):
    site = crew.site_of(world, "cables", Cables)
    if not world.spaces:
        start_servers(world)
    return Story(world, f"{kind}:{seed}").tell(site)
