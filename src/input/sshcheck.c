/*
 * sshcheck: see sshcheck.h. Any thread; getenv() and getservbyname_r() are asked.
 *
 * One function a syntax. What is left over at the end of a line is refused for all of them.
 */
#include "input/sshcheck.h"

#include "base/str.h"
#include "input/sshalgorithms.h"
#include "input/sshvalues.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

char *argument_take(struct arguments *a) {
    return a->count ? (a->count--, *a->items++) : NULL;
}

static int missing(struct error *err) {
    return error_set(err, ERROR_USAGE, "missing argument");
}

char *argument_take_one(struct arguments *a, struct error *err) {
    char *text = argument_take(a);
    if (text && *text)
        return text;
    missing(err);
    return NULL;
}

bool argument_is_word(const char *words, const char *text) {
    size_t n = strlen(text);
    for (const char *p = words; *p; p += strspn(p, " ")) {
        size_t len = strcspn(p, " ");
        if (len == n && strncasecmp(p, text, n) == 0)
            return true;
        p += len;
    }
    return false;
}

static int check_words(struct arguments *a, struct error *err) {
    const char *text = argument_take_one(a, err);
    if (!text)
        return -1;
    if (argument_is_word(a->row->words, text))
        return 0;
    return error_set(err, ERROR_USAGE, "unsupported option \"%s\"", text);
}

static int check_text(struct arguments *a, struct error *err) {
    return argument_take_one(a, err) ? 0 : -1;
}

static int check_integer(struct arguments *a, struct error *err) {
    const char *text = argument_take(a);
    long long n;
    const char *mistake = text && *text ? ssh_number_mistake(text, INT_MAX, &n) : "missing";
    return mistake ? error_set(err, ERROR_USAGE, "integer value %s", mistake) : 0;
}

static int check_time(struct arguments *a, struct error *err) {
    const char *text = argument_take(a);
    if (!text || !*text)
        return error_set(err, ERROR_USAGE, "missing time value");
    if (strcmp(text, "none") == 0 || ssh_seconds_read(text) >= 0)
        return 0;
    return error_set(err, ERROR_USAGE, "invalid time value");
}

static int check_port(struct arguments *a, struct error *err) {
    const char *text = argument_take_one(a, err);
    if (!text)
        return -1;
    return ssh_port_read(text) > 0 ? 0 : error_set(err, ERROR_USAGE, "Bad port '%s'", text);
}

int argument_alone(const struct arguments *a, const char *text, bool first, struct error *err) {
    if (first && !a->count)
        return 0;
    return error_set(err, ERROR_USAGE, "keyword %s \"%s\" argument must appear alone", a->row->name,
                     text);
}

static int check_list(struct arguments *a, struct error *err) {
    char *text;
    for (bool first = true; (text = argument_take(a)); first = false) {
        if (!*text)
            return error_set(err, ERROR_USAGE, "keyword %s empty argument", a->row->name);
        if (strcasecmp(text, "none") == 0 && argument_alone(a, text, first, err) < 0)
            return -1;
    }
    return 0;
}

static int check_algorithms(struct arguments *a, struct error *err) {
    const char *text = argument_take_one(a, err);
    if (!text)
        return -1;
    if (ssh_algorithms_valid(a->row->syntax, text))
        return 0;
    switch (a->row->syntax) {
    case SSH_SYNTAX_CIPHERS:
        return error_set(err, ERROR_USAGE, "Bad SSH2 cipher spec '%s'", text);
    case SSH_SYNTAX_MACS:
        return error_set(err, ERROR_USAGE, "Bad SSH2 MAC spec '%s'", text);
    case SSH_SYNTAX_KEX:
        return error_set(err, ERROR_USAGE, "Bad SSH2 KexAlgorithms '%s'", text);
    case SSH_SYNTAX_GSS_KEX:
        return error_set(err, ERROR_USAGE, "Bad GSSAPI KexAlgorithms '%s'", text);
    default:
        return error_set(err, ERROR_USAGE, "Bad key types '%s'", text);
    }
}

/* There is one argument: the rest of the line, without its comment. */
static int check_jump(struct arguments *a, struct error *err) {
    const char *text = argument_take(a);
    if (strcasecmp(text, "none") == 0)
        return 0;
    for (const char *hop = text;; hop++) {
        size_t n = strcspn(hop, ",");
        struct ssh_jump j;
        int rc = ssh_jump_parse(hop, n, &j);
        if (rc == -2)
            return error_memory(err);
        if (rc < 0)
            return error_set(err, ERROR_USAGE, "Invalid ProxyJump \"%s\"", text);
        ssh_jump_done(&j);
        hop += n;
        if (!*hop)
            return 0;
    }
}

static int check_rekey(struct arguments *a, struct error *err) {
    const char *text = argument_take_one(a, err);
    if (!text)
        return -1;
    if (strcmp(text, "default") != 0) {
        int64_t bytes = ssh_size_read(text);
        if (bytes < 0)
            return error_set(err, ERROR_USAGE, "Bad number '%s'", text);
        if (bytes != 0 && bytes < 16)
            return error_set(err, ERROR_USAGE, "RekeyLimit too small");
    }
    return a->count ? check_time(a, err) : 0;
}

