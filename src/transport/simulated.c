/*
 * simulated: see simulated.h.
 *
 * Ten thousand servers should cost little more than the program around them, so nothing here parses
 * JSON: requests come from our own wire/wire.c, whose fields are found by scanning, and answers are
 * printed into a string of the session. A beat is due only where a delay is longer than that, so a
 * usual simulation never sees one.
 *
 * Chance is a hash (base/hash) of the seed, the names and a number for each draw: there is no state
 * between draws that an order could change.
 *
 * The transport never changes once it is made; a session belongs to one thread.
 */
#include "transport/simulated.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/vec.h"
#include "transport/simreport.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* The numbers of the draws. */
enum draw { DRAW_ERRS, DRAW_FATE, DRAW_DELAY, DRAW_SCORE };

/* How a server errs. */
enum fate { FATE_UNREACHABLE, FATE_LOST, FATE_CRASHED, FATE_GARBAGE, FATE_INTERNAL, FATE_NONE };

/* How often a benchmark was asked for. */
struct tally {
    uint64_t name; /* its hash */
    uint64_t trials;
};

struct simulated {
    struct transport base;
    struct cancel *cancel;
    struct simulation simulation;
};

struct simulated_session {
    struct session base;
    const struct simulated *fleet;
    uint64_t server; /* hash of the seed and the name */
    enum fate fate;
    bool ended; /* no more output after what is in `answer` */
    struct tally *tallies;
    size_t tally_count;
    size_t tally_cap;
    int64_t ready; /* when the answer comes, or the end; 0: at once */
    int64_t beat;  /* between two signs of life; 0: none, before the first lease */
    int64_t next_beat;
    size_t beat_at; /* how much of one has been read */
    struct str answer;
    size_t answer_at;
    struct simserver who; /* of a modelled fleet */
};

/* ---- chance ---- */

/* Uniform in [0, 1). */
static double draw(uint64_t h, enum draw number) {
    return hash_fraction(hash_mix(h + (uint64_t)number));
}

static enum fate draw_fate(const struct simulation *s, uint64_t server) {
    if (draw(server, DRAW_ERRS) * 100 >= s->error_percent)
        return FATE_NONE;
    return (enum fate)(draw(server, DRAW_FATE) * FATE_NONE);
}

static int64_t draw_delay(const struct simulation *s, uint64_t server, uint64_t request) {
    double range = (double)(s->delay_max - s->delay_min);
    double share = s->skew > 0 ? pow(draw(server, DRAW_DELAY), s->skew) : draw(request, DRAW_DELAY);
    return s->delay_min + (int64_t)(share * range);
}

static double draw_score(const struct simulation *s, uint64_t request) {
    double u = draw(request, DRAW_SCORE);
    double low = ceil(s->score_min);
    double high = floor(s->score_max);
    if (low > high)
        return s->score_min + u * (s->score_max - s->score_min);
    return low + floor(u * (high - low + 1));
}

/* ---- requests ---- */

struct request {
    int64_t id;
    int64_t timeout; /* ns, 0: none */
    const char *name;
    size_t name_len; /* as it stands in the JSON, escapes and all */
    bool is_command;
};

/*
 * What follows `key` and its colon, or NULL. A quote within a JSON text is escaped, so `"key":`
 * stands nowhere but at a key; the first one is the request's own, before any parameter's. It is
 * within the line, which ends in a newline.
 */
static const char *find_value(const char *line, size_t n, const char *key, size_t key_len) {
    const char *at = memmem(line, n, key, key_len);
    return at ? at + key_len : NULL;
}

#define FIND(line, n, key) find_value((line), (n), "\"" key "\":", sizeof("\"" key "\":") - 1)

static int64_t read_integer(const char *p) {
    int64_t value = 0;
    for (; p && *p >= '0' && *p <= '9' && value < INT64_MAX / 10 - 1; p++)
        value = value * 10 + (*p - '0');
    return value;
}

