# What an attacker of muster or of an agent is to find in his way, looked for in the programs.
load common

setup() {
    BUILD=$(dirname "$MUSTER")
    AGENTS=("$BUILD"/agent/muster-agent-*)
    export LC_ALL=C
}

# TEXT is in what readelf says of FILE with OPTION
elf_has() {
    readelf -W "$2" "$1" | grep -qE -- "$3" || fail "${1##*/} lacks: $3"
}

elf_lacks() {
    ! readelf -W "$2" "$1" | grep -E -- "$3" || fail "${1##*/} has: $3"
}

# whether muster was built as ./dev build does it
optimised() {
    grep -q -- '-DMUSTER_VERSION' "$BUILD/compile_commands.json"
    grep -q -- '-D_FORTIFY_SOURCE' "$BUILD/compile_commands.json"
}

@test "muster and the agents are loaded anywhere, with no stack that executes" {
    for program in "$MUSTER" "${AGENTS[@]}"; do
        elf_has "$program" -h 'Type: +DYN'
        elf_has "$program" -d 'FLAGS_1.*PIE'
        elf_has "$program" -l 'GNU_STACK .* RW '
        elf_lacks "$program" -l 'LOAD .* RWE '
        elf_lacks "$program" -d 'TEXTREL'
        elf_lacks "$program" -d 'RPATH|RUNPATH'
    done
    elf_lacks "${AGENTS[0]}" -l 'INTERP'
}

@test "what the loader has written is read-only afterwards" {
    elf_has "$MUSTER" -l 'GNU_RELRO'
    elf_has "$MUSTER" -d 'BIND_NOW'
    elf_has "$MUSTER" -d 'FLAGS_1.*NOW'
    for agent in "${AGENTS[@]}"; do
        elf_has "$agent" -l 'GNU_RELRO'
        elf_has "$agent" -d 'BIND_NOW|FLAGS_1.*NOW'
    done
}

@test "buffers on the stack and in calls of the C library are watched" {
    optimised || skip "not an optimised build"
    elf_has "$MUSTER" --dyn-syms '__stack_chk_fail'
    for call in memcpy snprintf vsnprintf read; do
        readelf -W --dyn-syms "$MUSTER" | grep -qE " __${call}_chk" && found=yes
    done
    [ "${found:-}" = yes ] || fail "no call is fortified"
    # the agents are stripped, and of the C library that has no such calls: their flags have to do
    grep -q -- '-fstack-protector-strong' "$BUILD/build.ninja"
    grep -E 'COMMAND = .*-o agent/muster-agent-' "$BUILD/build.ninja" >"$BATS_TEST_TMPDIR/agents"
    [ "$(grep -c -- '-fstack-protector-strong' "$BATS_TEST_TMPDIR/agents")" = ${#AGENTS[@]} ] ||
        fail "an agent's flags: $(cat "$BATS_TEST_TMPDIR/agents")"
}

@test "indirect jumps land where the compiler has marked it" {
    case $(uname -m) in
    x86_64) mark=endbr64 ;;
    aarch64) mark='bti|paciasp' ;;
    *) skip "there are no marks on $(uname -m)" ;;
    esac
    marks=$(objdump -d --no-show-raw-insn "$MUSTER" | grep -cE "\b($mark)\b")
    [ "$marks" -gt 1000 ] || fail "$marks marks"
}

@test "an agent is below 400 KB" {
    for agent in "${AGENTS[@]}"; do
        [ "$(stat -c %s "$agent")" -lt 400000 ] || fail "${agent##*/}: $(stat -c %s "$agent") bytes"
    done
}
