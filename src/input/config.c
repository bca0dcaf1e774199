/*
 * config: see config.h.
 *
 * Each mapping of the format is a table of keys; a key has a function that reads its value into a
 * field of the struct it fills. A reader that does not like a value adds a mistake and returns:
 * nothing stops before the end of the file, so that one look shows all there is to mend.
 *
 * Plain data of its caller; no threads.
 */
#include "input/config.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/text.h"
#include "base/units.h"
#include "input/configbench.h"
#include "input/configkeys.h"
#include "input/configkinds.h"
#include "input/configlabels.h"
#include "wire/wire.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MISTAKES_MAX 100
#define HEARTBEAT_MIN (50 * CLOCK_MS)
#define LEASE_MIN CLOCK_S /* an agent is silent while it ends what does not want to end: 0.7 s */

#define AT(field) offsetof(struct config, field)

static const struct key ssh_keys[] = {
    {"user", key_word, AT(ssh.user), 0, 0},
    {"port", key_int, AT(ssh.port), 1, 65535},
    {"connect_timeout", key_duration, AT(ssh.connect_timeout), 0, 0},
    {"login_timeout", key_duration, AT(ssh.login_timeout), 0, 0},
    {"start_rate", key_positive, AT(ssh.start_rate), 0, INFINITY},
    {"jump_channels", key_int, AT(ssh.jump_channels), 1, 10000},
    {"config", key_line, AT(ssh.config), 0, 0},
    {NULL, NULL, 0, 0, 0}};

static void read_ssh(struct reader *r, const struct key *key, const struct yaml_node *value,
                     void *into) {
    keys_read(r, key->name, ssh_keys, value, into);
}

static void read_outliers(struct reader *r, const struct key *key, const struct yaml_node *value,
                          void *into) {
    if (value->kind != YAML_TEXT || outliers_parse(value->text, into) < 0)
        keys_expected(r, key->name, "fail, warn or off", value);
}

static const struct key top_keys[] = {{"fanout", key_int, AT(fanout), 1, 100000},
                                      {"threshold", key_number, AT(threshold), 0, INFINITY},
                                      {"timeout", key_duration, AT(timeout), 0, 0},
                                      {"run_timeout", key_duration, AT(run_timeout), 0, 0},
                                      {"settle", key_duration, AT(settle), 0, 0},
                                      {"heartbeat", key_duration, AT(heartbeat), 0, 0},
                                      {"lease", key_duration, AT(lease), 0, 0},
                                      {"busy_wait", key_duration_zero, AT(busy_wait), 0, 0},
                                      {"linger", key_duration_zero, AT(linger), 0, 0},
                                      {"retries", key_int, AT(retries), 0, 100},
                                      {"max_errors", key_share, AT(max_errors), 0, 0},
                                      {"outliers", read_outliers, AT(outliers), 0, 0},
                                      {"longest_first", key_flag, AT(longest_first), 0, 0},
                                      {"ssh", read_ssh, 0, 0, 0},
                                      {"benchmarks", read_benchmarks, 0, 0, 0},
                                      {"kinds", read_kinds, 0, 0, 0},
                                      {"labels", read_labels, 0, 0, 0},
                                      {"limits", read_label_limits, 0, 0, 0},
                                      {NULL, NULL, 0, 0, 0}};

#undef AT

void config_init(struct config *c) {
    *c = (struct config){.threshold = NAN,
                         .settle = -1,
                         .retries = -1,
                         .heartbeat = WIRE_BEAT_MS * CLOCK_MS,
                         .lease = WIRE_LEASE_MS * CLOCK_MS};
}

void config_done(struct config *c) {
    for (size_t i = 0; i < c->benchmark_count; i++)
        config_benchmark_done(&c->benchmarks[i]);
    free(c->benchmarks);
    for (size_t i = 0; i < c->kind_count; i++)
        config_kind_done(&c->kinds[i]);
    free(c->kinds);
    for (size_t i = 0; i < c->label_count; i++)
        config_label_done(&c->labels[i]);
    free(c->labels);
    label_limits_done(&c->limits);
    free(c->path);
    free(c->text);
    free(c->ssh.user);
    free(c->ssh.config);
    config_init(c);
}

/*
 * One word that is late must not cost a server. The mistake is the lease's or, where only the
 * heartbeat is given, that one's.
 */
