/* What input/config promises. */
#include "test.h"

#include "base/clock.h"
#include "base/fd.h"
#include "input/config.h"
#include "input/configlabels.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct parameter none[] = {{.name = NULL}};
static const struct parameter some[] = {
    {"size", PARAMETER_BYTES, 1 << 20, INT64_C(1) << 40, 1 << 30, 1 << 28, "of the file"},
    {"duration", PARAMETER_DURATION, 1000000, INT64_C(60000000000), 2000000000, 500000000,
     "how long"},
    {"path", PARAMETER_PATH, 0, 0, 0, 0, "where"},
    {"depth", PARAMETER_COUNT, 1, 64, 8, 8, "requests at once"},
    {"direct", PARAMETER_FLAG, 0, 1, 1, 1, "past the cache"},
    {"nodes", PARAMETER_LIST, 0, 0, 0, 0, "which"},
    {.name = NULL}};
static const struct builtin builtin[] = {{.name = "cpu", .trials = 3, .parameters = none},
                                         {.name = "memory", .trials = 3, .parameters = some},
                                         {.name = NULL}};

/* Loads bytes as a file called m.yaml in a scratch directory that is the working directory. */
static int load_bytes(const char *text, size_t n, struct config *c, struct str *mistakes,
                      struct error *err) {
    FILE *f = fopen("m.yaml", "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
    return config_load("m.yaml", builtin, c, mistakes, err);
}

static struct config load(const char *text) {
    struct config c;
    struct str mistakes = {0};
    struct error err = {0};
    if (load_bytes(text, strlen(text), &c, &mistakes, &err) < 0)
        fail_msg("%s\n%s", err.text, mistakes.data ? mistakes.data : "");
    assert_int_equal(mistakes.len, 0);
    str_done(&mistakes);
    return c;
}

static void refuses(const char *text, const char *lines) {
    struct config c;
    struct str mistakes = {0};
    struct error err = {0};
    assert_int_equal(load_bytes(text, strlen(text), &c, &mistakes, &err), -1);
    assert_int_equal(err.kind, ERROR_USAGE);
    assert_string_equal(mistakes.data ? mistakes.data : err.text, lines);
    str_done(&mistakes);
}

static void reads_everything(UNUSED void **state) {
    struct config c =
        load("fanout: 64\n"
             "threshold: 55.5\n"
             "timeout: 10m\n"
             "run_timeout: 2h\n"
             "heartbeat: 2s\n"
             "lease: 4s\n"
             "busy_wait: 1m\n"
             "linger: 12h\n"
             "ssh: {user: bench, port: 2222, connect_timeout: 10s,\n"
             "      login_timeout: 5s, start_rate: 50, jump_channels: 7,\n"
             "      config: /x y}\n"
             "benchmarks:\n"
             "  cpu: {threshold: 60, reference: 2e9, timeout: 5s, trials: 2, max_trials: 5}\n"
             "  memory:\n"
             "  redis:\n"
             "    command: |\n"
             "      redis-benchmark -q\n"
             "    extract: {regex: '([0-9.]+) requests per second'}\n"
             "    metric: throughput\n"
             "    unit: requests/s\n"
             "    better: lower\n"
             "    reference: 120000\n"
             "    threshold: 0\n"
             "    timeout: 60s\n"
             "    trials: 3\n"
             "    env: {A: x, _B2: 5, C: true, D: }\n"
             "    needs: redis-benchmark\n"
             "  fio: {command: fio, extract: {jq: .jobs}}\n");
    assert_string_equal(c.path, "m.yaml");
    assert_int_equal(c.fanout, 64);
    assert_true(c.threshold == 55.5);
    assert_int_equal(c.timeout, 600 * CLOCK_S);
    assert_int_equal(c.run_timeout, 7200 * CLOCK_S);
    assert_int_equal(c.heartbeat, 2 * CLOCK_S);
    assert_int_equal(c.lease, 4 * CLOCK_S);
    assert_int_equal(c.busy_wait, 60 * CLOCK_S);
    assert_int_equal(c.linger, 12 * 3600 * CLOCK_S);
    assert_string_equal(c.ssh.user, "bench");
    assert_int_equal(c.ssh.port, 2222);
    assert_int_equal(c.ssh.connect_timeout, 10 * CLOCK_S);
    assert_int_equal(c.ssh.login_timeout, 5 * CLOCK_S);
    assert_true(c.ssh.start_rate == 50);
    assert_int_equal(c.ssh.jump_channels, 7);
    assert_string_equal(c.ssh.config, "/x y");
    assert_int_equal(c.benchmark_count, 4);
    const struct config_benchmark *b = c.benchmarks;
    assert_string_equal(b[0].name, "cpu");
    assert_int_equal(b[0].line, 13);
    assert_null(b[0].command);
    assert_true(b[0].threshold == 60 && b[0].reference == 2e9);
    assert_int_equal(b[0].timeout, 5 * CLOCK_S);
    assert_int_equal(b[0].trials, 2);
    assert_int_equal(b[0].max_trials, 5);
    assert_true(isnan(b[1].threshold) && isnan(b[1].reference));
    assert_string_equal(b[2].command, "redis-benchmark -q\n");
    assert_non_null(b[2].extract);
    assert_string_equal(b[2].metric, "throughput");
    assert_string_equal(b[2].unit, "requests/s");
    assert_true(b[2].lower_is_better);
    assert_true(b[2].threshold == 0);
    assert_int_equal(b[2].env_count, 4);
    assert_string_equal(b[2].env[1].name, "_B2");
    assert_string_equal(b[2].env[1].value, "5");
    assert_string_equal(b[2].env[2].value, "true");
    assert_string_equal(b[2].env[3].value, "");
    assert_string_equal(b[2].needs, "redis-benchmark");
    assert_false(b[3].lower_is_better);
    assert_int_equal(b[3].trials, 0);
    config_done(&c);
}

static void a_late_word_must_not_cost_a_server(UNUSED void **state) {
    struct config c = load("busy_wait: 0s\n");
    assert_int_equal(c.heartbeat, 15 * CLOCK_S);
    assert_int_equal(c.lease, 60 * CLOCK_S);
    assert_int_equal(c.busy_wait, 0);
    config_done(&c);
    refuses("lease: 29s\n", "m.yaml:1:8: lease: expected a lease of at least twice the heartbeat, "
                            "found 29s and 15s\n");
    refuses("\nheartbeat: 31s\n", "m.yaml:2:12: heartbeat: expected a lease of at least twice the "
                                  "heartbeat, found 60s and 31s\n");
    refuses(
        "heartbeat: 10s\nlease: 19999ms\n",
        "m.yaml:2:8: lease: expected a lease of at least twice the heartbeat, found 19.999s and "
        "10s\n");
    refuses("heartbeat: 49ms\n", "m.yaml:1:12: heartbeat: expected at least 50ms, found 49ms\n");
    refuses("heartbeat: 100ms\nlease: 999ms\n",
            "m.yaml:2:8: lease: expected at least 1s, found 999ms\n");
    refuses("heartbeat: 0s\n", "m.yaml:1:12: heartbeat: the duration '0s' is zero\n");
}

static void reads_parameters_of_built_in_benchmarks(UNUSED void **state) {
    struct config c = load("settle: 3s\n"
                           "retries: 0\n"
                           "max_errors: 12.5%\n"
                           "longest_first: true\n"
                           "benchmarks:\n"
                           "  memory:\n"
                           "    size: 1.5GiB\n"
                           "    duration: 20ms\n"
                           "    path: /srv/a b\n"
                           "    depth: 32\n"
                           "    direct: false\n"
                           "    required: true\n");
    const struct config_benchmark *b = &c.benchmarks[0];
    static const int64_t numbers[] = {INT64_C(3) << 29, 20000000, 0, 32, 0};
    assert_int_equal(c.settle, INT64_C(3000000000));
    assert_int_equal(c.retries, 0);
    assert_true(c.max_errors.kind == SHARE_PERCENT && c.max_errors.number == 12.5);
    assert_true(c.longest_first);
    assert_int_equal(b->parameter_count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_ptr_equal(b->parameters[i].of, &some[i]);
        assert_int_equal(b->parameters[i].number, numbers[i]);
    }
    assert_string_equal(b->parameters[2].text, "/srv/a b");
    assert_true(b->required);
    config_done(&c);
}

static void reads_lists_of_numbers(UNUSED void **state) {
    static const char *const texts[][2] = {
        {"3", "3"}, {"[0, 2]", "0,2"}, {"[7]", "7"}, {"0,12", "0,12"}, {"'1'", "1"}};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        char text[100];
        snprintf(text, sizeof(text), "benchmarks: {memory: {nodes: %s}}", texts[i][0]);
        if (strchr(texts[i][0], ',') && texts[i][0][0] != '[') /* a comma of its own */
            snprintf(text, sizeof(text), "benchmarks:\n  memory:\n    nodes: %s\n", texts[i][0]);
        struct config c = load(text);
        assert_string_equal(c.benchmarks[0].parameters[0].text, texts[i][1]);
        config_done(&c);
    }
}

