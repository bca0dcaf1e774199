#!/usr/bin/env python3
"""The disk benchmark beside fio: accuracy-disk.py MUSTER [ROUNDS [FOLDER]]

Same size of file, same depth and size of requests, same engine, for as long each; each side lays out a
file of its own in every round, because a disk may have what was written last nearer at hand, and they take
turns in who comes first. Shown are medians, the range behind them, and the median of the rounds' ratios
with the quarter of them on either side. FOLDER (/var/tmp) must lie on a disk.

A disk that others use too moves more than the two programs differ. So where a control group can be made,
the same is done once more with the disk held to LIMIT by the kernel, which is steady: what is left there is
how the two count.
"""

import contextlib
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
LIMIT = {"iops": 15000, "bps": 400_000_000}
JOBS = {  # metric: fio's rw, block size, depth, what of its answer, scale
    "read_iops": ("randread", "4k", 32, ("read", "iops"), 1),
    "write_iops": ("randwrite", "4k", 32, ("write", "iops"), 1),
    "read": ("read", "1m", 8, ("read", "bw_bytes"), 1e-6),
    "write": ("write", "1m", 8, ("write", "bw_bytes"), 1e-6),
}


@contextlib.contextmanager
def throttled():
    """Yields what a process calls to be held to LIMIT, or None where that cannot be done."""
    device = os.stat(folder).st_dev
    place = f"/sys/dev/block/{os.major(device)}:{os.minor(device)}"
    number = open(place + ("/../dev" if os.path.exists(place + "/partition") else "/dev"), encoding="ascii").read().strip()
    v2 = os.path.exists("/sys/fs/cgroup/cgroup.controllers")
    group = f"/sys/fs/cgroup/{'' if v2 else 'blkio/'}muster-accuracy-{os.getpid()}"
    if v2:
        limits = {"io.max": " ".join(f"{way}{what}={LIMIT[what]}" for way in "rw" for what in LIMIT)}
    else:
        limits = {f"blkio.throttle.{way}_{what}_device": str(LIMIT[what])
                  for way in ("read", "write") for what in LIMIT}
    try:
        os.mkdir(group)
        for file, value in limits.items():
            with open(f"{group}/{file}", "w", encoding="ascii") as f:
                f.write(f"{number} {value}")
    except OSError as e:
        print(f"no control group that holds the disk: {e}")
        yield None
        return
    try:
        yield lambda: open(group + "/cgroup.procs", "w", encoding="ascii").write("0")
    finally:
        os.rmdir(group)


enter = None  # called in each program's process before it starts


def measure(scratch):
    with open(scratch + "/muster.yaml", "w", encoding="utf-8") as f:
        f.write(f"settle: 1ms\nbenchmarks: {{disk: {{trials: 1, duration: {SECONDS}s, path: {folder}}}}}\n")
    done = subprocess.run(
        [muster, "run", "-q", "-T", "local", "--json", "--store", scratch + "/m.db"],
        capture_output=True, text=True, timeout=300, cwd=scratch, check=False,
        preexec_fn=enter,
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
        check=True, capture_output=True, text=True, timeout=300, preexec_fn=enter,
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


def compare():
    rows = {name: [] for name in JOBS}
    with tempfile.TemporaryDirectory() as scratch:
        for i in range(rounds):
            sides = {}
            for side in (measure, measure_fio) if i % 2 == 0 else (measure_fio, measure):
                sides[side] = side(scratch)
            for name in JOBS:
                rows[name].append((sides[measure][name], sides[measure_fio][name]))
    print("| metric | muster | fio | ratio |\n|---|---|---|---|")
    for name, pairs in rows.items():
        cells = []
        for side in (0, 1):
            values = sorted(p[side] for p in pairs)
            cells.append(f"{statistics.median(values):.0f} ({values[0]:.0f}-{values[-1]:.0f})")
        low, middle, high = statistics.quantiles([a / b for a, b in pairs], n=4)
        print(f"| {name} | {cells[0]} | {cells[1]} | {middle:.3f} ({low:.3f}-{high:.3f}) |")


version = subprocess.run(["fio", "--version"], capture_output=True, text=True, check=True).stdout.strip()
print(f"{rounds} rounds of {SECONDS} s, a file of 1 GiB in {folder}, {version}\n")
compare()
with throttled() as enter:
    if enter:
        print(f"\nThe same, the disk held to {LIMIT['iops']} requests and {LIMIT['bps'] / 1e6:.0f} MB a second\n")
        compare()
