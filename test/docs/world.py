"""The scratch place of a page: a folder, a home with keys, and servers under the names that pages use.

The place is a network and a mount namespace. A real sshd listens there on every address of 127.0.0.0/8,
and ~/.ssh/config gives each name of SERVERS an address of its own. /etc/passwd has the user's home
there, as ssh and muster take it from nowhere else.

    web07, web13, rack4-node07   nothing listens at their port
    web04                        its host key is not the one in known_hosts
    web09                        its openssl is a twentieth as fast as it should be, as without AES instructions
    canary1 to canary6           their openssl prints a number that is made up, a tenth less after
                                 `update-firmware`, a program of the place
    all others                   answer, and are this machine

A page whose commands name `postgresql:///muster` has a PostgreSQL of its own, which PGHOST and PGUSER
lead to, as they would on a controller.

A page's folder has a muster.yaml that keeps the built-in benchmarks short, which a page may
overwrite, and a `dev` that runs what is built.
"""

import ctypes
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, f"{ROOT}/test/support")
import postgres  # noqa: E402

PORT = 2222
LIMIT = 50  # seconds for one block
SERVERS = {  # their names, by the second and third number of their addresses
    "1.0": [f"web{i:02}" for i in range(1, 21)],
    "1.1": [f"db{i}" for i in range(1, 4)],
    "1.2": [f"canary{i}" for i in range(1, 7)],
    "1.3": [f"gpu{i:02}" for i in range(1, 5)],
    **{f"2.{r}": [f"rack{r}-node{i:02}" for i in range(1, 17)] for r in range(1, 5)},
}
REFUSING = ("web07", "web13", "rack4-node07")
STRANGER = "web04"

QUICK = """\
threshold: 0
outliers: off
settle: 1ms
benchmarks:
  cpu: {duration: 5ms, trials: 1, max_trials: 1}
  memory: {duration: 5ms, size: 4MiB, pattern: 1MiB, trials: 1, max_trials: 1}
  disk: {size: 16MiB, duration: 5ms, trials: 1, max_trials: 1}
  gpu: {}
"""

DEV = """\
#!/bin/sh
# what ./dev does with what is built
[ "$1" = run ] || { echo "./dev $1: not run here" >&2; exit 1; }
shift
exec muster run --transport local "$@"
"""

SSHD = """\
ListenAddress 0.0.0.0:{port}
HostKey {folder}/host
AuthorizedKeysFile {folder}/home/.ssh/id_ed25519.pub
PidFile {folder}/sshd.pid
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
MaxStartups 1000
LogLevel VERBOSE
SetEnv SHLVL=2
Match LocalAddress 127.1.0.9
    SetEnv SHLVL=2 PATH={folder}/slow:/usr/local/bin:/usr/bin:/bin
Match LocalAddress 127.1.2.0/24
    SetEnv SHLVL=2 PATH={folder}/canary:/usr/local/bin:/usr/bin:/bin
"""

SLOW_OPENSSL = """\
#!/bin/sh
PATH=/usr/local/bin:/usr/bin:/bin
openssl "$@" 2>/dev/null | awk '$2 ~ /k$/ {$2 = sprintf("%.2fk", $2 / 20)} {print}'
"""

CANARY_OPENSSL = """\
#!/bin/bash
percent=$([ -e "${0%/*}/updated" ] && echo 90 || echo 100)
echo "AES-256-GCM  $((percent * 50000 + RANDOM % 10000)).00k"
"""

UPDATE = """\
#!/bin/sh
touch "${0%/*}/../canary/updated"
"""

# the folder is $1, the user's name $2; then what is to be run there
ENTER = """
ip link set lo up && mount --bind "$1/passwd" /etc/passwd && shift 2 && exec "$@"
"""
INSIDE = "MUSTER_DOCS_INSIDE"


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def write(path, text, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, mode)