static int read_request(const char *line, size_t n, struct request *ret) {
    static const char start[] = "{\"type\":\"";
    if (n < sizeof(start) || memcmp(line, start, sizeof(start) - 1) != 0 ||
        memchr(line, '\n', n) != line + n - 1)
        return -1;
    bool is_command = line[sizeof(start) - 1] == 'c';
    const char *id = FIND(line, n, "id");
    const char *name = is_command ? FIND(line, n, "command") : FIND(line, n, "name");
    if (!id || !name || *name != '"')
        return -1;
    const char *end = ++name;
    while (*end != '"' && *end != '\n')
        end += *end == '\\' && end[1] != '\n' ? 2 : 1;
    int64_t ms = read_integer(FIND(line, n, "timeout_ms"));
    *ret = (struct request){.id = read_integer(id),
                            .timeout = ms < INT64_MAX / CLOCK_MS ? ms * CLOCK_MS : 0,
                            .name = name,
                            .name_len = (size_t)(end - name),
                            .is_command = is_command};
    return 0;
}

static const char alive[] = "{\"type\":\"alive\"}\n";

/* Takes a lease at the beginning of what is written. Returns its length, 0: there is none. */
static size_t take_lease(struct simulated_session *s, const char *data, size_t n) {
    static const char start[] = "{\"type\":\"lease\"";
    const char *end = n > sizeof(start) && memcmp(data, start, sizeof(start) - 1) == 0
                          ? memchr(data, '\n', n)
                          : NULL;
    if (!end)
        return 0;
    size_t len = (size_t)(end + 1 - data);
    bool first = s->beat == 0;
    int64_t ms = read_integer(FIND(data, len, "beat_ms"));
    s->beat = ms < INT64_MAX / CLOCK_MS ? ms * CLOCK_MS : 0;
    if (first)
        s->next_beat = deadline_in(s->beat);
    return len;
}

/* Counts a request and returns how many of its name came before it, or -1. */
static int64_t count_trial(struct simulated_session *s, uint64_t name) {
    for (size_t i = 0; i < s->tally_count; i++)
        if (s->tallies[i].name == name)
            return (int64_t)s->tallies[i].trials++;
    if (vec_reserve(&s->tallies, &s->tally_cap, s->tally_count + 1, sizeof(*s->tallies)) != 0)
        return -1;
    s->tallies[s->tally_count++] = (struct tally){.name = name, .trials = 1};
    return 0;
}

/* ---- answers ---- */

static struct str *begin_answer(struct simulated_session *s) {
    str_clear(&s->answer);
    s->answer_at = 0;
    return &s->answer;
}

static void say_error(struct simulated_session *s, int64_t id, const char *reason,
                      const char *detail) {
    str_addf(begin_answer(s),
             "{\"type\":\"error\",\"id\":%" PRId64 ",\"reason\":\"%s\",\"detail\":\"%s\"}\n", id,
             reason, detail);
}

static void encode_base64(const char *from, size_t n, char *to) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < n; i += 3) {
        uint32_t group = (uint32_t)(unsigned char)from[i] << 16;
        group |= i + 1 < n ? (uint32_t)(unsigned char)from[i + 1] << 8 : 0;
        group |= i + 2 < n ? (uint32_t)(unsigned char)from[i + 2] : 0;
        *to++ = digits[group >> 18];
        *to++ = digits[group >> 12 & 63];
        *to++ = i + 1 < n ? digits[group >> 6 & 63] : '=';
        *to++ = i + 2 < n ? digits[group & 63] : '=';
    }
    *to = '\0';
}

static void say_output(struct simulated_session *s, int64_t id, double seconds, double score) {
    char text[32];
    char encoded[2 * sizeof(text)];
    int n = snprintf(text, sizeof(text), "%.10g\n", score);
    encode_base64(text, (size_t)n, encoded);
    str_addf(begin_answer(s),
             "{\"type\":\"output\",\"id\":%" PRId64
             ",\"seconds\":%.9g,\"status\":0,\"truncated\":false,\"output\":\"%s\"}\n",
             id, seconds, encoded);
}

/* The metrics of a modelled server. `name` and `trial` as simserver_value() takes them. */
static void say_metrics(struct simulated_session *s, int64_t id, double seconds, uint64_t name,
                        uint64_t trial) {
    struct str *out = begin_answer(s);
    str_addf(out, "{\"type\":\"metrics\",\"id\":%" PRId64 ",\"seconds\":%.9g,", id, seconds);
    simreport_add_metrics(out, &s->fleet->simulation, &s->who, name, trial, seconds);
    str_add(out, "}\n");
}

static void say_score(struct simulated_session *s, int64_t id, double seconds, double score) {
    str_addf(begin_answer(s),
             "{\"type\":\"metrics\",\"id\":%" PRId64 ",\"seconds\":%.9g,\"metrics\":[{"
             "\"name\":\"score\",\"unit\":\"points\",\"value\":%.10g,\"better\":\"higher\"}]}\n",
             id, seconds, score);
}

