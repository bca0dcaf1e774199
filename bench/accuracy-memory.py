#!/usr/bin/env python3
"""The memory benchmark beside STREAM and lmbench: accuracy-memory.py MUSTER [ROUNDS]

Both sides take turns in each round; shown are medians, the range behind them, and the median of the
rounds' ratios. The others are not part of muster: STREAM_C is the path of stream.c, which is built
here with the agent's array size, by the same compiler, with OpenMP, once as it is and once as muster has it:
huge pages asked for its arrays, and these addressed as any memory (-mcmodel=large); LMBENCH is the folder of lmbench's sources, of whose
lat_mem_rd a copy is built that measures one ring instead of all up to it, each of which takes a minute, with
huge pages. A side that is not given is left out, and said to be.
"""

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile

muster = os.path.abspath(sys.argv[1])
rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
scratch = tempfile.TemporaryDirectory()


def run(*command, **kwargs):
    return subprocess.run(
        command, check=True, capture_output=True, text=True, timeout=300, cwd=scratch.name, **kwargs
    )


def measure(duration):
    """What muster measures, one trial."""
    with open(scratch.name + "/muster.yaml", "w", encoding="utf-8") as f:
        f.write(f"settle: 1ms\nbenchmarks: {{memory: {{trials: 1, duration: {duration}}}}}\n")
    done = subprocess.run(
        [muster, "run", "-q", "-T", "local", "--json", "--store", scratch.name + "/m.db"],
        capture_output=True, text=True, timeout=300, cwd=scratch.name, check=False,
    )
    benchmark = json.loads(done.stdout)["servers"][0]["benchmarks"][0]
    if not benchmark["metrics"]:
        sys.exit(f"memory: {benchmark['detail']}")
    return {k: v["value"] for k, v in benchmark["metrics"].items()}


def caches():
    """Bytes of the data caches of the last CPU, by level."""
    cpu = sorted(os.sched_getaffinity(0))[-1]
    sizes, i = {}, 0
    base = f"/sys/devices/system/cpu/cpu{cpu}/cache/index"
    while os.path.exists(f"{base}{i}"):
        kind, level, size = (open(f"{base}{i}/{n}").read().strip() for n in ("type", "level", "size"))
        if kind != "Instruction":
            sizes[int(level)] = int(size.rstrip("K")) * 1024
        i += 1
    return cpu, sizes


HUGE_PAGES = """
#define main stream_main
#include "{source}"
#undef main
#include <stdint.h>
#include <sys/mman.h>

static void ask(void *array) {{
    uintptr_t huge = 2 << 20, from = ((uintptr_t)array + huge - 1) & -huge;
    madvise((void *)from, (sizeof(a) - huge) & -huge, MADV_HUGEPAGE);
}}

int main(void) {{
    ask(a), ask(b), ask(c);
    return stream_main();
}}
"""


def build_stream(source, array_bytes):
    source = os.path.abspath(source)
    with open(scratch.name + "/stream-huge.c", "w", encoding="utf-8") as f:
        f.write(HUGE_PAGES.format(source=source))
    for program, code, model in (("stream", source, "medium"), ("stream-huge", "stream-huge.c", "large")):
        run("gcc", "-O3", "-fopenmp", f"-mcmodel={model}", f"-DSTREAM_ARRAY_SIZE={array_bytes // 8}",
            "-DNTIMES=6", code, "-o", program)


def stream(program):
    out = run("./" + program).stdout
    return {m[0].lower(): float(m[1]) / 1e3
            for m in re.findall(r"^(Copy|Scale|Add|Triad): +([\d.]+)", out, re.M)}


def build_lat_mem_rd(folder):
    folder = os.path.abspath(folder)
    source = open(folder + "/lat_mem_rd.c", encoding="utf-8").read()
    every = "range = LOWER; range <= len; range = step(range)"
    if every not in source:
        sys.exit("lat_mem_rd.c is not the one that is known here")
    with open(scratch.name + "/lat_mem_rd.c", "w", encoding="utf-8") as f:
        f.write(source.replace(every, "range = len; range <= len; range *= 2"))
    parts = [f"{folder}/{n}.c" for n in ("lib_mem", "lib_timing", "lib_stats", "lib_debug", "lib_sched", "getopt")]
    types = [f"-DHAVE_{t}=1" for t in ("uint", "uint64_t", "int64_t", "socklen_t", "DRAND48")]
    os.makedirs(scratch.name + "/rpc")
    for name in ("rpc", "types"):  # of a library that is gone
        open(f"{scratch.name}/rpc/{name}.h", "w", encoding="utf-8").close()
    run("gcc", "-O2", "-w", "-include", "stdint.h", "-include", "netinet/in.h", "-I", folder, "-I", ".",
        *types, "-o", "lat_mem_rd", "lat_mem_rd.c", *parts, "-lm")


def lat_mem_rd(cpu, rings):
    """Nanoseconds a load in a random order, along rings as large as muster's."""
    found = {}
    for name, size in rings.items():
        out = run("timeout", "-k", "1", "240", "taskset", "-c", str(cpu), "./lat_mem_rd", "-t", "-P", "1",
                  "-N", "1", str(max(1, size >> 20)), "64",
                  env={**os.environ, "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}).stderr
        rows = [tuple(map(float, l.split())) for l in out.splitlines() if re.match(r"[\d.]+ [\d.]+$", l)]
        found[name] = min(rows, key=lambda r: abs(r[0] - size / 2**20))[1]
    return found


def main():
    cpu, sizes = caches()
    array = max(4 * sizes.get(3, sizes.get(2, 0)), 64 << 20)
    rings = {f"latency_l{l}": 1 << ((sizes[l] * 3 // 4).bit_length() - 1) for l in (2, 3) if l in sizes}
    rings["latency"] = 1 << (array.bit_length() - 1)
    peers = {}
    if os.environ.get("STREAM_C"):
        build_stream(os.environ["STREAM_C"], array)
        peers["STREAM"] = lambda: stream("stream")
        peers["STREAM, as muster"] = lambda: stream("stream-huge")
    if os.environ.get("LMBENCH"):
        build_lat_mem_rd(os.environ["LMBENCH"])
        peers["lat_mem_rd"] = lambda: lat_mem_rd(cpu, rings)
    for name, variable in (("STREAM", "STREAM_C"), ("lat_mem_rd", "LMBENCH")):
        if name not in peers:
            print(f"{name} is left out: ${variable} is not set")
    rows = {}
    for _ in range(rounds):
        mine = measure("3s")
        for peer, ask in peers.items():
            for metric, value in ask().items():
                rows.setdefault((metric, peer), []).append((mine[metric], value))
    print(f"\n{rounds} rounds, arrays of {array >> 20} MiB, {os.cpu_count()} CPUs\n")
    print("| metric | muster | peer | ratio |\n|---|---|---|---|")
    for (metric, peer), pairs in rows.items():
        cells = []
        for side in (0, 1):
            values = sorted(p[side] for p in pairs)
            cells.append(f"{statistics.median(values):.2f} ({values[0]:.2f}-{values[-1]:.2f})")
        ratio = statistics.median(a / b for a, b in pairs)
        print(f"| {metric} | {cells[0]} | {peer} {cells[1]} | {ratio:.3f} |")


main()