static void check_server(const struct config *c, const char *name, const char *given,
                         const char *want) {
    struct servers list = {.items = calloc(1, sizeof(*list.items)), .count = 1};
    struct error err;
    assert_int_equal(server_parse(name, &list.items[0], &err), 0);
    list.items[0].labels = given ? strdup(given) : NULL;
    assert_int_equal(config_label_servers(c, &list, &err), 0);
    if (want)
        assert_string_equal(list.items[0].labels, want);
    else
        assert_null(list.items[0].labels);
    servers_done(&list);
}

static void gives_labels_by_patterns(UNUSED void **state) {
    struct config c =
        load("labels:\n"
             "  rack: {r12: 'web[01-40]', none: [], r13: ['web[41-80]', db1], r14: x}\n"
             "  site: {fra: 'web[01-60]'}\n");
    check_server(&c, "web01", NULL, "{\"rack\":\"r12\",\"site\":\"fra\"}");
    check_server(&c, "web41", NULL, "{\"rack\":\"r13\",\"site\":\"fra\"}");
    check_server(&c, "web80", NULL, "{\"rack\":\"r13\"}");
    check_server(&c, "x", NULL, "{\"rack\":\"r14\"}");
    check_server(&c, "me@db1:22", NULL, "{\"rack\":\"r13\"}");
    check_server(&c, "web01", "{\"rack\":\"9\"}", "{\"rack\":\"9\",\"site\":\"fra\"}");
    check_server(&c, "web1", NULL, NULL);
    config_done(&c);
    refuses("labels: {rack: {r1: 'web[1-3]', r2: [db1, 'web[3-4]']}}\n",
            "m.yaml:1:43: labels: web3 has the rack r1 already\n");
    refuses(
        "labels: {rack: {r1: 'web[3-1]', 'r 2': a}, 1x: {}, kind: {}, a: 7, b: {c: {}}}\n",
        "m.yaml:1:21: labels: 'web[3-1]', column 5: the range runs backwards: write 1-3\n"
        "m.yaml:1:33: labels: the value of a label has no blanks, commas, quotes or "
        "backslashes\n"
        "m.yaml:1:44: labels: the key of a label begins with a letter and ends with a letter or "
        "digit\n"
        "m.yaml:1:52: labels: the kind of a server is no label: kind= or muster_kind says it\n"
        "m.yaml:1:65: a: expected a mapping, found the number 7\n"
        "m.yaml:1:75: labels: expected a pattern of servers such as web[01-40], or a list of "
        "them, found a mapping\n");
}

