/*
 * sshoptions: see sshoptions.h.
 *
 * The output is one option a line, its keyword in lower case, a space, and its value as it would be
 * after all defaults. An option that is not set is left out, or printed as "none". The two lists of
 * known_hosts files are printed on one line without quotes: a piece that does not begin as a path
 * does is taken for the rest of a path with a space in it.
 *
 * OpenSSH's defaults are written as such an output, too, so that there is one reader.
 *
 * Pure but for the files that reason() looks for; any thread.
 */
#include "input/sshoptions.h"

#include "base/clock.h"
#include "base/str.h"
#include "base/vec.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

struct option {
    const char *key;
    const char *value;
};

struct output {
    char *text;
    struct option *items;
    size_t count, cap;
};

static void output_done(struct output *o) {
    free(o->text);
    free(o->items);
}

static int split(const char *text, struct output *ret, struct error *err) {
    ret->text = strdup(text ? text : "");
    char *rest = ret->text;
    if (!rest)
        return error_memory(err);
    for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n")) {
        line[strcspn(line, "\r")] = '\0';
        char *value = strchr(line, ' ');
        if (!value)
            continue;
        *value++ = '\0';
        if (vec_reserve(&ret->items, &ret->cap, ret->count + 1, sizeof(*ret->items)) < 0)
            return error_memory(err);
        ret->items[ret->count++] = (struct option){line, value};
    }
    return 0;
}

/* The value as it is printed, or NULL. A host or a user may be called "none". */
static const char *text_of(const struct output *o, const char *key) {
    for (size_t i = 0; i < o->count; i++)
        if (strcmp(o->items[i].key, key) == 0)
            return *o->items[i].value ? o->items[i].value : NULL;
    return NULL;
}

/* The value of an option, or NULL when it is not set. */
static const char *value_of(const struct output *o, const char *key) {
    const char *value = text_of(o, key);
    return value && strcasecmp(value, "none") != 0 ? value : NULL;
}

static bool is_on(const struct output *o, const char *key) {
    const char *value = value_of(o, key);
    return value && (strcmp(value, "yes") == 0 || strcmp(value, "true") == 0);
}

/* Of an option that is on unless it is turned off, and may have words of its own for on. */
static bool is_not_off(const struct output *o, const char *key) {
    const char *value = value_of(o, key);
    return !value || (strcmp(value, "no") != 0 && strcmp(value, "false") != 0);
}

static int number_of(const struct output *o, const char *key, int max) {
    const char *value = value_of(o, key);
    char *end;
    long n = value ? strtol(value, &end, 10) : 0;
    return value && !*end && n > 0 && n <= max ? (int)n : 0;
}

/* Copies a string that may be NULL; the flag gathers failures. */
static char *copy(const char *text, bool *failed) {
    char *s = text ? strdup(text) : NULL;
    *failed |= text && !s;
    return s;
}

static void add_path(char ***list, size_t *count, const char *path, const struct ssh_names *names,
                     bool *failed) {
    char **grown = realloc(*list, (*count + 1) * sizeof(**list));
    char *expanded = ssh_expand(path, names);
    if (grown)
        *list = grown;
    if (!grown || !expanded) {
        free(expanded);
        *failed = true;
        return;
    }
    grown[(*count)++] = expanded;
}

/* Reads the list of paths on one line. */
static void add_paths(char ***list, size_t *count, const char *line, const struct ssh_names *names,
                      bool *failed) {
    cleanup(free_ptr) char *paths = copy(line, failed);
    for (char *path = paths; path && *path;) {
        char *end = path + strcspn(path, " ");
        while (*end && strchr("/~", *path) && !strchr("/~%$", end[1]))
            end += 1 + strcspn(end + 1, " ");
        char *next = *end ? end + 1 : end;
        *end = '\0';
        if (*path)
            add_path(list, count, path, names, failed);
        path = next;
    }
}

/* Adds the paths of an option that stands on as many lines as it has values. */
static void add_files(const struct output *o, const char *key, char ***list, size_t *count,
                      const struct ssh_names *names, bool *failed) {
    for (size_t i = 0; i < o->count; i++)
        if (strcmp(o->items[i].key, key) == 0 && strcasecmp(o->items[i].value, "none") != 0)
            add_path(list, count, o->items[i].value, names, failed);
}

