/*
 * bootstrap: see bootstrap.h.
 *
 * The command line is read by whatever login shell the server's user has, csh and fish among them,
 * and runs a script of POSIX sh. So the script stands in single quotes, on one line, and does
 * without what those shells would not leave alone between them: single quotes, backslashes and
 * exclamation marks. What needs double quotes inside a text, the JSON, is handed to it as
 * arguments:
 *
 *   $1 and $3, $2 and $3   an error and a need around their text
 *   $4, $5, $6             the run, the directory or nothing, seconds for an upload
 *   then three for each agent: architecture, hash, size
 *
 * What it does, and why so:
 *
 *   - A directory will do when it is ours, no link, and closed to all others (mode 0700): in a
 *     shared /tmp anyone may have made it before us. A server's home may be on NFS, shared with
 *     others that do the same at the same time: so temporary names are mktemp's, and a finished
 *     file comes into place by a rename.
 *   - An agent that is there is asked for its own hash before it is used, which finds a file cut
 *     off by a full disk as well as a file system that may not execute (mounted noexec) in one go.
 *     The `:` after it keeps the shell there that would complain of a crash, without a voice.
 *   - Where nothing is there yet, a file of one line shows whether programs can be run from a
 *     directory before the agent is asked for: a shell runs a text without an interpreter's line
 *     itself, but only after the kernel has let it.
 *   - A connection may be lost in the middle of an upload without a word of it: where there is a
 *     timeout program, it ends the wait for the rest. That of busybox, which tells no version, will
 *     not do: a process that it leaves behind for a moment still has the agent's file open for
 *     writing, and the kernel does not execute such a file.
 *   - Agents that nobody has used for 30 days, journals (agent/journal.h) as old, and uploads cut
 *     off, are removed, on an upload only.
 *   - Standard error joins standard output until the agent runs, so that a complaint of the shell
 *     reaches the sentence about this server.
 */
#include "bench/bootstrap.h"

#include "base/clock.h"
#include "bench/image.h"

#include <inttypes.h>
#include <string.h>

#define RUN_MAX 64
#define DIRECTORY_MAX 512

static const char script[] =
    "exec 3>&2 2>&1; umask 077; E=$1 N=$2 Z=$3 r=$4 d=$5 w=$6; shift 6; h=; t=; "
    "fail() { echo \"$E$1$Z\"; exit 1; }; "
    "gone() { rm -f \"$t\"; exit 1; }; "
    "ours() { case $(LC_ALL=C ls -ld \"$1\" 2>/dev/null) in "
    "drwx------*) [ -O \"$1\" ];; *) false;; esac; }; "
    "good() { [ -f \"$1\" ] && [ \"$(exec 2>/dev/null; \"$1\" --hash </dev/null; :)\" = \"$h\" ]; "
    "}; "
    "run() { exec \"$1\" --run \"$r\" 2>&3 3>&-; }; "

    "m=$(uname -m | tr -cd a-zA-Z0-9_.-); case $m in amd64) m=x86_64;; arm64) m=aarch64;; "
    "\"\") exit 1;; esac; "
    "while [ $# -gt 2 ]; do [ \"$1\" = \"$m\" ] && h=$2 s=$3; shift 3; done; "
    "[ \"$h\" ] || fail \"there is no agent for the architecture $m\"; "
    "n=agent-$m-$(printf %.16s $h); u=$(id -u); "
    "if [ \"$d\" ]; then set -- \"$d/muster-$u\"; else "
    "set -- \"${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}/muster\" /var/tmp/muster-$u "
    "/tmp/muster-$u /dev/shm/muster-$u /run/user/$u/muster; fi; "

    "for c; do ours \"$c\" && good \"$c/$n\" && run \"$c/$n\"; done; "

    "trap gone HUP INT TERM PIPE; "
    "for c; do mkdir -p -m 700 \"$c\" 2>/dev/null; ours \"$c\" || continue; "
    "t=$(mktemp \"$c/.new.XXXXXX\" 2>/dev/null) || continue; "
    "echo exit 0 2>/dev/null >\"$t\" && chmod 700 \"$t\" && \"$t\" 2>/dev/null </dev/null && "
    "break; "
    "rm -f \"$t\"; t=; done; "
    "[ \"$t\" ] || fail \"no folder where a program can be put and run, each being full, mounted "
    "noexec or open to others: "
    "$(echo \"$*\" | tr -cd \"a-zA-Z0-9/._ -\")\"; "

    "timeout --version >/dev/null 2>&1 && w=\"timeout $w\" || w=; "
    "echo \"$N$m$Z\"; $w head -c $s >\"$t\"; chmod 700 \"$t\"; "
    "if good \"$t\" && mv -f \"$t\" \"$c/$n\"; then "
    "find \"$c\" -type f -name \"agent-*\" -mtime +30 -atime +30 -exec rm -f {} + 2>/dev/null; "
    "find \"$c\" -type f -name \"journal-*\" -mtime +30 -exec rm -f {} + 2>/dev/null; "
    "find \"$c\" -type f -name \".new.*\" -mtime +1 -exec rm -f {} + 2>/dev/null; "
    "run \"$c/$n\"; fi; "
    "w=$(wc -c <\"$t\"); rm -f \"$t\"; c=$(echo \"$c\" | tr -cd \"a-zA-Z0-9/._ -\"); "
    "[ $((w)) -eq $s ] || fail \"the agent did not arrive whole in $c: is there room for it?\"; "
    "fail \"the agent does not run in $c: is it allowed to (SELinux, AppArmor)?\"";

bool bootstrap_directory_valid(const char *directory) {
    size_t n = strlen(directory);
    if (n == 0 || n > DIRECTORY_MAX || directory[0] != '/')
        return false;
    for (const char *p = directory; *p; p++)
        if (strchr("'\"\\!", *p) || (unsigned char)*p < 0x20 || *p == 0x7f)
            return false;
    return true;
}

static bool run_valid(const char *run_id) {
    size_t n = strlen(run_id);
    return n > 0 && n <= RUN_MAX &&
           strspn(run_id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == n;
}

void bootstrap_add_command(struct str *out, const char *run_id, const char *directory,
                           int64_t upload_timeout) {
    if (!run_valid(run_id) || (directory && !bootstrap_directory_valid(directory))) {
        out->failed = true;
        return;
    }
    str_add(out, "exec sh -c '");
    str_add(out, script);
    str_add(out, "' muster '{\"muster\":1,\"type\":\"error\",\"id\":0,\"reason\":\"unsupported\","
                 "\"detail\":\"' '{\"muster\":1,\"type\":\"need\",\"arch\":\"' '\"}' ");
    str_addf(out, "%s '%s' %" PRId64, run_id, directory ? directory : "",
             upload_timeout / CLOCK_S + 1);
    size_t count;
    const struct agent_image *images = agent_images(&count);
    for (size_t i = 0; i < count; i++)
        str_addf(out, " %s %s %zu", images[i].arch, images[i].hash, images[i].size);
}
