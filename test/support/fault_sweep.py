#!/usr/bin/env python3
"""Lets calls of muster's fail, one run for each, and checks how every run ends.

fault_sweep.py [OPTIONS] MUSTER run ... --json --log-format json
fault_sweep.py [OPTIONS] MUSTER COMMAND ...

  --kind KIND    which calls: memory, thread, descriptor (see fail_calls.c)
  --every N      only every nth of them (1)
  --last N       only the last N of them
  --only N       only the nth
  --on           each run fails from its call on, instead of that call alone
  --limit        no shim: a limit of open files from 4 up, instead
  --fresh        each run makes its store, instead of adding to one with a run in it

The command is run once as it is; then again and again, each time with a store of its own. However a
run of servers ends, these hold:

  - its exit status is 0, 1, 2 or 3, within the time limit; from 2 on it has said why
  - with 0 or 1 the document, the totals, the exit status and the store tell the same
  - unless --on, every server of a run that has begun has a verdict and a reason in the store; what
    differs from the run without faults has the reason `internal`
  - what the log says of a server names it, and is in the store
  - the store passes SQLite's integrity check, and `muster show` prints the run that is in it
  - nothing that it has started is left

Other commands read the state directory that there is: each tells all that it tells without faults, or
says why not.

The last line says how many runs there were and how they ended; of a run that broke a rule the command
that repeats it is shown.
"""

import argparse
import collections
import concurrent.futures
import ctypes
import json
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

TIME_LIMIT = 20  # seconds of a run that takes less than one
PR_SET_CHILD_SUBREAPER = 36


class Ended:
    """How one run has ended, and the folder with what it left."""

    def __init__(self, folder, status, out, err, seconds):
        self.folder, self.status, self.out, self.err, self.seconds = folder, status, out, err, seconds
        self.store = os.path.join(folder, "state", "muster", "muster.db")


