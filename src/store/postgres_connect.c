/*
 * postgres_connect: see postgres_connect.h.
 *
 * libpq knows where a setting may come from: the URL, the environment, a service, its own default.
 * What muster would rather have by default is given to it where none of the first three says
 * anything; to learn what they say, a connection is begun with a setting that libpq refuses before
 * it does anything, and asked for its options.
 *
 * A name is looked up and a connection made by blocking calls of libpq's (store/postgres_dial).
 * Each host has its connect_timeout; a network that swallows everything later on ends the
 * connection by tcp_user_timeout.
 */
#include "store/postgres_connect.h"

#include "base/clock.h"
#include "base/str.h"
#include "base/text.h"
#include "store/postgres_dial.h"
#include "store/postgres_tls.h"

#include <ctype.h>
#include <errno.h>

#define SLOW (3 * CLOCK_S) /* a connection that fails later than that failed on the network */

static const char *find(const PQconninfoOption *options, const char *keyword) {
    for (; options && options->keyword; options++)
        if (strcmp(options->keyword, keyword) == 0)
            return options->val ? options->val : "";
    return "";
}

static const char *const transient[] = {
    "08",    /* the connection */
    "25006", /* read-only: the server is a replica, now or until it is promoted */
    "40001", "40P01", "53300", "57P01", "57P02",
    "57P03", "57P05", "25P03", /* a transaction stood still for too long: the process was stopped */
};

static bool is_transient(const char *sqlstate) {
    for (size_t i = 0; i < ARRAY_LEN(transient); i++)
        if (strncmp(sqlstate, transient[i], strlen(transient[i])) == 0)
            return true;
    return false;
}

bool postgres_is_over(const char *sqlstate) {
    return is_transient(sqlstate) && strncmp(sqlstate, "40", 2) != 0;
}

static const struct {
    const char *sqlstate; /* or how it begins */
    const char *text;
} remedies[] = {
    {"25006", ": it is a replica, or was made one; a URL may name several servers"},
    {"28", ": see the URL, the password file and pg_hba.conf of the server"},
    {"3D000", ": make it with `createdb`, or name another one in the URL"},
    {"40", ": another transaction was in its way; try again"},
    {"42501", ": the role in the URL lacks the right; another role, or its owner, may do it"},
    {"53100", ": make room there; what is in it is kept, and `muster resume` goes on with a run"},
    {"53300", ": it has no connection left; try again, or raise its max_connections"},
    {"53", ": the server is short of something; see its log"},
    {"55P03", ": another transaction holds a lock; try again when that is done"},
    {"57014", ": somebody cancelled it; try again"},
    {"57P", ": the server ends or begins; try again in a moment"},
    {"58", ": the server cannot reach its disk; see its log"},
    {"XX", ": its data may be damaged; see the log of the server"},
};

static const char *remedy(const char *sqlstate) {
    for (size_t i = 0; i < ARRAY_LEN(remedies); i++)
        if (strncmp(sqlstate, remedies[i].sqlstate, strlen(remedies[i].sqlstate)) == 0)
            return remedies[i].text;
    return "";
}

/* What libpq says in lines, in one, for people. */
static char *one_line(const char *message) {
    cleanup(str_done) struct str flat = {0};
    struct str printable = {0};
    for (const char *p = message; *p; p++)
        if (!isspace((unsigned char)*p))
            str_add_char(&flat, *p);
        else if (flat.len && flat.data[flat.len - 1] != ' ')
            str_add_char(&flat, ' ');
    text_add_printable(&printable, flat.data ? flat.data : "",
                       text_length_trimmed(flat.data ? flat.data : "", flat.len), 300);
    return str_take(&printable);
}

int postgres_refused(const char *name, const char *sqlstate, const char *message,
                     struct error *err) {
    cleanup(free_ptr) char *text = one_line(message);
    error_set(err, ERROR_STORE, "the store %s: %s%s", name, text ? text : "", remedy(sqlstate));
    err->os = is_transient(sqlstate) ? ECONNRESET : 0;
    return -1;
}

int postgres_lost(const char *name, const char *message, struct error *err) {
    cleanup(free_ptr) char *text = one_line(message);
    error_set(err, ERROR_STORE, "the store %s: the connection was lost: %s", name,
              text ? text : "");
    err->os = ECONNRESET;
    return -1;
}

