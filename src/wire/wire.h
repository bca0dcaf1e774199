/*
 * wire: the protocol between muster and its agent, one JSON object a line, UTF-8, `\n` at the end.
 *
 * Agent to muster, first and once:
 *   {"muster":1,"type":"hello","version":V,"hash":SHA-256 of the agent in hex,"arch":"x86_64",
 *    "facts":{...}}
 * or, from the command that puts the agent in place (bench/bootstrap.h), before it:
 *   {"muster":1,"type":"need","arch":"x86_64"}     send the bytes of this agent; the hello follows
 * muster to agent, one at a time, a lease before the first of them:
 *   {"type":"benchmark","id":N,"name":"cpu","timeout_ms":N,"trial":N,"settle_ms":N,
 *    "parameters":{...}}               one trial; the first one prepares the benchmark, after it
 *                                      has waited up to settle_ms for the server to be idle
 *   {"type":"command","id":N,"command":TEXT,"timeout_ms":N,"output_limit":BYTES,
 *    "keep_limit":BYTES,"env":{NAME:VALUE,...},"needs":PROGRAM}
 *                                      env and needs may be left out
 * Agent to muster, one answer to each, with the id of the request:
 *   {"type":"metrics","id":N,"seconds":X,"metrics":[{"name":S,"unit":S,"value":X,
 *    "better":"higher"|"lower"},...],"units":N,"class":S,"conditions":TEXT,"sensors":{...}}
 *                                      the first is the judged one; units: how many of what a
 *                                      reference is of (cores, nodes), class: what kind of device
 *                                      it was; both left out where they mean nothing; conditions
 *                                      and sensors: what was seen since the first trial
 *   {"type":"output","id":N,"seconds":X,"status":N,"truncated":B,"bytes":N,"output":BASE64}
 *                                      status: exit status, or 128+N when signal N ended it;
 *                                      standard output and standard error, in their order
 *                                      and no more than output_limit bytes of them: of a longer
 *                                      output its beginning, a newline, and its end
 *                                      (WIRE_OUTPUT_HEAD, WIRE_OUTPUT_TAIL); bytes: how many
 *                                      there were, left out where it is their number
 *   {"type":"skipped","id":N,"detail":SENTENCE}         there is nothing here to measure
 *   {"type":"error","id":N,"reason":REASON,"detail":SENTENCE}
 * and before an output that is longer than output_limit its first keep_limit bytes, as many as fit:
 *   {"type":"piece","id":N,"output":BASE64}
 * Between these lines, at any time, without an id and without an answer:
 *   {"type":"lease","lease_ms":N,"beat_ms":N,"busy_wait_ms":N}
 *                                      muster to agent, every beat_ms while it waits for an answer;
 *                                      busy_wait_ms: how long to wait for another run on the server
 *                                      and before the last brace, where the server has a name:
 *                                      ,"linger_ms":N,"key":TEXT,"round":N
 *   {"type":"alive"}                   agent to muster, every beat_ms from the first lease on,
 *                                      whether it works or waits
 *   {"type":"end"}                     muster to agent: nothing more will be asked
 * A side from which nothing came for lease_ms is taken for lost by the other one; whatever comes is
 * a sign of life. Until its first lease an agent takes WIRE_LEASE_MS for it, and says nothing.
 * The agent ends when it is told to, when its standard input closes or its lease is over; and when
 * there is a later session of the same run and key, which begins when that end has come. With a
 * linger_ms above 0 it stays for so long after the last two, works on, and keeps its answers; a
 * session of the same run and key has an agent as always, which from the lease on is no more than a
 * relay to the one that stayed. The k-th request of such a session must be that of the first one:
 * what was answered is answered again, with the same line, and what is in progress is not begun
 * anew. Another round begins from the start. The first line's "muster" is the protocol's version;
 * an agent is always the one that this muster put there, so there is no negotiation.
 *
 * Everything here is foreign: a line that is not such an object is ERROR_BAD_OUTPUT, never a crash.
 * Keys that are not listed here are ignored. Texts and facts come out printable (base/text.h), but
 * not the output of a command, whose bytes are what was measured.
 * Pure functions; any thread.
 */
#pragma once

#include "base/error.h"
#include "base/str.h"
#include "model/result.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_VERSION 1
#define WIRE_LINE_MAX (1024 * 1024) /* bytes; a longer line ends the session as bad-output */
#define WIRE_OUTPUT_MAX 768000      /* the most output_limit that fits such a line in base64 */
#define WIRE_OUTPUT_HEAD(limit) ((limit) / 4)
#define WIRE_OUTPUT_TAIL(limit) ((limit) - (limit) / 4 - ((limit) > 0))
#define WIRE_PIECE_MAX 49152 /* bytes of output in a piece */
#define WIRE_KEEP_MAX (INT64_C(64) << 20)
#define WIRE_FACTS_MAX (64 * 1024) /* bytes of facts, as printable JSON */
#define WIRE_LEASE_MS 60000
#define WIRE_BEAT_MS 15000

struct wire_lease {
    int64_t lease_ms;
    int64_t beat_ms; /* at most half of the lease, so that one that is lost or late costs nothing */
    int64_t busy_wait_ms;
    int64_t linger_ms; /* 0: the agent does not linger */
    const char *key;   /* what the run calls the server; borrowed; or NULL */
    int round;         /* which of the run's attempts at it this is, those with a verdict counted */
};

struct wire_env {
    const char *name;
    const char *value;
};

/*
 * Appends a request and its newline to *out (check out->failed). `parameters` is a JSON object;
 * trials count from 1.
 */
void wire_add_benchmark(struct str *out, int64_t id, const char *name, int64_t timeout_ms,
                        int trial, int64_t settle_ms, const char *parameters);
void wire_add_command(struct str *out, int64_t id, const char *command, int64_t timeout_ms,
                      int64_t output_limit, int64_t keep_limit, const struct wire_env *env,
                      size_t env_count, const char *needs);

/* Append the lines that have no answer. */
void wire_add_lease(struct str *out, const struct wire_lease *lease);
void wire_add_end(struct str *out);

enum wire_type {
    WIRE_NEED,
    WIRE_HELLO,
    WIRE_METRICS,
    WIRE_OUTPUT,
    WIRE_SKIPPED,
    WIRE_ERROR,
    WIRE_PIECE,
    WIRE_ALIVE
};

struct wire_message {
    enum wire_type type;
    int64_t id;
    double seconds;
    /* need and hello */
    char *arch;
    /* hello */
    char *version;
    char *hash;  /* 64 hex digits */
    char *facts; /* a JSON object as text */
    /* metrics */
    struct metric *metrics;
    size_t metric_count; /* at least 1 */
    int units;           /* 0: not told */
    char *class;         /* NULL: not told */
    char *conditions;    /* NULL: nothing worth a word */
    char *sensors;       /* a JSON object as text, or NULL */
    /* output and piece: raw bytes, a NUL added after them */
    char *output;
    size_t output_len;
    /* output */
    int status;
    bool truncated;
    int64_t bytes; /* of the whole output */
    /* error; a skipped one has a detail only */
    enum reason reason; /* one that an agent can know of: never unreachable, auth, interrupted... */
    char *detail;
};

/*
 * Reads one line of n bytes, without its newline. Fails with ERROR_BAD_OUTPUT, the beginning of the
 * line in the sentence, or ERROR_INTERNAL; *ret is written only on success.
 */
int wire_parse(const char *line, size_t n, struct wire_message *ret, struct error *err) must_use;
void wire_message_done(struct wire_message *m);