class Sweep:
    def __init__(self, options):
        self.options = options
        self.scratch = tempfile.mkdtemp(prefix="sweep.", dir=os.environ.get("TMPDIR", "/tmp"))
        support = os.path.join(os.path.dirname(os.path.realpath(options.command[0])), "test", "support")
        self.shim = os.path.join(support, "fail_calls.so")
        if not os.path.exists(self.shim):
            sys.exit(f"there is no {self.shim}: build with -Dtests=true")
        self.baseline = None
        self.reads = options.command[1] != "run"
        self.seed = None

    # ---- running -------------------------------------------------------------------------------

    def environment(self, folder, fault):
        env = {**os.environ, "MALLOC_PERTURB_": "165"}
        if not self.reads:
            env["XDG_STATE_HOME"] = os.path.join(folder, "state")
        if not self.options.limit:
            env["LD_PRELOAD"] = ":".join(filter(None, [self.shim, env.get("LD_PRELOAD")]))
            env["FAIL_COUNTS"] = os.path.join(folder, "counts")
            env["FAIL"] = fault
        return env

    def start(self, folder, fault):
        limit = int(fault) if self.options.limit and fault else None

        def lower():
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))

        return subprocess.Popen(
            self.options.command, env=self.environment(folder, fault), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=lower if limit else None,
        )

    def run(self, name, fault):
        folder = os.path.join(self.scratch, name)
        os.mkdir(folder)
        if self.seed:
            shutil.copytree(self.seed, os.path.join(folder, "state"))
        began = time.monotonic()
        child = self.start(folder, fault)
        try:
            out, err = child.communicate(timeout=TIME_LIMIT)
        except subprocess.TimeoutExpired:
            child.kill()
            out, err = child.communicate()
        return Ended(folder, child.returncode, out, err.decode(errors="replace"), time.monotonic() - began)

    def show(self, ended):
        """The run that the store got, as `muster show` tells it, or None when it got none."""
        env = {**os.environ, "XDG_STATE_HOME": os.path.join(ended.folder, "state")}
        shown = subprocess.run(
            [self.options.command[0], "show", "last", "--json"], env=env, capture_output=True, timeout=TIME_LIMIT
        )
        if shown.returncode == 2:
            return None
        if shown.returncode != 0:
            raise ValueError(f"show ended with {shown.returncode}: {shown.stderr.decode(errors='replace')}")
        run = json.loads(shown.stdout)
        return None if run["run"] == self.baseline["run"] else run

    # ---- judging -------------------------------------------------------------------------------

    @staticmethod
    def differs(server, usual):
        """Whether it tells anything else than without faults, but for times, and what is `internal`."""
        if server["reason"] == "internal":
            return False
        if len(server["benchmarks"]) != len(usual["benchmarks"]):
            return True
        spared = False
        for b, u in zip(server["benchmarks"], usual["benchmarks"]):
            keys = ("verdict", "reason", "score", "metric", "trials")
            if b["reason"] == "internal":
                spared = True
            elif [b[k] for k in keys] != [u[k] for k in keys] or b["metrics"].keys() != u["metrics"].keys():
                return True
        return not spared and [server["verdict"], server["reason"]] != [usual["verdict"], usual["reason"]]

    def judge_store(self, ended):
        if os.path.exists(ended.store):
            db = sqlite3.connect(ended.store)
            try:
                answer = db.execute("PRAGMA integrity_check").fetchall()
            finally:
                db.close()
            if answer != [("ok",)]:
                yield f"the store is broken: {answer}"

    def judge_log(self, ended, shown):
        """What was logged of a server is in the store."""
        known = {s["server"]: s for s in shown["servers"]} if shown else {}
        for line in ended.err.splitlines():
            if not line.startswith("{"):
                continue
            try:
                record = json.loads(line)
            except ValueError:
                yield f"a line of the log is torn: {line}"
                continue
            if record["event"] in ("connected", "benchmark completed") and "server" not in record:
                yield f"a line names no server: {line}"
            if record["event"] in ("server passed", "server failed"):
                name = record.get("server")
                if name not in known:
                    yield f"a line names no server of the store: {line}"
                elif (known[name]["verdict"], known[name]["reason"]) != (record["verdict"], record.get("reason")):
                    yield f"{name} is {known[name]['verdict']} in the store, and {record['verdict']} in the log"

    def judge_servers(self, ended, shown):
        """One call that fails ends no run that has begun: it costs a server or benchmark `internal`."""
        if "servers to benchmark" not in ended.err:
            return
        if not shown:
            yield "the store lacks the run"
            return
        for server, usual in zip(shown["servers"], self.baseline["servers"], strict=True):
            if (server["verdict"] == "passed") != (server["reason"] is None):
                yield f"{server['server']} is {server['verdict']} for the reason {server['reason']}"
            if self.differs(server, usual):
                yield f"{server['server']} is not as without faults: {server}"
            elif server["reason"] == "internal" and not server["detail"]:
                yield f"{server['server']} has no detail"

    def judge_document(self, ended, shown):
        try:
            document = json.loads(ended.out)
        except ValueError as e:
            yield f"the document is not whole: {e}"
            return
        verdicts = collections.Counter(s["verdict"] for s in document["servers"])
        totals = [document[k] for k in ("passed", "failed", "errors", "cancelled")]
        if totals != [verdicts[v] for v in ("passed", "failed", "error", "cancelled")]:
            yield f"the totals are {totals}, the verdicts {dict(verdicts)}"
        if ended.status != (0 if verdicts["passed"] == document["total"] else 1):
            yield f"the exit status is {ended.status}, the verdicts {dict(verdicts)}"
        if document != shown:
            yield "the document is not what show prints"

    def judge(self, ended):
        if ended.seconds >= TIME_LIMIT:
            yield f"it did not end within {TIME_LIMIT} s"
            return
        if ended.status < 0:
            yield f"it was ended by {signal.Signals(-ended.status).name}"
            return
        if ended.status not in (0, 1, 2, 3):
            yield f"its exit status is {ended.status}"
        if ended.status >= 2 and "muster: " not in ended.err and not ended.err.startswith("Error in auto_init"):
            yield "it did not say why"
        if self.reads:
            if ended.status < 2 and (ended.out, ended.status) != self.baseline:
                yield f"it tells something else: {ended.out.decode(errors='replace')}"
            return
        yield from self.judge_store(ended)
        try:
            shown = self.show(ended)
        except (ValueError, subprocess.TimeoutExpired) as e:
            yield f"what is in the store cannot be shown: {e}"
            return
        yield from self.judge_log(ended, shown)
        if not self.options.on:
            yield from self.judge_servers(ended, shown)
        if ended.status in (0, 1):
            yield from self.judge_document(ended, shown)

    # ---- the whole -----------------------------------------------------------------------------

    def faults(self):
        o = self.options
        usual = self.run("usual", "")
        if usual.status not in (0, 1):
            sys.exit(f"without faults it ended with {usual.status}: {usual.err}")
        self.baseline = (usual.out, usual.status) if self.reads else json.loads(usual.out)
        if not self.reads and not o.fresh:
            self.seed = os.path.join(usual.folder, "state")
        if o.limit:
            return [str(n) for n in range(4, 40)]
        if self.seed:
            usual = self.run("second", "")
        with open(os.path.join(usual.folder, "counts")) as f:
            count = int(dict(line.split() for line in f)[o.kind])
        chosen = [o.only] if o.only else range(max(1, count + 1 - o.last), count + 1, o.every)
        print(f"{count} calls", flush=True)
        return [f"{o.kind}:{n}{'+' if o.on else ''}" for n in chosen]

    def one(self, fault):
        ended = self.run(fault, fault)
        mistakes = list(self.judge(ended))
        if mistakes:
            print(f"FAIL={fault} LD_PRELOAD={self.shim} {' '.join(self.options.command)}")
            for m in mistakes:
                print(f"    {m}")
            print("    " + ended.err[:2000].replace("\n", "\n    "), flush=True)
        else:
            shutil.rmtree(ended.folder)
        return ended.status, bool(mistakes), ended.seconds

    def sweep(self):
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            ends = list(pool.map(self.one, self.faults()))
        statuses = collections.Counter(status for status, _, _ in ends)
        broken = sum(bad for _, bad, _ in ends)
        left = self.children()
        for pid in left:
            print(f"a process is left: {pid}")
        told = ", ".join(f"{n} ended with {status}" for status, n in sorted(statuses.items()))
        longest = max(seconds for _, _, seconds in ends)
        print(f"{len(ends)} runs: {told}; {broken} broke a rule; the longest took {longest:.1f} s")
        return 1 if broken or left else 0

    @staticmethod
    def children():
        """What is still there 3 s after the last run."""
        until = time.monotonic() + 3
        while True:
            try:
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            except ChildProcessError:
                return []
            if time.monotonic() > until:
                with open(f"/proc/self/task/{os.getpid()}/children") as f:
                    return f.read().split()
            time.sleep(0.02)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--kind", choices=("memory", "thread", "descriptor"), default="memory")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--last", type=int, default=10**9)
    parser.add_argument("--only", type=int)
    parser.add_argument("--on", action="store_true")
    parser.add_argument("--limit", action="store_true")
    parser.add_argument("--fresh", action="store_true")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    sweep = Sweep(parser.parse_args())
    try:
        return sweep.sweep()
    finally:
        if not os.environ.get("SWEEP_KEEP"):
            shutil.rmtree(sweep.scratch)


sys.exit(main())
