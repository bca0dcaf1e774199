"""The invariants of a run, whatever was done to it: what it printed, wrote and logged must agree.

Each check returns sentences, none when all is well.
"""

import json
import os
import shutil
import sqlite3
import subprocess

from world import MUSTER

REASONS = {
    "passed": {None},
    "failed": {"wrong-result", "below-threshold", "outlier", "missing-metric"},
    "error": {
        "unreachable", "host-key", "auth", "timeout", "connection-lost", "benchmark-crashed",
        "bad-output", "tool-missing", "unsupported", "busy", "internal",
    },
    "cancelled": {"interrupted"},
}


def read_document(text):
    """The JSON document of a run, or None with a mistake."""
    try:
        return json.loads(text), []
    except ValueError as e:
        return None, [f"standard output is no JSON document: {e}: {text[:200]!r}"]


def document(doc, names):
    """One verdict and one reason for each of `names`, in their order, and sums that are right."""
    mistakes = []
    servers = doc["servers"]
    if [s["server"] for s in servers] != names:
        mistakes.append(f"the servers are {[s['server'] for s in servers]}, not {names}")
    for s in servers:
        if s["reason"] not in REASONS.get(s["verdict"], ()):
            mistakes.append(f"{s['server']}: verdict {s['verdict']} with reason {s['reason']}")
        if (s["detail"] is None) != (s["verdict"] == "passed"):
            mistakes.append(f"{s['server']}: verdict {s['verdict']} with detail {s['detail']}")
    counts = {v: sum(s["verdict"] == v for s in servers) for v in REASONS}
    said = {
        "passed": doc["passed"], "failed": doc["failed"], "error": doc["errors"],
        "cancelled": doc["cancelled"],
    }
    if counts != said or doc["total"] != len(names):
        mistakes.append(f"the totals are {said} of {doc['total']}, the servers' verdicts {counts}")
    if doc["failed_servers"] != [s["server"] for s in servers if s["verdict"] != "passed"]:
        mistakes.append(f"failed_servers is {doc['failed_servers']}")
    return mistakes


def exit_status(status, doc):
    wanted = 0 if doc["passed"] == doc["total"] else 1
    return [] if status == wanted else [f"the exit status is {status}, not {wanted}"]


# ---- the store -------------------------------------------------------------------------------------


class Rows:
    """The rows of the store's newest run, read from a copy: reading recovers and checkpoints."""

    def __init__(self, path, scratch):
        self.mistakes = []
        self.run, self.servers, self.benchmarks = None, [], []
        copy = os.path.join(scratch, "copy.db")
        for end in ("", "-wal", "-shm"):
            if os.path.exists(copy + end):
                os.unlink(copy + end)
            if os.path.exists(path + end) and end != "-shm":
                shutil.copyfile(path + end, copy + end)
        if not os.path.exists(copy):
            return
        db = sqlite3.connect(copy)
        db.row_factory = sqlite3.Row
        try:
            self.read(db)
        except sqlite3.Error as e:
            self.mistakes.append(f"the store: {e}")
        finally:
            db.close()

    def read(self, db):
        said = [row[0] for row in db.execute("PRAGMA integrity_check")]
        if said != ["ok"]:
            self.mistakes.append(f"the store's integrity check: {said[:3]}")
        if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'run'").fetchone():
            return  # killed before its tables were there
        self.run = db.execute("SELECT * FROM run ORDER BY number DESC LIMIT 1").fetchone()
        if self.run:
            of = "WHERE run = ? ORDER BY position"
            number = (self.run["number"],)
            self.servers = [dict(r) for r in db.execute(f"SELECT * FROM server {of}", number)]
            self.benchmarks = [
                dict(r) for r in db.execute(f"SELECT * FROM benchmark {of}, ordinal", number)
            ]

    def judged(self):
        """The rows of the servers that have their final verdict, with their benchmarks' rows."""
        final = {
            r["position"]: (r, [])
            for r in self.servers if r["verdict"] in ("passed", "failed", "error")
        }
        for b in self.benchmarks:
            if b["position"] in final:
                final[b["position"]][1].append(b)
        return final

    def sums(self):
        """The totals in the run's row against the servers' rows, which one transaction writes."""
        if not self.run:
            return []
        wanted = {v: sum(r["verdict"] == v for r in self.servers) for v in ("passed", "failed", "error")}
        said = {"passed": self.run["passed"], "failed": self.run["failed"], "error": self.run["errors"]}
        mistakes = [] if said == wanted else [f"the store's totals are {said}, its rows {wanted}"]
        if len(self.servers) != self.run["total"]:
            mistakes.append(f"the store has {len(self.servers)} servers of {self.run['total']}")
        return mistakes


