#!/usr/bin/env python3
"""How many planted faults the judgement of peers finds, and how many healthy servers it accuses:
judgement.py MUSTER [SERVERS [NOISES [SIZES]]], lists with commas, percent.

A simulated fleet of 5 kinds with one benchmark of 20 metrics; 2 % of the servers are slower by SIZE
in one metric. Each value is the median of three trials, as muster's own benchmarks have, each with
the NOISE. The same numbers are judged by muster and by what operators use otherwise:

- a fixed limit for each kind and metric, 5 or 10 % below what its servers measure (the median of
  the whole kind: the best that re-tuning by hand can come to);
- the mean less three standard deviations of the kind (plus, for a metric better when lower).

Recall: the share of the faulty servers that are called outliers in the metric that was planted.
False alarms: of 1,000 servers without a fault, how many are accused of anything.
"""

import calendar
import collections
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time

SEED = 20261123
KINDS, METRICS, TRIALS, SHARE = 5, 20, 3, 2
FIXED, SIGMAS = (0.05, 0.10), 3


class Run:
    """One run of a simulated fleet: what was planted, what was measured, what muster says."""

    def __init__(self, muster, folder, servers, spec, trials=TRIALS):
        truth = os.path.join(folder, "truth")
        config = os.path.join(folder, "muster.yaml")
        with open(config, "w") as out:
            out.write(f"benchmarks:\n  cpu:\n    trials: {trials}\n")
        simulate = (f"servers={servers},seed={SEED},delay=0,kinds={KINDS},metrics={METRICS},"
                    f"{spec},truth={truth}")
        log = os.path.join(folder, "log")
        command = [muster, "run", "-q", "-c", config, "-b", "cpu", "-t", "0",
                   f"--store={folder}/muster.db", f"--simulate={simulate}", f"--log-file={log}",
                   "--log-format=json"]
        if os.path.exists(log):
            os.unlink(log)
        begin = time.time()
        with open(os.path.join(folder, "out"), "w") as out:
            status = subprocess.run(command, stdout=out).returncode
        end = time.time()
        if status not in (0, 1):
            sys.exit(f"{' '.join(command)}: status {status}")
        self.seconds, self.seconds_after = end - begin, end - last_result(log)
        with open(os.path.join(folder, "document"), "w") as out:
            subprocess.run([muster, "show", "last", "--json", f"--store={folder}/muster.db"],
                           stdout=out, check=True)
        with open(os.path.join(folder, "document")) as f:
            self.document = json.load(f)
        with open(truth) as f:
            self.truth = {t["server"]: t for t in map(json.loads, f)}
        self.values = {s["server"]: s["benchmarks"][0]["metrics"] for s in self.document["servers"]}
        for suffix in ("", "-wal", "-shm"):
            if os.path.exists(f"{folder}/muster.db{suffix}"):
                os.unlink(f"{folder}/muster.db{suffix}")

    def faulty(self):
        return [t for t in self.truth.values() if t["active"]]

    def by_muster(self):
        """server -> the metrics in which it is an outlier"""
        found = {}
        for s in self.document["servers"]:
            metrics = {f["metric"] for f in s.get("findings") or [] if f["finding"] == "outlier"}
            if metrics:
                found[s["server"]] = metrics
        return found

    def by_limits(self, limit_of):
        """The same, of a rule that has a limit for each kind and metric."""
        kinds = collections.defaultdict(list)
        for name, t in self.truth.items():
            kinds[t["kind"]].append(name)
        found = collections.defaultdict(set)
        for names in kinds.values():
            for metric, first in self.values[names[0]].items():
                lower = first["unit"] == "us"
                values = [self.values[n][metric]["value"] for n in names]
                limit = limit_of(values, lower)
                for name, value in zip(names, values):
                    if value > limit if lower else value < limit:
                        found[name].add(metric)
        return found

    def score(self, found):
        """(recall in percent, false alarms in 1,000)"""
        faulty = self.faulty()
        hit = sum(1 for t in faulty if t["server"] in found
                  and (t["metric"] is None or t["metric"] in found[t["server"]]))
        healthy = len(self.truth) - len(faulty)
        wrong = sum(1 for name in found if not self.truth[name]["active"])
        return 100 * hit / len(faulty) if faulty else None, 1000 * wrong / healthy


