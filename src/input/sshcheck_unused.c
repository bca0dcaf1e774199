/*
 * sshcheck_unused: the arguments of keywords that make no difference to muster. A configuration
 * that OpenSSH refuses is refused whatever is wrong with it. See sshcheck.h.
 */
#include "input/sshcheck.h"

#include "base/str.h"
#include "input/sshvalues.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct field {
    const char *text;
    bool is_path;
};

/* Cuts the next part of a forwarding at its ':'. False: there is none, or it is broken. */
static bool next_field(char **p, struct field *ret) {
    char *start = *p, *end;
    if (!*start)
        return false;
    if (*start == '[') {
        end = strchr(start, ']');
        if (!end || (end[1] && end[1] != ':'))
            return false;
        *end++ = '\0';
        *ret = (struct field){start + 1, strchr(start + 1, '/') != NULL};
    } else {
        for (end = start; *end && *end != ':'; end++)
            if (*end == '\\') {
                memmove(end, end + 1, strlen(end));
                if (!*end)
                    return false;
            }
        *ret = (struct field){start, memchr(start, '/', (size_t)(end - start)) != NULL};
    }
    *p = *end ? end + 1 : end;
    *end = '\0';
    return true;
}

static bool listens_at(const struct field *f, bool remote) {
    if (f->is_path)
        return true;
    return ssh_port_read(f->text) > 0 || (remote && strcmp(f->text, "0") == 0);
}

/* Reads "[host:]port[:host:port]" with paths for either end. */
static bool forward_valid(char *spec, bool dynamic, bool remote) {
    struct field f[4];
    size_t n = 0;
    spec += strspn(spec, " \t\n\v\f\r");
    while (n < 4 && next_field(&spec, &f[n]))
        n++;
    if (*spec || n == 0)
        return false;
    if (dynamic)
        return n <= 2 && (n == 1 ? listens_at(&f[0], remote)
                                 : !(f[0].is_path || f[1].is_path) && listens_at(&f[1], remote));
    bool to_path = f[n - 1].is_path;
    size_t listen = n - (to_path ? 2 : 3); /* the index of the listening port or path */
    if (n < 2 || (n == 2 && !to_path) || (n == 4 && to_path))
        return false;
    return listens_at(&f[listen], remote) && (to_path || ssh_port_read(f[n - 1].text) > 0);
}

static int check_forward(struct arguments *a, struct error *err) {
    enum ssh_syntax syntax = a->row->syntax;
    bool dynamic = syntax == SSH_SYNTAX_DYNAMIC_FORWARD,
         remote = syntax == SSH_SYNTAX_REMOTE_FORWARD;
    const char *from = argument_take_one(a, err), *to = dynamic ? NULL : argument_take(a);
    if (!from)
        return -1;
    if (!dynamic && !(to && *to)) {
        if (!remote)
            return error_set(err, ERROR_USAGE, "Missing target argument");
        dynamic = true;
    }
    cleanup(str_done) struct str spec = {0};
    str_add(&spec, from);
    if (!dynamic)
        str_addf(&spec, ":%s", to);
    if (spec.failed)
        return error_memory(err);
    if (argument_has_variables(spec.data) &&
        (strstr(spec.data, "${") || /* their values may be anything */
         forward_valid(spec.data, dynamic, remote)))
        return 0;
    return error_set(err, ERROR_USAGE, "Bad forwarding specification");
}

static int check_remote_open(struct arguments *a, struct error *err) {
    char *text;
    bool first = true;
    for (; (text = argument_take(a)); first = false) {
        if (argument_is_word("any none", text)) {
            if (argument_alone(a, text, first, err) < 0)
                return -1;
            continue;
        }
        char *end = *text == '[' ? strchr(text, ']') : NULL;
        const char *port = strpbrk(end ? end : text, ":/");
        if (!port || (strcmp(port + 1, "*") != 0 && ssh_port_read(port + 1) <= 0))
            return error_set(err, ERROR_USAGE, "bad port number in %s", a->row->name);
    }
    return first ? error_set(err, ERROR_USAGE, "missing %s specification", a->row->name) : 0;
}