def store(rows, doc):
    """The store against the JSON document of a run that has ended."""
    mistakes = rows.mistakes + rows.sums()
    if not rows.run:
        return mistakes + ["the store has no run"]
    measured = {}
    for b in rows.benchmarks:
        measured.setdefault(b["position"], []).append((b["benchmark"], b["verdict"], b["value"]))
    for row, s in zip(rows.servers, doc["servers"]):
        kept = (row["name"], row["verdict"], row["reason"])
        told = (s["server"], s["verdict"], s["reason"])
        # one that was never begun has no verdict in the store
        if kept != told and (row["verdict"] or s["verdict"] != "cancelled"):
            mistakes.append(f"{told}, in the store {kept}")
        final = row["verdict"] in ("passed", "failed", "error")
        if row["state"] != ("done" if final else "pending"):
            mistakes.append(f"{s['server']}: its state in the store is {row['state']} at the end")
        mine = measured.get(row["position"], [])
        said = [(b["benchmark"], b["verdict"], b["value"]) for b in s["benchmarks"]]
        if mine != said:
            mistakes.append(f"{s['server']}: benchmarks {said}, in the store {mine}")
    return mistakes


# ---- logs and lists --------------------------------------------------------------------------------


def read_log(path, torn=0):
    """The lines of a log of JSON; at most `torn` of them may be no JSON."""
    lines, mistakes = [], []
    try:
        with open(path, "rb") as f:
            text = f.read()
    except OSError as e:
        return [], [f"the log: {e}"]
    for line in text.split(b"\n"):
        try:
            if line:
                lines.append(json.loads(line))
        except ValueError:
            torn -= 1
            if torn < 0:
                mistakes.append(f"a line of the log is no JSON: {line[:200]!r}")
    return lines, mistakes


def verdicts_of(lines):
    """(verdict, reason) of each server, in the order of the log's lines."""
    said = {}
    for line in lines:
        if line["event"] in ("server passed", "server failed"):
            said.setdefault(line["server"], []).append((line["verdict"], line.get("reason")))
    return said


def unfolded(parts):
    if not parts:
        return []
    done = subprocess.run([MUSTER, "servers", *parts], capture_output=True, text=True, timeout=20)
    return done.stdout.split()


def log(lines, doc):
    """The log of a run that was not interrupted against its JSON document."""
    mistakes = []
    said = verdicts_of(lines)
    for s in doc["servers"]:
        of_server = said.pop(s["server"], [])
        if of_server != [(s["verdict"], s["reason"])] and s["verdict"] != "cancelled":
            mistakes.append(f"{s['server']}: {s['verdict']} {s['reason']}, in the log {of_server}")
    if said:
        mistakes.append(f"the log has verdicts of servers that were not asked for: {said}")
    ends = [line for line in lines if line["event"].startswith("Out of ")]
    wanted = f"Out of {doc['total']}, {doc['total'] - doc['passed']} servers failed."
    if [line["event"] for line in ends] != [wanted]:
        mistakes.append(f"the log ends with {[line['event'] for line in ends]}, not {wanted}")
    elif sorted(unfolded(ends[0]["failed_servers"])) != sorted(doc["failed_servers"]):
        mistakes.append(f"the log's failed_servers is {ends[0]['failed_servers']}")
    return mistakes


def lists(failed, passed, doc):
    """The texts of --failed-to and --passed-to."""
    mistakes = []
    for text, name, wanted in (
        (failed, "--failed-to", doc["failed_servers"]),
        (passed, "--passed-to", [s["server"] for s in doc["servers"] if s["verdict"] == "passed"]),
    ):
        if text.split() != wanted:
            mistakes.append(f"{name} has {text.split()}, not {wanted}")
    return mistakes
