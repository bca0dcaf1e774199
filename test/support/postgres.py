#!/usr/bin/env python3
"""PostgreSQL clusters of a test's own. As a module: Cluster. By hand, and from shells:

    postgres.py start PLACE [--listen ADDRESS] [--tls] [--password] [--quick] [--connections N]
    postgres.py database PLACE NAME         makes one; prints its URL
    postgres.py sql PLACE NAME STATEMENT    as superuser; prints the rows
    postgres.py stop PLACE [WAY]            fast (which is the default), immediate, kill or crash
    postgres.py again PLACE                 starts it as it is
    postgres.py pause PLACE, postgres.py continue PLACE
    postgres.py replica PLACE OF [--synchronous] [--listen ADDRESS]
    postgres.py promote PLACE
    postgres.py remove PLACE...
    postgres.py with COMMAND...             runs it with a quick cluster's URL in MUSTER_TEST_POSTGRES

PLACE is a path that does not exist yet: a link is put there, to a folder in TMPDIR that PostgreSQL's
user can get into. In it are `data`, `log`, the socket, and with --tls a CA, `ca.crt` and `ca.key`, which
has signed the server's certificate, and is to sign those of users; with --password there is a `pgpass`,
and TCP asks for what is in it.

Where MUSTER_TEST_CLUSTER names a path, the first cluster leaves a copy of its new data there for others
to begin with, which is several times as fast as to make it.

A cluster has the superuser `postgres`, and `muster`, who may make databases and owns those of
`database`. PostgreSQL does not run as root: for root it is started as the user `postgres`, or `nobody`.
It commits to disk unless it is --quick. It listens on its Unix socket, and at port 5432 of ADDRESS, or of
several that commas divide.

A process belongs to a cluster when `data` is its working directory, which is how PostgreSQL's find
it themselves: no pid of one that ended is ever taken for one of them.
"""

import argparse
import ctypes
import fcntl
import glob
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from urllib.parse import quote

PORT = 5432
LIMIT = 60  # seconds for a start or a stop
PASSWORD = "sesame"
WAYS = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT, "kill": signal.SIGKILL, "crash": signal.SIGKILL}
PR_SET_PDEATHSIG = 1
libc = ctypes.CDLL(None)


def programs():
    """The folder of PostgreSQL's programs, the newest there is."""
    versions = glob.glob("/usr/lib/postgresql/*/bin/postgres")
    if versions:
        return os.path.dirname(max(versions, key=lambda p: float(p.split("/")[4])))
    if found := shutil.which("postgres"):
        return os.path.dirname(found)
    sys.exit("postgres.py: PostgreSQL is not installed; tools/setup test")


def environment():
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PG", "LC_"))}
    return {**kept, "LC_ALL": "C.UTF-8", "PGCONNECT_TIMEOUT": "20"}


def owner():
    """Who PostgreSQL runs as: nobody else when this is no root, which Popen() has as no arguments."""
    if os.getuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            user = pwd.getpwnam(name)
            return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        except KeyError:
            pass
    sys.exit("postgres.py: there is no user to run PostgreSQL as")


class Process:
    def __init__(self, pid):
        self.pid = pid
        with open(f"/proc/{pid}/stat") as f:
            self.state, ppid = f.read().rpartition(")")[2].split()[:2]
        self.parent = int(ppid)

    def signal(self, number):
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            pass