static void check_lease(struct reader *r, const struct yaml_node *root, const struct config *c) {
    const struct yaml_node *heartbeat = keys_value(root, "heartbeat");
    const struct yaml_node *lease = keys_value(root, "lease");
    const struct yaml_node *at = lease ? lease : heartbeat;
    char beat[DURATION_TEXT], length[DURATION_TEXT];
    duration_format(c->heartbeat, beat);
    duration_format(c->lease, length);
    if (lease && c->lease < LEASE_MIN)
        mistakes_add(&r->mistakes, lease->line, lease->column,
                     "lease: expected at least 1s, found %s", length);
    else if (heartbeat && c->heartbeat < HEARTBEAT_MIN)
        mistakes_add(&r->mistakes, heartbeat->line, heartbeat->column,
                     "heartbeat: expected at least 50ms, found %s", beat);
    else if (at && c->lease / 2 < c->heartbeat)
        mistakes_add(&r->mistakes, at->line, at->column,
                     "%s: expected a lease of at least twice the heartbeat, found %s and %s",
                     lease ? "lease" : "heartbeat", length, beat);
}

static bool is_benchmark(const struct reader *r, const struct config *c, const char *name) {
    for (const struct builtin *b = r->builtin; b->name; b++)
        if (strcmp(b->name, name) == 0)
            return true;
    for (size_t i = 0; i < c->benchmark_count; i++)
        if (c->benchmarks[i].name && strcmp(c->benchmarks[i].name, name) == 0)
            return true;
    return false;
}

/* A limit for a benchmark that there is not would never hold. */
static void check_kinds(struct reader *r, const struct yaml_node *root, const struct config *c) {
    const struct yaml_node *kinds = keys_value(root, "kinds");
    for (size_t i = 0; i < c->kind_count; i++)
        for (size_t j = 0; j < c->kinds[i].limit_count; j++) {
            const struct yaml_node *key = keys_value(kinds->items[i], "benchmarks")->keys[j];
            if (c->kinds[i].limits[j].benchmark && !is_benchmark(r, c, key->text))
                config_unknown_benchmark(r, key, c, "name it below `benchmarks:`");
        }
}

/* Reads the text into *c; what is wrong goes to the reader's mistakes. */
static int read_keys(struct reader *r, struct config *c, struct error *err) {
    struct yaml tree = {0};
    if (yaml_read(c->text, c->text_len, &tree, &r->mistakes, err) < 0)
        return err->kind == ERROR_USAGE ? 0 : -1;
    keys_read(r, "the file", top_keys, tree.root, c);
    check_lease(r, tree.root, c);
    check_kinds(r, tree.root, c);
    yaml_done(&tree);
    return r->no_memory || r->mistakes.failed ? error_memory(err) : 0;
}

static int read_text(struct reader *r, const char *path, const char *text, size_t len,
                     struct config *c, struct str *mistakes, struct error *err) {
    keys_set_text(r, &c->path, path);
    c->text = malloc(len + 1);
    if (!c->text)
        return error_memory(err);
    memcpy(c->text, text, len);
    c->text[len] = '\0';
    c->text_len = len;
    if (read_keys(r, c, err) < 0)
        return -1;
    if (r->mistakes.count == 0)
        return 0;
    size_t count = mistakes_print(&r->mistakes, path, MISTAKES_MAX, mistakes);
    return error_set(err, ERROR_USAGE, "%zu mistake%s in %s", count, count > 1 ? "s" : "", path);
}

int config_read(const char *path, const char *text, size_t len, const struct builtin *builtin,
                struct config *ret, struct str *mistakes, struct error *err) {
    struct reader r = {.builtin = builtin};
    struct config c;
    config_init(&c);
    int rc = read_text(&r, path, text, len, &c, mistakes, err);
    mistakes_done(&r.mistakes);
    if (rc < 0)
        config_done(&c);
    else
        *ret = c;
    return rc;
}

int config_load(const char *path, const struct builtin *builtin, struct config *ret,
                struct str *mistakes, struct error *err) {
    cleanup(str_done) struct str text = {0};
    if (fd_read_file(path, CONFIG_MAX, &text, err) < 0)
        return -1;
    return config_read(path, text.data ? text.data : "", text.len, builtin, ret, mistakes, err);
}
