#!/usr/bin/env python3
"""Holds muster's reading of ssh_config against `ssh -G`: ssh_differences.py PRINT-PROGRAM FILE...

A FILE.conf is a configuration whose first line names the questions asked of it, after `# hosts:`: a
question is a host, or user@host, host:port, and `host/identity` or `host^jumps` for what else a run or a
list of jump hosts may give. Includes are relative to ~/.ssh, so a file names them by @DIR@, which is
replaced by the folder of the file. Any other FILE has lines that are tried one by one, in a block that
applies and in one that does not. Prints every difference; ends with status 1 when there is one.
"""

import hashlib
import os
import pwd
import re
import socket
import subprocess
import sys
import tempfile

ME = pwd.getpwuid(os.getuid())
ENVIRONMENT = {
    "PATH": "/usr/bin:/bin", "HOME": ME.pw_dir, "SHELL": "/bin/sh", "LANG": "C", "LC_ALL": "C",
    "LC_TIME": "x y", "FOO": "bar", "FOLDER": "/var/folder", "SSH_AUTH_SOCK": "/run/the-agent",
    "EMPTY": "", "OTHER": "1", "FOO_2": "a=b",
}
FLAGS = """checkhostip compression identitiesonly hashknownhosts nohostauthenticationforlocalhost
    passwordauthentication kbdinteractiveauthentication tcpkeepalive""".split()
ALIKE = """hostname user port hostkeyalias addressfamily bindaddress bindinterface connectionattempts
    serveraliveinterval serveralivecountmax rekeylimit preferredauthentications numberofpasswordprompts
    requiredrsasize proxyjump""".split()
ALGORITHMS = "ciphers macs kexalgorithms hostkeyalgorithms pubkeyacceptedalgorithms".split()


class Question:
    def __init__(self, text):
        m = re.fullmatch(r"(?:([^@]+)@)?(\[[^\]]*\]|[^:^/]+)(?::(\d+))?(?:/(\S+?))?(?:\^(\S+))?", text)
        self.text = text
        self.user, self.host, self.port, self.identity, self.jumps = m.groups()
        self.host = self.host.strip("[]")
        if self.identity:
            self.identity = "/" + self.identity

    def line(self):
        fields = self.host, self.user, self.port, self.identity, self.jumps
        return "\t".join(f or "" for f in fields) + "\n"

    def arguments(self):
        given = [("-l", self.user), ("-p", self.port), ("-J", self.jumps)]
        if self.identity:
            given.append(("-o", f'IdentityFile="{self.identity}"'))
        return [a for option, value in given if value for a in (option, value)] + ["--", self.host]


def run_ssh(path, question):
    done = subprocess.run(
        ["ssh", "-T", "-G", "-F", path] + question.arguments(),
        env=ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
    )
    if done.returncode != 0:
        return None, done.stderr.strip()
    answer = {}
    for line in done.stdout.splitlines():
        key, _, value = line.partition(" ")
        answer.setdefault(key, []).append(value)
    return answer, done.stderr.strip()


class Refused(Exception):
    """What only shows when ssh connects."""


class Oracle:
    """What ssh would do with what it prints: paths that it expands only when it connects."""

    def __init__(self, answer, question):
        self.answer = answer
        self.question = question
        self.host = self.one("hostname")
        self.alias = self.one("hostkeyalias") or question.host

    def one(self, key):
        return self.answer.get(key, [None])[0]

    def tokens(self):
        here = socket.gethostname()
        user, port = self.one("user"), self.one("port")
        sum_ = hashlib.sha1((here + self.host + port + user).encode(errors="replace")).hexdigest()
        return {
            "%": "%", "h": self.host, "k": self.alias, "n": self.question.host, "p": port, "r": user,
            "C": sum_, "L": here.split(".")[0], "l": here, "d": ME.pw_dir, "i": str(ME.pw_uid),
            "u": ME.pw_name,
        }

    def expand(self, text, allowed, variables):
        table = self.tokens()

        def replace(m):
            if m[0].startswith("$"):
                if not variables:
                    return m[0]
                if m[1] is None or m[1] not in ENVIRONMENT:
                    raise Refused(m[0])
                return ENVIRONMENT[m[1]]
            if m[0][1:] not in table or m[0][1:] not in allowed + "%" or len(m[0]) != 2:
                raise Refused(m[0])
            return table[m[0][1:]]

        return re.sub(r"\$\{([^}]+)\}|\$\{|%.?", replace, text)

    @staticmethod
    def tilde(path):
        if not path.startswith("~"):
            return path
        user, _, rest = path[1:].partition("/")
        try:
            home = pwd.getpwnam(user).pw_dir if user else ME.pw_dir
        except KeyError:
            raise Refused(path) from None
        return home.rstrip("/") + "/" + rest.lstrip("/")

    def path(self, text):
        return self.expand(self.tilde(text), "CLdhiklnpru", True)

    def paths(self, key):
        return [self.path(p) for p in self.answer.get(key, []) if p.lower() != "none"]

    def agent(self):
        set_ = self.one("identityagent")  # expanded by ssh -G
        if set_ == "none":
            return []
        name = "SSH_AUTH_SOCK"
        if set_ is not None and set_ != name:
            if not set_.startswith("$"):
                return [set_]
            name = set_[1:]
        return [ENVIRONMENT[name]] if ENVIRONMENT.get(name) else []

    def environment(self):
        patterns = [
            re.compile("".join(".*" if c == "*" else "." if c == "?" else re.escape(c) for c in p), re.S)
            for p in self.answer.get("sendenv", [])
        ]
        sent = [f"{k}={v}" for k, v in ENVIRONMENT.items() if any(p.fullmatch(k) for p in patterns)]
        return sent + self.answer.get("setenv", [])

    def checking(self):
        word = self.one("stricthostkeychecking")
        return {"true": "yes", "ask": "yes", "false": "no"}.get(word, word)

    def words(self, usual):
        a = self.answer
        batch = self.one("batchmode") == "yes"
        r = {k: a.get(k, []) for k in ALIKE}
        r.update({k: ["yes" if self.one(k) in ("yes", "true") else "no"] for k in FLAGS})
        if batch:
            r["passwordauthentication"] = r["kbdinteractiveauthentication"] = ["no"]
        r.update({k: a.get(k, []) if a.get(k) != usual.get(k) else [] for k in ALGORITHMS})
        r["identityfile"] = self.paths("identityfile")
        r["certificatefile"] = self.paths("certificatefile")
        r["revokedhostkeys"] = self.paths("revokedhostkeys")
        r["userknownhostsfile"] = self.one("userknownhostsfile")
        r["globalknownhostsfile"] = " ".join(map(self.tilde, self.one("globalknownhostsfile").split(" ")))
        r["identityagent"] = self.agent()
        r["stricthostkeychecking"] = [self.checking()]
        timeout = self.one("connecttimeout")
        r["connecttimeout"] = ["0" if timeout == "none" else timeout]
        r["pubkeyauthentication"] = ["no" if self.one("pubkeyauthentication") == "false" else "yes"]
        r["environment"] = self.environment()
        proxy = self.one("proxycommand")
        r["proxycommand"] = [self.expand(proxy, "hknpr", False)] if proxy else []
        return r


