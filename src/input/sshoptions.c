/*
 * sshoptions: see sshoptions.h.
 *
 * What is not set has OpenSSH's default, which for paths is written as in a configuration, so that
 * it is expanded like one. Pure but for the environment, the password database and the files that
 * ssh_reason() looks for; any thread.
 */
#include "input/sshoptions.h"

#include "base/clock.h"
#include "base/str.h"
#include "input/sshalgorithms.h"
#include "input/sshcanonical.h"
#include "input/sshpattern.h"
#include "input/sshvalues.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* What the functions here work on. */
struct making {
    const struct ssh_answer *a;
    const struct ssh_names *names;
    struct ssh_options *o;
    struct error *err;
};

/* Copies a text that may be NULL. */
static int copy(const char *text, char **ret, struct error *err) {
    *ret = text ? strdup(text) : NULL;
    return text && !*ret ? error_memory(err) : 0;
}

/* Takes the text over, also when it fails. */
static int append(char ***list, size_t *count, char *text, struct error *err) {
    char **grown = text ? realloc(*list, (*count + 1) * sizeof(**list)) : NULL;
    if (!grown) {
        free(text);
        return error_memory(err);
    }
    *list = grown;
    grown[(*count)++] = text;
    return 0;
}

static int integer_of(const struct ssh_answer *a, enum ssh_keyword keyword, int usual) {
    const char *text = ssh_answer_text(a, keyword);
    return text ? (int)strtol(text, NULL, 10) : usual;
}

static int64_t time_of(const struct ssh_answer *a, enum ssh_keyword keyword) {
    const char *text = ssh_answer_text(a, keyword);
    return text ? ssh_time_read(text) * CLOCK_S : 0;
}

/* ---- files --------------------------------------------------------------------------------- */

static int add_path(const struct making *m, char ***list, size_t *count, const char *path) {
    char *expanded;
    if (ssh_expand_path(path, m->names, &expanded, m->err) < 0)
        return -1;
    return append(list, count, expanded, m->err);
}

static int read_identities(const struct making *m) {
    static const char *const usual[] = {
        "~/.ssh/id_rsa",        "~/.ssh/id_ecdsa", "~/.ssh/id_ecdsa_sk", "~/.ssh/id_ed25519",
        "~/.ssh/id_ed25519_sk", "~/.ssh/id_xmss",  "~/.ssh/id_dsa"};
    const struct ssh_settings *files = &m->a->identity_files;
    struct ssh_options *o = m->o;
    for (size_t i = 0; i < files->count; i++)
        if (strcasecmp(files->items[i].text, "none") != 0 &&
            add_path(m, &o->identity_files, &o->identity_count, files->items[i].text) < 0)
            return -1;
    for (size_t i = 0; i < ARRAY_LEN(usual) && !files->count; i++)
        if (add_path(m, &o->identity_files, &o->identity_count, usual[i]) < 0)
            return -1;
    files = &m->a->certificate_files;
    for (size_t i = 0; i < files->count; i++)
        if (strcasecmp(files->items[i].text, "none") != 0 &&
            add_path(m, &o->certificate_files, &o->certificate_count, files->items[i].text) < 0)
            return -1;
    return 0;
}

/* The user's lists have tokens and variables, the system's only ~. */
static int read_host_files(const struct making *m) {
    static char *usual_user[] = {"~/.ssh/known_hosts", "~/.ssh/known_hosts2"};
    static char *usual_global[] = {"/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"};
    const struct ssh_directive *user = m->a->won[SSH_USERKNOWNHOSTSFILE];
    const struct ssh_directive *global = m->a->won[SSH_GLOBALKNOWNHOSTSFILE];
    struct ssh_words files = user ? user->words : (struct ssh_words){usual_user, 2};
    struct ssh_options *o = m->o;
    for (size_t i = 0; i < files.count && strcasecmp(files.items[0], "none") != 0; i++)
        if (add_path(m, &o->user_known_hosts, &o->user_known_hosts_count, files.items[i]) < 0)
            return -1;
    files = global ? global->words : (struct ssh_words){usual_global, 2};
    for (size_t i = 0; i < files.count && strcasecmp(files.items[0], "none") != 0; i++) {
        char *path;
        if (ssh_expand_tilde(files.items[i], m->names->local, &path, m->err) < 0 ||
            append(&o->global_known_hosts, &o->global_known_hosts_count, path, m->err) < 0)
            return -1;
    }
    const char *revoked = ssh_answer_value(m->a, SSH_REVOKEDHOSTKEYS);
    return revoked ? ssh_expand_path(revoked, m->names, &o->revoked_host_keys, m->err) : 0;
}