class Cluster:
    def __init__(self, folder):
        self.folder = os.path.realpath(folder)
        self.data = os.path.join(self.folder, "data")
        self.child = None  # the process that this one started

    # ---- making one --------------------------------------------------------------------------------

    @staticmethod
    def make(place=None, **settings):
        """A new one, started; settings are those of configure(). `place` is a link to make."""
        cluster = Cluster.new_folder(place)
        cluster.make_data()
        cluster.configure(**settings)
        cluster.start()
        return cluster

    def make_data(self):
        """Its data, without settings: a copy of what the first to come here has made, if there is a
        place for that."""
        template = os.environ.get("MUSTER_TEST_CLUSTER")
        if not template:
            return self.initialise()
        with open(template + ".lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not os.path.exists(template):
                self.initialise()
                shutil.rmtree(template + ".new", ignore_errors=True)
                copy_tree(self.data, template + ".new")
                return os.rename(template + ".new", template)
        return copy_tree(template, self.data)

    def initialise(self):
        self.program(
            "initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "--no-sync", "--no-instructions",
            "--locale=C.UTF-8", "--encoding=UTF8", "--wal-segsize=4",
        )
        self.program(
            "postgres", "--single", "-D", self.data, "-F", "postgres",
            said=f"CREATE ROLE muster LOGIN CREATEDB PASSWORD '{PASSWORD}'\n",
        )

    @staticmethod
    def new_folder(place):
        folder = tempfile.mkdtemp(prefix="muster-pg.")
        os.chmod(folder, 0o755)
        cluster = Cluster(folder)
        cluster.give(folder)
        if place:
            os.symlink(folder, place)
        return cluster

    def give(self, path):
        """Makes it PostgreSQL's."""
        if who := owner():
            os.chown(path, who["user"], who["group"])

    def write(self, path, text, mode=0o644):
        with open(path, "w") as f:
            os.chmod(path, mode)
            f.write(text)
        self.give(path)

    def configure(self, listen="", tls=False, password=False, quick=False, connections=50, more=""):
        """`more` are further lines of postgresql.conf."""
        settings = [
            f"listen_addresses = '{listen}'", f"port = {PORT}",
            f"unix_socket_directories = '{self.folder}'", f"max_connections = {connections}",
            "shared_buffers = 32MB", "min_wal_size = 32MB", "jit = off",
            # what lies in the folder goes with the folder, though everything was killed
            "dynamic_shared_memory_type = mmap", "log_line_prefix = '%m [%p] %a '",
        ]
        if quick:
            settings += ["fsync = off", "full_page_writes = off"]
        if tls:
            self.make_certificates(listen)
            settings += ["ssl = on", "ssl_cert_file = 'server.crt'", "ssl_key_file = 'server.key'",
                         "ssl_ca_file = '../ca.crt'"]
        if password:
            self.write(os.path.join(self.folder, "pgpass"), f"*:*:*:*:{PASSWORD}\n", 0o600)
        how = "scram-sha-256" if password else "trust"
        self.write(os.path.join(self.data, "postgresql.conf"), "\n".join([*settings, more, ""]))
        self.write(
            os.path.join(self.data, "pg_hba.conf"),
            "local all all trust\nlocal replication all trust\n"
            f"{'hostssl' if tls else 'host'} all all all {how}\n",
        )

    def make_certificates(self, listen):
        names = ",".join(f"IP:{address.strip()}" for address in listen.split(","))

        def request(name, *words):
            subprocess.run(
                ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                 "-days", "30", "-keyout", name + ".key", "-out", name + ".crt", *words],
                cwd=self.folder, check=True, stderr=subprocess.DEVNULL,
            )

        request("ca", "-subj", "/CN=a test's CA")
        request("server", "-subj", "/CN=a test's server", "-CA", "ca.crt", "-CAkey", "ca.key",
                "-addext", f"subjectAltName={names},DNS:localhost",
                "-addext", "basicConstraints=critical,CA:FALSE")
        for name in ("server.key", "server.crt"):
            path = os.path.join(self.data, name)
            shutil.move(os.path.join(self.folder, name), path)
            self.give(path)

    def replica(self, place=None, synchronous=False, listen="", quick=False):
        """A new cluster that follows this one, started. A synchronous one has each commit first."""
        other = Cluster.new_folder(place)
        other.program(
            "pg_basebackup", "-h", self.folder, "-U", "postgres", "-D", other.data, "-R", "-X", "stream",
            "-c", "fast", "--no-sync",
        )
        other.configure(listen=listen, quick=quick)
        other.start()
        if synchronous:
            self.sql("ALTER SYSTEM SET synchronous_standby_names = '*'")
            self.sql("SELECT pg_reload_conf()")
            until(lambda: self.sql("SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'"),
                  "the replica to be synchronous")
        return other

    def promote(self):
        """Makes a replica a cluster in its own right, which waits for no replica of its own."""
        if self.sql("SELECT pg_promote(true, 30)") != "t":
            raise TimeoutError("the replica was not promoted")
        self.sql("ALTER SYSTEM RESET synchronous_standby_names")
        self.sql("SELECT pg_reload_conf()")

    # ---- asking it ---------------------------------------------------------------------------------

    def program(self, name, *arguments, said=""):
        """Runs one of PostgreSQL's programs as its user, told `said`, and returns what it prints."""
        done = subprocess.run(
            [os.path.join(programs(), name), *arguments], cwd=self.folder, env=environment(), **owner(),
            input=said, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        if done.returncode:
            raise OSError(f"{name}: {done.stderr.strip()}")
        return done.stdout.strip()

    def sql(self, statement, database="postgres"):
        """The rows as text: columns parted by |."""
        return self.program(
            "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", self.folder, "-U", "postgres",
            "-d", database, "-c", statement,
        )

    def base(self, address=None):
        """A URL that lacks but a slash and the database's name."""
        return f"postgresql://muster@{address or quote(self.folder, safe='')}"

    def url(self, database, address=None):
        """Over the Unix socket, or TCP to an address."""
        ca = os.path.join(self.folder, "ca.crt")
        tls = f"?sslmode=verify-full&sslrootcert={ca}" if address and os.path.exists(ca) else ""
        return f"{self.base(address)}/{database}{tls}"

    def database(self, name):
        self.sql(f"CREATE DATABASE {name} OWNER muster")

    # ---- its processes -----------------------------------------------------------------------------

    def processes(self):
        """Its processes, the postmaster first, if it is there."""
        found = {}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                if os.readlink(f"/proc/{pid}/cwd") == self.data:
                    found[int(pid)] = Process(int(pid))
            except OSError:
                pass  # it has ended, or is none of ours
        return sorted(found.values(), key=lambda p: p.parent in found)

    def state(self):
        """The lines of postmaster.pid."""
        try:
            with open(os.path.join(self.data, "postmaster.pid")) as f:
                return [line.strip() for line in f] or [""]
        except OSError:
            return [""]

    def log(self):
        with open(os.path.join(self.folder, "log"), errors="replace") as f:
            return f.read()

    def start(self, die_with_parent=False):
        with open(os.path.join(self.folder, "log"), "ab") as log:
            self.child = subprocess.Popen(
                [os.path.join(programs(), "postgres"), "-D", self.data], cwd=self.data, env=environment(),
                **owner(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                preexec_fn=(lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGQUIT)) if die_with_parent else None,
            )

        def ready():
            if self.child.poll() is not None:
                raise OSError(f"PostgreSQL did not start: {self.log()[-1000:]}")
            state = self.state()
            return state[0] == str(self.child.pid) and len(state) > 7 and state[7] in ("ready", "standby")

        until(ready, "PostgreSQL to start")

    def stop(self, way="fast"):
        """Ends it: by a signal to the postmaster, whose processes follow it, or (crash) to all."""
        self.resume()
        began = self.processes()
        for p in began if way == "crash" else began[:1]:
            p.signal(WAYS[way])
        until(lambda: self.ended(way == "crash"), f"PostgreSQL to end ({way})")
        self.clear()

    def ended(self, crash):
        if self.child:
            self.child.poll()  # no zombie is left
        left = self.processes()
        for p in left if crash else ():
            p.signal(signal.SIGKILL)  # came in between
        return not left

    def clear(self):
        """Removes what a postmaster that was killed has left. The next one would take it for running
        while it is a zombie, which it stays where who adopts it does not wait for it."""
        state = self.state()
        if len(state) > 6:
            subprocess.run(["ipcrm", "-m", state[6].split()[1]], stderr=subprocess.DEVNULL)
            os.unlink(os.path.join(self.data, "postmaster.pid"))
            os.unlink(os.path.join(self.folder, f".s.PGSQL.{PORT}.lock"))

    def pause(self):
        """Stops all of its processes where they are, the postmaster first, so that none comes after."""

        def stopped():
            going = [p for p in self.processes() if p.state not in "tT"]
            for p in going:
                p.signal(signal.SIGSTOP)
            return not going

        until(stopped, "PostgreSQL to pause", 0.001)

    def resume(self):
        for p in reversed(self.processes()):
            p.signal(signal.SIGCONT)

    def remove(self):
        self.stop("immediate")
        shutil.rmtree(self.folder)


def copy_tree(source, target):
    """With owners and modes."""
    subprocess.run(["cp", "-a", source, target], check=True)


def until(condition, what, pause=0.01):
    end = time.monotonic() + LIMIT
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"waited in vain for {what}")
        time.sleep(pause)


