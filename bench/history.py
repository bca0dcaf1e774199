#!/usr/bin/env python3
"""What its servers' past adds to the end of a run: history.py MUSTER [SERVERS [RUNS [BENCHMARKS]]].

Builds a store in which each of the servers has been in that many runs (10,000 servers, 30 runs and
5 benchmarks of about 1 KiB each when nothing is said), one in a hundred of them 12 % slower in the
last five, and one in which they have been in one run alone. In both, one server of the last run is
still to do: `muster resume` cannot reach it, and judges the run as a whole. The difference between
their CPU times is that of the past. `muster history` of one server comes last.
"""
import json
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import time

muster = sys.argv[1]
servers, runs, benchmarks = (int(a) for a in (sys.argv[2:] + ["10000", "30", "5"][len(sys.argv) - 2:]))


def empty_store(path):
    subprocess.run([muster, "run", "--simulate=servers=1,delay=0", "-q", "--store", path],
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)
    db = sqlite3.connect(path)
    db.execute("PRAGMA synchronous = OFF")
    for table in "run", "server", "benchmark":
        db.execute(f"DELETE FROM {table}")
    return db


def insert(db, table, rows):
    rows = iter(rows)
    first = next(rows)
    names = ", ".join(first)
    marks = ", ".join(f":{name}" for name in first)
    statement = f"INSERT INTO {table} ({names}) VALUES ({marks})"
    db.execute(statement, first)
    db.executemany(statement, rows)


def value(server, run):
    slow = server % 100 == 7 and run >= runs - 5
    return 100 * random.gauss(1, 0.01) * (0.88 if slow else 1)


def add_run(db, run, facts, sensors):
    insert(db, "run", [{"number": run + 1, "id": f"20260101-{run:06}-000000", "fanout": 32, "threshold": 50,
                        "started": (1767225600 + 86400 * run) * 10**9, "seconds": 60.0, "total": servers,
                        "passed": servers, "config": None, "folder": "/",
                        "options": '["--transport=command:false {host}","--retries=0"]'}])
    insert(db, "server", ({"run": run + 1, "position": i, "name": f"node{i:05}", "state": "done",
                           "verdict": "passed", "attempts": 1, "seconds": 60.0, "facts": facts,
                           "machine": f"serial-{i:012}"} for i in range(servers)))
    insert(db, "benchmark", (
        {"run": run + 1, "position": i, "ordinal": k, "benchmark": f"benchmark{k}", "verdict": "passed",
         "score": 100, "metric": "rate", "value": x, "unit": "GB/s", "better": "higher", "threshold": 50.0,
         "trials": json.dumps([x] * 5), "spread": 0.4, "seconds": 6.0,
         "metrics": json.dumps({f"rate{m}": {"value": x, "unit": "GB/s"} for m in range(4)}),
         "sensors": sensors, "flaky": 0}
        for i in range(servers) for k in range(benchmarks) for x in [value(i, run)]))
    db.commit()


def timed(*command):
    os.sync()
    start, before = time.monotonic(), os.times()
    done = subprocess.run([muster, *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)
    after = os.times()
    cpu = sum(after[2:4]) - sum(before[2:4])
    return f"{time.monotonic() - start:.2f} s ({cpu:.2f} s of CPU time)", done.stdout


def build(path, count):
    db = empty_store(path)
    facts = json.dumps({f"fact_{i}": "x" * 40 for i in range(40)})
    sensors = json.dumps({f"sensor_{i}": i * 1.5 for i in range(30)})
    for run in range(runs - count, runs):
        add_run(db, run, facts, sensors)
    db.execute("UPDATE server SET state = 'pending', verdict = NULL WHERE run = ? AND position = 0", (runs,))
    db.execute("DELETE FROM benchmark WHERE run = ? AND position = 0", (runs,))
    db.execute("UPDATE run SET passed = passed - 1 WHERE number = ?", (runs,))
    db.commit()
    db.close()
    return os.path.getsize(path) / 2**20


with tempfile.TemporaryDirectory(prefix="muster-history.") as folder:
    print(f"{servers} servers, {benchmarks} benchmarks")
    for count in 1, runs:
        path = os.path.join(folder, f"{count}.db")
        size = build(path, count)
        taken, shown = timed("resume", "last", "-q", "--store", path)
        print(f"{count} runs, a store of {size:.0f} MiB: resumed and judged in {taken}; "
              f"{shown.count(' % since ')} sentences of servers slower than themselves")
    taken, _ = timed("history", "node00007", "--store", path)
    print(f"muster history: {taken}")
