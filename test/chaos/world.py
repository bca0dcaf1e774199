"""The small world of a lane: real sshds, muster's own folders, and eyes for what is left behind.

A lane is a process with a network namespace of its own, where the system allows it, and adopts what
its children leave behind (a subreaper), so that every process it ever caused is below it in /proc.

    127.0.2.I port 2222   server I, one sshd for all of them; 127.0.2.100 is the bastion
    127.0.1.I port 2222   the proxy's way to server I; 127.0.1.100 its way to the bastion

"The server" is one machine, this one, under many addresses: its home, its TMPDIR and its cache of
agents are folders of the lane. What a server answers depends on its number, so that an answer in the
wrong place is seen: benchmarks ask SSH_CONNECTION which server they run on. Each execution leaves a
line in the file `executions`.
"""

import ctypes
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from fault_proxy import Proxy  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MUSTER = os.environ.get("MUSTER") or os.path.join(ROOT, "build", "muster")
SERVERS = 10
BASTION = 100
PORT = 2222

libc = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER, CLONE_NEWNET = 1, 36, 0x40000000


def own_network():
    """Whether this process now has a network namespace of its own."""
    return (
        libc.unshare(CLONE_NEWNET) == 0
        and subprocess.run(["ip", "link", "set", "lo", "up"], stderr=subprocess.DEVNULL).returncode == 0
    )


def adopt():
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent():
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


# ---- benchmarks ------------------------------------------------------------------------------------

WHO = "set -- $SSH_CONNECTION; n=${3##*.}; "

# name: (what it does before it answers, the value of server 0, seconds at least)
BENCHMARKS = {
    "quick": ("", 60, 0),
    "weak": ("", 20, 0),  # below the threshold
    "slow": ("sleep 0.4; ", 61, 0.4),
    "much": ("head -c 60000 /dev/zero | tr '\\0' x; echo; ", 62, 0),
    "spawns": ("setsid sleep 300 >/dev/null 2>&1 & (sleep 300 &) ; ", 63, 0),
    "clings": ("trap '' TERM HUP; (trap '' TERM HUP; sleep 0.3); ", 64, 0.3),
    "litters": ('mkdir "$TMPDIR/d"; echo some >"$TMPDIR/d/left"; sleep 0.1; ', 65, 0.1),
    "lasts": ("sleep 2; ", 66, 2),
}
SHORT = sorted(name for name, (*_, seconds) in BENCHMARKS.items() if seconds < 1)
THRESHOLD = 50


def value_of(benchmark, server):
    """What benchmark answers on server I."""
    return BENCHMARKS[benchmark][1] + server


def verdict_of(benchmarks, server):
    """The verdict and reason of server I when nothing goes wrong."""
    passes = all(value_of(b, server) >= THRESHOLD for b in benchmarks)
    return ("passed", None) if passes else ("failed", "below-threshold")


def configuration(benchmarks, top=(), timeout="2s", first=""):
    """`first` is what the shell does before each of them."""
    lines = [*top, "benchmarks:"]
    for name in benchmarks:
        what, base, _ = BENCHMARKS[name]
        # the file's folder is the lane's, and not on the way of any fault
        command = f'{WHO}{first}echo "$n {name}" >>"$EXECUTIONS"; {what}echo "$(({base} + n))"'
        quoted = command.replace("'", "''")
        extract = "extract: {regex: '(\\d+)\\s*$'}"
        lines.append(f"  {name}: {{command: '{quoted}', {extract}, timeout: {timeout}}}")
    return "\n".join(lines) + "\n"


# ---- processes -------------------------------------------------------------------------------------


class Process:
    def __init__(self, pid):
        with open(f"/proc/{pid}/stat") as f:
            self.state, ppid = f.read().rpartition(")")[2].split()[:2]
        self.pid, self.ppid = pid, int(ppid)
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            self.command = f.read().replace(b"\0", b" ").decode(errors="replace").strip()

    def __str__(self):
        return f"{self.pid} {self.state} {self.command[:100]}"

    def server(self):
        """The number of the server it runs on, or None."""
        try:
            with open(f"/proc/{self.pid}/environ", "rb") as f:
                for variable in f.read().split(b"\0"):
                    if variable.startswith(b"SSH_CONNECTION="):
                        return int(variable.split()[2].rpartition(b".")[2])
        except (OSError, ValueError, IndexError):
            pass
        return None

    def is_agent(self):
        return "/agent-" in self.command and " --run " in self.command

    def signal(self, number):
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            pass


