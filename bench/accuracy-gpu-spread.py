#!/usr/bin/env python3
"""What the gpu benchmark's figures vary by on PoCL, and why: accuracy-gpu-spread.py BUILD [ROUNDS]

In turns: as a run measures, with a second for each measurement, and with one thread of PoCL's. Of the
medians of three trials: half of their range over the rounds (10) in % of their median.
"""

import os
import platform
import re
import statistics
import subprocess
import sys

program = f"{sys.argv[1]}/gpu/muster-gpu-{platform.machine()}"
rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 10
WAYS = {
    "150 ms": (150, {}),
    "1 s": (1000, {}),
    "150 ms, one thread": (150, {"POCL_MAX_PTHREAD_COUNT": "1"}),
}
METRICS = ("worst_gpu", "gpu0_fp32", "gpu0_memory")


def trials(milliseconds, variables):
    """Of each trial after the first, its metrics."""
    said = subprocess.run(
        [program, str(milliseconds), "0", "1"], input="gggg", text=True, check=True, timeout=120,
        stdout=subprocess.PIPE, env={**os.environ, "CUDA_VISIBLE_DEVICES": "", **variables}).stdout
    blocks = [dict(re.findall(r"^metric (\S+) \S+ (\S+)", block, re.M))
              for block in re.split(r"^end.*$", said, flags=re.M)]
    return [block for block in blocks if block][1:]


values = {(way, metric): [] for way in WAYS for metric in METRICS}
for _ in range(rounds):
    for way, (milliseconds, variables) in WAYS.items():
        measured = trials(milliseconds, variables)
        for metric in METRICS:
            values[way, metric].append(statistics.median(float(t[metric]) for t in measured))
print(f"| {'half range, %':20} | " + " | ".join(METRICS) + " |")
print("|---" * (len(METRICS) + 1) + "|")
for way in WAYS:
    halves = [
        50 * (max(v) - min(v)) / statistics.median(v) for v in (values[way, m] for m in METRICS)]
    print(f"| {way:20} | " + " | ".join(f"{h:.2f}" for h in halves) + " |")
