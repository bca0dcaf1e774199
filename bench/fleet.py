"""What servers cost that are logged in to at once: fleet.py BUILD-FOLDER ROUNDS AT-ONCE...

fleet_sim stands in for the servers: none of its agents takes a request before all have a session, so
that so many sessions are there at once, however long that takes. muster runs them with all that it
does: one command benchmark of `true`, its log to a file, the run's own log, the store. Both are
processes on the same machine; medians and ranges over the rounds.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time

from simfleet import Fleet, build_of, shown, write_material


def run_muster(program, folder, servers):
    """Its (CPU seconds, wall seconds, peak KiB), or why there were not so many at once."""
    log = f"{folder}/log"
    open(log, "w").close()
    begin = time.monotonic()
    process = subprocess.Popen(
        [program, "run", "-q", "-F", "ssh_config", "-i", "fleet", "-f", str(servers), "--log-file", log],
        cwd=folder, env={**os.environ, "XDG_STATE_HOME": f"{folder}/state"},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    while os.path.getsize(log) == 0 and not os.waitid(
            os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
        time.sleep(0.01)
    with open(log) as f:  # it says first of all if there cannot be so many
        first = f.readline()
    fewer = first if "fewer servers at once" in first else None
    if fewer:
        process.terminate()
    said = process.stdout.read()
    status, used = os.wait4(process.pid, 0)[1:]
    if fewer:
        return fewer[fewer.index("reason="):].strip()
    if status != 0:
        sys.exit(f"muster ended with {status}: {said}")
    return used.ru_utime + used.ru_stime, time.monotonic() - begin, used.ru_maxrss


def measure(build, folder, servers, rounds):
    rows = []
    for _ in range(rounds):
        fleet = Fleet(build_of(build, "fleet_sim"), folder, servers, gather=servers)
        got = run_muster(os.path.join(build, "muster"), folder, servers)
        counts = fleet.end()
        if isinstance(got, str):
            return print(f"| {servers:,} | not run: {got} |")
        if counts["peak"] != servers:
            sys.exit(f"only {counts['peak']} at once")
        rows.append((*got, counts))
    cpu, wall, peak = ([row[i] for row in rows] for i in range(3))
    counts = [row[3] for row in rows]
    print(f"| {servers:,} | {shown(wall)} | {shown([c / servers * 1e3 for c in cpu])} | "
          f"{shown([p / 1024 for p in peak], 0)} | "
          f"{shown([c['cpu_seconds'] / servers * 1e3 for c in counts])} | "
          f"{shown([c['peak_rss_kib'] / 1024 for c in counts], 0)} |", flush=True)


def main():
    build, rounds, *sizes = sys.argv[1:]
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    print(f"{os.cpu_count()} cores, Linux {os.uname().release}, RLIMIT_NOFILE {limit}, {rounds} rounds\n")
    print("| at once | wall, s | muster: CPU, ms a server | peak, MiB | fleet_sim: CPU, ms a session "
          "| peak, MiB |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        write_material(folder)
        for size in sizes:
            measure(build, folder, int(size), int(rounds))


main()
