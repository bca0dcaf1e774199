"""How the cost of a server grows with the fleet and with the fan-out:
growth.py BUILD-FOLDER ROUNDS PICTURES-FOLDER [PART...]

  servers   10 to 100,000 servers. Simulated without delay, fan-out 32, and up to 10,000 of fleet_sim's
            that are logged in to for real, fan-out 256
  fanout    1 to 10,000 at once of fleet_sim's, of 3,000 servers or as many as the fan-out. The first
            ones wait for each other, so that so many sessions are there at once
  locks     the share of perf's samples that are in locks, per symbol: fan-out 1,000 against fleet_sim

All with the log to a file, the run's own log and the store. Rounds in turns, medians. The first two are
drawn with gnuplot (growth.gnuplot): growth-servers.png and growth-fanout.png.
"""

import os
import re
import statistics
import subprocess
import sys
import tempfile

from simfleet import Fleet, Run, build_of, machine, raise_descriptors, write_material

HERE = os.path.dirname(os.path.abspath(__file__))
SIMULATE = "seed=1,delay=0,score=80-100"
LEAST = 3000  # servers of a run of `fanout`: what is there once a run weighs little
LOCKS = re.compile(r"futex|mutex|lll_lock|lll_unlock|cond_(wait|signal|broadcast)|spin_lock|spin_unlock"
                   r"|spin_lock_slowpath|rwsem|down_(read|write)|up_(read|write)|osq_lock|rwlock|sem_wait"
                   r"|sem_post")


def simulated(build, folder, servers, fanout):
    return Run(f"{build}/muster", folder, fanout, servers, simulate=SIMULATE).check()


def logged_in(build, folder, servers, fanout):
    fleet = Fleet(build_of(build, "fleet_sim"), folder, servers, gather=min(servers, fanout))
    run = Run(f"{build}/muster", folder, fanout, servers)
    fleet.end()
    return run.check()


def measure(build, rounds, cases):
    """Medians of {name: {at: (CPU ms, wall ms, peak KiB)}}, the first two for each server."""
    taken = {}
    with tempfile.TemporaryDirectory() as folder:
        write_material(folder)
        for _ in range(rounds):
            for name, at, way, servers, fanout in cases:
                run = way(build, folder, servers, fanout)
                taken.setdefault(name, {}).setdefault(at, []).append(
                    (run.cpu / servers * 1e3, run.wall / servers * 1e3, run.peak))
    return {name: {at: tuple(map(statistics.median, zip(*runs))) for at, runs in found.items()}
            for name, found in taken.items()}


def draw(pictures, name, found):
    """The table, and the picture of it. Memory is told per server that is there at once."""
    with tempfile.TemporaryDirectory() as folder:
        for way, rows in found.items():
            with open(f"{folder}/{way}", "w") as f:
                f.writelines(f"{at} {cpu} {wall} {kib / at}\n" for at, (cpu, wall, kib) in sorted(rows.items()))
        subprocess.run(["gnuplot", "-c", f"{HERE}/growth.gnuplot", name, folder,
                        f"{pictures}/growth-{name}.png"], check=True)


def table(first, found):
    print(f"| {first} | CPU of muster, ms a server | wall, ms a server | peak, MiB |\n|---|---|---|---|")
    for way, rows in found.items():
        for at, (cpu, wall, kib) in sorted(rows.items()):
            print(f"| {at:,}, {way} | {cpu:.3f} | {wall:.3f} | {kib / 1024:.0f} |", flush=True)


def servers(build, rounds, pictures):
    cases = [("simulated", n, simulated, n, 32) for n in (10, 100, 1000, 10000, 100000)]
    cases += [("logged-in", n, logged_in, n, 256) for n in (10, 100, 1000, 10000)]
    found = measure(build, rounds, cases)
    table("servers", found)
    draw(pictures, "servers", found)


def fanout(build, rounds, pictures):
    raise_descriptors(25000)
    cases = [("logged-in", n, logged_in, max(LEAST, n), n) for n in (1, 10, 32, 100, 320, 1000, 3200, 10000)]
    found = measure(build, rounds, cases)
    table("fan-out", found)
    draw(pictures, "fanout", found)


def locks(build, _rounds, _pictures):
    raise_descriptors(5000)
    count, at_once = 5000, 1000
    with tempfile.TemporaryDirectory() as folder:
        write_material(folder)
        fleet = Fleet(build_of(build, "fleet_sim"), folder, count, gather=at_once)
        subprocess.run(
            ["perf", "record", "-q", "-e", "cpu-clock", "-F", "1999", "-o", f"{folder}/samples", "--",
             f"{build}/muster", "run", "-q", "-F", "ssh_config", "-i", "fleet", "-f", str(at_once),
             "--log-file", "log"], cwd=folder, check=True, stdout=subprocess.DEVNULL,
            env={**os.environ, "XDG_STATE_HOME": f"{folder}/state"})
        fleet.end()
        said = subprocess.run(["perf", "report", "-i", f"{folder}/samples", "--stdio", "--no-children",
                               "--percent-limit", "0", "-F", "overhead,sample,dso,symbol", "-t", "|"], capture_output=True, text=True, check=True).stdout
    rows = [[word.strip() for word in line.split("|")] for line in said.splitlines()
            if line.count("|") == 3 and not line.startswith("#")]
    total = sum(int(row[1]) for row in rows)
    found = [(int(row[1]), row[2], row[3]) for row in rows if LOCKS.search(row[3])]
    print(f"{total} samples of a run over {count} servers, fan-out {at_once}; in locks "
          f"{100 * sum(n for n, _, _ in found) / total:.1f} %, of which\n\n| share | symbol |\n|---|---|")
    for n, where, symbol in sorted(found, reverse=True)[:12]:
        print(f"| {100 * n / total:.2f} % | {symbol.split('] ')[-1]} ({where}) |")
    print("\nThe most of all:\n\n| share | symbol |\n|---|---|")
    for row in sorted(rows, key=lambda row: -int(row[1]))[:10]:
        print(f"| {100 * int(row[1]) / total:.1f} % | {row[3].split('] ')[-1]} ({row[2]}) |")


PARTS = {"servers": servers, "fanout": fanout, "locks": locks}


def main():
    build, rounds, pictures, *parts = sys.argv[1:]
    print(machine(f"{build}/muster") + f"; {rounds} rounds")
    for part in parts or PARTS:
        print(f"\n### {part}\n")
        PARTS[part](build, int(rounds), pictures)


main()