/* The agent's socket: a path, the name of a variable, or $SSH_AUTH_SOCK unless that is off. */
static int read_agent(const struct making *m) {
    const char *set = ssh_answer_text(m->a, SSH_IDENTITYAGENT);
    cleanup(free_ptr) char *path = NULL;
    if (set && ssh_expand_path(set, m->names, &path, m->err) < 0)
        return -1;
    if (path && strcmp(path, "none") == 0)
        return 0;
    if (path && strcmp(path, "SSH_AUTH_SOCK") != 0 && *path != '$') {
        m->o->identity_agent = TAKE(path);
        return 0;
    }
    const char *socket = getenv(path && *path == '$' ? path + 1 : "SSH_AUTH_SOCK");
    return copy(socket && *socket ? socket : NULL, &m->o->identity_agent, m->err);
}

/* ---- environment ------------------------------------------------------------------------------
 */

static bool is_sent(const struct ssh_settings *patterns, const char *name) {
    for (size_t i = 0; i < patterns->count; i++)
        if (ssh_pattern_match(name, patterns->items[i].text))
            return true;
    return false;
}

/* Whether a word before the i-th one sets the same variable. */
static bool is_set_before(const struct ssh_words *w, size_t i) {
    size_t n = strcspn(w->items[i], "=") + 1;
    for (size_t k = 0; k < i; k++)
        if (strncmp(w->items[k], w->items[i], n) == 0)
            return true;
    return false;
}

static int read_environment(const struct making *m) {
    struct ssh_options *o = m->o;
    for (char **v = environ; *v && m->a->send_env.count; v++) {
        cleanup(free_ptr) char *name = strndup(*v, strcspn(*v, "="));
        if (!name)
            return error_memory(m->err);
        if (is_sent(&m->a->send_env, name) &&
            append(&o->environment, &o->environment_count, strdup(*v), m->err) < 0)
            return -1;
    }
    const struct ssh_directive *set = m->a->won[SSH_SETENV];
    for (size_t i = 0; set && i < set->words.count; i++)
        if (!is_set_before(&set->words, i) &&
            append(&o->environment, &o->environment_count, strdup(set->words.items[i]), m->err) < 0)
            return -1;
    return 0;
}

/* ---- the rest ---------------------------------------------------------------------------------
 */

static enum host_key_checking host_key_checking(const struct ssh_answer *a) {
    const char *how = ssh_answer_text(a, SSH_STRICTHOSTKEYCHECKING);
    if (!how)
        return HOST_KEY_STRICT;
    if (strcasecmp(how, "accept-new") == 0)
        return HOST_KEY_ACCEPT_NEW;
    /* nobody is there to be asked */
    return strcasecmp(how, "off") == 0 || strcasecmp(how, "no") == 0 ||
                   strcasecmp(how, "false") == 0
               ? HOST_KEY_OFF
               : HOST_KEY_STRICT;
}

static void read_authentication(const struct ssh_answer *a, struct ssh_options *o) {
    const char *publickey = ssh_answer_text(a, SSH_PUBKEYAUTHENTICATION);
    bool asks = !ssh_answer_flag(a, SSH_BATCHMODE, false);
    o->identities_only = ssh_answer_flag(a, SSH_IDENTITIESONLY, false);
    o->pubkey_authentication =
        !publickey || (strcasecmp(publickey, "no") != 0 && strcasecmp(publickey, "false") != 0);
    o->gssapi_authentication = ssh_answer_flag(a, SSH_GSSAPIAUTHENTICATION, false);
    o->hostbased_authentication = ssh_answer_flag(a, SSH_HOSTBASEDAUTHENTICATION, false);
    o->kbdinteractive_authentication =
        asks && ssh_answer_flag(a, SSH_KBDINTERACTIVEAUTHENTICATION, true);
    o->password_authentication = asks && ssh_answer_flag(a, SSH_PASSWORDAUTHENTICATION, true);
    o->password_prompts = integer_of(a, SSH_NUMBEROFPASSWORDPROMPTS, 3);
    o->rsa_min_bits = integer_of(a, SSH_REQUIREDRSASIZE, 1024);
}