def enter(argv):
    """Runs argv in namespaces of its own, INSIDE set to a folder; its exit status, or None where the
    system has none for this user."""
    me = pwd.getpwuid(os.getuid())
    folder = tempfile.mkdtemp(prefix="muster-docs.", dir=os.environ.get("TMPDIR", "/tmp"))
    try:
        with open("/etc/passwd") as f:
            lines = [x for x in f if not x.startswith(me.pw_name + ":")]
        # `*` is no password, but lets keys in: who has no shadow file to read would be locked out by x
        mine = f"{me.pw_name}:*:{me.pw_uid}:{me.pw_gid}::{folder}/home:/bin/bash\n"
        write(f"{folder}/passwd", mine + "".join(lines))
        own = ["unshare", "--net", "--mount"]
        if os.getuid() != 0:
            own += ["--map-current-user", "--keep-caps"]
        way = own + ["sh", "-c", ENTER, "sh", folder, me.pw_name]
        if subprocess.run(way + ["true"], capture_output=True).returncode != 0:
            return None
        child = subprocess.Popen(way + argv, env={**os.environ, INSIDE: folder})
        try:
            return child.wait()
        finally:
            child.terminate()  # who is ended itself; it ends what it started
            child.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class World:
    def __init__(self, muster):
        self.folder = os.environ[INSIDE]
        self.home = f"{self.folder}/home"
        self.muster = muster
        os.makedirs(f"{self.home}/.ssh", 0o700)
        os.makedirs(f"{self.folder}/bin")
        os.symlink(muster, f"{self.folder}/bin/muster")
        write(f"{self.folder}/bin/update-firmware", UPDATE, 0o755)
        write(f"{self.folder}/slow/openssl", SLOW_OPENSSL, 0o755)
        write(f"{self.folder}/canary/openssl", CANARY_OPENSSL, 0o755)
        self.env = {
            "PATH": f"{self.folder}/bin:{os.environ['PATH']}:/usr/sbin",
            "HOME": self.home, "TMPDIR": self.folder, "TZ": "UTC", "LC_ALL": "C.UTF-8", "TERM": "dumb",
        }
        self.sshd = None
        self.cluster = None

    def start(self):
        self.ssh()
        self.start_sshd()
        self.kind = self.find_kind()

    def ssh(self):
        for name in (f"{self.home}/.ssh/id_ed25519", f"{self.folder}/host", f"{self.folder}/other"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "op", "-f", name], check=True)
        lines = [f"Host *\n  Port {PORT}"]
        key = {}
        for name in ("host", "other"):
            with open(f"{self.folder}/{name}.pub") as f:
                key[name] = " ".join(f.read().split()[:2])
        known = []
        for place, names in SERVERS.items():
            for i, name in enumerate(names, 1):
                address = f"127.{place}.{i}"
                port = 1 if name in REFUSING else PORT
                # the first value counts: these stand before `Host *`
                lines.insert(-1, f"Host {name}\n  HostName {address}\n  Port {port}")
                known.append(f"[{address}]:{PORT} {key['other' if name == STRANGER else 'host']}")
        write(f"{self.home}/.ssh/config", "\n".join(lines) + "\n", 0o600)
        write(f"{self.home}/.ssh/known_hosts", "\n".join(known) + "\n", 0o600)

    def start_sshd(self):
        if os.getuid() == 0:
            os.makedirs("/run/sshd", exist_ok=True)
        write(f"{self.folder}/sshd_config", SSHD.format(port=PORT, folder=self.folder))
        program = shutil.which("sshd", path=self.env["PATH"])
        argv = [program, "-D", "-f", f"{self.folder}/sshd_config", "-E", f"{self.folder}/sshd.log"]
        self.sshd = subprocess.Popen(argv, stdin=subprocess.DEVNULL, preexec_fn=die_with_parent)
        until = time.monotonic() + 20
        while time.monotonic() < until and self.sshd.poll() is None:
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", PORT)) == 0:
                    return
            time.sleep(0.02)
        with open(f"{self.folder}/sshd.log") as f:
            raise RuntimeError("sshd does not listen: " + f.read())

    def find_kind(self):
        """Of what kind this machine is, which all servers are."""
        argv = [self.muster, "run", "-T", "local", "-b", "none", "--json", "--store", f"{self.folder}/kind.db"]
        done = subprocess.run(argv, cwd=self.folder, env=self.env, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=LIMIT)
        return json.loads(done.stdout)["servers"][0]["kind"]

    def start_database(self):
        """An empty database `muster`."""
        if not self.cluster:
            self.cluster = postgres.Cluster.make(quick=True)
            self.env.update(PGHOST=self.cluster.folder, PGUSER="muster")
        self.cluster.sql("DROP DATABASE IF EXISTS muster")
        self.cluster.database("muster")

    def close(self):
        if self.cluster:
            self.cluster.remove()
        if self.sshd:
            self.sshd.terminate()
            self.sshd.wait()

    def page(self, name):
        """A fresh folder, and no runs."""
        place = f"{self.folder}/page-{name}"
        write(f"{place}/muster.yaml", QUICK)
        write(f"{place}/dev", DEV, 0o755)
        os.makedirs(f"{place}/build")
        os.symlink(self.muster, f"{place}/build/muster")
        shutil.rmtree(f"{self.home}/.local", ignore_errors=True)
        return place

    def run(self, commands, place):
        """Runs them in one shell; [(exit status, what it printed, seconds)], None for what did not end."""
        end = "end-of-command-" + os.urandom(8).hex()
        script = f"end() {{ printf '\\n{end} %d %s\\n' $1 $EPOCHREALTIME; return $1; }}\n"
        script += "".join(f"{command}\nend $?\n" for command in commands)
        write(f"{self.folder}/script", script)
        drop = [] if os.getuid() == 0 else ["setpriv", "--inh-caps=-all", "--ambient-caps=-all"]
        began = time.time()
        with open(f"{self.folder}/output", "wb") as out:
            child = subprocess.Popen(
                drop + ["bash", f"{self.folder}/script"], cwd=place, env=self.env,
                stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
                preexec_fn=die_with_parent,
            )
            try:
                child.wait(LIMIT)
            except subprocess.TimeoutExpired:
                pass
            finally:
                try:
                    os.killpg(child.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
                child.wait()
        with open(f"{self.folder}/output", errors="replace") as f:
            parts = f.read().split(f"\n{end} ")
        results = []
        printed = parts[0]
        for part in parts[1:]:
            status, _, rest = part.partition("\n")
            status, now = status.split()
            results.append((int(status), printed, float(now) - began))
            began, printed = float(now), rest
        if len(results) < len(commands):
            results.append((None, printed, LIMIT))
        return results
