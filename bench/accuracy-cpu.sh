#!/bin/sh
# The cpu benchmark against OpenBLAS's dgemm, sysbench and 7-Zip: accuracy-cpu.sh [BUILD-FOLDER
# [ROUNDS [fp|rank|spread]]].
#
#   fp      float_one and float_all against dgemm of 2048 x 2048 doubles, one thread and all
#   rank    the integer kernel against sysbench's cpu and 7z's `b`: one CPU, all, and all with half
#           of their time, by a control group's quota; the order of the three must be the same
#   spread  trials of the agent one after the other: (highest - lowest) / 2 of each metric in % of
#           its median, as muster reports it, and their standard deviation
#
# The sides take turns, so that what else the machine does meets each; shown are medians, and the best,
# which a busy neighbour changes least. Needs cc and libopenblas-dev for fp, sysbench and 7z
# for rank, and for the quota the right to make a control group.
set -eu
build=$(cd "${1:-build}" && pwd)
rounds=${2:-5}
what=${3:-fp rank spread}
agent=$build/agent/muster-agent-$(uname -m)
cpus=$(nproc)
scratch=$(mktemp -d)
group=
trap 'rm -rf "$scratch"; [ -z "$group" ] || rmdir "$group"' EXIT

# SUMMARY FILE: median, or best
median() { sort -n "$1" | awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'; }
best() { sort -n "$1" | tail -n 1; }

# DURATION-MS TRIALS: one line `metric value` for each
agent_cpu() {
    i=0
    while [ $i -lt "$2" ]; do
        i=$((i + 1))
        echo "{\"type\":\"benchmark\",\"id\":$i,\"name\":\"cpu\",\"timeout_ms\":60000,\"trial\":$i,\"settle_ms\":0,\"parameters\":{\"duration\":${1}000000}}"
    done >"$scratch/requests"
    mkfifo "$scratch/in" && : >"$scratch/answers"
    "$agent" --run accuracy <"$scratch/in" >"$scratch/answers" &
    pid=$!
    exec 3>"$scratch/in"
    cat "$scratch/requests" >&3
    while [ "$(grep -c '"id"' "$scratch/answers")" -lt "$2" ] && kill -0 $pid 2>/dev/null; do sleep 0.2; done
    exec 3>&-
    wait $pid
    rm "$scratch/in"
    grep '"metrics"' "$scratch/answers" |
        grep -o '"name":"[a-z_]*","unit":"[^"]*","value":[-0-9.e+]*' |
        sed 's/"name":"\([a-z_]*\)".*:\(.*\)/\1 \2/'
}

fp() {
    cat >"$scratch/dgemm.c" <<'TXT'
#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(void) {
    enum { N = 2048 };
    double *a = malloc(sizeof(double) * N * N), *b = malloc(sizeof(double) * N * N),
           *c = malloc(sizeof(double) * N * N);
    for (int i = 0; i < N * N; i++)
        a[i] = i % 17 - 8, b[i] = i % 13 - 6, c[i] = 0;
    double least = 1e9, end = now() + 1.5;
    for (double from = now(); from < end; from = now()) {
        cblas_dgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, N, N, N, 1, a, N, b, N, 0, c, N);
        double took = now() - from;
        least = took < least ? took : least;
    }
    printf("%.2f\n", 2.0 * N * N * N / least / 1e9);
    return 0;
}
TXT
    cc -O2 -o "$scratch/dgemm" "$scratch/dgemm.c" -lopenblas
    for _ in $(seq "$rounds"); do
        OPENBLAS_NUM_THREADS=1 taskset -c $((cpus - 1)) "$scratch/dgemm" >>"$scratch/blas_one"
        agent_cpu 300 1 >"$scratch/trial"
        awk '$1 == "float_one" { print $2 }' "$scratch/trial" >>"$scratch/our_one"
        OPENBLAS_NUM_THREADS=$cpus "$scratch/dgemm" >>"$scratch/blas_all"
        awk '$1 == "float_all" { print $2 }' "$scratch/trial" >>"$scratch/our_all"
    done
    echo "fp (GFLOP/s, $rounds rounds)     muster: median best    OpenBLAS: median best    best/best"
    for side in one all; do
        ours=$scratch/our_$side blas=$scratch/blas_$side
        echo "$side $(median "$ours") $(best "$ours") $(median "$blas") $(best "$blas")" |
            awk '{ printf "%-30s %14s %6s %17s %6s %10.0f %%\n", $1, $2, $3, $4, $5, 100 * $3 / $5 }'
    done
}

