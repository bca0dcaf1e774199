#!/usr/bin/env python3
"""What a store on PostgreSQL takes: crew.py [BUILD-FOLDER [rates|workers|size|memory|million ...]].

A cluster of its own, on this machine's disk with fsync on, serves simulated servers without delay, so
that the store is all that is waited for. Each figure is the median of ROUNDS rounds, with the lowest
and the highest.

rates:   servers a second, and processor time a server of PostgreSQL and of muster, by the fan-out,
         which a worker's claims are as large as
workers: the same by the number of workers
size:    bytes a server of tables and indexes, after a run, after VACUUM, and after ten runs
memory:  what `submit`, a worker, the one that judges, and `wait` have at their peak, and how long a
         worker takes from joining to its first result, by the servers of a run (MEMORY_SERVERS). It
         measures 10,000; the others are given the same results, to be judged
million: one run of 1,000,000 servers by two workers, of which nothing is lost

The first three when nothing is said. SERVERS and ROUNDS come from the environment.
"""

import json
import os
import subprocess
import sys
import time
from statistics import median

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "test", "support"))
import postgres  # noqa: E402

SERVERS = int(os.environ.get("SERVERS", "10000"))
ROUNDS = int(os.environ.get("ROUNDS", "3"))
TICK = os.sysconf("SC_CLK_TCK")
FANOUTS = (16, 64, 256, 1024, 4096)
WORKERS = (1, 2, 4, 8, 16)


def processor_time(pid):
    """Seconds of a process and of those children that have ended."""
    with open(f"/proc/{pid}/stat") as f:
        return sum(map(int, f.read().rpartition(")")[2].split()[11:15])) / TICK


class Bed:
    def __init__(self, build):
        self.muster = os.path.join(os.path.abspath(build), "muster")
        self.cluster = postgres.Cluster.make(
            connections=100, more="shared_buffers = 1GB\nmax_wal_size = 4GB\ncheckpoint_timeout = 15min"
        )
        self.home = os.path.join(self.cluster.folder, "home")
        os.mkdir(self.home)
        self.made = 0

    def remove(self):
        self.cluster.remove()

    def database(self):
        self.made += 1
        name = f"bench{self.made}"
        self.cluster.database(name)
        return name

    def sql(self, name, statement):
        return self.cluster.sql(statement, name)

    def command(self, name, *words):
        return [self.muster, *words, "--store", self.cluster.url(name)]

    def environment(self):
        return {**os.environ, "XDG_STATE_HOME": self.home}

    def submit(self, name, servers, seed=1):
        words = ["submit", f"--simulate=servers={servers},seed={seed},delay=0-0"]
        done = subprocess.run(self.command(name, *words), env=self.environment(), check=True,
                              stdout=subprocess.PIPE, text=True)
        return done.stdout.strip()

    def backends(self):
        """PostgreSQL's processor time until now."""
        total = 0
        for p in self.cluster.processes():
            try:
                total += processor_time(p.pid)
            except OSError:
                pass  # ended: the postmaster's has it
        return total

    def work(self, name, run, workers, fanout):
        """All of the run's servers; seconds, and processor time of both sides."""
        begin, before = time.monotonic(), self.backends()
        words = ["worker", "--run", run, "--exit-when-idle", "-q", "-f", str(fanout)]
        started = [subprocess.Popen(self.command(name, *words), env=self.environment()) for _ in range(workers)]
        own = peak = 0
        for p in started:
            _, status, usage = os.wait4(p.pid, 0)
            if status:
                sys.exit(f"a worker ended with status {status}")
            own += usage.ru_utime + usage.ru_stime
            peak = max(peak, usage.ru_maxrss / 1024)
        return time.monotonic() - begin, self.backends() - before, own, peak

    def document(self, name, run):
        """The run's totals, from the command line."""
        done = subprocess.run(self.command(name, "runs", "--json"), env=self.environment(), check=True,
                              stdout=subprocess.PIPE)
        return next(r for r in json.loads(done.stdout) if r["run"] == run)


def spread(values, form):
    return f"{median(values):{form}} ({min(values):{form}}-{max(values):{form}})"


