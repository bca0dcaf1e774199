"""How many servers one muster has in hand at once, and what memory that takes:
inflight.py BUILD-FOLDER [PART...]; all parts without, but for `variants`.

  sessions   1,000 and 10,000 of fleet_sim's servers at once: none of its agents takes a request before
             all have a session. Time runs from muster's start to the last `connected` of its log
  sshd       1,000 sessions of a real sshd at once, each in a benchmark that waits until all are there; its
             queue of new connections has room for 128. What the kernel dropped or sent again is counted
  memory     resident memory as a run of 100,000 servers goes on, fan-out 2,000: against fleet_sim, and
             simulated, with fan-out 32
  variants   3,000 at once with settings of malloc() and of the stack, in turns

Both sides of all parts share the machine's cores.
"""

import bisect
import datetime
import os
import statistics
import sys
import tempfile
import threading
import time

from simfleet import (Fleet, Run, build_of, machine, raise_descriptors, shown, sshd, write_inventory,
                      write_material)

ROUNDS = {1000: 5, 3000: 3, 10000: 2}
GATED = """
ssh: {{connect_timeout: 30s, login_timeout: 120s}}
benchmarks:
  t:
    command: "[ -e {0}/go ] || cat <{0}/gate; echo 1"
    extract: {{regex: "([0-9]+)"}}
    threshold: 0
    timeout: 200s
"""
VARIANTS = [
    ("as it is", {}),
    ("one arena", {"GLIBC_TUNABLES": "glibc.malloc.arena_max=1"}),
    ("four arenas", {"GLIBC_TUNABLES": "glibc.malloc.arena_max=4"}),
    ("no caches of threads", {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=0"}),
    ("caches of one piece a size", {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=1"}),
]


def at_once(build, folder, servers, env=None):
    fleet = Fleet(build_of(build, "fleet_sim"), folder, servers, gather=servers)
    run = Run(f"{build}/muster", folder, servers, servers, env=env, beside=fleet.process.pid)
    counts = fleet.end()
    run.check()
    if counts["peak"] != servers:
        sys.exit(f"only {counts['peak']} at once")
    return run, counts


def sessions(build, folder):
    print("| at once | all connected after, s | CPU of both until then, s | wall, s | muster: CPU, s | fleet_sim: CPU, s "
          "| muster: peak, MiB | KiB a server |\n|---|---|---|---|---|---|---|---|")
    for servers in (1000, 10000):
        raise_descriptors(2 * servers + 1000)
        rounds = [at_once(build, folder, servers) for _ in range(ROUNDS[servers])]
        print(f"| {servers:,} | {shown([r.all_connected for r, _ in rounds])} "
              f"| {shown([r.cpu_until(r.all_connected) for r, _ in rounds])} "
              f"| {shown([r.wall for r, _ in rounds])} | {shown([r.cpu for r, _ in rounds])} "
              f"| {shown([c['cpu_seconds'] for _, c in rounds])} "
              f"| {shown([r.peak / 1024 for r, _ in rounds], 0)} "
              f"| {shown([r.peak / servers for r, _ in rounds], 1)} |", flush=True)


def variants(build, folder):
    servers = 3000
    raise_descriptors(2 * servers + 1000)
    rows = {name: [] for name, _ in VARIANTS}
    for _ in range(ROUNDS[servers]):
        for name, env in VARIANTS:
            rows[name].append(at_once(build, folder, servers, env)[0])
    print(f"{servers} at once\n\n| | peak, MiB | KiB a server | CPU, ms a server |\n|---|---|---|---|")
    for name, runs in rows.items():
        print(f"| {name} | {shown([r.peak / 1024 for r in runs], 0)} "
              f"| {shown([r.peak / servers for r in runs], 1)} "
              f"| {shown([r.cpu / servers * 1e3 for r in runs], 3)} |")


def kernel_counts():
    """Of this network namespace: connections that did not fit a queue, segments sent again."""
    counts = {}
    for path in ("/proc/net/netstat", "/proc/net/snmp"):
        with open(path) as f:
            lines = f.read().splitlines()
        for names, values in zip(lines[::2], lines[1::2]):
            counts.update(zip(names.split()[1:], map(int, values.split()[1:])))
    return {name: counts[name] for name in ("ListenOverflows", "ListenDrops", "TCPSynRetrans", "RetransSegs")}


def connections(port=2222):
    """Established at the server's end."""
    with open("/proc/net/tcp") as f:
        return sum(line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "01"
                   for line in list(f)[1:])


def open_gate(folder, servers, at_gate):
    """Waits until all are connected, or have failed, and lets the benchmarks go on."""
    log = f"{folder}/log"
    while not at_gate["over"]:
        time.sleep(0.2)
        with open(log, "rb") if os.path.exists(log) else open(os.devnull, "rb") as f:
            said = f.read()
        if said.count(b'"connected"') + said.count(b'"server failed"') >= servers:
            break
    at_gate["connections"] = connections()
    open(f"{folder}/go", "w").close()
    while not at_gate["over"]:  # who saw no `go` just now opens the pipe a moment later
        try:
            os.close(os.open(f"{folder}/gate", os.O_WRONLY | os.O_NONBLOCK))
        except OSError:  # nobody waits
            pass
        time.sleep(0.2)


def real(build, folder):
    servers = 1000
    raise_descriptors(4 * servers)
    write_inventory(folder, servers)
    with open(f"{folder}/muster.yaml", "w") as f:
        f.write(GATED.format(folder))
    os.mkfifo(f"{folder}/gate")
    with sshd(folder, "MaxStartups 1000", "MaxSessions 10",
              f"SetEnv SHLVL=2 XDG_CACHE_HOME={folder}/cache"):
        before = kernel_counts()
        at_gate = {"over": False}
        opener = threading.Thread(target=open_gate, args=(folder, servers, at_gate))
        opener.start()
        run = Run(f"{build}/muster", folder, servers, servers, "--retries", "0", "--timeout", "250s",
                  "--busy-wait", "60s")
        at_gate["over"] = True
        opener.join()
        after = kernel_counts()
    run.check()
    print(f"{servers} sessions of one sshd: {at_gate['connections']} connections at once, all connected "
          f"after {run.all_connected:.1f} s, {run.passed} passed without a second attempt; "
          f"muster: {run.cpu:.1f} s of CPU, peak {run.peak / 1024:.0f} MiB; "
          + ", ".join(f"{name} {after[name] - before[name]}" for name in before))


def seconds_of(run):
    """When the first, second ... verdict was in the log, in seconds since the start."""
    with open(run.log, "rb") as lines:
        for line in lines:
            if b'"server passed"' in line:
                at = line[line.index(b'"timestamp"'):].split(b'"')[3].decode().replace("Z", "+00:00")
                yield datetime.datetime.fromisoformat(at).timestamp() - run.began


def resident(run, ended):
    """MiB when so many servers had ended: the middle of what was sampled around then."""
    times = list(seconds_of(run))
    at = times[min(ended, len(times)) - 1]
    near = bisect.bisect([sample[0] for sample in run.samples], at)
    return statistics.median(kib for _, kib, _ in run.samples[max(0, near - 3):near + 2]) / 1024


def memory(build, folder):
    servers, steps = 100000, (5000, 10000, 30000, 60000, 95000)
    print("| resident, MiB, after so many servers | " + " | ".join(f"{n:,}" for n in steps)
          + " | bytes a server from 10,000 on |\n|---|" + "---|" * (len(steps) + 1))
    for name, fanout in (("fleet_sim, fan-out 2,000", 2000), ("simulated, fan-out 32", 32)):
        if fanout > 32:
            raise_descriptors(10000)
            fleet = Fleet(build_of(build, "fleet_sim"), folder, servers)
            run = Run(f"{build}/muster", folder, fanout, servers)
            fleet.end()
        else:
            run = Run(f"{build}/muster", folder, fanout, servers, simulate="seed=1,delay=0,score=80-100")
        run.check()
        sizes = [resident(run, n) for n in steps]
        each = (sizes[-1] - sizes[1]) * 2**20 / (steps[-1] - steps[1])
        print(f"| {name} | " + " | ".join(f"{size:.0f}" for size in sizes)
              + f" | {each:.0f} ({run.wall:.0f} s of wall, {run.cpu / servers * 1e3:.2f} ms of CPU a server, "
              f"peak {run.peak / 1024:.0f} MiB) |", flush=True)


PARTS = {"sessions": sessions, "sshd": real, "memory": memory, "variants": variants}


def main():
    build, *parts = sys.argv[1:]
    print(machine(f"{build}/muster"))
    for part in parts or ("sessions", "sshd", "memory"):
        print(f"\n### {part}\n")
        with tempfile.TemporaryDirectory() as folder:
            write_material(folder)
            PARTS[part](build, folder)


main()