static void say_result(struct simulated_session *s, const struct request *r, uint64_t trial,
                       double seconds) {
    const struct simulation *sim = &s->fleet->simulation;
    /* without the server's name, so that servers of a kind agree on what it is worth */
    uint64_t name = hash_text(sim->seed, r->name, r->name_len);
    if (sim->modelled && !r->is_command)
        say_metrics(s, r->id, seconds, name, trial);
    else if (sim->modelled)
        say_output(s, r->id, seconds, simserver_value(sim, &s->who, name, 0, trial));
    else if (r->is_command)
        say_output(s, r->id, seconds, draw_score(sim, trial));
    else
        say_score(s, r->id, seconds, draw_score(sim, trial));
}

static void answer(struct simulated_session *s, const struct request *r, uint64_t request) {
    const struct simulation *sim = &s->fleet->simulation;
    int64_t delay = draw_delay(sim, s->server, request);
    bool late = r->timeout > 0 && delay > r->timeout;
    if (late)
        delay = r->timeout;
    if (s->fate == FATE_LOST) {
        delay /= 2;
        s->ended = true;
    } else if (s->fate == FATE_CRASHED) {
        say_error(s, r->id, "benchmark-crashed", "the simulated benchmark was ended by signal 11");
    } else if (s->fate == FATE_GARBAGE) {
        str_add(begin_answer(s), "\x1b[31m\xff\x80 simulated garbage\n");
    } else if (s->fate == FATE_INTERNAL) {
        say_error(s, r->id, "internal", "the simulated agent is out of memory");
    } else if (late) {
        say_error(s, r->id, "timeout", "the simulated benchmark took longer than its time-out");
    } else {
        say_result(s, r, request, (double)delay / 1e9);
    }
    s->ready = delay > 0 ? deadline_in(delay) : 0;
}

/* ---- the session ---- */

static int simulated_start(struct session *session, __attribute__((unused)) const char *command,
                           __attribute__((unused)) int64_t deadline, struct error *err) {
    struct simulated_session *s = (struct simulated_session *)session;
    s->ended = false;
    s->ready = 0;
    struct str *out = begin_answer(s);
    str_addf(out,
             "{\"muster\":1,\"type\":\"hello\",\"version\":\"" MUSTER_VERSION "\","
             "\"hash\":\"%064d\",\"arch\":\"simulated\",\"facts\":",
             0);
    if (s->fleet->simulation.modelled)
        simreport_add_facts(out, &s->who);
    else
        str_add(out, "{\"kernel\":\"simulated\",\"cpu_model\":\"simulated\",\"cores\":1}");
    str_add(out, "}\n");
    return out->failed ? error_memory(err) : 0;
}

/* Waits until what was asked for is there, or a beat is due. */
static int wait_ready(struct simulated_session *s, int64_t deadline, struct error *err) {
    struct cancel *cancel = s->fleet->cancel;
    int64_t until = deadline_min(s->ready, s->next_beat);
    if (s->ready > 0 ? cancel_sleep(cancel, deadline_min(until, deadline)) : cancel_fired(cancel))
        return error_set(err, ERROR_INTERRUPTED,
                         "interrupted while waiting for the simulated server");
    if (s->ready > 0 && until > deadline)
        return error_set(err, ERROR_TIMEOUT, "timed out while waiting for the simulated server");
    return 0;
}

/* Reads what is left of n bytes behind *at. */
static size_t copy_rest(char *buf, size_t size, const char *from, size_t n, size_t *at) {
    size_t left = n - *at;
    size_t take = left < size ? left : size;
    if (take > 0)
        memcpy(buf, from + *at, take);
    *at += take;
    return take;
}

static size_t read_beat(struct simulated_session *s, char *buf, size_t size) {
    size_t n = copy_rest(buf, size, alive, sizeof(alive) - 1, &s->beat_at);
    if (s->beat_at == sizeof(alive) - 1) {
        s->beat_at = 0;
        s->next_beat = deadline_in(s->beat);
    }
    return n;
}

/* Whether nothing was asked for, so that nothing but beats will come. */
static bool is_silent(const struct simulated_session *s) {
    return s->answer_at == s->answer.len && !s->ended;
}