def below(root):
    """Every process below `root` that is not a zombie."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            found[int(pid)] = Process(int(pid))
        except OSError:
            pass  # it has ended
    children = {}
    for p in found.values():
        children.setdefault(p.ppid, []).append(p)
    todo, result = [root], []
    while todo:
        for p in children.get(todo.pop(), []):
            todo.append(p.pid)
            if p.state != "Z":
                result.append(p)
    return result


def abstract_sockets():
    with open("/proc/self/net/unix") as f:
        return [line.split()[-1] for line in f if " @muster" in line]


# ---- the world -------------------------------------------------------------------------------------


class World:
    """The lane's servers; `folder` is its scratch folder."""

    def __init__(self, folder):
        self.folder = folder
        self.home = self.make("controller")
        self.state = self.make("controller", "state")
        self.tmp = self.make("controller", "tmp")
        self.server_home = self.make("server", "home")
        self.server_tmp = self.make("server", "tmp")
        self.cache = os.path.join(folder, "server", "cache")
        self.executions = os.path.join(folder, "executions")
        self.key = os.path.join(folder, "id")
        self.proxy = None
        self.sshd = None
        self.routes = {}
        self.sites = {}  # PostgreSQLs, by the ways to them
        self.spaces = []  # network namespaces that servers have for themselves

    def make(self, *names):
        path = os.path.join(self.folder, *names)
        os.makedirs(path, exist_ok=True)
        return path

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def write(self, name, text):
        with open(self.path(name), "w") as f:
            f.write(text)
        return self.path(name)

    # -- the servers --

    def start_servers(self):
        """The servers that a proxy leads to, too."""
        numbers = [*range(1, SERVERS + 1), BASTION]
        self.start_sshd("".join(f"ListenAddress 127.0.2.{i}\n" for i in numbers))
        self.proxy = Proxy()
        for i in numbers:
            self.routes[i] = self.proxy.listen((f"127.0.1.{i}", PORT), (f"127.0.2.{i}", PORT))
        for i in numbers:
            wait_until(lambda: listens(f"127.0.2.{i}"), 10, f"sshd on 127.0.2.{i}")

    def start_sshd(self, lines):
        """`lines` of sshd_config are those that are not the same for all servers."""
        host = self.path("host")
        for path in (self.key, host):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
        with open(host + ".pub") as f:
            self.write("known_hosts", "chaos " + " ".join(f.read().split()[:2]) + "\n")
        variables = {
            "SHLVL": 2,  # or bash would read ~/.bashrc
            "HOME": self.server_home, "TMPDIR": self.server_tmp,
            "XDG_CACHE_HOME": self.cache, "EXECUTIONS": self.executions,
        }
        self.write("sshd_config", f"""{lines}Port {PORT}
HostKey {host}
AuthorizedKeysFile {self.key}.pub
PidFile {self.path("sshd.pid")}
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
MaxStartups 1000
MaxSessions 100
PrintMotd no
UseDNS no
SetEnv {" ".join(f"{name}={value}" for name, value in variables.items())}
""")
        if os.getuid() == 0:
            os.makedirs("/run/sshd", exist_ok=True)
        sshd = shutil.which("sshd") or "/usr/sbin/sshd"
        self.sshd = subprocess.Popen(
            [sshd, "-D", "-f", self.path("sshd_config"), "-E", self.path("sshd.log")],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )

    def ssh_config(self, hosts):
        """`hosts` are blocks of lines for single hosts; what all have in common follows them."""
        user = pwd.getpwuid(os.getuid()).pw_name
        return self.write("ssh_config", "".join(hosts) + f"""Host *
  Port {PORT}
  User {user}
  HostKeyAlias chaos
  IdentityFile {self.key}
  IdentitiesOnly yes
  UserKnownHostsFile {self.path("known_hosts")}
  GlobalKnownHostsFile /dev/null
""")

    def environment(self):
        kept = {k: v for k, v in os.environ.items() if k in ("PATH", "LANG", "ASAN_OPTIONS", "TSAN_OPTIONS")}
        return {
            **kept, "HOME": self.home, "XDG_STATE_HOME": self.state, "TMPDIR": self.tmp,
            "TZ": "UTC", "LC_ALL": "C.UTF-8",
        }

    def start(self, *arguments, name="run", inside=die_with_parent):
        """Starts muster; its standard output and error go to files NAME.out and NAME.err."""
        with open(self.path(name + ".out"), "wb") as out, open(self.path(name + ".err"), "wb") as err:
            return subprocess.Popen(
                [MUSTER, *arguments], cwd=self.folder, env=self.environment(),
                stdin=subprocess.DEVNULL, stdout=out, stderr=err, preexec_fn=inside,
            )

    def read(self, name):
        try:
            with open(self.path(name), errors="replace") as f:
                return f.read()
        except OSError:
            return ""

    def ask(self, *arguments):
        """Runs muster for what it prints."""
        child = self.start(*arguments, name="ask")
        status = child.wait(60)
        return status, self.read("ask.out"), self.read("ask.err")

    @property
    def store(self):
        return os.path.join(self.state, "muster", "muster.db")

    # -- what is left behind --

    def on_servers(self):
        """The processes that sessions have left on the servers, and the sessions themselves."""
        kept = {self.sshd.pid} if self.sshd else set()
        return [p for p in below(os.getpid()) if p.pid not in kept]

    def reap(self):
        """Ends the zombies that this process has adopted."""
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                if (p := Process(int(pid))).state == "Z" and p.ppid == os.getpid() and (
                    not self.sshd or p.pid != self.sshd.pid
                ):
                    os.waitpid(p.pid, os.WNOHANG)
            except (OSError, ChildProcessError):
                pass

    def wait_clean(self, seconds, counts=lambda process: True):
        """Waits for the servers to have no process that counts. Returns the seconds it took and the
        processes that are left."""
        began = time.monotonic()
        while True:
            self.reap()
            left = [p for p in self.on_servers() if counts(p)]
            took = time.monotonic() - began
            if not left or took > seconds:
                return took, left
            time.sleep(0.02)

    def leftovers(self):
        """Sentences on files and locks on the servers, and on files of the controller."""
        held = abstract_sockets()
        for space in self.spaces:
            with space:
                held += abstract_sockets()
        mistakes = [f"the lock is still held: {name}" for name in held]
        for folder, what, allowed in (
            (self.server_tmp, "a temporary file on the server", ()),
            (self.server_home, "a file in the server's home", ()),
            (os.path.join(self.cache, "muster"), "a file beside the agent", ("agent-",)),
            (self.tmp, "a temporary file of the controller's", ()),
            (self.home, "a file in the controller's home", ("state", "tmp")),
            (self.state, "a file in the state folder", ("muster",)),
            (os.path.join(self.state, "muster"), "a file beside the store", ("muster.db", "logs", "outputs")),
            (os.path.join(self.state, "muster", "logs"), "a file among the logs", ("20",)),
        ):
            if os.path.isdir(folder):
                mistakes += [
                    f"{what} is left: {os.path.join(folder, name)}"
                    for name in sorted(os.listdir(folder)) if not name.startswith(allowed or ("\0",))
                ]
        return mistakes

    def kill_all(self):
        for p in self.on_servers():
            p.signal(signal.SIGKILL)
        self.wait_clean(5)

    def reset(self):
        """As at the beginning, but for the agent, which stays."""
        for name in os.listdir(os.path.join(self.cache, "muster")) if self.has_agent() else ():
            if not name.startswith("agent-"):
                os.unlink(os.path.join(self.cache, "muster", name))
        for folder in (self.state, self.tmp, self.server_tmp, self.server_home, self.path("crew")):
            shutil.rmtree(folder, ignore_errors=True)
            os.makedirs(folder)
        for name in ("executions", "log.jsonl", "failed", "passed"):
            try:
                os.unlink(self.path(name))
            except FileNotFoundError:
                pass

    def last_words(self, count):
        """The end of the log of muster, what it said itself, and of sshd's."""
        logs = self.read("log.jsonl") or self.read("run.err")
        return logs.splitlines()[-count:] + self.read("run.err").splitlines()[-5:]

    def keep(self, to):
        """Copies what there is to see of a failure."""
        os.makedirs(to, exist_ok=True)
        for name in (
            "run.out", "run.err", "log.jsonl", "sshd.log", "executions", "muster.yaml", "ssh_config",
        ):
            if os.path.exists(self.path(name)):
                shutil.copy(self.path(name), to)
        for folder in (self.state, self.path("crew")):
            if os.path.isdir(folder):
                shutil.copytree(folder, os.path.join(to, os.path.basename(folder)), dirs_exist_ok=True)

    def has_agent(self):
        return os.path.isdir(os.path.join(self.cache, "muster"))

    def drop_agent(self):
        shutil.rmtree(self.cache, ignore_errors=True)

    def close_sites(self):
        for site in self.sites.values():
            site.close()
        self.sites.clear()

    def stop(self):
        self.close_sites()
        if self.proxy:
            self.proxy.close()
        if self.sshd:
            self.sshd.terminate()
            self.sshd.wait()
        self.kill_all()


def listens(address):
    try:
        socket.create_connection((address, PORT), 1).close()
        return True
    except OSError:
        return False


def wait_until(condition, seconds, what):
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise TimeoutError(f"waited in vain for {what}")
        time.sleep(0.02)
