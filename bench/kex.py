"""What each key exchange and each cipher costs muster a server: kex.py BUILD-FOLDER ROUNDS SERVERS SLOW.

Sessions as in sessions.py, against fleet_sim with fan-out 32, in turns. Tried is what OpenSSH allows
by default; what libssh does not have is said. Key exchanges that take a multiple of the others' time
go to SLOW servers. The start of the program is part of every figure.

What the key exchange that libssh lacks would cost is seen at OpenSSH's client, against a real sshd.
"""

import ctypes
import statistics
import subprocess
import sys
import tempfile

from sessions_bed import (FANOUT, Simulator, Sshd, machine, measure, muster_command, shown, write_material,
                          write_ssh_config)

SSH_OPTIONS_KEY_EXCHANGE, SSH_OPTIONS_CIPHERS_C_S = 24, 15  # libssh.h's, fixed by its ABI
SLOW_KEX = ("diffie-hellman",)
PLAIN, POST_QUANTUM = "curve25519-sha256", "sntrup761x25519-sha512@openssh.com"


def allowed(keyword):
    done = subprocess.run(["ssh", "-T", "-G", "-F", "/dev/null", "server"], text=True, check=True,
                          stdout=subprocess.PIPE)
    return next(line.split()[1].split(",") for line in done.stdout.split("\n") if line.startswith(keyword + " "))


class Library:
    """Which names libssh knows."""

    def __init__(self):
        self.lib = ctypes.CDLL("libssh.so.4")
        self.lib.ssh_new.restype = ctypes.c_void_p
        self.lib.ssh_options_set.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p]
        self.session = self.lib.ssh_new()

    def has(self, option, name):
        return self.lib.ssh_options_set(self.session, option, name.encode()) == 0


def take_turns(build, folder, keyword, names, counts, rounds, usual):
    """Each name's CPU a server, ms; None is what muster does when nothing is asked for."""
    cpu = {name: [] for name in [None, *names]}
    for turn in range(rounds):
        for name, its in cpu.items():
            other = [f"{usual[0]} {usual[1]}"] if usual else []
            write_ssh_config(folder, *other, *([f"{keyword} {name}"] if name else []))
            count = counts.get(name, counts[None])
            its.append(measure(Simulator, build, folder, count, muster_command(build))[0] / count * 1e3)
            print(f"round {turn + 1}: {name}", its[-1], file=sys.stderr, flush=True)
    return cpu


def table(title, cpu, counts, base, missing):
    print(f"| {title} | servers | CPU a server, ms: median (range) | more than {base}, ms, median |\n|---|---|---|---|")
    for name, its in cpu.items():
        more = statistics.median(a - b for a, b in zip(its, cpu[base]))
        print(f"| {name or 'nothing asked for'} | {counts.get(name, counts[None])} | {shown(its, 2)} | {more:+.2f} |")
    for name in missing:
        print(f"| {name} | | libssh does not have it | |")
    print(flush=True)


def compare(keyword, option, title, base, build, folder, rounds, counts, usual=None):
    library, names = Library(), allowed(keyword.lower())
    has = [name for name in names if library.has(option, name)]
    cpu = take_turns(build, folder, keyword, has, counts, rounds, usual)
    table(title, cpu, counts, base, [name for name in names if name not in has])


def post_quantum(build, folder, rounds, servers):
    cpu = {name: [] for name in (PLAIN, POST_QUANTUM)}
    command = ["xargs", "-a", "names", "-P", str(FANOUT), "-I{}", "ssh", "-F", "ssh_config", "{}", "true"]
    for _ in range(rounds):
        for name, its in cpu.items():
            write_ssh_config(folder, f"KexAlgorithms {name}")
            its.append(measure(Sshd, build, folder, servers, command)[0] / servers * 1e3)
    table("OpenSSH's client, sshd", cpu, {None: servers}, PLAIN, [])


def main():
    build, (rounds, servers, slow) = sys.argv[1], map(int, sys.argv[2:])
    print(machine(build) + f"; fan-out {FANOUT}, {rounds} rounds\n")
    counts = {None: servers, **{name: slow for name in allowed("kexalgorithms") if name.startswith(SLOW_KEX)}}
    with tempfile.TemporaryDirectory(prefix="muster-kex.") as folder:
        write_material(folder)
        compare("KexAlgorithms", SSH_OPTIONS_KEY_EXCHANGE, "key exchange", PLAIN, build, folder, rounds, counts)
        compare("Ciphers", SSH_OPTIONS_CIPHERS_C_S, "cipher", "chacha20-poly1305@openssh.com", build, folder,
                rounds, {None: servers}, ("KexAlgorithms", PLAIN))
        post_quantum(build, folder, rounds, slow)


main()