/* Of each setting: what it is in the URL, and what it comes to. */
struct settings {
    PQconninfoOption *url;
    PQconninfoOption *all;
};

static void settings_done(struct settings *s) {
    PQconninfoFree(s->url);
    PQconninfoFree(s->all);
}

static PQconninfoOption *ask_settings(const char *url) {
    const char *keywords[] = {"dbname", "channel_binding", NULL};
    const char *values[] = {url, "refused", NULL};
    PGconn *conn = PQconnectStartParams(keywords, values, 1);
    PQconninfoOption *all = PQconninfo(conn);
    PQfinish(conn);
    return all;
}

/* Whether somebody chose it; a service that chooses what is libpq's default counts for nobody. */
static bool is_chosen(const struct settings *s, const char *keyword, const char *variable,
                      const char *builtin) {
    return *find(s->url, keyword) || getenv(variable) ||
           strcmp(find(s->all, keyword), builtin) != 0;
}

struct params {
    const char *keywords[16], *values[16];
    size_t n;
};

static void add(struct params *p, const char *keyword, const char *value) {
    p->keywords[p->n] = keyword;
    p->values[p->n++] = value;
}

static void add_default(struct params *p, const struct settings *s, const char *keyword,
                        const char *value) {
    if (!*find(s->all, keyword))
        add(p, keyword, value);
}

static void choose(struct params *p, const struct settings *s, const char *url, bool read) {
    const char *hosts = find(s->all, "host"), *addresses = find(s->all, "hostaddr");
    add(p, "dbname", url);
    add(p, "client_encoding", "UTF8");
    add(p, "fallback_application_name", "muster");
    add_default(p, s, "connect_timeout", "10");
    add_default(p, s, "keepalives_idle", "10");
    add_default(p, s, "keepalives_interval", "5");
    add_default(p, s, "keepalives_count", "4");
    add_default(p, s, "tcp_user_timeout", "30000");
    if (!postgres_is_local(hosts, addresses) && !is_chosen(s, "sslmode", "PGSSLMODE", "prefer"))
        add(p, "sslmode", "require");
    if (!read && strchr(*addresses ? addresses : hosts, ',') &&
        !is_chosen(s, "target_session_attrs", "PGTARGETSESSIONATTRS", "any"))
        add(p, "target_session_attrs", "read-write");
}

/* What is wrong with a URL; libpq's words quote it, password and all, and do so behind a colon. */
static int bad_url(const char *name, const char *message, struct error *err) {
    cleanup(free_ptr) char *text = message ? one_line(message) : NULL;
    char *quoted = text ? strstr(text, ": \"") : NULL;
    if (!text)
        return error_memory(err);
    if (quoted)
        *quoted = '\0';
    return error_set(err, ERROR_USAGE, "cannot read the URL of the store %s: %s", name, text);
}

/* The code in "FATAL:  28P01: ...", which is what the server says when it is asked to be verbose.
 */