int64_t simulated_due(const struct session *session) {
    const struct simulated_session *s = (const struct simulated_session *)session;
    return deadline_min(is_silent(s) ? DEADLINE_NEVER : s->ready, s->next_beat);
}

static ssize_t simulated_read(struct session *session, char *buf, size_t size, int64_t deadline,
                              struct error *err) {
    struct simulated_session *s = (struct simulated_session *)session;
    if (is_silent(s))
        s->ready = DEADLINE_NEVER;
    if (wait_ready(s, deadline, err) != 0)
        return -1;
    if (s->beat_at > 0 || s->next_beat < s->ready)
        return (ssize_t)read_beat(s, buf, size);
    s->ready = 0;
    return (ssize_t)copy_rest(buf, size, s->answer.data, s->answer.len, &s->answer_at);
}

static int simulated_write(struct session *session, const char *data, size_t n,
                           __attribute__((unused)) int64_t deadline, struct error *err) {
    struct simulated_session *s = (struct simulated_session *)session;
    struct request r;
    size_t lease = take_lease(s, data, n);
    if (lease > 0 && lease == n)
        return 0;
    if (s->ended)
        return error_set(err, ERROR_CONNECTION_LOST, "the simulated connection was lost");
    data += lease;
    n -= lease;
    if (s->answer_at < s->answer.len || read_request(data, n, &r) != 0)
        return error_set(err, ERROR_INTERNAL,
                         "a simulated server takes one whole request line at a time");
    uint64_t name = hash_text(s->server, r.name, r.name_len);
    int64_t trial = count_trial(s, name);
    if (trial < 0)
        return error_memory(err);
    answer(s, &r, hash_mix(name + (uint64_t)trial));
    return s->answer.failed ? error_memory(err) : 0;
}

static int simulated_finish(struct session *session, __attribute__((unused)) int64_t deadline,
                            int *status, __attribute__((unused)) struct error *err) {
    struct simulated_session *s = (struct simulated_session *)session;
    s->ended = true;
    (void)begin_answer(s);
    *status = 0;
    return 0;
}

static const char *simulated_address(__attribute__((unused)) const struct session *session) {
    return "simulated";
}

static const char *simulated_stderr(__attribute__((unused)) const struct session *session) {
    return "";
}

static void simulated_close(struct session *session) {
    struct simulated_session *s = (struct simulated_session *)session;
    str_done(&s->answer);
    free(s->tallies);
    free(s);
}

static const struct session_ops simulated_session_ops = {
    .start = simulated_start,
    .read = simulated_read,
    .write = simulated_write,
    .finish = simulated_finish,
    .address = simulated_address,
    .stderr_text = simulated_stderr,
    .close = simulated_close,
};

/* ---- the transport ---- */

static int simulated_open(struct transport *t, const struct server *server,
                          __attribute__((unused)) int64_t deadline, struct session **ret,
                          struct error *err) {
    const struct simulated *fleet = (const struct simulated *)t;
    if (cancel_fired(fleet->cancel))
        return error_set(err, ERROR_INTERRUPTED,
                         "interrupted while waiting for the simulated server");
    uint64_t h = hash_text(fleet->simulation.seed, server->name, strlen(server->name));
    enum fate fate = draw_fate(&fleet->simulation, h);
    if (fate == FATE_UNREACHABLE)
        return error_set(err, ERROR_UNREACHABLE, "connection refused by the simulated server");
    struct simulated_session *s = malloc(sizeof(*s));
    if (!s)
        return error_memory(err);
    *s = (struct simulated_session){.base.ops = &simulated_session_ops,
                                    .fleet = fleet,
                                    .server = h,
                                    .fate = fate,
                                    .next_beat = DEADLINE_NEVER};
    if (fleet->simulation.modelled)
        s->who = simserver_of(&fleet->simulation, h);
    *ret = &s->base;
    return 0;
}

static void simulated_free(struct transport *t) {
    free(t);
}

static const struct transport_ops simulated_ops = {
    .name = "simulated",
    .open = simulated_open,
    .free = simulated_free,
};

int transport_simulated_new(const struct simulation *s, struct cancel *cancel,
                            struct transport **ret, struct error *err) {
    struct simulated *t = malloc(sizeof(*t));
    if (!t)
        return error_memory(err);
    *t = (struct simulated){.base.ops = &simulated_ops, .cancel = cancel, .simulation = *s};
    *ret = &t->base;
    return 0;
}