bool argument_has_variables(const char *text) {
    for (const char *p = text; (p = strstr(p, "${")); p++) {
        size_t n = strcspn(p + 2, "}");
        cleanup(free_ptr) char *name = strndup(p + 2, n);
        if (!p[2 + n] || !name || !*name || !getenv(name))
            return false;
        p += 1 + n;
    }
    return true;
}

static int check_agent_path(const char *text, struct error *err) {
    if (!argument_has_variables(text))
        return error_set(err, ERROR_USAGE, "Invalid environment expansion %s", text);
    if (*text == '$' && text[1] != '{' && !ssh_variable_name_valid(text + 1))
        return error_set(err, ERROR_USAGE, "Invalid environment name %s", text);
    return 0;
}

static int check_agent(struct arguments *a, struct error *err) {
    const char *text = argument_take_one(a, err);
    return text ? check_agent_path(text, err) : -1;
}

static int check_forward_agent(struct arguments *a, struct error *err) {
    const char *text = argument_take_one(a, err);
    if (!text)
        return -1;
    return argument_is_word("yes no true false", text) ? 0 : check_agent_path(text, err);
}

static int check_send_env(struct arguments *a, struct error *err) {
    const char *text;
    while ((text = argument_take(a)))
        if (!*text || strchr(text, '='))
            return error_set(err, ERROR_USAGE, "Invalid environment name");
    return 0;
}

static int check_set_env(struct arguments *a, struct error *err) {
    const char *text;
    while ((text = argument_take(a)))
        if (!strchr(text, '='))
            return error_set(err, ERROR_USAGE, "Invalid SetEnv");
    return 0;
}

static void lower(char *text) {
    for (; *text; text++)
        *text = (char)tolower((unsigned char)*text);
}

static int check_domains(struct arguments *a, struct error *err) {
    char *text;
    for (bool first = true; (text = argument_take(a)); first = false) {
        if (strcasecmp(text, "none") == 0 && argument_alone(a, text, first, err) < 0)
            return -1;
        if (!ssh_domain_valid(text))
            return error_set(err, ERROR_USAGE, "domain name \"%s\" is not valid", text);
        lower(text);
        size_t n = strlen(text);
        if (text[n - 1] == '.')
            text[n - 1] = '\0';
    }
    return 0;
}

static int check_cnames(struct arguments *a, struct error *err) {
    char *text;
    for (bool first = true; (text = argument_take(a)); first = false) {
        if (strcasecmp(text, "none") == 0) {
            if (argument_alone(a, text, first, err) < 0)
                return -1;
            continue;
        }
        lower(text);
        const char *target = strchr(text, ':');
        if (strcmp(text, "*") != 0 && (!target || !target[1]))
            return error_set(err, ERROR_USAGE, "Invalid permitted CNAME \"%s\"", text);
    }
    return 0;
}

static int check(struct arguments *a, struct error *err) {
    switch (a->row->syntax) {
    case SSH_SYNTAX_WORDS:
        return check_words(a, err);
    case SSH_SYNTAX_TEXT:
        return check_text(a, err);
    case SSH_SYNTAX_INTEGER:
        return check_integer(a, err);
    case SSH_SYNTAX_TIME:
        return check_time(a, err);
    case SSH_SYNTAX_PORT:
        return check_port(a, err);
    case SSH_SYNTAX_LIST:
        return check_list(a, err);
    case SSH_SYNTAX_JUMP:
        return check_jump(a, err);
    case SSH_SYNTAX_CIPHERS:
    case SSH_SYNTAX_MACS:
    case SSH_SYNTAX_KEX:
    case SSH_SYNTAX_KEY_TYPES:
    case SSH_SYNTAX_GSS_KEX:
        return check_algorithms(a, err);
    case SSH_SYNTAX_REKEY:
        return check_rekey(a, err);
    case SSH_SYNTAX_AGENT:
        return check_agent(a, err);
    case SSH_SYNTAX_FORWARD_AGENT:
        return check_forward_agent(a, err);
    case SSH_SYNTAX_SEND_ENV:
        return check_send_env(a, err);
    case SSH_SYNTAX_SET_ENV:
        return check_set_env(a, err);
    case SSH_SYNTAX_DOMAINS:
        return check_domains(a, err);
    case SSH_SYNTAX_CNAMES:
        return check_cnames(a, err);
    case SSH_SYNTAX_ANYTHING:
    case SSH_SYNTAX_COMMAND:
    case SSH_SYNTAX_HOST:
    case SSH_SYNTAX_MATCH:
    case SSH_SYNTAX_INCLUDE:
        a->count = 0;
        return 0;
    default:
        return ssh_check_unused(a, err);
    }
}

int ssh_check(enum ssh_keyword keyword, struct ssh_words *words, struct error *err) {
    struct arguments a = {ssh_keyword_row(keyword), words->items, words->count};
    if (check(&a, err) < 0)
        return -1;
    if (!a.count)
        return 0;
    return error_set(err, ERROR_USAGE, "keyword %s extra arguments at end of line", a.row->name);
}
