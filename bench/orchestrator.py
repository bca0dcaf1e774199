#!/usr/bin/env python3
"""What the orchestrator, the main thread, costs a server, and whether it keeps the workers supplied.

orchestrator.py MUSTER [ROUNDS [SERVERS...]]

Simulated servers with everything on: verdict, store, log to a file, the run's own log, the judgement at the
end. Two ways: as fast as it goes (no delay, fan-out 32), and 5,000 servers a second (100 ms each, fan-out 500).

Processor time is the kernel's own count of a thread (/proc/PID/task/PID/schedstat), read when the program has
ended and is not yet reaped, so that nothing is missing: the start of the program and the judgement are in it.
Servers a second: from the first that is connected to the last whose verdict is on disk and in the log. The
workers' waiting share is what is left of their time between the first server and the last when the delays
that were asked for are taken off: waiting for a server to work on, for the log or a lock, or for a core.
"""
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime

muster = os.path.abspath(sys.argv[1])
rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
sizes = [int(a) for a in sys.argv[3:] or ("20000", "100000")]
DELAY, FANOUT = 0.1, 500
CONFIG = """
benchmarks:
  number: {command: cat number, extract: {regex: '([0-9.]+)'}, unit: x, reference: 50}
"""
BENCHMARKS = [("a command", "number", ""), ("20 metrics", "cpu", ",metrics=20")]
WAYS = [("as fast as it goes", 0.0, 32), ("5,000 a second", DELAY, FANOUT)]


def at(line):
    return datetime.fromisoformat(json.loads(line)["timestamp"].replace("Z", "+00:00")).timestamp()


def times(path):
    """Of the log's lines: first connected, last benchmark done, last verdict."""
    first = done = verdict = None
    with open(path, "rb") as lines:
        for line in lines:
            if b'"connected"' in line:
                first = first or line
            elif b'"benchmark completed"' in line:
                done = line
            elif b'"server passed"' in line or b'"server failed"' in line:
                verdict = line if b'"outlier"' not in line else verdict
    return at(first), at(done), at(verdict)


def measure(scratch, servers, seed, benchmark, more, delay, fanout):
    store, log = os.path.join(scratch, "muster.db"), os.path.join(scratch, "log")
    config = os.path.join(scratch, "muster.yaml")
    with open(config, "w") as f:
        f.write(CONFIG)
    begin = time.monotonic()
    program = subprocess.Popen(
        [muster, "run", "-c", config, "-b", benchmark, "-f", str(fanout), "-q", "--store", store,
         "--log-file", log, "--log-format", "json",
         f"--simulate=servers={servers},seed={seed},delay={delay * 1e3:.0f}ms{more}"],
        stdout=subprocess.DEVNULL)
    os.waitid(os.P_PID, program.pid, os.WEXITED | os.WNOWAIT)
    wall = time.monotonic() - begin
    with open(f"/proc/{program.pid}/task/{program.pid}/schedstat") as f:
        main = int(f.read().split()[0]) / 1e9
    _, status, used = os.wait4(program.pid, 0)
    program.returncode = os.waitstatus_to_exitcode(status)
    if program.returncode not in (0, 1):
        sys.exit(f"muster ended with status {program.returncode}")
    first, done, verdict = times(log)
    busy = servers * delay / (fanout * (done - first))
    return {"rate": servers / (verdict - first), "main": main / servers * 1e6,
            "all": (used.ru_utime + used.ru_stime) / servers * 1e6,
            "waiting": 100 * (1 - busy) if delay else None, "wall": wall, "memory": used.ru_maxrss / 1024}


def show(results, key, form):
    values = sorted(r[key] for r in results)
    return f"{statistics.median(values):{form}} ({values[0]:{form}}-{values[-1]:{form}})"


print(f"{os.cpu_count()} cores, {rounds} rounds in turns, median (range)")
print()
print("| servers, benchmark | | servers a second | main thread, us a server | all threads, us a server "
      "| workers waiting, % | wall, s | memory, MiB |")
print("|---|---|---|---|---|---|---|---|")
for servers in sizes:
    cases = [(b, w) for b in BENCHMARKS for w in WAYS]
    results = {case: [] for case in cases}
    for seed in range(1, rounds + 1):
        for case in cases:
            (_, benchmark, more), (_, delay, fanout) = case
            with tempfile.TemporaryDirectory() as scratch:
                results[case].append(measure(scratch, servers, seed, benchmark, more, delay, fanout))
    for case, r in results.items():
        waiting = show(r, "waiting", ".1f") if case[1][1] else "-"
        print(f"| {servers}, {case[0][0]} | {case[1][0]} | {show(r, 'rate', '.0f')} | {show(r, 'main', '.1f')} "
              f"| {show(r, 'all', '.1f')} | {waiting} | {show(r, 'wall', '.1f')} | {show(r, 'memory', '.0f')} |",
              flush=True)
