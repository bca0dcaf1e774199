#!/usr/bin/env bats
# The gpu benchmark from end to end: without a GPU, with fake drivers, and with OpenCL on the CPU.

load common.bash

setup() {
    scratch
    export TMPDIR=$T/tmp HOME=$T/home OCL_ICD_VENDORS=/nonexistent
    mkdir "$TMPDIR" "$HOME"
    support=$(dirname "$MUSTER")/test/support
}
teardown() { scratch_done; }

# gpu KEYS: a muster.yaml for it
gpu() {
    echo "{settle: 1ms, benchmarks: {gpu: {duration: 10ms, timeout: 20s, $1}}}" >muster.yaml
}

# the server has these fake drivers
fake() {
    local name
    mkdir "$T/lib"
    for name; do
        ln -s "$support/$name" "$T/lib"
    done
    export LD_LIBRARY_PATH=$T/lib
}

# neither a file nor a process of it is left
nothing_is_left() {
    [ -z "$(find "$TMPDIR" "$HOME" -type f -o -name 'muster-*')" ] || fail "left: $(find "$TMPDIR" "$HOME")"
    wait_for gone "muster-gpu 10 "
}

@test "no GPU: the benchmark is skipped, and the server passes" {
    gpu 'trials: 1'
    run -0 muster run -T local --json
    json_is '.servers[0].verdict' passed
    stderr_has 'no GPU: neither libcuda.so.1 nor an OpenCL GPU is there'
    nothing_is_left
}

@test "no GPU where one is required" {
    gpu 'required: true'
    run -1 muster run -T local --json
    json_is '.servers[0].reason' unsupported
    json_is '.servers[0].detail | contains("no GPU")' true
}

@test "every device is measured, and the worst one is the server's" {
    gpu 'trials: 2, reference: 1000000000'
    fake libcuda.so.1 libnvidia-ml.so.1
    export FAKE_CUDA_DEVICES=2 FAKE_CUDA_SLOW=1 FAKE_NVML='throttle=0x40 temperature=89 clock=1200'
    run -1 muster run -T local --json
    json_is '.servers[0].reason' below-threshold
    json_is '.servers[0].benchmarks[0] | [.metric, .unit, (.trials | length)] | join(" ")' 'worst_gpu G/s 2'
    json_is '.servers[0].benchmarks[0].metrics | (.gpu0_fp32.value > 2 * .gpu1_fp32.value) and
        has("gpu0_matrix") and has("gpu1_memory") and has("gpu1_to_device")' true
    json_is '.servers[0].benchmarks[0].metrics.gpu1_temperature | [.value, .unit] | join(" ")' '89 C'
    json_is '.servers[0].detail | contains("(worst of 2: gpu1, Fake GPU B; gpu0: throttled by heat, 89 C, 1.20 of 1.41 GHz; gpu1:")' true
    nothing_is_left
}

@test "a device that computes wrongly fails the server and is named" {
    gpu 'devices: [1, 2]'
    fake libcuda.so.1
    FAKE_CUDA_DEVICES=3 FAKE_CUDA_WRONG=2:matrix run -1 muster run -T local --json
    json_is '.servers[0] | [.verdict, .reason] | join(" ")' 'failed wrong-result'
    json_is '.servers[0].detail | contains("gpu2 (Fake GPU C) computed")' true
}

@test "a driver that hangs or crashes ends the benchmark, and nothing else" {
    fake libcuda.so.1
    echo '{settle: 1ms, benchmarks: {gpu: {timeout: 700ms, duration: 10ms}, on: {command: echo 77, extract: {regex: (\d+)}}}}' >muster.yaml
    FAKE_CUDA_HANG=copy run -1 muster run -T local --json
    json_is '.servers[0].benchmarks | map(.reason) | join(" ")' 'timeout '
    json_is '.servers[0].benchmarks[1].value' 77
    nothing_is_left
    FAKE_CUDA_DEVICES=9 run -1 muster run -T local --json
    json_is '.servers[0].benchmarks[0].reason' benchmark-crashed
    json_is '.servers[0].benchmarks[0].detail | contains("signal 6")' true
    json_is '.servers[0].benchmarks[1].value' 77
    nothing_is_left
}

@test "a CPU by OpenCL counts when it is told to" {
    unset OCL_ICD_VENDORS
    gpu 'cpu_devices: true, trials: 1, threshold: 0'
    run -0 muster run -T local --json
    grep -q 'no GPU' "$T/err" && skip "no OpenCL device here: pocl-opencl-icd is not installed"
    json_is '.servers[0].benchmarks[0].metrics | [.gpu0_fp32, .gpu0_memory, .gpu0_memory_read,
        .gpu0_to_device, .gpu0_from_device] | map(.value > 0) | all' true
    nothing_is_left
}

@test "where a program cannot be run from memory, it is from a file" {
    "$support/without" memfd_create true || skip "no seccomp here"
    gpu 'trials: 1, threshold: 0'
    fake libcuda.so.1
    run -0 muster run -T "command:$support/without memfd_create sh -c" one --json
    json_is '.servers[0].benchmarks[0].metrics.gpu0_fp32.value > 0' true
    nothing_is_left
}

@test "a system without glibc has no GPU that can be used" {
    mkdir root
    cp "$(dirname "$MUSTER")/agent/muster-agent-$(uname -m)" root/agent
    echo '{"type":"benchmark","id":1,"name":"gpu","timeout_ms":9000,"trial":1,"settle_ms":0}' >request
    unshare -r chroot root /agent --describe >/dev/null || skip "no user namespaces here"
    # the agent ends when its input does, so that stays open until the answer is there
    { cat request && wait_for grep -q '"id":1' out; } | unshare -r chroot root /agent --run r1 >out
    output=$(tail -n 1 out)
    json_is '[.type, .detail] | join(" ")' 'skipped no GPU can be used: this system has no glibc, which drivers need'
}