static int check_persist(struct arguments *a, struct error *err) {
    const char *text = argument_take_one(a, err);
    if (!text)
        return -1;
    static const char *const words[] = {"no", "false", "yes", "true"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (strcmp(text, words[i]) == 0)
            return 0;
    return ssh_seconds_read(text) >= 0 ? 0
                                       : error_set(err, ERROR_USAGE, "Bad ControlPersist argument");
}

static int check_escape(struct arguments *a, struct error *err) {
    const char *text = argument_take_one(a, err);
    if (!text)
        return -1;
    bool control = text[0] == '^' && text[1] && !text[2] && (unsigned char)text[1] >= 64 &&
                   (unsigned char)text[1] < 128;
    if (strcmp(text, "none") == 0 || !text[1] || control)
        return 0;
    return error_set(err, ERROR_USAGE, "Bad escape character");
}

static bool is_tunnel(const char *text, size_t n) {
    char number[16];
    long long value;
    if (n == 3 && strncasecmp(text, "any", 3) == 0)
        return true;
    if (n >= sizeof(number))
        return false;
    memcpy(number, text, n);
    number[n] = '\0';
    return !ssh_number_mistake(number, 0x7ffffffd, &value);
}

static int check_tunnel_device(struct arguments *a, struct error *err) {
    const char *text = argument_take_one(a, err);
    if (!text)
        return -1;
    size_t n = strcspn(text, ":");
    if (is_tunnel(text, n) && (!text[n] || is_tunnel(text + n + 1, strlen(text + n + 1))))
        return 0;
    return error_set(err, ERROR_USAGE, "Bad tun device");
}

static bool is_ipqos(const char *text) {
    char *end;
    if (argument_is_word(
            "none af11 af12 af13 af21 af22 af23 af31 af32 af33 af41 af42 af43 cs0 cs1 cs2 cs3 "
            "cs4 cs5 cs6 cs7 ef le lowdelay throughput reliability",
            text))
        return true;
    long n = strtol(text, &end, 0);
    return *text && !*end && n >= 0 && n <= 255;
}

static int check_ipqos(struct arguments *a, struct error *err) {
    const char *first = argument_take_one(a, err), *second = argument_take(a);
    if (!first)
        return -1;
    const char *bad = !is_ipqos(first) ? first : second && !is_ipqos(second) ? second : NULL;
    return bad ? error_set(err, ERROR_USAGE, "Bad IPQoS value: %s", bad) : 0;
}

static int check_mask(struct arguments *a, struct error *err) {
    const char *text = argument_take_one(a, err);
    if (!text)
        return -1;
    char *end;
    long mask = strtol(text, &end, 8);
    return end > text && mask >= 0 && mask <= 0777 ? 0 : error_set(err, ERROR_USAGE, "Bad mask");
}

/* One of the names, in any case; else the sentence with the argument in it. */
static int check_name(struct arguments *a, const char *names, const char *sentence,
                      struct error *err) {
    const char *text = argument_take_one(a, err);
    if (!text)
        return -1;
    return argument_is_word(names, text) ? 0
                                         : error_set(err, ERROR_USAGE, "%s '%s'", sentence, text);
}

static int check_keystrokes(struct arguments *a, struct error *err) {
    static const char interval[] = "interval:";
    const char *text = argument_take_one(a, err);
    long long n = 0;
    if (!text)
        return -1;
    if (argument_is_word("yes no true false", text))
        return 0;
    if (strncmp(text, interval, strlen(interval)) == 0 &&
        !ssh_number_mistake(text + strlen(interval), 1000, &n) && n > 0)
        return 0;
    return error_set(err, ERROR_USAGE, "unsupported argument \"%s\"", text);
}

static int check_timeouts(struct arguments *a, struct error *err) {
    const char *text;
    for (bool first = true; (text = argument_take(a)); first = false) {
        const char *equals = strchr(text, '=');
        if (strcasecmp(text, "none") == 0) {
            if (argument_alone(a, text, first, err) < 0)
                return -1;
        } else if (!equals || equals == text || ssh_seconds_read(equals + 1) < 0) {
            return error_set(err, ERROR_USAGE, "invalid channel timeout %s", text);
        }
    }
    return 0;
}

static int check_add_keys(struct arguments *a, struct error *err) {
    const char *text = argument_take_one(a, err), *time = argument_take(a);
    if (!text)
        return -1;
    if (time && strcasecmp(text, "confirm") == 0)
        return ssh_seconds_read(time) >= 0 ? 0 : error_set(err, ERROR_USAGE, "invalid time value");
    if (!time &&
        (argument_is_word("yes no true false ask confirm", text) || ssh_seconds_read(text) >= 0))
        return 0;
    return error_set(err, ERROR_USAGE, "unsupported option");
}

int ssh_check_unused(struct arguments *a, struct error *err) {
    switch (a->row->syntax) {
    case SSH_SYNTAX_ADD_KEYS:
        return check_add_keys(a, err);
    case SSH_SYNTAX_LOCAL_FORWARD:
    case SSH_SYNTAX_REMOTE_FORWARD:
    case SSH_SYNTAX_DYNAMIC_FORWARD:
        return check_forward(a, err);
    case SSH_SYNTAX_REMOTE_OPEN:
        return check_remote_open(a, err);
    case SSH_SYNTAX_PERSIST:
        return check_persist(a, err);
    case SSH_SYNTAX_ESCAPE:
        return check_escape(a, err);
    case SSH_SYNTAX_TUNNEL_DEVICE:
        return check_tunnel_device(a, err);
    case SSH_SYNTAX_IPQOS:
        return check_ipqos(a, err);
    case SSH_SYNTAX_MASK:
        return check_mask(a, err);
    case SSH_SYNTAX_HASH:
        return check_name(a, "MD5 SHA1 SHA256 SHA384 SHA512", "Invalid hash algorithm", err);
    case SSH_SYNTAX_LOG_LEVEL:
        return check_name(a, "QUIET FATAL ERROR INFO VERBOSE DEBUG DEBUG1 DEBUG2 DEBUG3",
                          "unsupported log level", err);
    case SSH_SYNTAX_FACILITY:
        return check_name(a,
                          "DAEMON USER AUTH AUTHPRIV LOCAL0 LOCAL1 LOCAL2 LOCAL3 LOCAL4 LOCAL5 "
                          "LOCAL6 LOCAL7",
                          "unsupported log facility", err);
    case SSH_SYNTAX_KEYSTROKES:
        return check_keystrokes(a, err);
    case SSH_SYNTAX_TIMEOUTS:
        return check_timeouts(a, err);
    default:
        return error_set(err, ERROR_INTERNAL, "no check for %s", a->row->name);
    }
}
