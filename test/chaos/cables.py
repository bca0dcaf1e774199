"""Networks of a lane's own, and cables between them that lose packets.

A space is a network namespace: a machine of its own, as far as the network and muster's locks go. A
cable joins a worker's space to the lane, where PostgreSQL and sshd are. What a cable loses is dropped
by nftables where it would arrive, so that who has sent it learns nothing: no reset, no refusal, no
acknowledgement.

    10.77.I.1 -- 10.77.I.2    the cable of worker I: the lane's end, and the worker's
    10.78.0.1, 10.78.0.2      PostgreSQL in the lane, and the replica that comes after it
    10.79.0.I                 server I in the lane
"""

import contextlib
import os
import shutil
import subprocess

from world import CLONE_NEWNET, libc

ADDRESSES = ("10.78.0.1", "10.78.0.2")
SERVERS = "10.79.0"
TABLE = """table inet loss_{end} {{}}
delete table inet loss_{end}
table inet loss_{end} {{
chain arrives {{
type filter hook input priority 0;
{rules}
}}
}}
"""


def why_not():
    """Why there can be no cables here, or None."""
    missing = [program for program in ("ip", "nft", "nsenter", "flock") if not shutil.which(program)]
    if missing:
        return f"{missing[0]} is not installed"
    return None if os.getuid() == 0 else "network namespaces and nftables take root"


def rules_of(number, directions=("up", "down"), share=100, port=None):
    """A share of the packets is lost, of all or of those of a TCP port of the lane."""
    for direction in directions:
        device = f"w{number}" if direction == "up" else "lane"
        which = [f'iifname "{device}"']
        if port:
            which.append(f"tcp {'dport' if direction == 'up' else 'sport'} {port}")
        if share < 100:
            which.append(f"numgen random mod 100 < {share}")
        yield direction, " ".join(which) + " drop"


class Space:
    """A network namespace, which is there as long as this object and the processes in it."""

    def __init__(self):
        self.home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        libc.unshare(CLONE_NEWNET)
        self.fd = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        libc.setns(self.home, CLONE_NEWNET)
        self.path = f"/proc/{os.getpid()}/fd/{self.fd}"

    def enter(self):
        libc.setns(self.fd, CLONE_NEWNET)

    def __enter__(self):
        self.enter()

    def __exit__(self, *_):
        libc.setns(self.home, CLONE_NEWNET)

    def close(self):
        os.close(self.fd)
        os.close(self.home)


def run(words, text, space=None):
    with space or contextlib.nullcontext():
        subprocess.run(words, input=text, check=True, text=True, stdout=subprocess.DEVNULL)


class Cables:
    """The ways of workers to PostgreSQL and to servers, each a cable."""

    addresses = ADDRESSES

    def __init__(self, numbers):
        self.spaces = {i: Space() for i in numbers}
        self.losses = {}  # rules, by cable and direction
        run(["ip", "-batch", "-"], "".join(f"address replace {a}/32 dev lo\n" for a in ADDRESSES)
            + f"route replace local {SERVERS}.0/24 dev lo\n")
        for i, space in self.spaces.items():
            run(["ip", "-batch", "-"], f"link add name w{i} type veth peer name lane netns {space.path}\n"
                f"address add 10.77.{i}.1/24 dev w{i}\nlink set w{i} up\n")
            run(["ip", "-batch", "-"], f"link set lo up\naddress add 10.77.{i}.2/24 dev lane\n"
                f"link set lane up\nroute add default via 10.77.{i}.1\n", space)

    def enter(self, number):
        """For a process of this worker's, before it becomes muster."""
        self.spaces[number].enter()

    def url(self, cluster, database, number):
        return cluster.url(database, ",".join(ADDRESSES)) + "?sslmode=disable"

    def aim(self, address):
        """Nothing to do: muster knows both addresses, and finds who is there."""

    def lose(self, number, **loss):
        """From now on packets of worker `number` do not arrive: see rules_of()."""
        for direction, rule in rules_of(number, **loss):
            self.losses.setdefault((number, direction), []).append(rule)
            self.tell(number, direction)

    def mend(self, number, **loss):
        """The end of one such loss."""
        for direction, rule in rules_of(number, **loss):
            self.losses[number, direction].remove(rule)
            self.tell(number, direction)

    def tell(self, number, direction):
        rules = "\n".join(self.losses[number, direction])
        space = self.spaces[number] if direction == "down" else None
        run(["nft", "-f", "-"], TABLE.format(end=f"w{number}", rules=rules), space)

    def prepare(self):
        """Nothing is lost any more."""
        for (number, direction), rules in self.losses.items():
            if rules:
                rules.clear()
                self.tell(number, direction)

    def drop(self):
        self.prepare()

    def close(self):
        for i, space in self.spaces.items():
            run(["ip", "link", "delete", f"w{i}"], "")
            space.close()