/* The agent's socket: a path, the name of a variable, or $SSH_AUTH_SOCK unless that is off. */
static char *agent_of(const struct output *o, const struct ssh_names *names, bool *failed) {
    const char *set = value_of(o, "identityagent");
    if (!set && text_of(o, "identityagent"))
        return NULL;
    const char *variable = !set || strcmp(set, "SSH_AUTH_SOCK") == 0 ? "SSH_AUTH_SOCK"
                           : *set == '$' && set[1] != '{'            ? set + 1
                                                                     : NULL;
    if (variable) {
        const char *path = getenv(variable);
        return copy(path && *path ? path : NULL, failed);
    }
    char *path = ssh_expand(set, names);
    *failed |= !path;
    return path;
}

/* A number of bytes or seconds, 0 when there is none. */
static int64_t amount_of(const char *text) {
    char *end;
    long long n = strtoll(text, &end, 10);
    return end > text && n > 0 ? n : 0;
}

/* "default none", "1073741824 3600", "0 0" */
static void read_rekey(const struct output *o, struct ssh_options *opt) {
    const char *value = text_of(o, "rekeylimit");
    const char *seconds = value ? strchr(value, ' ') : NULL;
    opt->rekey_bytes = value ? amount_of(value) : 0;
    opt->rekey_seconds = seconds ? amount_of(seconds + 1) : 0;
}

static void add_variable(struct ssh_options *opt, const char *text, bool *failed) {
    char **grown = realloc(opt->environment, (opt->environment_count + 1) * sizeof(*grown));
    if (grown)
        opt->environment = grown;
    char *kept = copy(text, failed);
    if (grown && kept)
        grown[opt->environment_count++] = kept;
    else
        free(kept);
    *failed |= !grown;
}

/* This process's variables that a pattern of SendEnv names. */
static void send_variables(struct ssh_options *opt, const char *pattern, bool *failed) {
    for (char **v = environ; *v; v++) {
        cleanup(free_ptr) char *name = strndup(*v, strcspn(*v, "="));
        *failed |= !name;
        if (name && fnmatch(pattern, name, 0) == 0)
            add_variable(opt, *v, failed);
    }
}

static void read_environment(const struct output *o, struct ssh_options *opt, bool *failed) {
    for (size_t i = 0; i < o->count; i++)
        if (strcmp(o->items[i].key, "sendenv") == 0)
            send_variables(opt, o->items[i].value, failed);
    for (size_t i = 0; i < o->count; i++)
        if (strcmp(o->items[i].key, "setenv") == 0)
            add_variable(opt, o->items[i].value, failed);
}

/* A list of algorithms, or NULL when it is what it is without a configuration. */
static char *list_of(const struct output *o, const struct output *usual, const char *key,
                     bool *failed) {
    const char *list = value_of(o, key), *other = value_of(usual, key);
    return list && other && strcmp(list, other) == 0 ? NULL : copy(list, failed);
}

static bool same_piece(const char *a, const char *b) {
    size_t n = strcspn(a, ",");
    return strcspn(b, ",") == n && memcmp(a, b, n) == 0;
}

static const char *next_piece(const char *p) {
    p += strcspn(p, ",");
    return p + (*p == ',');
}

/* Where the piece stands in a list; the list's end when it does not. */
static const char *find_piece(const char *list, const char *piece) {
    while (*list && !same_piece(list, piece))
        list = next_piece(list);
    return list;
}

/*
 * Whether a list is the user's own, or made with ^: not the usual one with some taken out and some
 * put behind, as - and + make it. One of the user's that looks like that is taken for it.
 */
static bool is_own_order(const char *list, const char *usual) {
    const char *left = usual ? usual : "";
    for (const char *p = list ? list : ""; *p; p = next_piece(p)) {
        const char *found = find_piece(left, p);
        if (!*found && usual && *find_piece(usual, p))
            return true; /* it is one of those that came before */
        left = *found ? next_piece(found) : found;
    }
    return false;
}

static int host_key_checking(const struct output *o) {
    const char *value = value_of(o, "stricthostkeychecking");
    if (!value)
        return HOST_KEY_STRICT;
    if (strcmp(value, "accept-new") == 0)
        return HOST_KEY_ACCEPT_NEW;
    /* nobody is there to be asked */
    return strcmp(value, "false") == 0 || strcmp(value, "no") == 0 || strcmp(value, "off") == 0
               ? HOST_KEY_OFF
               : HOST_KEY_STRICT;
}

static int family_of(const struct output *o) {
    const char *value = value_of(o, "addressfamily");
    if (!value || strcmp(value, "any") == 0)
        return AF_UNSPEC;
    return strcmp(value, "inet6") == 0 ? AF_INET6 : AF_INET;
}