/* Seconds without a word; Debian's OpenSSH has 300 in batch mode. */
static int64_t alive_interval(const struct ssh_answer *a) {
    if (!a->won[SSH_SERVERALIVEINTERVAL] && ssh_answer_flag(a, SSH_BATCHMODE, false))
        return 300 * CLOCK_S;
    return time_of(a, SSH_SERVERALIVEINTERVAL);
}

static int read_connection(const struct ssh_answer *a, struct ssh_options *o, struct error *err) {
    o->host_key_checking = host_key_checking(a);
    o->hash_known_hosts = ssh_answer_flag(a, SSH_HASHKNOWNHOSTS, false);
    o->check_host_ip = ssh_answer_flag(a, SSH_CHECKHOSTIP, false);
    o->trust_localhost = ssh_answer_flag(a, SSH_NOHOSTAUTHENTICATIONFORLOCALHOST, false);
    o->address_family = ssh_answer_family(a);
    o->connect_timeout = time_of(a, SSH_CONNECTTIMEOUT);
    o->connection_attempts = integer_of(a, SSH_CONNECTIONATTEMPTS, 1);
    o->tcp_keepalive = ssh_answer_flag(a, SSH_TCPKEEPALIVE, true);
    o->alive_interval = alive_interval(a);
    o->alive_count_max = integer_of(a, SSH_SERVERALIVECOUNTMAX, 3);
    o->compression = ssh_answer_flag(a, SSH_COMPRESSION, false);
    const char *limit = ssh_answer_text(a, SSH_REKEYLIMIT);
    o->rekey_bytes = limit && strcmp(limit, "default") != 0 ? ssh_size_read(limit) : 0;
    o->rekey_seconds = a->rekey_interval ? ssh_time_read(a->rekey_interval->words.items[1]) : 0;
    if (o->connection_attempts > 0)
        return 0;
    return error_set(err, ERROR_UNREACHABLE, "Invalid number of ConnectionAttempts");
}

static int read_texts(const struct making *m) {
    const struct {
        enum ssh_keyword keyword;
        char **to;
    } texts[] = {
        {SSH_BINDADDRESS, &m->o->bind_address},
        {SSH_BINDINTERFACE, &m->o->bind_interface},
        {SSH_PREFERREDAUTHENTICATIONS, &m->o->preferred_authentications},
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (copy(ssh_answer_text(m->a, texts[i].keyword), texts[i].to, m->err) < 0)
            return -1;
    const struct {
        enum ssh_keyword keyword;
        char **to;
    } lists[] = {
        {SSH_CIPHERS, &m->o->ciphers},
        {SSH_MACS, &m->o->macs},
        {SSH_KEXALGORITHMS, &m->o->kex},
        {SSH_HOSTKEYALGORITHMS, &m->o->host_key_algorithms},
        {SSH_PUBKEYACCEPTEDALGORITHMS, &m->o->pubkey_algorithms},
    };
    const char *order = ssh_answer_text(m->a, SSH_HOSTKEYALGORITHMS);
    m->o->host_key_order = order && *order != '+' && *order != '-';
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        const char *text = ssh_answer_text(m->a, lists[i].keyword);
        if (text && ssh_algorithms_make(lists[i].keyword, text, lists[i].to, m->err) < 0)
            return -1;
    }
    return 0;
}

/* The last of the hops that ProxyJump names, which the tokens and the check for loops want. */
static int last_hop(const char *list, struct ssh_jump *ret, struct error *err) {
    const char *comma = strrchr(list, ',');
    const char *hop = comma ? comma + 1 : list;
    return ssh_jump_parse(hop, strlen(hop), ret) < 0 ? error_memory(err) : 0;
}

/* As ssh -G prints it: the last hop's host in brackets when it is an address. */
static int write_jump(const char *list, const struct ssh_jump *last, char **ret,
                      struct error *err) {
    const char *comma = strrchr(list, ',');
    bool numeric = strchr(last->host, ':') || last->host[strspn(last->host, "1234567890.")] == '\0';
    struct str text = {0};
    if (comma)
        str_add_bytes(&text, list, (size_t)(comma - list) + 1);
    if (last->user)
        str_addf(&text, "%s@", last->user);
    str_addf(&text, numeric ? "[%s]" : "%s", last->host);
    if (last->port)
        str_addf(&text, ":%d", last->port);
    *ret = str_take(&text);
    return *ret ? 0 : error_memory(err);
}

