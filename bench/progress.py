#!/usr/bin/env python3
"""What the display costs: CPU of a run on a terminal with it and with --no-progress.

    bench/progress.py [--seconds 60] [--rounds 3] [MUSTER]

Each round runs simulated servers for so many seconds on a pseudo-terminal of 120 x 40 that reads
everything, once each way, and takes what the kernel counted in nanoseconds for the log's thread, which
draws, and for all threads together.
"""
import argparse
import fcntl
import os
import pty
import select
import signal
import statistics
import struct
import tempfile
import termios
import time

FLEET = "--simulate=servers=10000,seed=7,delay=2s-8s"


def start(muster, options, state):
    """A run on a terminal of its own: its process and the terminal's other end."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm-256color", XDG_STATE_HOME=state)
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        os.execv(muster, [muster, "run", FLEET, "-f", "64", *options])
    return pid, terminal


def read_for(terminal, seconds):
    """Reads what comes; returns how many bytes that was."""
    end, size = time.monotonic() + seconds, 0
    while (left := end - time.monotonic()) > 0:
        if select.select([terminal], [], [], left)[0]:
            try:
                got = os.read(terminal, 65536)
            except OSError:  # the other end is closed
                return size
            if not got:
                return size
            size += len(got)
    return size


def cpu(pid):
    """Seconds that the log's thread and all threads have run."""
    log = total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat") as f:
            ns = int(f.read().split()[0])
        with open(f"/proc/{pid}/task/{task}/comm") as f:
            log += ns if f.read().strip() == "log" else 0
        total += ns
    return log / 1e9, total / 1e9


def measure(muster, options, seconds):
    with tempfile.TemporaryDirectory() as state:
        pid, terminal = start(muster, options, state)
        size = read_for(terminal, seconds)
        log, total = cpu(pid)
        os.kill(pid, signal.SIGINT)
        read_for(terminal, 60)
        os.waitpid(pid, 0)
        os.close(terminal)
    return 100 * log / seconds, 100 * total / seconds, size / seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("muster", nargs="?", default="build/muster")
    args = parser.parse_args()
    ways = {"display": [], "--no-progress": ["--no-progress"]}
    got = {way: [] for way in ways}
    for _ in range(args.rounds):
        for way, options in ways.items():
            got[way].append(measure(os.path.abspath(args.muster), options, args.seconds))
    print(f"{'% of a core':14} {'log thread':>22} {'all threads':>22} {'bytes/s':>9}")
    for way, rows in got.items():
        cells = []
        for column in zip(*rows):
            cells.append((statistics.median(column), min(column), max(column)))
        (a, b, c), (d, e, f), (g, _, _) = cells
        print(f"{way:14} {a:8.3f} ({b:.3f}-{c:.3f}) {d:8.3f} ({e:.3f}-{f:.3f}) {g:9.0f}")


if __name__ == "__main__":
    main()
