"""What sessions.py and kex.py share: keys and an ssh_config, servers to log in to, and what a
client costs.

A client's cost is the processor time of all its processes, taken from the kernel once the last of
them has ended, and the peak of their memory together, sampled, where a page that several of them
share counts once (PSS).
"""

import ctypes
import json
import os
import resource
import signal
import statistics
import subprocess
import sys
import time

PORT = 2222
FANOUT = 32
PR_SET_CHILD_SUBREAPER = 36
SAMPLE_SECONDS = 0.1
CONFIG = """ssh: {connect_timeout: 3m, login_timeout: 3m}
benchmarks:
  one: {command: echo 1, extract: {regex: (\\d+)}, threshold: 0}
"""


def write_material(folder):
    for key in ("id", "host"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{folder}/{key}"], check=True)
    with open(f"{folder}/host.pub") as f:
        key = " ".join(f.read().split()[:2])
    with open(f"{folder}/known_hosts", "w") as f:
        f.write(f"[127.*]:{PORT} {key}\n")
    with open(f"{folder}/muster.yaml", "w") as f:
        f.write(CONFIG)


def write_ssh_config(folder, *lines):
    with open(f"{folder}/ssh_config", "w") as f:
        f.write("\n  ".join([
            "Host *", f"Port {PORT}", "User root", f"IdentityFile {folder}/id", "IdentitiesOnly yes",
            f"UserKnownHostsFile {folder}/known_hosts", "GlobalKnownHostsFile /dev/null",
            "BatchMode yes", *lines]) + "\n")


def write_names(folder, count):
    with open(f"{folder}/names", "w") as f:
        f.writelines(f"127.1.{i >> 8}.{i & 255}\n" for i in range(1, count + 1))


class Simulator:
    """fleet_sim, which libssh serves from one process."""

    def __init__(self, build, folder, servers):
        paths = [f"{build}/{where}/fleet_sim" for where in ("bench", "test/support")]
        program = next((p for p in paths if os.path.exists(p)), paths[0])
        self.process = subprocess.Popen(
            [program, "--port", str(PORT), "--servers", str(servers), "--key", "id.pub", "--host-key", "host"],
            cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            sys.exit("fleet_sim is not ready")

    def end(self):
        """How many logins there were."""
        return json.loads(self.process.communicate()[0])["authenticated"]


class Sshd:
    """One real sshd on all addresses. With SHLVL set bash does not take the session for a login
    from afar, and leaves out ~/.bashrc, whose cost on the machine at hand is none of the client's."""

    def __init__(self, build, folder, servers):
        os.makedirs("/run/sshd", exist_ok=True)
        self.log, pid = f"{folder}/sshd.log", f"{folder}/sshd.pid"
        open(self.log, "w").close()
        with open(f"{folder}/authorized", "w") as to, open(f"{folder}/id.pub") as key:
            to.write(key.read())
        with open(f"{folder}/sshd_config", "w") as f:
            f.write(f"ListenAddress 0.0.0.0:{PORT}\nHostKey {folder}/host\nPidFile {pid}\n"
                    f"AuthorizedKeysFile {folder}/authorized\nStrictModes no\nUsePAM no\n"
                    "PasswordAuthentication no\nMaxStartups 1000\nPrintMotd no\nSetEnv SHLVL=2\n")
        subprocess.run(["/usr/sbin/sshd", "-f", f"{folder}/sshd_config", "-E", self.log], check=True)
        while not os.path.exists(pid) or not os.path.getsize(pid):
            time.sleep(0.01)
        with open(pid) as f:
            self.pid, self.pidfile = int(f.read()), pid

    def end(self):
        os.kill(self.pid, signal.SIGTERM)
        while os.path.exists(self.pidfile):
            time.sleep(0.01)
        with open(self.log) as f:
            return sum("Accepted publickey" in line for line in f)


def descendants(pid):
    found = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children") as f:
                for child in f.read().split():
                    found += [int(child)] + descendants(int(child))
    except OSError:
        pass  # it has ended
    return found


def memory_of(pid):
    """In KiB."""
    try:
        with open(f"/proc/{pid}/smaps_rollup") as f:
            return next((int(line.split()[1]) for line in f if line.startswith("Pss:")), 0)
    except OSError:
        return 0


def become_reaper(command, folder, environment, to):
    """In a process of its own: runs the command and waits for all that it leaves behind, too."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    begin = time.monotonic()
    with open(f"{folder}/errors", "w") as errors:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=errors)
    status = process.wait()
    wall = time.monotonic() - begin
    try:
        while True:
            os.wait()
    except ChildProcessError:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        os.write(to, json.dumps([status, used.ru_utime + used.ru_stime, wall]).encode())
    os._exit(0)


def run_client(command, folder, environment=None):
    """Its (CPU seconds, wall seconds, peak MiB)."""
    environment = {**os.environ, "XDG_STATE_HOME": f"{folder}/state", **(environment or {})}
    environment.pop("SSH_AUTH_SOCK", None)
    ours, its = os.pipe()
    pid = os.fork()
    if pid == 0:
        become_reaper(command, folder, environment, its)
    os.close(its)
    peak = 0
    while os.waitpid(pid, os.WNOHANG)[0] == 0:
        peak = max(peak, sum(memory_of(child) for child in descendants(pid)))
        time.sleep(SAMPLE_SECONDS)
    with os.fdopen(ours) as f:
        status, cpu, wall = json.load(f)
    if status != 0:
        with open(f"{folder}/errors") as f:
            sys.exit(f"{' '.join(command)} ended with {status}:\n{f.read()[-2000:]}")
    return cpu, wall, peak / 1024


def measure(bed, build, folder, servers, command, environment=None):
    """The same against servers of their own, each of which is logged in to once."""
    write_names(folder, servers)
    far = bed(build, folder, servers)
    try:
        got = run_client(command, folder, environment)
    finally:
        logins = far.end()
    if logins != servers:
        sys.exit(f"{command[0]}: {logins} logins, not {servers}")
    return got


def muster_command(build):
    return [f"{build}/muster", "run", "-q", "-F", "ssh_config", "-i", "names", "-f", str(FANOUT),
            "--log-file", "log"]


def shown(values, digits=1):
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}-{max(values):.{digits}f})"


def machine(build):
    def said(*command):
        done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.stdout.split("\n")[0]

    with open("/proc/cpuinfo") as f:
        model = next(line.split(":")[1].strip() for line in f if line.startswith("model name"))
    libssh = ctypes.CDLL("libssh.so.4")
    libssh.ssh_version.restype = ctypes.c_char_p
    return (f"{model}, {os.cpu_count()} cores, Linux {os.uname().release}, {said('ssh', '-V')}, libssh "
            f"{libssh.ssh_version(0).decode().split('/')[0]}, {said(f'{build}/muster', '--version')}; "
            f"load average {os.getloadavg()[0]:.0f} at the start")
