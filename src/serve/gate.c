/* gate: see gate.h. */
#include "serve/gate.h"

#include "base/clock.h"
#include "serve/auth.h"
#include "serve/site.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* ---- by what name ---- */

static bool is_local(const char *host) {
    size_t n = strcspn(host, host[0] == '[' ? "]" : ":");
    if (host[0] == '[')
        return strncmp(host, "[::1]", 5) == 0 && (!host[5] || host[5] == ':');
    if (n == 9 && strncasecmp(host, "localhost", 9) == 0)
        return true;
    /* 127.0.0.0/8, of digits and points alone: 127.evil.example is a name */
    return strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") == n;
}

static int check_host(const struct request *q, struct answer *a, struct error *err) {
    const char *host = request_header(q, "Host");
    if (!q->site->check_host || (host && is_local(host)))
        return 0;
    return answer_refuse(a, MHD_HTTP_MISDIRECTED_REQUEST, err,
                         "this is muster serve on a loopback address: it answers to localhost, "
                         "127.0.0.1 and [::1], and not to the name '%.100s'; with --token-file it "
                         "answers to any name",
                         host ? host : "");
}

/* ---- the token ---- */

static int64_t now(void) {
    return clock_wall() / CLOCK_S;
}

static bool is_known(const struct request *q) {
    const struct auth *auth = q->site->auth;
    return !auth || auth_is_bearer(auth, request_header(q, "Authorization")) ||
           auth_is_cookie(auth, now(),
                          MHD_lookup_connection_value(q->connection, MHD_COOKIE_KIND, AUTH_COOKIE));
}

/* What a browser shows; programs ask for data, and do not say that they like HTML. */
static bool is_browser(const struct request *q, const char *path) {
    const char *accept = request_header(q, "Accept");
    return strncmp(path, "/api", 4) != 0 && strncmp(path, "/assets", 7) != 0 && accept &&
           strstr(accept, "text/html");
}

static int write_form(struct answer *a, const char *said, struct error *err) {
    spool_done(&a->body);
    if (spool_begin(&a->body, err) < 0)
        return -1;
    a->type = ANSWER_HTML;
    fprintf(a->body.out,
            "<!doctype html>\n"
            "<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
            "<meta name=\"color-scheme\" content=\"light dark\">\n"
            "<title>muster: token</title>\n<link rel=\"stylesheet\" "
            "href=\"/assets/app.css\">\n</head>\n<body>\n<main>\n<h1>muster</h1>\n%s%s%s"
            "<form method=\"post\" action=\"/login\">\n"
            "<input name=\"user\" value=\"muster\" autocomplete=\"username\" hidden>\n"
            "<p><label for=\"token\">Token</label>\n"
            "<input id=\"token\" name=\"token\" type=\"password\" required autofocus "
            "autocomplete=\"current-password\">\n"
            "<button>Go on</button></p>\n"
            "<p>It is in the file that <code>muster serve --token-file</code> was given.</p>\n"
            "</form>\n</main>\n</body>\n</html>\n",
            said ? "<p role=\"alert\">" : "", said ? said : "", said ? "</p>\n" : "");
    return 0;
}

int gate_check(struct request *q, const char *path, struct answer *a, struct error *err) {
    if (check_host(q, a, err) < 0)
        return -1;
    /* the form looks like the other pages; nothing of the store is in an asset */
    if (is_known(q) || strcmp(path, "/healthz") == 0 || strcmp(path, "/login") == 0 ||
        strncmp(path, "/assets/", 8) == 0)
        return 0;
    answer_header(a, "WWW-Authenticate", "Bearer realm=\"muster\"");
    if (!is_browser(q, path))
        return answer_refuse(a, MHD_HTTP_UNAUTHORIZED, err,
                             "this takes the token: `Authorization: Bearer TOKEN`");
    a->status = MHD_HTTP_UNAUTHORIZED;
    return write_form(a, NULL, err) < 0 ? -1 : 1;
}

static int go_to_front(struct answer *a, struct error *err) {
    answer_header(a, "Location", "/");
    a->status = MHD_HTTP_SEE_OTHER;
    a->type = ANSWER_TEXT;
    return spool_begin(&a->body, err);
}

int gate_form(struct request *q, struct answer *a, struct error *err) {
    return is_known(q) ? go_to_front(a, err) : write_form(a, NULL, err);
}

/* Whether one of the fields of the body, as a form sends it, is the token. */
static bool shows_token(const struct request *q) {
    static const char key[] = "token=";
    for (const char *at = q->body; *at;) {
        size_t n = strcspn(at, "&");
        cleanup(free_ptr) char *token = NULL;
        struct error ignored;
        if (n > strlen(key) && strncmp(at, key, strlen(key)) == 0 &&
            request_decode(at + strlen(key), n - strlen(key), true, &token, &ignored) == 0)
            return auth_is_token(q->site->auth, token, strlen(token));
        at += n + (at[n] == '&');
    }
    return false;
}

int gate_login(struct request *q, struct answer *a, struct error *err) {
    char cookie[AUTH_COOKIE_SIZE];
    if (check_host(q, a, err) < 0)
        return -1;
    if (!q->site->auth)
        return go_to_front(a, err);
    if (!shows_token(q)) {
        a->status = MHD_HTTP_FORBIDDEN;
        return write_form(a, "That is not the token.", err);
    }
    /* behind a proxy that speaks TLS, the cookie is for TLS alone */
    const char *proto = request_header(q, "X-Forwarded-Proto");
    auth_make_cookie(q->site->auth, now(), cookie);
    answer_header(a, "Set-Cookie",
                  AUTH_COOKIE "=%s; Path=/; Max-Age=%d; HttpOnly; SameSite=Strict%s", cookie,
                  AUTH_SECONDS, proto && strcmp(proto, "https") == 0 ? "; Secure" : "");
    return go_to_front(a, err);
}