/* Whether connections are shared, or an open one is there to be used. */
static bool multiplexes(const struct output *o, const struct ssh_names *names, bool *failed) {
    const char *path = value_of(o, "controlpath"), *master = value_of(o, "controlmaster");
    if (!path)
        return false;
    if (master && strcmp(master, "false") != 0 && strcmp(master, "no") != 0)
        return true;
    cleanup(free_ptr) char *socket = ssh_expand(path, names);
    struct stat st;
    *failed |= !socket;
    return socket && stat(socket, &st) == 0 && S_ISSOCK(st.st_mode);
}

/* Why muster cannot do what the options ask for, or NULL. */
static const char *reason(const struct output *o, const struct ssh_options *opt,
                          const struct ssh_names *names, bool *failed) {
    static const struct {
        const char *key;
        const char *reason;
    } set[] = {
        {"knownhostscommand", "KnownHostsCommand is set"},
        {"pkcs11provider", "PKCS11Provider is set"},
    };
    for (size_t i = 0; i < ARRAY_LEN(set); i++)
        if (value_of(o, set[i].key))
            return set[i].reason;
    if (value_of(o, "proxycommand") && is_on(o, "proxyusefdpass"))
        return "ProxyUseFdpass is set";
    if (opt->proxy_unreadable)
        return "ProxyJump or ProxyCommand has a token that ssh does not know";
    if (multiplexes(o, names, failed))
        return "connections are shared (ControlPath)";
    if (is_on(o, "verifyhostkeydns"))
        return "host keys are looked up in the DNS (VerifyHostKeyDNS)";
    if (is_on(o, "permitlocalcommand") && value_of(o, "localcommand"))
        return "LocalCommand is set";
    return NULL;
}

static void read_known_hosts(const struct output *o, const struct ssh_names *names,
                             struct ssh_options *opt, bool *failed) {
    add_paths(&opt->user_known_hosts, &opt->user_known_hosts_count,
              value_of(o, "userknownhostsfile"), names, failed);
    add_paths(&opt->global_known_hosts, &opt->global_known_hosts_count,
              value_of(o, "globalknownhostsfile"), names, failed);
    opt->host_key_checking = host_key_checking(o);
    opt->hash_known_hosts = is_on(o, "hashknownhosts");
    opt->check_host_ip = is_on(o, "checkhostip");
    opt->trust_localhost = is_on(o, "nohostauthenticationforlocalhost");
    const char *revoked = value_of(o, "revokedhostkeys");
    opt->revoked_host_keys = revoked ? ssh_expand(revoked, names) : NULL;
    *failed |= revoked && !opt->revoked_host_keys;
}

static void read_authentication(const struct output *o, const struct output *usual,
                                struct ssh_options *opt, bool *failed) {
    opt->identities_only = is_on(o, "identitiesonly");
    opt->pubkey_authentication = is_not_off(o, "pubkeyauthentication");
    opt->gssapi_authentication = is_on(o, "gssapiauthentication");
    opt->hostbased_authentication = is_on(o, "hostbasedauthentication");
    opt->kbdinteractive_authentication = is_not_off(o, "kbdinteractiveauthentication");
    opt->password_authentication = is_not_off(o, "passwordauthentication");
    opt->preferred_authentications = list_of(o, usual, "preferredauthentications", failed);
    opt->password_prompts = value_of(o, "numberofpasswordprompts")
                                ? number_of(o, "numberofpasswordprompts", INT32_MAX)
                                : 3;
}

static char *proxy_of(const struct output *o, const char *key, const struct ssh_names *names,
                      struct ssh_options *opt, bool *failed) {
    const char *value = value_of(o, key);
    bool unknown = false;
    char *text = value ? ssh_expand_proxy(value, names, &unknown) : NULL;
    *failed |= value && !text;
    opt->proxy_unreadable |= unknown;
    return text;
}

static void read_connection(const struct output *o, const struct ssh_names *names,
                            struct ssh_options *opt, bool *failed) {
    opt->address_family = family_of(o);
    opt->bind_address = copy(value_of(o, "bindaddress"), failed);
    opt->bind_interface = copy(value_of(o, "bindinterface"), failed);
    opt->connect_timeout = number_of(o, "connecttimeout", INT32_MAX) * CLOCK_S;
    int attempts = number_of(o, "connectionattempts", INT32_MAX);
    opt->connection_attempts = attempts ? attempts : 1;
    opt->proxy_jump = proxy_of(o, "proxyjump", names, opt, failed);
    opt->proxy_command = proxy_of(o, "proxycommand", names, opt, failed);
    opt->tcp_keepalive = is_on(o, "tcpkeepalive");
    opt->alive_interval = number_of(o, "serveraliveinterval", INT32_MAX) * CLOCK_S;
    opt->alive_count_max = number_of(o, "serveralivecountmax", INT32_MAX);
    opt->compression = is_on(o, "compression");
    read_rekey(o, opt);
}

