"""Thousands of servers to log in to, and muster run on them: what comparisons of fleets share.

fleet_sim (test/support/fleet_sim.c) stands in for the servers, or one sshd does that listens on all
addresses of 127.0.0.0/8. Everything is in a folder of the caller's: keys, configuration, inventory, store.
A network namespace, which the callers' shell scripts make, keeps ports and counters apart.
"""

import contextlib
import datetime
import getpass
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import threading
import time

PORT = 2222
CONFIG = 'benchmarks:\n  t: {command: "true", extract: {regex: "([0-9]+)"}}\n'


def build_of(folder, name):
    """fleet_sim is made with the tests, with the comparisons, or both."""
    paths = [os.path.join(folder, where, name) for where in ("bench", "test/support")]
    return next((p for p in paths if os.path.exists(p)), paths[0])


def write_material(folder, config=CONFIG):
    for key in ("id", "host"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{folder}/{key}"], check=True)
    with open(f"{folder}/muster.yaml", "w") as f:
        f.write(config)
    with open(f"{folder}/host.pub") as f:
        host_key = " ".join(f.read().split()[:2])
    with open(f"{folder}/known_hosts", "w") as f:
        f.write(f"[127.*]:{PORT} {host_key}\n")
    with open(f"{folder}/ssh_config", "w") as f:
        f.write(f"Host *\n  Port {PORT}\n  User {getpass.getuser()}\n  IdentityFile {folder}/id\n  IdentitiesOnly yes\n"
                f"  UserKnownHostsFile {folder}/known_hosts\n  GlobalKnownHostsFile /dev/null\n")


def raise_descriptors(wanted):
    """As far as may be: root may raise the hard limit, whoever else the soft one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, PermissionError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, max(hard, wanted)))


def machine(program):
    with open("/proc/cpuinfo") as f:
        model = next((line.split(":")[1].strip() for line in f if line.startswith("model name")), "?")
    version = subprocess.run([program, "--version"], capture_output=True, text=True).stdout.strip()
    return (f"{model}, {os.cpu_count()} cores, Linux {platform.release()}, {version}; "
            f"load {os.getloadavg()[0]:.0f} at the start")


class Fleet:
    """fleet_sim, from the time when it listens to end()."""

    def __init__(self, program, folder, servers, gather=0, simulate="seed=1,delay=0,score=80-100"):
        self.process = subprocess.Popen(
            [program, "--port", str(PORT), "--servers", str(servers),
             *(["--gather", str(gather)] if gather else []),
             "--key", "id.pub", "--host-key", "host", "--simulate", simulate,
             "--write-inventory", "fleet", "--write-known-hosts", "known_hosts"],
            cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            sys.exit("fleet_sim is not ready")

    def end(self):
        """What it has seen, as fleet_sim.c says."""
        said = self.process.communicate()[0]
        return json.loads(said)


@contextlib.contextmanager
def sshd(folder, *lines):
    """One sshd at every address of 127.0.0.0/8, with more lines for its configuration."""
    shutil.copyfile(f"{folder}/id.pub", f"{folder}/authorized")
    os.chmod(f"{folder}/authorized", 0o600)
    if os.geteuid() == 0:
        os.makedirs("/run/sshd", exist_ok=True)
    with open(f"{folder}/sshd_config", "w") as f:
        f.write("\n".join([*lines, f"ListenAddress 0.0.0.0:{PORT}", f"HostKey {folder}/host",
                           f"AuthorizedKeysFile {folder}/authorized", f"PidFile {folder}/sshd.pid",
                           "StrictModes no", "UsePAM no", "PasswordAuthentication no",
                           "PrintMotd no", "SetEnv SHLVL=2", ""]))
    program = shutil.which("sshd") or "/usr/sbin/sshd"
    process = subprocess.Popen([program, "-D", "-f", f"{folder}/sshd_config", "-E", f"{folder}/sshd.log"])
    while not os.path.exists(f"{folder}/sshd.pid"):
        if process.poll() is not None:
            sys.exit(f"sshd ended with {process.returncode}")
        time.sleep(0.01)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def write_inventory(folder, servers):
    with open(f"{folder}/fleet", "w") as f:
        f.writelines(f"127.1.{(i + 1) // 256}.{(i + 1) % 256}\n" for i in range(servers))


def state_of(pid):
    """Of a process: (seconds of CPU, resident KiB)."""
    with open(f"/proc/{pid}/stat") as f:
        words = f.read().rpartition(")")[2].split()
    return ((int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK"),
            int(words[21]) * resource.getpagesize() // 1024)


def peak_of(pid):
    """KiB; 0 when it has ended."""
    with open(f"/proc/{pid}/status") as f:
        return next((int(line.split()[1]) for line in f if line.startswith("VmHWM")), 0)


class Run:
    """One run of muster to its end, with the store new and all that it writes below the folder."""

    def __init__(self, program, folder, fanout, servers, *options, simulate=None, env=None, step=0.02,
                 beside=None):
        self.folder, self.servers, self.step = folder, servers, step
        self.beside = beside  # a process whose CPU counts with muster's in the samples
        self.peak = 0  # KiB; not ru_maxrss, in which this program was before it became muster
        self.samples = []  # (seconds since the start, resident KiB, seconds of CPU)
        shutil.rmtree(f"{folder}/state", ignore_errors=True)
        self.log = f"{folder}/log"
        if os.path.exists(self.log):
            os.unlink(self.log)
        where = [f"--simulate=servers={servers},{simulate}"] if simulate else [
            "-F", "ssh_config", "-i", "fleet"]
        self.began, begin = time.time(), time.monotonic()
        self.process = subprocess.Popen(
            [program, "run", "-q", *where, "-f", str(fanout), "--log-file", self.log,
             "--log-format", "json", *options],
            cwd=folder, env={**os.environ, "XDG_STATE_HOME": f"{folder}/state",
                             "XDG_CACHE_HOME": f"{folder}/cache", **(env or {})},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        sampler = threading.Thread(target=self.sample, daemon=True)
        sampler.start()
        self.said = self.process.stdout.read()
        self.status, used = os.wait4(self.process.pid, 0)[1:]
        self.wall = time.monotonic() - begin
        sampler.join()
        self.user, self.system = used.ru_utime, used.ru_stime
        self.cpu = used.ru_utime + used.ru_stime
        self.read_log()

    def sample(self):
        begin = time.monotonic()
        while True:
            try:
                cpu, kib = state_of(self.process.pid)
                self.peak = max(self.peak, peak_of(self.process.pid))
                more = state_of(self.beside)[0] if self.beside else 0
            except OSError:
                return
            if kib > 0:  # it has begun, and has not ended
                self.samples.append((time.monotonic() - begin, kib, cpu + more))
            time.sleep(self.step)

    def read_log(self):
        """When the last server was connected, and how many passed."""
        self.connected, self.passed, self.limited, self.failures = [], 0, None, []
        if not os.path.exists(self.log):
            sys.exit(f"muster did not begin: {self.said}")
        with open(self.log, "rb") as lines:
            for line in lines:
                if b'"connected"' in line:
                    self.connected.append(line)
                elif b'"server passed"' in line:
                    self.passed += 1
                elif b'"server failed"' in line:
                    self.failures.append(json.loads(line).get("detail"))
                elif b'"fewer servers at once' in line:
                    self.limited = json.loads(line)["reason"]
        at = [json.loads(line)["timestamp"].replace("Z", "+00:00")
              for line in self.connected[:1] + self.connected[-1:]]
        at = [datetime.datetime.fromisoformat(t).timestamp() - self.began for t in at]
        self.all_connected = at[-1] if at else None  # since the start

    def cpu_until(self, seconds):
        """What it and the process beside it had used by then."""
        return next((cpu for at, _, cpu in self.samples if at >= seconds), self.samples[-1][2])

    def check(self):
        """Nothing may have failed, and no limit may have made it another run than was asked for."""
        if self.limited:
            sys.exit(f"not so many at once: {self.limited}")
        if self.passed != self.servers:
            sys.exit(f"{self.passed} of {self.servers} passed (status {self.status}): "
                     f"{self.failures[:3]} {self.said[-500:]}")
        return self


def shown(values, digits=2):
    return (f"{statistics.median(values):,.{digits}f} "
            f"({min(values):,.{digits}f}-{max(values):,.{digits}f})")