def hosts_on_one_line(ours):
    """The lists that ssh prints on one line without quotes."""
    for key in "userknownhostsfile", "globalknownhostsfile":
        ours[key] = " ".join(ours.get(key, [])) or "none"


def read_answers(program, path, questions):
    done = subprocess.run(
        [program, path], env=ENVIRONMENT, input="".join(q.line() for q in questions),
        capture_output=True, text=True, errors="replace",
    )
    if done.returncode not in (0, 1):
        return [{"crashed": [f"status {done.returncode}: {done.stderr[:2000]}"]}] * len(questions)
    if done.returncode == 1:
        return [{"error": [done.stdout.strip()]}] * len(questions)
    answers = []
    for block in done.stdout.split("\n\n")[:-1]:
        answer = {}
        for line in block.split("\n"):
            key, _, value = line.partition(" ")
            answer.setdefault(key, []).append(value)
        answers.append(answer)
    return answers


USUAL = {}


def usual():
    if not USUAL:
        USUAL.update(run_ssh("/dev/null", Question("x"))[0])
    return USUAL


def compare(program, path, questions):
    """The differences as sentences."""
    found = []
    for question, ours in zip(questions, read_answers(program, path, questions)):
        where = f"{path}: {question.text}"
        answer, said = run_ssh(path, question)
        if "crashed" in ours:
            found.append(f"{where}: {ours['crashed'][0]}")
            continue
        try:
            words = Oracle(answer, question).words(usual()) if answer else None
        except Refused as e:
            words, said = None, f"{e} when it connects"
        if words is None or "error" in ours:
            if words is not None:
                found.append(f"{where}: refused by muster alone: {ours['error'][0]}")
            elif "error" not in ours:
                found.append(f"{where}: refused by ssh alone: {said}")
            continue
        hosts_on_one_line(ours)
        for key, expected in words.items():
            got = ours.get(key, [])
            if got != expected:
                found.append(f"{where}: {key}: ssh has {expected}, muster {got}")
    return found


def copy(name, folder):
    """The file with @DIR@ replaced, and all that it may include."""
    here = os.path.dirname(os.path.abspath(name))
    os.makedirs(os.path.join(folder, "parts"), exist_ok=True)
    parts = [os.path.join("parts", n) for n in os.listdir(os.path.join(here, "parts"))]
    for part in [os.path.basename(name)] + parts:
        with open(os.path.join(here, part), "rb") as f:
            text = f.read()
        with open(os.path.join(folder, part), "wb") as f:
            f.write(text.replace(b"@DIR@", folder.encode()))
    return os.path.join(folder, os.path.basename(name))


def compare_lines(program, folder, text):
    """Every line as a configuration of its own, in a block that does not apply and in one that does."""
    found = []
    path = os.path.join(folder, "line")
    for line in text.splitlines():
        with open(path, "w") as f:
            f.write(f"Host off\n{line}\nHost *\n")
        here = compare(program, path, [Question("on"), Question("off")])
        found += [d.replace(path, line) for d in here]
    return found


def main():
    program, *files = sys.argv[1:]
    found, count = [], 0
    with tempfile.TemporaryDirectory() as folder:
        for name in files:
            with open(name, "rb") as f:
                text = f.read()
            if not name.endswith(".conf"):
                found += compare_lines(program, folder, text.decode())
                count += text.count(b"\n")
                continue
            hosts = re.match(rb"# hosts:([^\r\n]*)", text)[1].decode().split()
            questions = [Question(h) for h in hosts]
            path = copy(name, folder)
            found += compare(program, path, questions)
            count += len(questions)
    print("\n".join(found) or f"{count} questions to {len(files)} configurations: no difference")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
