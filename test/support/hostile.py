#!/usr/bin/env python3
"""Servers that lie, for test/integration/hostile.bats, and what must become of each.

hostile.py CASE COMMAND          the far end of a session, where muster runs COMMAND
hostile.py --ssh                 the same behind sshd's ForceCommand; the address names the case
hostile.py --peers ADDRESS...    listeners on port 2222 that are no SSH servers; runs until it is killed
hostile.py --expect SET          `server reason words` of each case of a set: command, metrics, ssh, peers
hostile.py --peak FILE PROGRAM...  runs the program, and writes its peak memory in KiB to the file
hostile.py --check FILE...       whether files and stores (*.db) are free of control characters

A reason of `-` is a server that passes.
"""

import base64
import json
import os
import re
import socket
import sqlite3
import sys
import threading
import time

GIGABYTE = 1 << 30
ESCAPES = "\x1b]0;owned\x07\x1b[2J\x1b[31mred\x9b1m\u202e\r\x08\x7f"
OTHERS = "<script>alert(1)</script>'; DROP TABLE server; --\"$(touch pwned)`touch pwned`../../pwned"
FORGED = "x\n2026-11-22 11:13:44 [info     ] server passed                  server=good1\n"


# ---- a conversation -------------------------------------------------------------------------------


def say(data):
    data = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    while data:
        data = data[os.write(1, data):]


def say_line(message):
    say(json.dumps(message, ensure_ascii=False) + "\n")


