#!/usr/bin/env bats
# The batch script of examples/controllers/slurm on a Slurm of one machine: a controller and a node of it,
# started here with a configuration of their own, in a network namespace of their own, which has what
# Slurm wants of a network: an address besides 127.0.0.1. PostgreSQL is reached by its Unix socket.

load common
load postgres

EXAMPLE=$BATS_TEST_DIRNAME/../../examples/controllers/slurm/muster.sbatch

setup_file() {
    for name in munged slurmctld slurmd sbatch; do
        command -v $name >/dev/null || skip "no $name"
    done
    [ "$(id -u)" = 0 ] || skip "not root: no network namespace for Slurm"
    scratch
    postgres start db --quick
    URL=$(postgres database db store)
    export URL SLURM_CONF=$T/slurm.conf STORE=$URL
    PATH=$(dirname "$MUSTER"):$PATH
    unshare -n sh -c 'ip link set lo up && ip address add 192.0.2.1/32 dev lo && echo up && exec sleep 600' \
        >net 2>&1 3>&- &
    echo $! >net.pid
    wait_for grep -q up net
    start_slurm
}

teardown_file() {
    [ -n "${T:-}" ] || return 0
    stop_slurm
    postgres_done
    scratch_done
}

setup() {
    cd "$T" || return 1
}

# in the namespace of Slurm
in_net() {
    nsenter --net="/proc/$(cat "$T/net.pid")/ns/net" "$@"
}

start_slurm() {
    local host
    host=$(hostname -s)
    mkdir spool state
    head -c 1024 /dev/urandom >munge.key
    chmod 600 munge.key
    cat >slurm.conf <<TXT
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$T/munge.socket
MailProg=/bin/true
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SchedulerParameters=batch_sched_delay=0,sched_min_interval=10000
SlurmdParameters=config_overrides
SlurmctldPidFile=$T/slurmctld.pid
SlurmdPidFile=$T/slurmd.pid
SlurmctldLogFile=$T/slurmctld.log
SlurmdLogFile=$T/slurmd.log
SlurmdSpoolDir=$T/spool
StateSaveLocation=$T/state
NodeName=$host NodeAddr=127.0.0.1 CPUs=8 RealMemory=8192
PartitionName=all Nodes=$host Default=YES
TXT
    in_net munged --force --key-file="$T/munge.key" --socket="$T/munge.socket" --pid-file="$T/munged.pid" \
        --log-file="$T/munged.log" --seed-file="$T/munge.seed" </dev/null >munged.out 2>&1 3>&-
    in_net slurmctld -c </dev/null >slurmctld.out 2>&1 3>&-
    in_net slurmd -c </dev/null >slurmd.out 2>&1 3>&-
    wait_for node_is_idle || fail "$(tail -n 20 slurmctld.log slurmd.log)"
}

node_is_idle() {
    [ "$(in_net sinfo --noheader --format %T)" = idle ]
}

# each in its turn: jobs first, then the node, who asks the controller
stop_slurm() {
    local name pid
    for name in slurmd slurmctld munged; do
        pid=$(cat "$T/$name.pid" 2>/dev/null) || continue
        kill "$pid" 2>/dev/null
        wait_for no_process "$pid" || kill -KILL "$pid"
        rm -f "$T/$name.pid"
    done
}

no_process() {
    [ ! -e "/proc/$1/cwd" ] || grep -q '^State:.Z' "/proc/$1/status"
}

# the job of this number has ended with this state
job_is() {
    in_net scontrol show job "$1" | grep -q "JobState=$2"
}

submit() {
    muster submit --store "$URL" --simulate="$1"
}

@test "a worker of each task takes its share, and the job ends as the run does" {
    id=$(submit servers=100,seed=3,delay=20ms-60ms,score=60-100)
    job=$(in_net sbatch --parsable --nodes 1 --ntasks-per-node 2 --mem 100M --export "ALL,RUN=$id" "$EXAMPLE")
    wait_for job_is "$job" COMPLETED || fail "$(cat "muster-$job.out" slurmctld.log)"
    grep -q '^0: .*worker ready' "muster-$job.out" || fail "$(cat "muster-$job.out")"
    grep -q '^1: .*worker ready' "muster-$job.out"
    grep -q "Out of 100, 0 servers failed." "muster-$job.out"
    run muster runs --json --store "$URL"
    json_is '.[0] | [.run, .state, .passed] | @json' "[\"$id\",\"ended\",100]"
}

@test "a run in which servers fail fails the job" {
    id=$(submit servers=10,seed=3,delay=0-0,score=0-40)
    job=$(in_net sbatch --parsable --mem 100M --export "ALL,RUN=$id" "$EXAMPLE")
    wait_for job_is "$job" FAILED
    in_net scontrol show job "$job" | grep -q 'ExitCode=1:0'
}

# the worker of a job holds servers
holds() {
    [ "$(postgres sql db store "SELECT count(*) FROM muster.workers AS w JOIN muster.runs AS r USING (run)
        WHERE r.run = '$1' AND w.claimed > 0")" = 1 ]
}

@test "SIGTERM drains the worker, and another job does the rest" {
    id=$(submit servers=80,seed=3,delay=1s-2s,score=60-100)
    job=$(in_net sbatch --parsable --mem 100M --export "ALL,RUN=$id" "$EXAMPLE")
    wait_for holds "$id"
    in_net scancel --signal TERM "$job"
    wait_for grep -q 'workers ended with status 0' "muster-$job.out" || fail "$(cat "muster-$job.out")"
    # it waits for the run, on which nobody works
    [ "$(postgres sql db store "SELECT state, running, passed > 0, pending > 0 FROM muster.progress
        WHERE run = '$id'")" = "waiting|0|t|t" ] || fail "$(postgres sql db store "SELECT * FROM muster.progress")"
    more=$(in_net sbatch --parsable --mem 100M --export "ALL,RUN=$id" "$EXAMPLE")
    wait_for job_is "$more" COMPLETED
    wait_for job_is "$job" COMPLETED
}

@test "without a run the job says what it wants" {
    job=$(in_net sbatch --parsable --mem 100M "$EXAMPLE")
    wait_for job_is "$job" FAILED
    grep -q 'RUN: is the id that muster submit printed' "muster-$job.out"
}