static void read_algorithms(const struct output *o, const struct output *usual,
                            struct ssh_options *opt, bool *failed) {
    opt->ciphers = list_of(o, usual, "ciphers", failed);
    opt->macs = list_of(o, usual, "macs", failed);
    opt->kex = list_of(o, usual, "kexalgorithms", failed);
    opt->host_key_algorithms = list_of(o, usual, "hostkeyalgorithms", failed);
    opt->host_key_order =
        is_own_order(opt->host_key_algorithms, value_of(usual, "hostkeyalgorithms"));
    opt->pubkey_algorithms = list_of(o, usual, "pubkeyacceptedalgorithms", failed);
    if (!value_of(o, "pubkeyacceptedalgorithms")) /* its name before OpenSSH 8.5 */
        opt->pubkey_algorithms = list_of(o, usual, "pubkeyacceptedkeytypes", failed);
}

static void read_options(const struct output *o, const struct output *usual, const char *original,
                         const struct local_user *local, struct ssh_options *opt, bool *failed) {
    opt->hostname = copy(text_of(o, "hostname"), failed);
    opt->user = copy(text_of(o, "user"), failed);
    opt->port = number_of(o, "port", 65535);
    if (!opt->hostname || !opt->user || !opt->port)
        return;
    opt->host_key_alias = copy(text_of(o, "hostkeyalias"), failed);
    struct ssh_names names = {.local = local,
                              .original = original,
                              .hostname = opt->hostname,
                              .user = opt->user,
                              .alias = opt->host_key_alias,
                              .port = opt->port};
    add_files(o, "identityfile", &opt->identity_files, &opt->identity_count, &names, failed);
    add_files(o, "certificatefile", &opt->certificate_files, &opt->certificate_count, &names,
              failed);
    opt->identity_agent = agent_of(o, &names, failed);
    read_known_hosts(o, &names, opt, failed);
    read_authentication(o, usual, opt, failed);
    read_connection(o, &names, opt, failed);
    read_environment(o, opt, failed);
    opt->rsa_min_bits = number_of(o, "requiredrsasize", INT32_MAX);
    read_algorithms(o, usual, opt, failed);
    opt->needs_ssh_program = copy(reason(o, opt, &names, failed), failed);
}

int ssh_options_read(const char *output, const char *usual, const char *original,
                     const struct local_user *local, struct ssh_options *ret, struct error *err) {
    cleanup(output_done) struct output o = {0}, u = {0};
    if (split(output, &o, err) < 0 || split(usual, &u, err) < 0)
        return -1;
    bool failed = false;
    cleanup(ssh_options_done) struct ssh_options opt = {0};
    read_options(&o, &u, original, local, &opt, &failed);
    if (failed)
        return error_memory(err);
    if (!opt.hostname || !opt.user || !opt.port)
        return error_set(err, ERROR_UNREACHABLE, "ssh -G printed no host name, user and port");
    *ret = opt;
    opt = (struct ssh_options){0};
    return 0;
}

int ssh_options_default(const char *host, const char *user, int port, const char *identity,
                        const struct local_user *local, struct ssh_options *ret,
                        struct error *err) {
    static const char *const keys[] = {"id_rsa",     "id_ecdsa",      "id_ecdsa_sk",
                                       "id_ed25519", "id_ed25519_sk", "id_dsa"};
    cleanup(str_done) struct str text = {0};
    str_addf(&text, "hostname %s\nuser %s\nport %d\ntcpkeepalive yes\n", host,
             user ? user : local->name, port ? port : 22);
    if (identity)
        str_addf(&text, "identityfile %s\n", identity);
    for (size_t i = 0; i < ARRAY_LEN(keys) && !identity; i++)
        str_addf(&text, "identityfile ~/.ssh/%s\n", keys[i]);
    str_add(&text, "userknownhostsfile ~/.ssh/known_hosts ~/.ssh/known_hosts2\n"
                   "globalknownhostsfile /etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2\n");
    if (text.failed)
        return error_memory(err);
    if (ssh_options_read(text.data, NULL, host, local, ret, err) < 0)
        return -1;
    ret->defaults = true;
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