# ---- by hand ---------------------------------------------------------------------------------------


def run_with(command):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    cluster = Cluster.make(quick=True)
    try:
        return subprocess.run(command, env={**os.environ, "MUSTER_TEST_POSTGRES": cluster.base()}).returncode
    finally:
        cluster.remove()


def arguments():
    parser = argparse.ArgumentParser(usage=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    start = verbs.add_parser("start")
    start.add_argument("place")
    start.add_argument("--listen", default="")
    for flag in ("--tls", "--password", "--quick"):
        start.add_argument(flag, action="store_true")
    start.add_argument("--connections", type=int, default=50)
    replica = verbs.add_parser("replica")
    replica.add_argument("place")
    replica.add_argument("of")
    replica.add_argument("--listen", default="")
    replica.add_argument("--synchronous", action="store_true")
    for verb, words in {
        "database": ("place", "name"), "sql": ("place", "name", "statement"), "again": ("place",),
        "pause": ("place",), "continue": ("place",), "promote": ("place",),
    }.items():
        for word in [verbs.add_parser(verb), *words][1:]:
            verbs.choices[verb].add_argument(word)
    stop = verbs.add_parser("stop")
    stop.add_argument("place")
    stop.add_argument("way", nargs="?", default="fast", choices=WAYS)
    verbs.add_parser("remove").add_argument("places", nargs="+")
    verbs.add_parser("with").add_argument("command", nargs=argparse.REMAINDER)
    return parser.parse_args()


def main():
    words = vars(arguments())
    verb = words.pop("verb")
    if verb == "with":
        return run_with(words["command"])
    if verb == "remove":
        for place in words["places"]:
            Cluster(place).remove()
            os.unlink(place)
        return 0
    if verb == "start":
        Cluster.make(**words)
        return 0
    if verb == "replica":
        Cluster(words.pop("of")).replica(**words)
        return 0
    cluster = Cluster(words["place"])
    if verb == "database":
        cluster.database(words["name"])
        print(cluster.url(words["name"]))
    elif verb == "sql":
        print(cluster.sql(words["statement"], words["name"]))
    elif verb == "stop":
        cluster.stop(words["way"])
    else:
        {"again": cluster.start, "pause": cluster.pause, "continue": cluster.resume,
         "promote": cluster.promote}[verb]()
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (OSError, TimeoutError) as e:
        sys.exit(f"postgres.py: {e}")