def table(bed, head, points):
    """A row a point: (title, workers, fan-out). Rounds are interleaved."""
    taken = {p: [] for p in points}
    for _ in range(ROUNDS):
        for p in points:
            name = bed.database()
            run = bed.submit(name, SERVERS)
            taken[p].append(bed.work(name, run, p[1], p[2]))
            totals = bed.document(name, run)
            if totals["passed"] + totals["failed"] + totals["errors"] != SERVERS:
                sys.exit(f"not every server has its verdict: {totals}")
    print(f"| {head} | servers a second | PostgreSQL, us a server | muster, us a server |")
    print("|---|---|---|---|")
    for p, rounds in taken.items():
        print(f"| {p[0]} | {spread([SERVERS / r[0] for r in rounds], ',.0f')} | "
              f"{spread([r[1] / SERVERS * 1e6 for r in rounds], '.0f')} | "
              f"{spread([r[2] / SERVERS * 1e6 for r in rounds], '.0f')} |")
    print()


def rates(bed):
    table(bed, "fan-out, 1 worker", [(f, 1, f) for f in FANOUTS])


def workers(bed):
    table(bed, "workers, fan-out 256", [(n, n, 256) for n in WORKERS])


SIZES = """SELECT c.relname, pg_relation_size(c.oid), pg_total_relation_size(c.oid) - pg_indexes_size(c.oid)
    - pg_relation_size(c.oid), pg_indexes_size(c.oid), coalesce(s.n_dead_tup, 0)
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    LEFT JOIN pg_stat_user_tables AS s ON s.relid = c.oid
    WHERE n.nspname = 'muster' AND c.relkind = 'r' AND c.relname IN ('server', 'benchmark')
    ORDER BY c.relname DESC"""


def sizes(bed, name, servers, title):
    row = [title]
    for line in bed.sql(name, SIZES).splitlines():
        _, heap, toast, indexes, dead = line.split("|")
        row += [f"{(int(heap) + int(toast)) / servers:.0f}", f"{int(indexes) / servers:.0f}"]
    print("| " + " | ".join(row) + " |")


def size(bed):
    name = bed.database()
    bed.work(name, bed.submit(name, SERVERS), 1, 256)
    print("| bytes a server | server | its indexes | benchmark | its indexes |")
    print("|---|---|---|---|---|")
    sizes(bed, name, SERVERS, "after a run")
    bed.sql(name, "VACUUM ANALYZE")
    sizes(bed, name, SERVERS, "after VACUUM")
    for seed in range(2, 11):
        bed.work(name, bed.submit(name, SERVERS, seed), 1, 256)
    bed.sql(name, "VACUUM ANALYZE")
    sizes(bed, name, 10 * SERVERS, "after ten runs and VACUUM")
    print()


def started(bed, name, words):
    return subprocess.Popen(bed.command(name, *words), env=bed.environment(), stdout=subprocess.PIPE, text=True)


def ended(p, statuses=(0,)):
    """What the process had at its peak, in MiB, and its seconds of processor time."""
    _, status, usage = os.wait4(p.pid, 0)
    if os.waitstatus_to_exitcode(status) not in statuses:
        sys.exit(f"{p.args} ended with status {os.waitstatus_to_exitcode(status)}")
    return usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime


def begin_of_run(bed, name, run, servers):
    """A worker measures so many servers and is ended: seconds from joining to its first result, and its peak."""
    p = subprocess.Popen(bed.command(name, "worker", "--run", run, "-f", "256"), env=bed.environment(),
                         stderr=subprocess.PIPE, text=True)
    begin = first = None
    done = 0
    for line in p.stderr:
        if "worker ready" in line:
            begin = time.monotonic()
        elif "server passed" in line or "server failed" in line:
            first = first or time.monotonic() - begin
            done += 1
            if done == servers:
                break
    p.terminate()
    p.stderr.read()
    return first, ended(p)[0]


# what the first servers of the run measured, again and again
REST = """SET search_path TO muster;
    UPDATE server AS s SET (state, verdict, reason, detail, attempts, seconds, facts, kind, machine) =
        (SELECT 'done', d.verdict, d.reason, d.detail, d.attempts, d.seconds, d.facts, d.kind, NULL
        FROM server AS d WHERE d.run = s.run AND d.position = s.position % {n}) WHERE state <> 'done';
    INSERT INTO benchmark ({columns}, position) SELECT {values}, s.position FROM server AS s JOIN benchmark AS b
        ON b.run = s.run AND b.position = s.position % {n}
        WHERE NOT EXISTS (SELECT 1 FROM benchmark AS own WHERE own.run = s.run AND own.position = s.position);
    UPDATE run SET (passed, failed, errors) = (SELECT count(*) FILTER (WHERE verdict = 'passed'),
        count(*) FILTER (WHERE verdict = 'failed'), count(*) FILTER (WHERE verdict = 'error') FROM server);
    DELETE FROM tally"""