def last_result(log):
    """When the last server was judged, by the log."""
    stamp = None
    with open(log) as f:
        for line in f:
            if '"server passed"' in line or '"server failed"' in line:
                stamp = json.loads(line)["timestamp"]
    whole, fraction = stamp.rstrip("Z").split(".")
    parsed = time.strptime(whole + " UTC", "%Y-%m-%dT%H:%M:%S %Z")
    return calendar.timegm(parsed) + float("0." + fraction)


def fixed(share):
    def limit(values, lower):
        middle = statistics.median(values)
        return middle * (1 + share if lower else 1 - share)
    return limit


def sigma(values, lower):
    mean, deviation = statistics.fmean(values), statistics.pstdev(values)
    return mean + SIGMAS * deviation if lower else mean - SIGMAS * deviation


RULES = (("muster", Run.by_muster),
         *((f"fixed, {s:.0%}", lambda r, s=s: r.by_limits(fixed(s))) for s in FIXED),
         (f"mean - {SIGMAS} sigma", lambda r: r.by_limits(sigma)))


def cells(run):
    out = []
    for _, rule in RULES:
        recall, alarms = run.score(rule(run))
        out.append(f"{recall:.1f} / {alarms:.2f}")
    return out


def header(*first):
    names = [*first, *(name for name, _ in RULES)]
    print("| " + " | ".join(names) + " |")
    print("|" + "---|" * len(names), flush=True)


def row(*cells_):
    print("| " + " | ".join(str(c) for c in cells_) + " |", flush=True)


def processor():
    with open("/proc/cpuinfo") as f:
        return next((line.split(":")[1].strip() for line in f if line.startswith("model name")), "?")


def main():
    muster = sys.argv[1]
    servers = int(sys.argv[2]) if len(sys.argv) > 2 else 10000
    noises = (sys.argv[3] if len(sys.argv) > 3 else "0.5,1,2,4").split(",")
    sizes = (sys.argv[4] if len(sys.argv) > 4 else "3,5,8,12,20").split(",")
    after, whole = [], []

    def fleet(spec, trials=TRIALS):
        with tempfile.TemporaryDirectory() as folder:
            run = Run(muster, folder, servers, spec, trials)
        after.append(run.seconds_after)
        whole.append(run.seconds)
        return run

    print(f"{processor()}, {os.cpu_count()} CPUs, Linux {platform.release()}; {servers} servers of "
          f"{KINDS} kinds, {METRICS} metrics, medians of {TRIALS} trials, {SHARE} % of the servers "
          f"slow in one metric; recall in % / false alarms in 1,000 healthy servers\n")
    header("noise of a trial", "fault")
    for noise in noises:
        for size in sizes:
            run = fleet(f"noise={noise}%,slow={SHARE}%:{size}%")
            row(f"{noise} %", f"{size} %", *cells(run))
    print()
    header("noise 1 %, fault 5 %, and")
    for title, spec, trials in (
            ("one trial only", f"slow={SHARE}%:5%", 1),
            ("40 % of the servers with a firmware 15 % slower in one metric",
             f"slow={SHARE}%:5%,bimodal=40%:15%", TRIALS),
            ("10 % of the servers slow", "slow=10%:5%", TRIALS),
            ("30 % of the servers slow", "slow=30%:5%", TRIALS),
            ("2 % throttled, in all metrics", "slow=0%,throttled=2%:5%", TRIALS)):
        row(title, *cells(fleet(f"noise=1%,{spec}", trials)))
    print(f"\nFrom the last result to the end of muster: median {statistics.median(after):.2f} s, "
          f"at most {max(after):.2f}; a whole run: {statistics.median(whole):.1f} s")


main()