# half of the CPUs' time for what enters the group
make_group() {
    if [ -f /sys/fs/cgroup/cgroup.controllers ]; then
        group=/sys/fs/cgroup/muster-accuracy-$$
        mkdir "$group" && echo "$((cpus * 50000)) 100000" >"$group/cpu.max"
    else
        group=/sys/fs/cgroup/cpu/muster-accuracy-$$
        mkdir "$group" && echo "$((cpus * 50000))" >"$group/cpu.cfs_quota_us"
    fi
}

# SETTING COMMAND...: in the setting's place
within() {
    setting=$1
    shift
    case $setting in
    one) taskset -c $((cpus - 1)) "$@" ;;
    all) "$@" ;;
    half) sh -c 'echo $$ >"$0/cgroup.procs"; exec "$@"' "$group" "$@" ;;
    esac
}

our_int() { # SETTING
    [ "$1" != half ] || echo $$ >"$group/cgroup.procs"
    [ "$1" != one ] || affinity=$(taskset -p $$ | sed 's/.*: //')
    [ "$1" != one ] || taskset -cp $((cpus - 1)) $$ >/dev/null
    agent_cpu 300 1 | awk '$1 == "int_all" { print $2 }'
    [ "$1" != one ] || taskset -p "$affinity" $$ >/dev/null
    [ "$1" != half ] || echo $$ >"${group%/*}/cgroup.procs"
}

rank() {
    make_group
    for _ in $(seq "$rounds"); do
        for s in one all half; do
            threads=$cpus
            [ $s != one ] || threads=1
            our_int $s >>"$scratch/muster.$s"
            within $s sysbench cpu --threads="$threads" --time=1 run |
                awk '/events per second/ { print $4 }' >>"$scratch/sysbench.$s"
            within $s 7z b 1 -mmt="$threads" -md18 -mtime=1 |
                awk '/^Tot:/ { print $4 }' >>"$scratch/7z.$s"
        done
    done
    for way in median best; do
        echo "rank ($way of $rounds)      one        all       half"
        for side in muster sysbench 7z; do
            # shellcheck disable=SC2046
            set -- $(for s in one all half; do $way "$scratch/$side.$s"; done)
            echo "$side $*" | awk '{ printf "%-10s %10.0f %10.0f %10.0f   all/one %.2f half/all %.2f\n",
                                            $1, $2, $3, $4, $3 / $2, $4 / $3 }'
        done
    done
}

spread() {
    n=$((rounds * 4))
    agent_cpu 300 $n >"$scratch/trials"
    echo "spread over $n trials (%)   half range   standard deviation   median"
    for m in all_cores one_core int_all branch_all float_all int_one branch_one float_one slowest_core; do
        awk -v m=$m '$1 == m { print $2 }' "$scratch/trials" >"$scratch/m"
        awk -v m=$m -v median="$(median "$scratch/m")" '
            { sum += $1; squares += $1 * $1; if (NR == 1 || $1 < low) low = $1; if ($1 > high) high = $1 }
            END { mean = sum / NR; v = squares / NR - mean * mean
                  printf "%-25s %12.2f %16.2f %16.1f\n", m, 100 * (high - low) / 2 / median,
                         100 * sqrt(v > 0 ? v : 0) / median, median }' "$scratch/m"
    done
}

echo "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $cpus CPUs, load $(cut -d' ' -f1 /proc/loadavg)"
for part in $what; do
    $part
done
