/* runoptions: see runoptions.h. Main thread only. */
#include "cli/runoptions.h"

#include "base/str.h"
#include "base/text.h"
#include "base/units.h"
#include "wire/jsontext.h"

#include <math.h>
#include <string.h>

static const struct option kept[] = {RUN_OPTIONS, RUN_PASSWORD_OPTION, {NULL, 0, NULL, 0}};

static const char *name_of(int c) {
    for (const struct option *o = kept; o->name; o++)
        if (o->val == c)
            return o->name;
    return NULL;
}

void run_options_init(struct run_options *o) {
    *o = (struct run_options){
        .plan = {.threshold = NAN, .busy_wait = -1, .linger = -1, .retries = -1}};
}

void run_options_done(struct run_options *o) {
    for (size_t i = 0; o->read && o->read[i]; i++)
        free(o->read[i]);
    free(o->read);
    label_limits_done(&o->plan.limits);
    str_done(&o->words);
    run_options_init(o);
}

int run_outliers_take(enum outliers *into, const char *value, struct error *err) {
    if (outliers_parse(value, into) < 0)
        return error_set(err, ERROR_USAGE, "--outliers is fail, warn or off, not '%.40s'", value);
    return 0;
}

/* rack=4 */
static int read_limit(struct label_limits *limits, const char *value, struct error *err) {
    size_t n = strcspn(value, "=");
    const char *mistake = label_key_mistake(value, n);
    int most;
    if (!value[n])
        mistake = "a label and a number were expected, such as rack=4";
    if (mistake)
        return error_set(err, ERROR_USAGE, "--limit '%.80s': %s", value, mistake);
    if (cli_number("the limit", value + n + 1, 1, LABEL_LIMIT_MAX, &most, err) < 0)
        return -1;
    cleanup(free_ptr) char *key = strndup(value, n);
    return !key || label_limits_set(limits, key, most) < 0 ? error_memory(err) : 0;
}

static int read_value(struct run_options *o, int c, const char *value, struct error *err) {
    switch (c) {
    case 'b':
        o->plan.benchmarks = value;
        return 0;
    case RUN_QUICK:
        o->plan.quick = true;
        return 0;
    case 'f':
        return cli_number("the fan-out", value, 1, 100000, &o->plan.fanout, err);
    case 't':
        return cli_decimal("the threshold", value, &o->plan.threshold, err);
    case RUN_TIMEOUT:
        return duration_parse(value, &o->plan.server_timeout, err);
    case RUN_BUSY_WAIT:
        return duration_parse_zero(value, &o->plan.busy_wait, err);
    case RUN_LINGER:
        return duration_parse_zero(value, &o->plan.linger, err);
    case RUN_RETRIES:
        return cli_number("the number of retries", value, 0, 100, &o->plan.retries, err);
    case RUN_MAX_ERRORS:
        return share_parse(value, &o->plan.max_errors, err);
    case RUN_OUTLIERS:
        return run_outliers_take(&o->plan.outliers, value, err);
    case RUN_LONGEST_FIRST:
        o->plan.longest_first = true;
        return 0;
    case RUN_LIMIT:
        return read_limit(&o->plan.limits, value, err);
    case 'u':
        o->user = value;
        return 0;
    case 'p':
        return cli_number("the port", value, 1, 65535, &o->port, err);
    case 'T':
        o->transport = value;
        return 0;
    case 'F':
        o->ssh_config = value;
        return 0;
    case RUN_ASK_PASSWORD:
        o->ask_password = true;
        return 0;
    default: /* RUN_SIMULATE */
        o->simulate = o->plan.simulated = true;
        if (simulation_parse(value, &o->simulation, err) < 0)
            return -1;
        /* a pause is not to be longer than what it is simulated among */
        o->plan.longest_pause = o->simulation.delay_max > 0 ? o->simulation.delay_max : 1;
        return 0;
    }
}

/* --name, --name=value, and of a simulation the seed that the clock gave. */
static void keep_word(struct run_options *o, int c, const char *name, const char *value) {
    cleanup(str_done) struct str word = {0};
    str_addf(&word, "--%s", name);
    if (value)
        str_addf(&word, "=%s", value);
    if (c == RUN_SIMULATE && !o->simulation.seed_given) {
        str_add(&word, !value ? "=" : *value ? "," : "");
        str_addf(&word, "seed=%llu", (unsigned long long)o->simulation.seed);
    }
    str_add_char(&o->words, o->words.len ? ',' : '[');
    text_add_json(&o->words, word.data ? word.data : "", word.len);
    o->words.failed |= word.failed;
}

int run_options_take(struct run_options *o, int c, const char *value, struct error *err) {
    const char *name = name_of(c);
    if (!name)
        return 0;
    if (read_value(o, c, value, err) < 0)
        return -1;
    keep_word(o, c, name, value);
    return o->words.failed ? error_memory(err) : 1;
}

int run_output_take(struct run_output *o, int c, const char *value, struct error *err) {
    switch (c) {
    case RUN_STORE:
        o->store = value;
        break;
    case RUN_LOG_FORMAT:
        if (log_format_parse(value, &o->log_format) < 0)
            return error_set(err, ERROR_USAGE,
                             "the log format is console, logfmt or json, not '%.40s'", value);
        break;
    case RUN_LOG_FILE:
        o->log_file = value;
        break;
    case RUN_LOG_TO: {
        enum log_daemon to;
        if (log_daemon_parse(value, &to) < 0)
            return error_set(err, ERROR_USAGE, "--log-to takes journal or syslog, not '%.40s'",
                             value);
        o->log_to[to] = true;
        break;
    }
    case 'v':
        o->verbose = true;
        break;
    case 'q':
        o->quiet = true;
        break;
    case RUN_JSON:
        o->json = true;
        break;
    case RUN_NO_PROGRESS:
        o->no_progress = true;
        break;
    case RUN_FAILED_TO:
        o->failed_to = value;
        break;
    case RUN_PASSED_TO:
        o->passed_to = value;
        break;
    default:
        return 0;
    }
    return 1;
}

char *run_options_words(const struct run_options *o) {
    cleanup(str_done) struct str text = {0};
    str_add(&text, o->words.len ? o->words.data : "[");
    str_add_char(&text, ']');
    return str_take(&text);
}

/* As the arguments of a command: its name first, NULL at the end. */
static int split_words(struct run_options *o, const char *words, size_t *count, struct error *err) {
    json_t *list = jsontext_read(words, err), *word;
    size_t i;
    if (!json_is_array(list)) {
        json_decref(list);
        return error_set(err, ERROR_STORE, "the options of the run cannot be read%s",
                         list ? "" : ": memory ran out, or they are no JSON");
    }
    o->read = calloc(json_array_size(list) + 2, sizeof(*o->read));
    bool full = o->read && (o->read[0] = strdup("run"));
    if (full)
        json_array_foreach(list, i, word) {
            const char *text = json_string_value(word);
            full = full && (o->read[i + 1] = strdup(text ? text : ""));
        }
    *count = json_array_size(list) + 1;
    json_decref(list);
    return full ? 0 : error_memory(err);
}

int run_options_read(struct run_options *o, const char *words) {
    struct error err;
    size_t count = 0;
    int c;
    if (split_words(o, words, &count, &err) < 0)
        return cli_fail(&err);
    optind = 0; /* as getopt_long() wants it for another list of arguments */
    while ((c = cli_getopt((int)count, o->read, RUN_LETTERS, kept)) != -1)
        if (c == '?')
            return EXIT_USAGE;
        else if (run_options_take(o, c, optarg, &err) < 0)
            return cli_fail(&err);
    return -1;
}
