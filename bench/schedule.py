#!/usr/bin/env python3
"""Wall time of runs over servers that take from 1 to 60 s, against what no schedule can beat.

schedule.py MUSTER [SCALE [FANOUT [SEEDS [SERVERS...]]]]

Times are divided by SCALE (20). For each number of servers and each seed there is a store of its own, with
one run in the inventory's order, then one with --longest-first, which has the first one as its past. How long
a simulated server takes is drawn here once more, as src/transport/simulated.c draws it, so that nothing that
muster measured is in the bounds:

- in order: each server to the worker that is free first. No schedule that begins the servers in this order
  and puts none off ends sooner.
- longest first: max(longest, total / fan-out), which no schedule at all can beat.
"""
import heapq
import os
import subprocess
import sys
import tempfile
import time

muster = os.path.abspath(sys.argv[1])
scale, fanout, seeds = (int(a) for a in sys.argv[2:5] + ["20", "100", "3"][len(sys.argv[2:5]):])
sizes = [int(a) for a in sys.argv[5:] or ("1000", "300")]
SHORTEST, LONGEST, SKEW = 1.0 / scale, 60.0 / scale, 4
MASK = (1 << 64) - 1


def mix(x):
    """As src/base/hash.c."""
    x = (x + 0x9E3779B97F4A7C15) & MASK
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 & MASK
    x = (x ^ x >> 27) * 0x94D049BB133111EB & MASK
    return x ^ x >> 31


def hash_text(seed, text):
    h = mix(seed)
    for byte in text.encode():
        h = (h ^ byte) * 0x100000001B3 & MASK
    return mix(h)


def duration(seed, number):
    """Draw 2 of the server's own: DRAW_DELAY of src/transport/simulated.c."""
    u = (mix(hash_text(seed, str(number)) + 2 & MASK) >> 11) * 2.0 ** -53
    return SHORTEST + u ** SKEW * (LONGEST - SHORTEST)


def list_schedule(durations):
    workers = [0.0] * fanout
    for d in durations:
        heapq.heapreplace(workers, workers[0] + d)
    return max(workers)


def run(store, servers, seed, *options):
    simulation = (f"--simulate=servers={servers},seed={seed},skew={SKEW},"
                  f"delay={SHORTEST * 1e3:.0f}ms-{LONGEST * 1e3:.0f}ms")
    begin = time.monotonic()
    done = subprocess.run([muster, "run", simulation, "-b", "cpu", "-f", str(fanout), "-q", "--store", store,
                           *options], stdout=subprocess.DEVNULL, timeout=600)
    if done.returncode not in (0, 1):
        sys.exit(f"muster ended with status {done.returncode}")
    return time.monotonic() - begin


print(f"1 to 60 s / {scale}, skew {SKEW}, fan-out {fanout}, {os.cpu_count()} cores")
print()
print("| servers, seed | longest, s | total / fan-out, s | in order: bound, s | wall, s | ratio "
      "| longest first: bound, s | wall, s | ratio |")
print("|---|---|---|---|---|---|---|---|---|")
worst = [0.0, 0.0]
for servers in sizes:
    for seed in range(1, seeds + 1):
        durations = [duration(seed, n) for n in range(1, servers + 1)]
        even = sum(durations) / fanout
        bounds = list_schedule(durations), max(max(durations), even)
        with tempfile.TemporaryDirectory() as scratch:
            store = os.path.join(scratch, "muster.db")
            walls = run(store, servers, seed), run(store, servers, seed, "--longest-first")
        ratios = [w / b for w, b in zip(walls, bounds)]
        worst = [max(*pair) for pair in zip(worst, ratios)]
        print(f"| {servers}, {seed} | {max(durations):.2f} | {even:.2f} | {bounds[0]:.2f} | {walls[0]:.2f} "
              f"| {ratios[0]:.3f} | {bounds[1]:.2f} | {walls[1]:.2f} | {ratios[1]:.3f} |", flush=True)
print()
print(f"Furthest from the bound: {worst[0]:.3f} in order, {worst[1]:.3f} the longest first")