static int read_proxy(const struct making *m, const struct ssh_jump *hop) {
    const char *jump = ssh_answer_value(m->a, SSH_PROXYJUMP);
    const char *command = ssh_answer_value(m->a, SSH_PROXYCOMMAND);
    if (jump) {
        const char *user = hop->user ? hop->user : m->o->user;
        if (strcmp(hop->host, m->o->hostname) == 0 && strcmp(user, m->o->user) == 0 &&
            (hop->port ? hop->port : 22) == m->o->port)
            return error_set(m->err, ERROR_UNREACHABLE, "jumphost loop via %s", hop->host);
        cleanup(free_ptr) char *list = NULL;
        if (write_jump(jump, hop, &list, m->err) < 0)
            return -1;
        return ssh_expand_tokens(list, SSH_TOKENS_PROXY, m->names, &m->o->proxy_jump, m->err);
    }
    if (!command)
        return 0;
    return ssh_expand_tokens(command, SSH_TOKENS_PROXY, m->names, &m->o->proxy_command, m->err);
}

/* Who and where; all else may need it for its tokens. */
static int read_target(const struct ssh_question *q, const struct ssh_answer *a,
                       struct ssh_options *o, struct error *err) {
    const char *user = ssh_answer_text(a, SSH_USER), *port = ssh_answer_text(a, SSH_PORT);
    o->port = port ? ssh_port_read(port) : 22;
    if (copy(a->host, &o->hostname, err) < 0 ||
        copy(user ? user : q->local->name, &o->user, err) < 0 ||
        copy(ssh_answer_text(a, SSH_HOSTKEYALIAS), &o->host_key_alias, err) < 0)
        return -1;
    for (char *p = o->host_key_alias; p && *p; p++)
        *p = (char)tolower((unsigned char)*p);
    return 0;
}

static int make(const struct ssh_question *q, const struct ssh_answer *a, struct ssh_options *o,
                struct error *err) {
    const char *jump = ssh_answer_value(a, SSH_PROXYJUMP);
    cleanup(ssh_jump_done) struct ssh_jump hop = {0};
    if ((jump && last_hop(jump, &hop, err) < 0) || read_target(q, a, o, err) < 0)
        return -1;
    struct ssh_names names = {.local = q->local,
                              .original = q->original,
                              .hostname = o->hostname,
                              .user = o->user,
                              .alias = o->host_key_alias ? o->host_key_alias : q->original,
                              .jump = hop.host ? hop.host : "",
                              .port = o->port};
    const struct making m = {a, &names, o, err};
    read_authentication(a, o);
    if (read_connection(a, o, err) < 0 || read_proxy(&m, &hop) < 0 || read_texts(&m) < 0 ||
        read_agent(&m) < 0 || read_identities(&m) < 0 || read_host_files(&m) < 0 ||
        read_environment(&m) < 0)
        return -1;
    return ssh_reason(a, o, &names, &o->needs_ssh_program, err);
}

int ssh_options_make(const struct ssh_question *q, const struct ssh_answer *a,
                     struct ssh_options *ret, struct error *err) {
    cleanup(ssh_options_done) struct ssh_options o = {0};
    if (make(q, a, &o, err) < 0)
        return -1;
    *ret = o;
    o = (struct ssh_options){0};
    return 0;
}

static void free_list(char **list, size_t count) {
    for (size_t i = 0; i < count; i++)
        free(list[i]);
    free(list);
}

void ssh_options_done(struct ssh_options *o) {
    char *texts[] = {o->hostname,
                     o->user,
                     o->host_key_alias,
                     o->identity_agent,
                     o->revoked_host_keys,
                     o->bind_address,
                     o->bind_interface,
                     o->proxy_jump,
                     o->proxy_command,
                     o->preferred_authentications,
                     o->ciphers,
                     o->macs,
                     o->kex,
                     o->host_key_algorithms,
                     o->pubkey_algorithms,
                     o->needs_ssh_program};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        free(texts[i]);
    free_list(o->identity_files, o->identity_count);
    free_list(o->certificate_files, o->certificate_count);
    free_list(o->environment, o->environment_count);
    free_list(o->user_known_hosts, o->user_known_hosts_count);
    free_list(o->global_known_hosts, o->global_known_hosts_count);
    *o = (struct ssh_options){0};
}