static void reads_limits_of_labels(UNUSED void **state) {
    struct config c = load("limits: {rack: 4, pdu: 8}\n");
    assert_int_equal(c.limits.count, 2);
    assert_string_equal(c.limits.items[0].key, "rack");
    assert_int_equal(c.limits.items[0].most, 4);
    assert_string_equal(c.limits.items[1].key, "pdu");
    assert_int_equal(c.limits.items[1].most, 8);
    config_done(&c);
    refuses("limits: {rack: 0, pdu: many, a b: 1}\n",
            "m.yaml:1:16: rack: expected a whole number from 1 to 1000000, found the number 0\n"
            "m.yaml:1:24: pdu: expected a whole number, found the text 'many'\n"
            "m.yaml:1:30: limits: the key of a label is letters, digits, '.', '_' and '-'\n");
}

static void reads_limits_of_kinds(UNUSED void **state) {
    struct config c = load("kinds:\n"
                           "  \"EPYC 9654*\":\n"
                           "    benchmarks: {memory: {threshold: 90}, own: {reference: 7}}\n"
                           "  gpu:\n"
                           "benchmarks: {own: {command: fio, extract: {jq: .jobs}}}\n");
    assert_int_equal(c.kind_count, 2);
    assert_string_equal(c.kinds[0].pattern, "EPYC 9654*");
    assert_int_equal(c.kinds[0].limit_count, 2);
    assert_string_equal(c.kinds[0].limits[0].benchmark, "memory");
    assert_true(c.kinds[0].limits[0].threshold == 90 && isnan(c.kinds[0].limits[0].reference));
    assert_true(c.kinds[0].limits[1].reference == 7 && isnan(c.kinds[0].limits[1].threshold));
    assert_int_equal(c.kinds[1].limit_count, 0);
    config_done(&c);
    refuses("kinds: {a: {benchmarks: {gpi: {threshold: 1}}}}\n",
            "m.yaml:1:26: unknown benchmark 'gpi': known are cpu, memory; name it below "
            "`benchmarks:`\n");
    refuses("kinds: {a: {benchmarks: {onw: {threshold: 1}}}}\n"
            "benchmarks: {own: {command: fio, extract: {jq: .jobs}}}\n",
            "m.yaml:1:26: unknown benchmark 'onw': did you mean 'own'? Or name it below "
            "`benchmarks:`\n");
    refuses("kinds: {a: {benchmarks: {cpu: {threshold: -1}}}}\n",
            "m.yaml:1:43: threshold: expected a number of at least 0, found the number -1\n");
}

