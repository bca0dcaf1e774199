#!/usr/bin/env python3
"""The built-in benchmarks beside themselves: accuracy-spread.py MUSTER [RUNS [BENCHMARKS]]

Default runs of this machine, one after the other; of each benchmark's judged metric the median of the runs,
half of their range in % of it, and their standard deviation in % of their mean. Where sysbench is installed,
its cpu test takes a second after each run: what it varies by is the machine's part.
"""

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

muster = sys.argv[1]
runs = int(sys.argv[2]) if len(sys.argv) > 2 else 20
benchmarks = sys.argv[3] if len(sys.argv) > 3 else "cpu,memory,disk,gpu"



def sysbench():
    out = subprocess.run(
        ["sysbench", "cpu", f"--threads={os.cpu_count()}", "--time=1", "run"],
        capture_output=True, text=True, timeout=60, check=True).stdout
    return float(re.search(r"events per second: *([\d.]+)", out)[1])


values = {}
with tempfile.TemporaryDirectory() as scratch:
    for _ in range(runs):
        done = subprocess.run(
            [muster, "run", "-q", "-T", "local", "-t", "0", "-b", benchmarks, "--json",
             "--store", scratch + "/m.db"],
            capture_output=True, text=True, timeout=600, check=False)
        for b in json.loads(done.stdout)["servers"][0]["benchmarks"]:
            if b["value"] is not None:
                values.setdefault(f"{b['benchmark']} {b['metric']}", []).append(b["value"])
        if shutil.which("sysbench"):
            values.setdefault("sysbench cpu", []).append(sysbench())
print(f"{runs} runs\n\n| metric | median | half range, % | standard deviation, % |\n|---|---|---|---|")
for name, all_values in values.items():
    middle = statistics.median(all_values)
    half = (max(all_values) - min(all_values)) / 2 / middle
    deviation = statistics.stdev(all_values) / statistics.mean(all_values)
    print(f"| {name} | {middle:.6g} | {100 * half:.2f} | {100 * deviation:.2f} |")
