/*
 * postgres_text: see postgres_text.h.
 *
 * SQL is read no deeper than its quotes: the statements are the store's own.
 *
 * A URL is shown with the user and without the password. Where libpq can read it, what it takes for
 * the password is left out, and no more. Where it cannot, somebody may have forgotten that some
 * characters of a password must be escaped: what stands before the last `@` is a secret from the
 * first colon on, and parameters are, too.
 */
#include "store/postgres_text.h"

#include <ctype.h>
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

/* The end of what is quoted at `p`, which is a quote. A doubled one ends it and begins anew. */
static const char *skip_quoted(const char *p) {
    const char *end = strchr(p + 1, *p);
    return end ? end + 1 : p + strlen(p);
}

/* The end of the words INDEXED BY and of the name behind them; NULL when they are not at `p`. */
static const char *skip_index(const char *p) {
    static const char words[] = "INDEXED BY ";
    if (strncmp(p, words, sizeof(words) - 1) != 0)
        return NULL;
    p += sizeof(words) - 1;
    return p + strcspn(p, " ");
}

int postgres_translate(const char *sql, struct str *ret) {
    int count = 0;
    for (const char *p = sql, *end; *p; p = end) {
        if (*p == '\'' || *p == '"') {
            end = skip_quoted(p);
            str_add_bytes(ret, p, (size_t)(end - p));
        } else if (*p == '?') {
            long n = strtol(p + 1, (char **)&end, 10);
            n = end > p + 1 ? n : count + 1;
            count = n > count ? (int)n : count;
            str_addf(ret, "$%ld", n);
        } else if (!(end = skip_index(p))) {
            str_add_char(ret, *p);
            end = p + 1;
        }
    }
    return count;
}

static bool is_of_word(char c) {
    return isalnum((unsigned char)c) || c == '_';
}

static bool is_word_at(const char *p, const char *word) {
    size_t n = strlen(word);
    return strncasecmp(p, word, n) == 0 && !is_of_word(p[n]);
}

bool postgres_gives_rows(const char *sql) {
    static const char *const first[] = {"SELECT", "WITH", "VALUES", "SHOW", "TABLE"};
    const char *p = sql + strspn(sql, " (\n");
    for (size_t i = 0; i < ARRAY_LEN(first); i++)
        if (is_word_at(p, first[i]))
            return true;
    for (; *p; p = *p == '\'' || *p == '"' ? skip_quoted(p) : p + 1)
        if (is_word_at(p, "RETURNING") && (p == sql || !is_of_word(p[-1])))
            return true;
    return false;
}

/* Appends what stands between `rest` and `end` with the user, but without what follows it up to
 * `at`, where that is not NULL. */
static void add_place(struct str *out, const char *rest, const char *at, const char *end) {
    if (at) {
        str_add_bytes(out, rest, strcspn(rest, ":@"));
        rest = at;
    }
    str_add_bytes(out, rest, (size_t)(end - rest));
}

/* ---- of a URL that libpq can read, as libpq reads it -------------------------------------------
 */

/* The end of the hosts and of the database. */
static const char *find_query(const char *hosts) {
    const char *p = hosts;
    while (*p && *p != '?' && *p != '/') {
        bool address = *p == '[' && (p == hosts || p[-1] == ',');
        const char *end = address ? strchr(p, ']') : NULL;
        p = end ? end : p + 1;
    }
    return p + strcspn(p, "?");
}

/* Whether the parameter at `p` is called so, once its escapes are undone. */
static bool is_called(const char *p, const char *name) {
    char escape[3] = "";
    for (; *name; name++) {
        bool escaped = *p == '%' && p[1] && p[2];
        if (escaped)
            memcpy(escape, p + 1, 2);
        if ((escaped ? (char)strtol(escape, NULL, 16) : *p) != *name)
            return false;
        p += escaped ? 3 : 1;
    }
    return *p == '=';
}

static void add_parameters(struct str *out, const char *p) {
    for (char before = '?'; *p; p += *p != '\0') {
        size_t n = strcspn(p, "&");
        if (!is_called(p, "password") && !is_called(p, "sslpassword")) {
            str_add_char(out, before);
            str_add_bytes(out, p, n);
            before = '&';
        }
        p += n;
    }
}

static void add_url(struct str *out, const char *rest) {
    const char *at = rest + strcspn(rest, "@/");
    const char *query = find_query(*at == '@' ? at + 1 : rest);
    add_place(out, rest, *at == '@' ? at : NULL, query);
    if (*query)
        add_parameters(out, query + 1);
}

/* ---- of another one, whose writer may have forgotten to escape characters of a password
 * ---------- */

/* Whether what follows a question mark is the first of a URL's parameters. */
static bool is_parameter(const char *p) {
    size_t n = strspn(p, "abcdefghijklmnopqrstuvwxyz_");
    return n > 0 && p[n] == '=';
}

static const char *find_parameters(const char *url) {
    const char *p = url;
    while ((p = strchr(p, '?')) && !is_parameter(p + 1))
        p++;
    return p ? p : url + strlen(url);
}

/* The last `@` before `end`, or NULL. */
static const char *find_at(const char *p, const char *end) {
    while (end > p)
        if (*--end == '@')
            return end;
    return NULL;
}

/* No more than what can be no part of a password. */
static void add_mistaken(struct str *out, const char *rest) {
    const char *parameters = find_parameters(rest);
    const char *at = find_at(rest, parameters);
    bool late = !at && strchr(parameters, '@'); /* is it one of a password with `?x=` in it? */
    add_place(out, rest, at, late ? rest + strcspn(rest, ":@/?") : parameters);
}

char *postgres_name(const char *url) {
    struct str out = {0};
    const char *scheme = strstr(url, "://");
    const char *rest = scheme ? scheme + 3 : url;
    PQconninfoOption *settings = PQconninfoParse(url, NULL);
    str_add_bytes(&out, url, (size_t)(rest - url));
    if (settings)
        add_url(&out, rest);
    else
        add_mistaken(&out, rest);
    PQconninfoFree(settings);
    return str_take(&out);
}