def finish(bed, name, n):
    """All the other servers of the database's one run have verdicts; it is not judged."""
    columns = bed.sql(name, "SELECT string_agg(quote_ident(column_name), ',') FROM information_schema.columns "
                            "WHERE table_schema = 'muster' AND table_name = 'benchmark' "
                            "AND column_name <> 'position'").split(",")
    bed.sql(name, REST.format(n=n, columns=", ".join(columns), values=", ".join(f"b.{c}" for c in columns)))
    bed.sql(name, "VACUUM ANALYZE")


def memory(bed):
    measured = 10000
    print("| servers | submit, MiB | a worker, MiB | to its first result, s | the judge, MiB | its processor time, s | wait, MiB |")
    print("|---|---|---|---|---|---|---|")
    for servers in map(int, os.environ.get("MEMORY_SERVERS", "20000,200000,1000000").split(",")):
        name = bed.database()
        submitter = started(bed, name, ["submit", f"--simulate=servers={servers},seed=1,delay=0-0"])
        run = submitter.stdout.read().strip()
        submitted, _ = ended(submitter)
        first, worker = begin_of_run(bed, name, run, measured)
        finish(bed, name, measured)
        judge, judged = ended(started(bed, name, ["worker", "--run", run, "--exit-when-idle", "-q", "-f", "256"]))
        waiter = started(bed, name, ["wait", run, "-q", "--no-progress"])
        waiter.stdout.read()
        print(f"| {servers:,} | {submitted:.0f} | {worker:.0f} | {first:.2f} | {judge:.0f} | {judged:.1f} | "
              f"{ended(waiter, (0, 1))[0]:.0f} |", flush=True)
    print()


def million(bed):
    servers = 1000 * 1000
    name = bed.database()
    begin = time.monotonic()
    run = bed.submit(name, servers)
    submitted = time.monotonic() - begin
    wall, backends, own, peak = bed.work(name, run, 2, 1024)
    totals = bed.document(name, run)
    rows = bed.sql(name, "SELECT count(*), count(DISTINCT position) FROM muster.server WHERE state = 'done' "
                         "AND verdict IS NOT NULL AND NOT EXISTS (SELECT 1 FROM muster.server WHERE state <> 'done')")
    print(f"1,000,000 servers: submitted in {submitted:.0f} s; two workers {wall:.0f} s, "
          f"{servers / wall:,.0f} a second; PostgreSQL {backends / servers * 1e6:.0f} us and muster "
          f"{own / servers * 1e6:.0f} us of processor time a server; peak of a worker {peak:.0f} MiB; "
          f"verdicts {rows.replace('|', ' of as many servers: ')}; passed {totals['passed']}, "
          f"failed {totals['failed']}, errors {totals['errors']}, judged: {totals['state']}")
    size_now = bed.sql(name, "SELECT pg_size_pretty(pg_database_size(current_database()))")
    begin = time.monotonic()
    bed.sql(name, "VACUUM ANALYZE")
    print(f"The database is {size_now}; VACUUM ANALYZE took {time.monotonic() - begin:.0f} s.")
    done = subprocess.run(bed.command(name, "store", "check"), env=bed.environment(), stdout=subprocess.PIPE, text=True)
    print(done.stdout.strip())
    print()


def main():
    build = sys.argv[1] if len(sys.argv) > 1 else "build-bench"
    bed = Bed(build)
    try:
        with open("/proc/cpuinfo") as f:
            model = next(line for line in f if line.startswith("model name")).split(":")[1].strip()
        print(f"{model}, {os.cpu_count()} cores; {bed.cluster.sql('SELECT version()').split(' on ')[0]}; "
              f"{SERVERS} servers, two benchmarks each, {ROUNDS} rounds\n")
        for word in sys.argv[2:] or ("rates", "workers", "size"):
            {"rates": rates, "workers": workers, "size": size, "memory": memory, "million": million}[word](bed)
    finally:
        bed.remove()


if __name__ == "__main__":
    main()