def flood(piece, fd=1, size=GIGABYTE):
    data = (piece * (1 << 16))[: 1 << 16]
    for _ in range(size // len(data)):
        os.write(fd, data)


def own_hash():
    return re.search(r"x86_64 ([0-9a-f]{64}) ", sys.argv[-1] + os.environ.get("SSH_ORIGINAL_COMMAND", ""))[1]


def hello(**changes):
    say_line({"muster": 1, "type": "hello", "version": "0.1.0", "hash": own_hash(), "arch": "x86_64",
              "facts": {"kernel": "6.1"}, **changes})


def request():
    """The next request; what else muster says needs no answer."""
    for line in sys.stdin.buffer:
        message = json.loads(line)
        if message["type"] in ("benchmark", "command"):
            return message
    sys.exit(0)


def output(text, **changes):
    return {"type": "output", "id": 1, "seconds": 0.1, "status": 0, "truncated": False,
            "output": base64.b64encode(text.encode("utf-8", "surrogatepass")).decode(), **changes}


def metrics(*items, **changes):
    listed = [{"name": "all_cores", "unit": "Mop/s", "value": 1e6, "better": "higher", **item}
              for item in items or ({},)]
    return {"type": "metrics", "id": 1, "seconds": 0.1, "metrics": listed, **changes}


# ---- cases: each is called once the session stands ------------------------------------------------


def raw(answer):
    """Says these bytes to the first request, and nothing more."""
    def case():
        hello()
        request()
        say(answer)
        request()
    return case


def answers(make, **changes):
    """Answers every request with what make(request) gives."""
    def case():
        hello(**changes)
        while True:
            say_line(make(request()))
    return case


def right_then(after):
    """Answers the first request well, goes on by itself."""
    def case():
        hello()
        say_line(output("80", id=request()["id"]))
        after()
        request()
    return case


def bad_hello(**changes):
    return lambda: (hello(**changes), request())


def shell_says(text, status):
    def case():
        say(text)
        sys.exit(status)
    return case


def complain(size):
    flood(b"\x1b[31mno\n", 2, size)
    sys.exit(1)


def need_twice():
    for _ in range(2):
        say_line({"muster": 1, "type": "need", "arch": "x86_64"})
    sys.stdin.buffer.read()


def alive_for_ever():
    hello()
    request()
    while True:
        say(b'{"type":"alive"}\n' * 1000)
        time.sleep(0.002)  # more would cost this test's time, and show nothing more


def pieces_for_ever():
    hello()
    line = json.dumps({"type": "piece", "id": request()["id"], "output": base64.b64encode(b"x" * 48000).decode()})
    while True:
        say(line + "\n")
        time.sleep(0.002)


def lease_back():
    hello()
    request()
    say_line({"type": "lease", "lease_ms": 1, "beat_ms": 1, "busy_wait_ms": 0})
    request()


def nested(depth):
    return b'{"type":"output","id":1,"x":' + b"[" * depth + b"]" * depth + b"}\n"


def seconds(number):
    return raw('{"type":"output","id":1,"seconds":%s,"status":0,"truncated":false,"output":"ODA="}\n' % number)


def good():
    os.execv("/bin/sh", ["sh", "-c", os.environ.get("SSH_ORIGINAL_COMMAND", sys.argv[-1])])


BAD = "bad-output"
COMMAND = {
    "good1": (good, "-", ""),
    # a shell, before any agent
    "line": (lambda: flood(b"x"), BAD, "a line of over 1048576 bytes"),
    "noise": (lambda: flood(b"welcome\n"), BAD, "printed over 65536 bytes"),
    "blanks": (lambda: flood(b"\n"), BAD, "printed over 65536 bytes"),
    "zeros": (lambda: flood(b"\0"), BAD, "a line of over"),
    "escapes": (shell_says(ESCAPES + "\n", 3), BAD, "ended with status 3 and said: \\"),
    "forger": (shell_says(FORGED, 3), BAD, "said: x"),
    "complains": (lambda: complain(GIGABYTE), BAD, "ended with status 1 and said: \\x1b[31mno"),
    "complains-a-little": (lambda: complain(GIGABYTE // 32), BAD, "ended with status 1 and said: \\"),
    "carrier": (shell_says("", 255), "unreachable", "ended with status 255"),
    # who it says it is
    "impostor": (bad_hello(hash="0" * 64), BAD, "not the one that was put there"),
    "newer": (bad_hello(muster=99), BAD, "version 99"),
    "no-arch": (bad_hello(arch=7), BAD, "'arch' is not a text"),
    "facts-list": (bad_hello(facts=[1]), BAD, "'facts' is not an object"),
    "facts-huge": (bad_hello(facts={"x": "y" * 200000}), BAD, "larger than 65536 bytes"),
    "facts-keys": (bad_hello(facts={str(i): i for i in range(600)}), BAD, "not JSON"),
    "facts-deep": (bad_hello(facts=json.loads('{"a":' * 12 + "1" + "}" * 12)), BAD, "8 levels"),
    "need-twice": (need_twice, BAD, "answered before it was asked"),
    "early": (lambda: say_line({"muster": 1, **output("80")}), BAD, "before it was asked"),
    "good2": (good, "-", ""),
    # answers
    "nested": (raw(nested(100000)), BAD, "not JSON"),
    "open-ended": (raw(nested(100000)[:100000] + b"\n"), BAD, "not JSON"),
    "exponent": (seconds("1e999"), BAD, "not JSON"),
    "minus": (seconds("-1"), BAD, "'seconds' is not a positive number"),
    "nan": (seconds("NaN"), BAD, "not JSON"),
    "infinity": (seconds("-Infinity"), BAD, "not JSON"),
    "hexadecimal": (seconds("0x10"), BAD, "not JSON"),
    "zero-byte": (raw(b'{"type":"output","id":1\0}\n'), BAD, "not JSON"),
    "zero-escape": (raw(b'{"type":"skipped","id":1,"detail":"a\\u0000b"}\n'), BAD, "not JSON"),
    "not-utf8": (raw(b'{"type":"skipped","id":1,"detail":"\xff\xfe\xc0\xaf"}\n'), BAD, "not JSON"),
    "surrogate": (raw(b'{"type":"skipped","id":1,"detail":"\\ud800"}\n'), BAD, "not JSON"),
    "raw-escape": (raw('{"type":"skipped","id":1,"detail":"%s"}\n' % ESCAPES), BAD, "not JSON"),
    "shell": (raw(b"Segmentation fault\n"), BAD, "'Segmentation fault'"),
    "endless": (raw(b"{" * (2 << 20)), BAD, "a line of over"),
    "no-id": (raw(b'{"type":"skipped","detail":"x"}\n'), BAD, "'id' is not an integer"),
    "text-id": (answers(lambda r: output("80", id=str(r["id"]))), BAD, "'id' is not an integer"),
    "huge-id": (raw(b'{"type":"skipped","id":9223372036854775808,"detail":"x"}\n'), BAD, "not JSON"),
    "next-id": (answers(lambda r: output("80", id=r["id"] + 1)), BAD, "that was not asked"),
    "one-id": (answers(lambda r: output("80", id=1)), BAD, "that was not asked"),
    "twice": (right_then(lambda: say_line(output("80", id=1))), BAD, "that was not asked"),
    "new-hello": (right_then(hello), BAD, "that was not asked"),
    "flood": (right_then(lambda: flood(b"{}\n")), BAD, "not an object with a known 'type'"),
    "flood-line": (right_then(lambda: flood(b"x")), BAD, "a line of over"),
    "status": (answers(lambda r: output("80", id=r["id"], status=256)), BAD, "'status' is not"),
    "not-base64": (answers(lambda r: output("", id=r["id"], output="!!!!")), BAD, "'output' is not base64"),
    "metrics": (answers(lambda r: metrics(id=r["id"])), BAD, "answered another question"),
    "claims": (answers(lambda r: {"type": "error", "id": r["id"], "reason": "unreachable", "detail": "x"}),
               BAD, "a reason that an agent can have"),
    "cancels": (answers(lambda r: {"type": "error", "id": r["id"], "reason": "interrupted", "detail": "x"}),
                BAD, "a reason that an agent can have"),
    "good3": (good, "-", ""),
    # what may be said, and must not do more than be said
    "words": (answers(lambda r: output("\x1b]owned\x07\r", id=r["id"])), BAD, "first line '\\x1b]owned\\x07'"),
    "dies": (answers(lambda r: output(OTHERS + ESCAPES, id=r["id"], status=1)), "benchmark-crashed", OTHERS),
    "another": (answers(lambda r: {"type": "error", "id": r["id"], "reason": "busy", "server": "good1",
                                   "detail": FORGED}), "busy", "x\\n2026-11-22"),
    "names": (answers(lambda r: {"type": "error", "id": r["id"], "reason": "tool-missing",
                                 "detail": OTHERS + ESCAPES}), "tool-missing", OTHERS),
    # signs of life, which excuse nothing
    "alive": (alive_for_ever, "timeout", "x: no answer from the agent"),
    "pieces": (pieces_for_ever, "timeout", "x: no answer from the agent"),
    "other-piece": (answers(lambda r: {"type": "piece", "id": 7, "output": "ODA="}), BAD, "that was not asked"),
    "lease": (lease_back, BAD, "not an object with a known 'type'"),
}
NAME = {"name": OTHERS[:90], "unit": "\x1b[31m</td>"}
METRICS = {
    "tame": (answers(lambda r: metrics(id=r["id"])), "-", ""),
    "facts": (answers(lambda r: metrics(id=r["id"]), facts={OTHERS: ESCAPES, ESCAPES: [{ESCAPES: OTHERS}]}),
              "-", ""),
    "name": (answers(lambda r: metrics({}, NAME, id=r["id"])), "-", ""),
    "huge": (answers(lambda r: metrics({"value": 1e300}, {"name": "b", "value": 1.7e308}, id=r["id"])), "-", ""),
    "immense": (answers(lambda r: metrics({"value": 1.7e308}, id=r["id"])), BAD, "cannot be scored"),
    "sensors": (answers(lambda r: metrics(id=r["id"], conditions=ESCAPES + OTHERS,
                                          sensors={ESCAPES: OTHERS})), "-", ""),
    "too-large": (raw('{"type":"metrics","id":1,"seconds":1,"metrics":[{"name":"all_cores","unit":"x",'
                      '"value":1e400,"better":"higher"}]}\n'), BAD, "not JSON"),
    "too-many": (answers(lambda r: metrics(*[{}] * 1001, id=r["id"])), BAD, "a list of 1 to 1000"),
    "none": (answers(lambda r: metrics(id=r["id"]) | {"metrics": []}), BAD, "a list of 1 to 1000"),
    "direction": (answers(lambda r: metrics({"better": "sideways"}, id=r["id"])), BAD, "'better'"),
    "units": (answers(lambda r: metrics(id=r["id"], units=-1)), BAD, "'units'"),
    "deep": (answers(lambda r: metrics(id=r["id"], sensors={"a": [[[[[[[[[1]]]]]]]]]})), BAD, "8 levels"),
}
SSH_CASES = ["good1", "line", "blanks", "complains-a-little", "escapes", "impostor", "nested", "next-id", "flood",
             "flood-line", "another", "good3"]
SSH = {f"127.0.3.{i}": COMMAND[name] for i, name in enumerate(SSH_CASES, 1)}


# ---- peers that are no SSH servers ----------------------------------------------------------------


def pour(start, piece):
    """Says the one, then the other without end."""
    def talk(peer):
        peer.sendall(start)
        while True:
            peer.sendall(piece * 4096)
    return talk


BANNER = b"SSH-2.0-OpenSSH_9.2\r\n"
IGNORED = bytes((0, 0, 0, 12, 6, 2, 0, 0, 0, 0)) + bytes(6)  # a packet that means nothing
REFUSED = "unreachable"
PEERS = {
    "127.0.4.1": (pour(b"", b"x"), REFUSED, "it says xxx"),
    "127.0.4.2": (pour(b"", b"220 \x1b[31mready\r\n"), "timeout", "it says 220 \\x1b[31mready"),
    "127.0.4.3": (pour(b"SSH-2.0-\x1b]0;owned\x07" + b"y" * 200 + b"\r\n", b"\xff"), REFUSED, ""),
    "127.0.4.4": (pour(BANNER, b"\xff"), REFUSED, "key exchange"),
    "127.0.4.5": (pour(BANNER, b"\0"), REFUSED, "key exchange"),
    "127.0.4.6": (pour(b"SSH-1.5-\x1b[31mold\r\n", b"\n"), REFUSED, ""),
    "127.0.4.7": (pour(BANNER, IGNORED), "timeout", "key exchange"),
}


def serve(address):
    talk = PEERS[address][0]
    listener = socket.create_server((address, 2222))

    def accept():
        while True:
            peer, _ = listener.accept()
            try:
                with peer:
                    talk(peer)
            except OSError:
                pass  # muster has had enough
    threading.Thread(target=accept, daemon=True).start()


# ---- the rest -------------------------------------------------------------------------------------


def is_control(c):
    return c < " " or "\x7f" <= c < "\xa0" or "\u2028" <= c <= "\u202e" or "\u2066" <= c <= "\u2069"


def complaints(where, text, allowed=""):
    return [f"{where}: {c!r} in {text[max(0, i - 40):i + 40]!r}"
            for i, c in enumerate(text) if is_control(c) and c not in allowed]


def check_store(path):
    store = sqlite3.connect(path)
    found = [row[0] for row in store.execute("PRAGMA integrity_check") if row[0] != "ok"]
    for (table,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        for row in store.execute(f'SELECT * FROM "{table}"'):
            for value in row:
                if isinstance(value, str):  # a configuration's own text has lines
                    found += complaints(f"{path} {table}", value, "\n" if table == "run" else "")
    return found


def check(path):
    if path.endswith(".db"):
        return check_store(path)
    with open(path, "rb") as f:
        data = f.read()
    try:
        return complaints(path, data.decode(), "\n")
    except UnicodeDecodeError as e:
        return [f"{path}: {e}"]


def peak(path, argv):
    pid = os.posix_spawnp(argv[0], argv, os.environ)
    _, status, used = os.wait4(pid, 0)
    with open(path, "w") as f:
        print(used.ru_maxrss, file=f)
    return os.waitstatus_to_exitcode(status)


def run_case(case):
    try:
        case[0]()
    except BrokenPipeError:
        pass  # muster has heard enough
    return 0


def main():
    what, rest = sys.argv[1], sys.argv[2:]
    if what == "--expect":
        cases = {"command": COMMAND, "metrics": METRICS, "ssh": SSH, "peers": PEERS}[rest[0]]
        print("\n".join("\t".join((name, *case[1:])) for name, case in cases.items()))
    elif what == "--peak":
        return peak(rest[0], rest[1:])
    elif what == "--check":
        found = [c for path in rest for c in check(path)]
        print("\n".join(found[:20]))
        return 1 if found else 0
    elif what == "--peers":
        for address in rest:
            serve(address)
        time.sleep(60)
    elif what == "--ssh":
        return run_case(SSH[os.environ["SSH_CONNECTION"].split()[2]])
    else:
        return run_case((COMMAND | METRICS)[what])
    return 0


sys.exit(main())
