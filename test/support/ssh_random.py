#!/usr/bin/env python3
"""Random configurations, held against `ssh -G`: ssh_random.py PRINT-PROGRAM [--seed N] [--count N]
[--seconds N] [--keep FOLDER]

Prints its seed, and every difference with the configuration that shows it; ends with status 1 when there
is one. The same seed makes the same configurations.
"""

import argparse
import os
import random
import sys
import tempfile
import time

import ssh_differences
from ssh_differences import Question, compare

HOSTS = "web web1 web2 WEB db1 db2 a.example.org b.Example.org 10.0.0.7 127.1 ::1 localhost x".split()
NAMES = "web web? web* db* !db2 !web1 *.example.org *.Example.* 10.0.* * ?? a b* *1 real x real.*".split()
USERS = "root bob alice b* !bob * r?ot".split()
PATHS = """/k ~/k ~root/k ~/%h/%n /%r-%p /%C /%k "/a b/%u" /%l%L%i%d ${FOO}/x /x${FOLDER} $FOO ~/ none /%% ~//y
    '/q"q' /e\\ e /h"a l"f ~nosuch/x /%q ${MISSING} /#x""".split("\n")
PATHS = [p for line in PATHS for p in line.split(" ")]
PATHS = [p for p in PATHS if p.count('"') % 2 == 0 and p.count("'") % 2 == 0 and not p.endswith("\\")]
PATHS += ['"/a b/%u"', "'/q\"q'", "/e\\ e", '/h"a l"f']
CIPHERS = "aes256-ctr aes128-ctr 3des-cbc chacha20-poly1305@openssh.com aes128-gcm@openssh.com".split()
MACS = "hmac-sha1 hmac-md5 hmac-sha2-256 umac-64@openssh.com".split()
KEX = "curve25519-sha256 ecdh-sha2-nistp256 diffie-hellman-group1-sha1 diffie-hellman-group14-sha256".split()
KEYS = "ssh-ed25519 ssh-rsa rsa-sha2-* ssh-* ecdsa-* *cert* sk-* rsa-sha2-512 ssh-dss".split()
WORDS = {
    "yes no true false YES No": """CheckHostIP HashKnownHosts IdentitiesOnly TCPKeepAlive KeepAlive
        PasswordAuthentication KbdInteractiveAuthentication ChallengeResponseAuthentication BatchMode
        NoHostAuthenticationForLocalhost""",
    "yes no": "Compression",
    "any inet inet6": "AddressFamily",
    "yes no ask accept-new off Accept-New": "StrictHostKeyChecking",
    "yes no unbound host-bound": "PubkeyAuthentication DSAAuthentication",
    "0 1 3 100": "NumberOfPasswordPrompts ServerAliveCountMax RequiredRSASize CanonicalizeMaxDots",
    "1 2 9 0": "ConnectionAttempts",
    "5 1m 1h30m 0 none 90s 2M3": "ConnectTimeout ServerAliveInterval SetupTimeOut ProtocolKeepAlives",
    "22 2222 99 ssh": "Port",
    "bob alice %r root": "User",
    "10.0.0.1 ::1 some": "BindAddress BindInterface",
    "Alias %h other none": "HostKeyAlias",
    "publickey publickey,password password none": "PreferredAuthentications",
    "none SSH_AUTH_SOCK $FOLDER $MISSING /a ~/a/%h ${FOO}": "IdentityAgent",
    "real real.example.org %h.example.org %h x%%y 127.0.0.1 %n ::0001 REAL": "HostName",
    "1G default 1.5M 16 100K": "RekeyLimit",
    "none /revoked": "RevokedHostKeys",
}
IRRELEVANT = """ForwardAgent yes|ForwardX11 no|LogLevel DEBUG|Tunnel no|IPQoS af21|RequestTTY no
LocalForward 8080 web:80|VisualHostKey yes|ControlPath none|GSSAPIAuthentication yes|EscapeChar none""".replace(
    "\n", "|"
).split("|")
BAD = "Foo bar|Port x|User|Compression maybe|Ciphers foo|Match host|ConnectTimeout x|User \"a|Bar 1".split("|")


