"""Where muster's processor time goes: phases.py MILLISECONDS < SAMPLES, of `perf script`; see phases.sh.

A sample belongs to the first phase of PHASES that has one of its functions on the sample's stack, and
to the library whose code ran. MILLISECONDS is what all samples stand for: a server's CPU time.
"""

import collections
import re
import sys

# in the order they are looked for, each with functions of muster's that only it calls
PHASES = [
    ("teardown: agent told, disconnect, close", "agent_end agent_done session_close link_done"),
    ("ssh_config of the server", "sshconfig_resolve"),
    ("libssh's session and options", "configure"),
    ("TCP connection", "dial"),
    ("key exchange", "handshake_run"),
    ("host key against known_hosts", "hostkey_new hostkey_check hostkey_free hostkey_needs_program"),
    ("login: service, signature", "auth_login"),
    ("channel and agent's command", "start"),
    ("agent's greeting and facts", "agent_start kind_read"),
    ("benchmark, verdict", "run_benchmarks"),
    ("worker: the rest", "thread_main"),
    ("store", "store_turn"),
    ("run: claiming, collecting, judging as a whole", "fleet_run"),
    ("start and end of the program", "main _start cmd_run"),
    ("log", "sinks_render sinks_write run"),
]
LIBRARIES = ["libcrypto", "kernel", "libc", "libssh", "libsqlite3", "muster"]


def library_of(path):
    name = "kernel" if "kernel" in path else path.rsplit("/", 1)[-1].split(".")[0]
    return name if name in LIBRARIES else "others"


def samples(lines):
    """Each stack, the innermost first, as (function, library)."""
    stack = []
    for line in lines:
        frame = re.match(r"\s+[0-9a-f]+ (.*) \((.*)\)$", line)
        if frame:  # a compiler's variant of a function has a suffix
            stack.append((frame[1].split("+")[0].split(".")[0], library_of(frame[2])))
        elif stack:
            yield stack
            stack = []
    if stack:
        yield stack


def phase_of(stack):
    its = {function for function, library in stack if library == "muster"}
    return next((name for name, functions in PHASES if its & set(functions.split())), "threads: start, end")


def main():
    whole = float(sys.argv[1])
    table = collections.defaultdict(collections.Counter)
    for stack in samples(sys.stdin):
        table[phase_of(stack)][stack[0][1]] += 1
    count = sum(sum(row.values()) for row in table.values())
    columns = LIBRARIES + ["others"]
    print(f"{count} samples of {whole:.2f} ms\n")
    print("| us a server | all | " + " | ".join(columns) + " |\n" + "|---" * (len(columns) + 2) + "|")
    for name in [name for name, _ in PHASES] + ["threads: start, end"]:
        row = table[name]
        if row:
            cells = [sum(row.values())] + [row[c] for c in columns]
            print(f"| {name} | " + " | ".join(f"{c / count * whole * 1e3:.0f}" for c in cells) + " |")
    total = sum(table.values(), collections.Counter())
    cells = [count] + [total[c] for c in columns]
    print("| all | " + " | ".join(f"{c / count * whole * 1e3:.0f}" for c in cells) + " |")


main()