static void reads_nothing(UNUSED void **state) {
    static const char *const empty[] = {"", "# all of it is a comment\n", "---\n", "{}",
                                        "ssh:\nbenchmarks:\n"};
    for (size_t i = 0; i < ARRAY_LEN(empty); i++) {
        struct config c = load(empty[i]);
        assert_int_equal(c.fanout, 0);
        assert_true(isnan(c.threshold));
        assert_int_equal(c.benchmark_count, 0);
        config_done(&c);
    }
}

static void finds_every_mistake_in_order(UNUSED void **state) {
    refuses("tresholds: 5\n"
            "fanout: many\n"
            "timeout: 10\n"
            "ssh: {prot: 22, port: 0}\n"
            "fanout: 3\n"
            "benchmarks:\n"
            "  cpu: {unit: x, treshold: 1}\n"
            "  cup:\n"
            "  redis: {command: x}\n"
            "  ping: {command: x, extract: {jq: .}, better: lower}\n",
            "m.yaml:1:1: unknown key 'tresholds': did you mean 'threshold'?\n"
            "m.yaml:2:9: fanout: expected a whole number, found the text 'many'\n"
            "m.yaml:3:10: timeout: the duration '10' has no unit: write 10s for seconds, or ms, m, "
            "h, d\n"
            "m.yaml:4:7: unknown key 'prot': did you mean 'port'?\n"
            "m.yaml:4:23: port: expected a whole number from 1 to 65535, found the number 0\n"
            "m.yaml:5:1: the key 'fanout' stands in line 2 already\n"
            "m.yaml:7:9: unit: only for benchmarks with a command; cpu is built in\n"
            "m.yaml:7:18: unknown key 'treshold': did you mean 'threshold'?\n"
            "m.yaml:8:3: unknown benchmark 'cup': did you mean 'cpu'? Or give it a command\n"
            "m.yaml:9:3: redis needs extract: {regex: ...} or {jq: ...}\n"
            "m.yaml:10:3: ping needs a reference, because its lower values are better\n");
}

static void counts_the_mistakes(UNUSED void **state) {
    struct str text = {0};
    struct str mistakes = {0};
    struct error err = {0};
    struct config c;
    for (int i = 0; i < 150; i++)
        str_addf(&text, "k%d: 1\n", i);
    assert_int_equal(load_bytes(text.data, text.len, &c, &mistakes, &err), -1);
    assert_string_equal(err.text, "150 mistakes in m.yaml");
    assert_non_null(strstr(mistakes.data, "m.yaml:100:1:"));
    assert_null(strstr(mistakes.data, "m.yaml:101:1:"));
    assert_non_null(strstr(mistakes.data, "m.yaml: and 50 more mistakes\n"));
    str_done(&text);
    str_done(&mistakes);
}