class Generator:
    def __init__(self, r, folder):
        self.r = r
        self.folder = folder
        self.parts = 0

    def some(self, items, most=3):
        return [self.r.choice(items) for _ in range(self.r.randint(1, most))]

    def algorithms(self, names):
        prefix = self.r.choice(["", "", "+", "^", "-"])
        names = self.some(names)
        if prefix != "-" and names[0] in CIPHERS + MACS + KEX:
            return prefix + ",".join(names)
        return prefix + ",".join(names)

    def environment(self):
        if self.r.random() < 0.5:
            return "SendEnv " + " ".join(self.some("LANG LC_* F* FOO -F* -LC_TIME ?THER -* OTHER".split()))
        return "SetEnv " + " ".join(self.some(["A=1", "B=x", "A=2", '"C=a b"', "D=", "'E'=1"]))

    def jump(self):
        host = "bastion me@b:22 [::1]:9 10.0.0.1 u@[fe80::1] ssh://x@y.org:7 web real none".split()
        if self.r.random() < 0.3:
            return "ProxyJump " + ",".join(self.some(host[:-1]))
        return "ProxyJump " + self.r.choice(host)

    def option(self):
        r = self.r
        kind = r.random()
        if kind < 0.45:
            values, keys = r.choice(list(WORDS.items()))
            key, value = r.choice(keys.split()), r.choice(values.split())
            if key == "RekeyLimit" and r.random() < 0.6:
                value += " " + r.choice(["none", "1h", "90", "0"])
            return f"{key}{self.blank()}{self.quoted(value)}"
        if kind < 0.6:
            return f"{r.choice(['IdentityFile', 'CertificateFile', 'identityfile'])} {r.choice(PATHS)}"
        if kind < 0.7:
            paths = [p for p in self.some(PATHS) if p != "none"] or ["none"]
            return f"{r.choice(['UserKnownHostsFile', 'GlobalKnownHostsFile'])} {' '.join(paths)}"
        if kind < 0.78:
            key, names = r.choice([("Ciphers", CIPHERS), ("MACs", MACS), ("KexAlgorithms", KEX),
                                   ("HostKeyAlgorithms", KEYS), ("PubkeyAcceptedAlgorithms", KEYS)])
            return f"{key} {self.algorithms(names)}"
        if kind < 0.86:
            return self.environment()
        if kind < 0.93:
            return r.choice([self.jump(), "ProxyCommand nc %h %p", "ProxyCommand none",
                             "ProxyCommand = x %n%k%r%% # y"])
        return r.choice(IRRELEVANT)

    def blank(self):
        return self.r.choice([" ", " ", " ", "=", " = ", "\t", "  "])

    def quoted(self, value):
        return f'"{value}"' if self.r.random() < 0.15 else value

    def criterion(self):
        r = self.r
        negated = "!" if r.random() < 0.25 else ""
        kind = r.choice("host host originalhost user localuser exec final canonical".split())
        if kind in ("final", "canonical"):
            return negated + kind
        if kind == "exec":
            return negated + "exec " + r.choice(
                ["true", "false", '"test %h = web"', '"test %n = web1"', '"test %r = bob"', '"test %p = 22"'])
        names = USERS if kind.endswith("user") else NAMES
        return f"{negated}{kind}{r.choice([' ', ' ', '='])}{self.quoted(','.join(self.some(names)))}"

    def match(self):
        if self.r.random() < 0.2:
            return self.r.choice(["Match all", "Match final all", "Match !all", "Match canonical all"])
        return "Match " + " ".join(self.criterion() for _ in range(self.r.randint(1, 3)))

    def include(self, depth):
        name = os.path.join(self.folder, f"part{self.parts}")
        self.parts += 1
        with open(name, "w", newline="") as f:
            f.write(self.text(depth + 1, self.r.randint(1, 8)))
        return f"Include {name}"

    def line(self, depth):
        kind = self.r.random()
        if kind < 0.2:
            return "Host " + " ".join(self.some(NAMES))
        if kind < 0.35:
            return self.match()
        if kind < 0.39 and depth < 3:
            return self.include(depth)
        if kind < 0.42:
            return self.r.choice(["", "# a comment", "  ", "\t#x"])
        if kind < 0.4235:
            return self.r.choice(BAD)
        if kind < 0.426:
            return "IgnoreUnknown " + self.r.choice(["foo", "b*,foo", "*"])
        if kind < 0.43:
            return self.r.choice(["CanonicalizeHostname yes", "CanonicalizeHostname always",
                                  "CanonicalDomains invalid", "CanonicalizeFallbackLocal no"])
        return self.r.choice(["", "  "]) + self.option()

    def text(self, depth, lines):
        end = "\r\n" if self.r.random() < 0.1 else "\n"
        return end.join(self.line(depth) for _ in range(lines)) + self.r.choice([end, ""])

    def question(self):
        r = self.r
        host = r.choice(HOSTS)
        text = f"[{host}]" if ":" in host else host
        if r.random() < 0.2:
            text = r.choice(["bob@", "alice@"]) + text
        if r.random() < 0.15:
            text += ":2022"
        if r.random() < 0.1:
            text += "/k"
        elif r.random() < 0.1:
            text += "^" + r.choice(["b", "one,two:22", "web"])
        return Question(text)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--count", type=int, default=1 << 60)
    parser.add_argument("--seconds", type=float, default=1e9)
    parser.add_argument("--keep", help="put configurations with differences here")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    until = time.monotonic() + options.seconds
    asked = made = bad = 0
    while made < options.count and time.monotonic() < until:
        r = random.Random(options.seed * 1_000_003 + made)
        with tempfile.TemporaryDirectory() as folder:
            os.umask(0o022)
            g = Generator(r, folder)
            path = os.path.join(folder, "config")
            with open(path, "w", newline="") as f:
                f.write(g.text(0, r.randint(1, 40)))
            questions = [g.question() for _ in range(4)]
            found = compare(options.program, path, questions)
            asked += len(questions)
            if found:
                bad += 1
                print(f"configuration {made}:", *found, sep="\n  ", flush=True)
                if options.keep:
                    os.makedirs(options.keep, exist_ok=True)
                    with open(path) as f, open(f"{options.keep}/{options.seed}-{made}.conf", "w") as to:
                        to.write(f.read())
        made += 1
    print(f"{asked} questions to {made} configurations: {bad} with differences")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
