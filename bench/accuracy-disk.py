#!/usr/bin/env python3
"""The disk benchmark beside fio: accuracy-disk.py MUSTER [ROUNDS [FOLDER]]

Same size of file, same depth and size of requests, same engine, for as long each; each side lays out a
file of its own in every round, because a disk may have what was written last nearer at hand, and they take
turns in who comes first. Shown are medians, the range behind them, and the median of the rounds' ratios
with the quarter of them on either side. FOLDER (/var/tmp) must lie on a disk.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile

muster = os.path.abspath(sys.argv[1])
rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
folder = sys.argv[3] if len(sys.argv) > 3 else "/var/tmp"
SECONDS = 2
JOBS = {  # metric: fio's rw, block size, depth, what of its answer, scale
    "read_iops": ("randread", "4k", 32, ("read", "iops"), 1),
    "write_iops": ("randwrite", "4k", 32, ("write", "iops"), 1),
    "read": ("read", "1m", 8, ("read", "bw_bytes"), 1e-6),
    "write": ("write", "1m", 8, ("write", "bw_bytes"), 1e-6),
}


def measure(scratch):
    with open(scratch + "/muster.yaml", "w", encoding="utf-8") as f:
        f.write(f"settle: 1ms\nbenchmarks: {{disk: {{trials: 1, duration: {SECONDS}s, path: {folder}}}}}\n")
    done = subprocess.run(
        [muster, "run", "-q", "-T", "local", "--json", "--store", scratch + "/m.db"],
        capture_output=True, text=True, timeout=300, cwd=scratch, check=False,
    )
    benchmark = json.loads(done.stdout)["servers"][0]["benchmarks"][0]
    if not benchmark["metrics"]:
        sys.exit(f"disk: {benchmark['detail']}")
    return {k: v["value"] for k, v in benchmark["metrics"].items()}


def fio(name, path):
    rw, size, depth, (side, field), scale = JOBS[name]
    out = subprocess.run(
        ["fio", "--name=x", f"--filename={path}", "--size=1g", "--direct=1", "--ioengine=io_uring",
         f"--iodepth={depth}", f"--rw={rw}", f"--bs={size}", "--time_based", f"--runtime={SECONDS}",
         "--norandommap", "--refill_buffers=0", "--output-format=json"],
        check=True, capture_output=True, text=True, timeout=300,
    ).stdout
    return json.loads(out[out.index("{"):])["jobs"][0][side][field] * scale


def measure_fio(scratch):
    del scratch
    with tempfile.TemporaryDirectory(dir=folder) as there:
        path = there + "/fio"
        subprocess.run(
            ["fio", "--name=x", f"--filename={path}", "--size=1g", "--direct=1", "--ioengine=io_uring",
             "--iodepth=8", "--rw=write", "--bs=1m"], check=True, capture_output=True, timeout=300)
        return {name: fio(name, path) for name in JOBS}


rows = {name: [] for name in JOBS}
with tempfile.TemporaryDirectory() as scratch:
    for i in range(rounds):
        sides = {}
        for side in (measure, measure_fio) if i % 2 == 0 else (measure_fio, measure):
            sides[side] = side(scratch)
        for name in JOBS:
            rows[name].append((sides[measure][name], sides[measure_fio][name]))
version = subprocess.run(["fio", "--version"], capture_output=True, text=True, check=True).stdout.strip()
print(f"{rounds} rounds of {SECONDS} s, a file of 1 GiB in {folder}, {version}\n")
print("| metric | muster | fio | ratio |\n|---|---|---|---|")
for name, pairs in rows.items():
    cells = []
    for side in (0, 1):
        values = sorted(p[side] for p in pairs)
        cells.append(f"{statistics.median(values):.0f} ({values[0]:.0f}-{values[-1]:.0f})")
    low, middle, high = statistics.quantiles([a / b for a, b in pairs], n=4)
    print(f"| {name} | {cells[0]} | {cells[1]} | {middle:.3f} ({low:.3f}-{high:.3f}) |")
