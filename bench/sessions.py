"""What a session costs the client, muster's and others': sessions.py BUILD-FOLDER ROUNDS SIMULATED
REAL DEFAULT ANSIBLE.

muster's is a whole one: login, the agent that is there already, its facts, one benchmark by a
command (`echo 1`), verdict, store, log to a file. The others log in and run `true`. All take turns,
with fan-out 32 and the same key and known_hosts, against SIMULATED servers of fleet_sim, REAL of a
real sshd, both with the same key exchange for all, and DEFAULT of it with each program's own.
ANSIBLE is for how many at most Ansible is tried, the slowest; a server's share of its start is what
it is with so many.
"""

import os
import shutil
import statistics
import sys
import tempfile

from sessions_bed import (FANOUT, Simulator, Sshd, machine, measure, muster_command, shown, write_material,
                          write_ssh_config)

FEW = "curve25519-sha256"
SSH = "-F ssh_config"


def programs(build, folder, ansible_most):
    """Each name with its command, environment and the most servers it is tried with."""
    fanout = str(FANOUT)
    ansible = {"ANSIBLE_SSH_ARGS": f"-F {folder}/ssh_config", "ANSIBLE_HOME": folder,
               "ANSIBLE_LOCAL_TEMP": f"{folder}/tmp", "ANSIBLE_CONFIG": f"{folder}/ansible.cfg"}
    return {
        "muster": (muster_command(build), {}, None),
        "xargs + ssh": (["xargs", "-a", "names", "-P", fanout, "-I{}", "ssh", "-F", "ssh_config", "{}", "true"],
                        {}, None),
        "pdsh": (["pdsh", "-R", "ssh", "-f", fanout, "-w", "^names", "true"], {"PDSH_SSH_ARGS_APPEND": SSH}, None),
        "clush": (["clush", "-f", fanout, "--hostfile", "names", "-o", SSH, "true"], {}, None),
        "parallel-ssh": (["parallel-ssh", "-p", fanout, "-h", "names", "-x", SSH, "true"], {}, None),
        "parallel": (["parallel", "--will-cite", "-j", fanout, "-a", "names", "ssh", "-F", "ssh_config", "{}",
                      "true"], {}, None),
        "ansible": (["ansible", "all", "-i", "names", "-f", fanout, "-m", "raw", "-a", "true"], ansible,
                    ansible_most),
    }


def present(build, folder, ansible_most):
    all_of_them = programs(build, folder, ansible_most)
    there = {name: p for name, p in all_of_them.items() if shutil.which(p[0][0])}
    for name in all_of_them.keys() - there.keys():
        print(f"{name} is not installed and left out.\n")
    return there


def compare(title, bed, servers, rounds, build, folder, clients):
    runs = {name: [] for name in clients}
    counts = {name: min(servers, most or servers) for name, (_, _, most) in clients.items()}
    for turn in range(rounds):
        for name, (command, environment, _) in clients.items():
            runs[name].append(measure(bed, build, folder, counts[name], command, environment))
            print(f"round {turn + 1}: {name}", runs[name][-1], file=sys.stderr, flush=True)
    cpu = {name: [run[0] / counts[name] * 1e3 for run in its] for name, its in runs.items()}
    print(f"{title}: {servers} servers, fan-out {FANOUT}, {rounds} rounds\n")
    print("| median (range) | servers | client CPU a server, ms | by muster's | wall, s | wall a server, ms "
          "| peak memory, MiB |\n|---|---|---|---|---|---|---|")
    for name, its in runs.items():
        ratios = [theirs / ours for theirs, ours in zip(cpu[name], cpu["muster"])]
        wall = [run[1] for run in its]
        print(f"| {name} | {counts[name]} | {shown(cpu[name], 2)} | {statistics.median(ratios):.1f} | "
              f"{shown(wall)} | {statistics.median(wall) / counts[name] * 1e3:.1f} | "
              f"{shown([run[2] for run in its], 0)} |")
    print(flush=True)


def main():
    build, (rounds, simulated, real, default, ansible_most) = sys.argv[1], map(int, sys.argv[2:])
    print(machine(build) + "\n")
    with tempfile.TemporaryDirectory(prefix="muster-sessions.") as folder:
        os.mkdir(f"{folder}/tmp")
        open(f"{folder}/ansible.cfg", "w").close()  # not the machine's
        write_material(folder)
        clients = present(build, folder, ansible_most)
        write_ssh_config(folder, f"KexAlgorithms {FEW}")
        measure(Sshd, build, folder, 1, clients["muster"][0])  # puts the agent in place
        compare(f"fleet_sim, {FEW}", Simulator, simulated, rounds, build, folder, clients)
        compare(f"sshd, {FEW}", Sshd, real, rounds, build, folder, clients)
        write_ssh_config(folder)
        compare("sshd, each program's own key exchange", Sshd, default, rounds, build, folder, clients)


main()