static void find_sqlstate(const char *message, char ret[6]) {
    for (const char *p = message; (p = strstr(p, ":  ")); p += 3)
        if (strspn(p + 3, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 5 && p[8] == ':')
            memcpy(ret, p + 3, 5);
}

/* Failures of libpq's own have no code. */
static bool is_mistake(const char *m) {
    return postgres_tls_trouble(m) || strstr(m, "certificate") || strstr(m, "private key") ||
           strstr(m, "no password supplied") || strstr(m, "invalid ") || strstr(m, "must be ") ||
           strstr(m, "port numbers to") || strstr(m, "definition of service") ||
           strstr(m, "service file");
}

/* Nor has this one, which comes of a resolver that is restarted, too. */
static bool is_unknown(const char *m) {
    return strstr(m, "Name or service not known") || strstr(m, "No address associated");
}

/* What there is to do about one of those. */
static const char *own_remedy(const char *message) {
    return strstr(message, "no password supplied")
               ? ": put one into ~/.pgpass, for nobody else to read (mode 0600)"
               : "";
}

/*
 * Whether there is no use in trying again. Of who was let in once that is not said for a
 * certificate, a password or a name: they are changed while it runs, in one place a little before
 * the other.
 */
static bool is_final(const char *sqlstate, const char *message, bool again) {
    static const char *const final[] = {"3D", "42", "0A", "22"};
    if (!*sqlstate || strncmp(sqlstate, "28", 2) == 0)
        return !again && (*sqlstate || is_mistake(message) || is_unknown(message));
    for (size_t i = 0; i < ARRAY_LEN(final); i++)
        if (strncmp(sqlstate, final[i], 2) == 0)
            return true;
    return false;
}

static int cannot_connect(const char *name, const char *sqlstate, const char *message, bool again,
                          struct error *err) {
    cleanup(free_ptr) char *text = one_line(message);
    const char *trouble = postgres_tls_trouble(message);
    bool mistake = is_final(sqlstate, message, again);
    error_set(err, mistake ? ERROR_USAGE : ERROR_STORE, "cannot connect to the store %s: %s%s%s%s",
              name, trouble ? trouble : "", trouble ? ": " : "", text ? text : "",
              trouble     ? ""
              : *sqlstate ? remedy(sqlstate)
                          : own_remedy(message));
    err->os = mistake ? 0 : ECONNRESET;
    return -1;
}

/* Whoever has a process list reads URLs. */
static int refuse_password(const char *name, const PQconninfoOption *url, struct error *err) {
    if (!*find(url, "password") && !*find(url, "sslpassword"))
        return 0;
    return error_set(err, ERROR_USAGE,
                     "the URL of the store %s has a password in it, which others on this machine "
                     "can read: put it into ~/.pgpass, or another file that PGPASSFILE names",
                     name);
}

static void ignore_notice(__attribute__((unused)) void *arg,
                          __attribute__((unused)) const char *message) {
}

static PGconn *given_up(const char *name, struct error *err) {
    cannot_connect(name, "", "the server does not answer, and muster is to end", true, err);
    return NULL;
}

/* Why a server refuses is told by a code that libpq shows of a verbose message only. */
static PGconn *try_verbosely(PGconn *conn, const char *name, bool again, const struct ending *e,
                             struct error *err) {
    char sqlstate[6] = "";
    cleanup(free_ptr) char *message = strdup(PQerrorMessage(conn));
    PQsetErrorVerbosity(conn, PQERRORS_VERBOSE);
    if (!postgres_dial_again(conn, e))
        return given_up(name, err);
    PQsetErrorVerbosity(conn, PQERRORS_DEFAULT);
    if (PQstatus(conn) == CONNECTION_OK)
        return conn;
    find_sqlstate(PQerrorMessage(conn), sqlstate);
    cannot_connect(name, sqlstate, message ? message : "", again, err);
    PQfinish(conn);
    return NULL;
}

static PGconn *connect_to(const struct params *p, const char *name, bool again,
                          const struct ending *e, struct error *err) {
    PGconn *conn;
    int64_t began = clock_now();
    if (!postgres_dial(p->keywords, p->values, e, &conn))
        return given_up(name, err);
    if (!conn) {
        error_memory(err);
        return NULL;
    }
    PQsetNoticeProcessor(conn, ignore_notice, NULL);
    if (PQstatus(conn) == CONNECTION_OK)
        return conn;
    const char *why = PQerrorMessage(conn);
    if (clock_now() - began < SLOW && !strstr(why, "timeout expired") && !is_mistake(why) &&
        !is_unknown(why))
        return try_verbosely(conn, name, again, e, err);
    cannot_connect(name, "", why, again, err);
    PQfinish(conn);
    return NULL;
}

PGconn *postgres_connect(const char *url, const char *name, bool read, bool again,
                         const struct ending *e, struct error *err) {
    char *message = NULL;
    cleanup(settings_done) struct settings s = {.url = PQconninfoParse(url, &message)};
    if (!s.url) {
        bad_url(name, message, err);
        PQfreemem(message);
        return NULL;
    }
    if (refuse_password(name, s.url, err) < 0)
        return NULL;
    s.all = ask_settings(url);
    struct params p = {0};
    choose(&p, &s, url, read);
    return connect_to(&p, name, again, e, err);
}