static void refuses_values(UNUSED void **state) {
    static const struct {
        const char *text, *line;
    } cases[] = {
        {"fanout: 0", "fanout: expected a whole number from 1 to 100000, found the number 0"},
        {"fanout: -3", "fanout: expected a whole number from 1 to 100000, found the number -3"},
        {"fanout: 1.5", "fanout: expected a whole number from 1 to 100000, found the number 1.5"},
        {"fanout: '5'", "fanout: expected a whole number, found the text '5'"},
        {"fanout: 1e99", "fanout: expected a whole number from 1 to 100000, found the number 1e99"},
        {"fanout:", "fanout: expected a whole number, found nothing"},
        {"threshold: -1", "threshold: expected a number of at least 0, found the number -1"},
        {"threshold: [1]", "threshold: expected a number, found a list"},
        {"threshold: .inf", "threshold: expected a number, found the text '.inf'"},
        {"timeout: true", "timeout: expected a duration such as 90s, found true"},
        {"timeout: \"5\\e\"", "timeout: '5\\x1b' is not a duration: write a number and ms, s, m, h "
                              "or d, as in 90s"},
        {"max_errors: [5]",
         "max_errors: expected a number or a percentage such as 30%, found a list"},
        {"max_errors: 1.5", "max_errors: '1.5' is neither a whole number nor a percentage, such as "
                            "30%"},
        {"longest_first: 1", "longest_first: expected true or false, found the number 1"},
        {"retries: -1", "retries: expected a whole number from 0 to 100, found the number -1"},
        {"ssh: 5", "ssh: expected a mapping, found the number 5"},
        {"ssh: {user: 5}", "user: expected a text (put it in quotes), found the number 5"},
        {"ssh: {user: ''}", "user: expected a text that is not empty, found the text ''"},
        {"ssh: {user: -oX}", "user: expected one word that does not begin with -, found the text "
                             "'-oX'"},
        {"ssh: {jump_channels: 0}",
         "jump_channels: expected a whole number from 1 to 10000, found the number 0"},
        {"ssh: {start_rate: 0}", "start_rate: expected a number above 0, found the number 0"},
        {"benchmarks: [a]", "benchmarks: expected a mapping, found a list"},
        {"benchmarks: {x y: }", "'x y' is no name of a benchmark: expected at most 64 letters, "
                                "digits, _, . and -"},
        {"benchmarks: {disk: {}}", "unknown benchmark 'disk': known are cpu, memory; give it a "
                                   "command"},
        {"benchmarks: {cpu: 5}", "cpu: expected a mapping, found the number 5"},
        {"benchmarks: {cpu: {zzz: 1}}", "unknown key 'zzz': expected one of reference, threshold, "
                                        "timeout, trials, max_trials, required"},
        {"benchmarks: {memory: {sise: 1}}", "unknown key 'sise': did you mean 'size'?"},
        {"benchmarks: {memory: {size: big}}", "size: expected a size from 1024KiB to 1024GiB, "
                                              "found the text 'big'"},
        {"benchmarks: {memory: {size: 1}}", "size: expected a size from 1024KiB to 1024GiB, found "
                                            "the number 1"},
        {"benchmarks: {memory: {duration: 5m}}", "duration: expected a duration from 1ms to 60s, "
                                                 "found the text '5m'"},
        {"benchmarks: {memory: {depth: 1.5}}", "depth: expected a whole number from 1 to 64, found "
                                               "the number 1.5"},
        {"benchmarks: {memory: {nodes: x}}",
         "nodes: expected numbers, such as 0 or [0, 2], found the text 'x'"},
        {"benchmarks: {memory: {nodes: [1, x]}}",
         "nodes: expected numbers, such as 0 or [0, 2], found a list"},
        {"benchmarks: {memory: {nodes: []}}",
         "nodes: expected numbers, such as 0 or [0, 2], found a list"},
        {"benchmarks: {memory: {nodes: -1}}",
         "nodes: expected numbers, such as 0 or [0, 2], found the number -1"},
        {"benchmarks: {memory: {nodes: 1.5}}",
         "nodes: expected numbers, such as 0 or [0, 2], found the number 1.5"},
        {"benchmarks: {memory: {nodes: true}}",
         "nodes: expected numbers, such as 0 or [0, 2], found true"},
        {"benchmarks: {memory: {path: data}}", "path: expected an absolute path, found the text "
                                               "'data'"},
        {"benchmarks: {memory: {direct: 1}}", "direct: expected true or false, found the number 1"},
        {"benchmarks: {cpu: {required: 1}}", "required: expected true or false, found the number "
                                             "1"},
        {"benchmarks: {cpu: {trials: 1001}}", "trials: expected a whole number from 1 to 1000, "
                                              "found the number 1001"},
        {"benchmarks: {cpu: {max_trials: 2}}", "max_trials: expected no fewer than the trials, 3, "
                                               "found the number 2"},
        {"benchmarks: {cpu: {trials: 1, max_trials: 2}}",
         "max_trials: expected 1, or trials: 2 or more beside it, found the number 2"},
        {"benchmarks: {cpu: {reference: 0}}", "reference: expected a number above 0, found the "
                                              "number 0"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct config c;
        struct str mistakes = {0};
        struct error err = {0};
        assert_int_equal(load_bytes(cases[i].text, strlen(cases[i].text), &c, &mistakes, &err), -1);
        assert_string_equal(err.text, "1 mistake in m.yaml");
        const char *line = strstr(mistakes.data, ": ") + 2;
        assert_int_equal(strncmp(mistakes.data, "m.yaml:1:", 9), 0);
        mistakes.data[mistakes.len - 1] = '\0';
        assert_string_equal(line, cases[i].line);
        str_done(&mistakes);
    }
}

/* What stands below a benchmark `b` with a command and the rest of its keys. */
static void refuses_commands(UNUSED void **state) {
    static const struct {
        const char *keys, *line;
    } cases[] = {
        {"extract: {regex: '(', jq: .}", "extract: expected either a regex or a jq program, found "
                                         "both"},
        {"extract: {}", "extract: expected {regex: ...} or {jq: ...}, found a mapping"},
        {"extract: x", "extract: expected {regex: ...} or {jq: ...}, found the text 'x'"},
        {"extract: {regexp: x}", "unknown key 'regexp': did you mean 'regex'?"},
        {"extract: {regex: '(a'}", "extract: the regex '(a': missing closing parenthesis at column "
                                   "3"},
        {"extract: {regex: a}", "extract: the regex 'a' has no group: put the number in ( )"},
        {"extract: {jq: '.a |'}", "extract: the jq program '.a |': syntax error, unexpected $end"},
        {"extract: {jq: .}, better: more", "better: expected 'higher' or 'lower', found the text "
                                           "'more'"},
        {"extract: {jq: .}, env: [a]", "env: expected a mapping, found a list"},
        {"extract: {jq: .}, env: {A-B: x}",
         "env: 'A-B' is no name of a variable: expected letters, "
         "digits and _"},
        {"extract: {jq: .}, env: {A: [x]}", "A: expected a text, found a list"},
        {"extract: {jq: .}, needs: a b", "needs: expected one word that does not begin with -, "
                                         "found the text 'a b'"},
        {"extract: {jq: .}, unit: \"a\\nb\"", "unit: expected a text in one line, without control "
                                              "characters, found the text 'a\\nb'"},
        {"extract: {jq: .}, max_trials: 5", "max_trials: expected 1, or trials: 2 or more beside "
                                            "it, found the number 5"},
        {"extract: {jq: .}, size: 5",
         "unknown key 'size': expected one of command, extract, "
         "metric, unit, better, reference, threshold, timeout, trials, "
         "max_trials, env, needs"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str text = {0};
        struct str mistakes = {0};
        struct error err = {0};
        struct config c;
        str_addf(&text, "benchmarks:\n b: {command: x, %s}", cases[i].keys);
        assert_int_equal(load_bytes(text.data, text.len, &c, &mistakes, &err), -1);
        mistakes.data[mistakes.len - 1] = '\0';
        assert_string_equal(strstr(mistakes.data, ": ") + 2, cases[i].line);
        str_done(&text);
        str_done(&mistakes);
    }
}

static void refuses_files(UNUSED void **state) {
    refuses("- a\n", "m.yaml:1:1: the file: expected a mapping, found a list\n");
    refuses("hello", "m.yaml:1:1: the file: expected a mapping, found the text 'hello'\n");
    refuses("a: [",
            "m.yaml:2:1: not YAML: did not find expected node content, while parsing a flow "
            "node\n");
    refuses("\x01", "m.yaml:1:1: not YAML: control characters are not allowed (0x01)\n");
    struct config c;
    struct str mistakes = {0};
    struct error err = {0};
    assert_int_equal(config_load("none.yaml", builtin, &c, &mistakes, &err), -1);
    assert_string_equal(err.text, "cannot read none.yaml: No such file or directory");
    assert_int_equal(config_load(".", builtin, &c, &mistakes, &err), -1);
    assert_string_equal(err.text, "cannot read .: Is a directory");
    assert_int_equal(truncate("m.yaml", 1 << 30), 0);
    assert_int_equal(config_load("m.yaml", builtin, &c, &mistakes, &err), -1);
    assert_string_equal(err.text, "m.yaml is larger than 1048576 bytes");
    assert_int_equal(err.kind, ERROR_USAGE);
    assert_int_equal(mistakes.len, 0);
}

static void reads_again_what_it_kept(UNUSED void **state) {
    struct config first = load("fanout: 7 # as it was\nthreshold: 60\n"), again;
    struct str mistakes = {0};
    struct error err;
    assert_int_equal(first.text_len, 36);
    assert_string_equal(first.text, "fanout: 7 # as it was\nthreshold: 60\n");
    assert_int_equal(
        config_read("gone.yaml", first.text, first.text_len, builtin, &again, &mistakes, &err), 0);
    assert_int_equal(again.fanout, 7);
    assert_true(again.threshold == 60);
    assert_string_equal(again.path, "gone.yaml");
    assert_string_equal(again.text, first.text);
    config_done(&first);
    config_done(&again);
    assert_int_equal(config_read("gone.yaml", "fan: 7", 6, builtin, &again, &mistakes, &err), -1);
    assert_int_equal(err.kind, ERROR_USAGE);
    assert_non_null(strstr(mistakes.data, "gone.yaml:1:1: "));
    str_done(&mistakes);
}

static void suggests_the_nearest(UNUSED void **state) {
    static const char *const known[] = {"threshold", "timeout", "trials", "jq", NULL};
    assert_string_equal(config_nearest("treshold", known), "threshold");
    assert_string_equal(config_nearest("tiemout", known), "timeout");
    assert_string_equal(config_nearest("trial", known), "trials");
    assert_string_equal(config_nearest("qj", known), "jq");
    assert_null(config_nearest("", known));
    assert_null(config_nearest("banana", known));
    char endless[300];
    memset(endless, 't', sizeof(endless) - 1);
    endless[sizeof(endless) - 1] = '\0';
    assert_null(config_nearest(endless, known));
}

static char scratch[64];

static int enter_scratch(UNUSED void **state) {
    return make_test_folder(scratch) && chdir(scratch) == 0 ? 0 : -1;
}

static int leave_scratch(UNUSED void **state) {
    unlink("m.yaml");
    return chdir("/") == 0 ? rmdir(scratch) : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_everything),
        cmocka_unit_test(a_late_word_must_not_cost_a_server),
        cmocka_unit_test(reads_parameters_of_built_in_benchmarks),
        cmocka_unit_test(reads_lists_of_numbers),
        cmocka_unit_test(gives_labels_by_patterns),
        cmocka_unit_test(reads_limits_of_labels),
        cmocka_unit_test(reads_limits_of_kinds),
        cmocka_unit_test(reads_nothing),
        cmocka_unit_test(finds_every_mistake_in_order),
        cmocka_unit_test(counts_the_mistakes),
        cmocka_unit_test(refuses_values),
        cmocka_unit_test(refuses_commands),
        cmocka_unit_test(refuses_files),
        cmocka_unit_test(reads_again_what_it_kept),
        cmocka_unit_test(suggests_the_nearest),
    };
    return cmocka_run_group_tests(tests, enter_scratch, leave_scratch);
}
