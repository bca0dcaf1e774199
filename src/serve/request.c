/* request: see request.h. */
#include "serve/request.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int hex(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int request_decode(const char *text, size_t n, bool plus, char **ret, struct error *err) {
    cleanup(free_ptr) char *out = malloc(n + 1);
    size_t len = 0;
    if (!out)
        return error_memory(err);
    for (size_t i = 0; i < n; i++) {
        char c = text[i];
        if (c == '+' && plus)
            c = ' ';
        else if (c == '%') {
            int high = i + 2 < n ? hex(text[i + 1]) : -1;
            int low = i + 2 < n ? hex(text[i + 2]) : -1;
            if (high < 0 || low < 0)
                return error_set(err, ERROR_USAGE,
                                 "a percent sign in an address is followed by two hexadecimal "
                                 "digits");
            c = (char)(high << 4 | low);
            i += 2;
        }
        out[len++] = c;
    }
    out[len] = '\0';
    if (strlen(out) != len || !text_is_utf8(out, len))
        return error_set(err, ERROR_USAGE, "an address is UTF-8 without NUL");
    *ret = TAKE(out);
    return 0;
}

static int parse_path(struct request *q, const char *path, struct error *err) {
    while (*path == '/') {
        size_t n = strcspn(++path, "/");
        if (q->segment_count == REQUEST_SEGMENTS)
            return error_set(err, ERROR_USAGE, "there is nothing that deep");
        if (request_decode(path, n, false, &q->segments[q->segment_count], err) < 0)
            return -1;
        q->segment_count++;
        path += n;
    }
    /* a slash at the end leads nowhere else than without it */
    if (q->segment_count > 0 && !*q->segments[q->segment_count - 1]) {
        q->segment_count--;
        free(TAKE(q->segments[q->segment_count]));
    }
    return 0;
}

struct parsing {
    struct request *q;
    struct error *err;
    int rc;
};

static enum MHD_Result add_parameter(void *arg, enum MHD_ValueKind kind, const char *key,
                                     const char *value) {
    (void)kind;
    struct parsing *p = arg;
    struct request *q = p->q;
    if (q->parameter_count == REQUEST_PARAMETERS) {
        p->rc = error_set(p->err, ERROR_USAGE, "too many parameters");
        return MHD_NO;
    }
    size_t i = q->parameter_count++;
    /* the library has made blanks of plus signs */
    p->rc = request_decode(key, strlen(key), false, &q->parameters[i].key, p->err);
    if (p->rc == 0)
        p->rc = request_decode(value ? value : "", value ? strlen(value) : 0, false,
                               &q->parameters[i].value, p->err);
    for (size_t k = 0; p->rc == 0 && k < i; k++)
        if (strcmp(q->parameters[k].key, q->parameters[i].key) == 0)
            p->rc = error_set(p->err, ERROR_USAGE, "the parameter '%.40s' is given twice",
                              q->parameters[i].key);
    return p->rc == 0 ? MHD_YES : MHD_NO;
}

int request_parse(struct request *q, const char *path, struct error *err) {
    struct parsing p = {.q = q, .err = err};
    if (*path != '/')
        return error_set(err, ERROR_USAGE, "an address begins with a slash");
    if (parse_path(q, path, err) < 0)
        return -1;
    MHD_get_connection_values(q->connection, MHD_GET_ARGUMENT_KIND, add_parameter, &p);
    return p.rc;
}

struct framing {
    unsigned lengths, hosts, encodings;
    bool blank;
};

static enum MHD_Result note_framing(void *arg, enum MHD_ValueKind kind, const char *key,
                                    const char *value) {
    (void)kind;
    (void)value;
    struct framing *f = arg;
    f->lengths += strcasecmp(key, "Content-Length") == 0;
    f->hosts += strcasecmp(key, "Host") == 0;
    f->encodings += strcasecmp(key, "Transfer-Encoding") == 0;
    f->blank |= strpbrk(key, " \t") != NULL;
    return MHD_YES;
}

bool request_is_ambiguous(const struct request *q) {
    struct framing f = {0};
    MHD_get_connection_values(q->connection, MHD_HEADER_KIND, note_framing, &f);
    return f.lengths + f.encodings > 1 || f.hosts > 1 || f.blank;
}

void request_done(struct request *q) {
    for (size_t i = 0; i < q->segment_count; i++)
        free(q->segments[i]);
    for (size_t i = 0; i < q->parameter_count; i++) {
        free(q->parameters[i].key);
        free(q->parameters[i].value);
    }
}

const char *request_parameter(const struct request *q, const char *key) {
    for (size_t i = 0; i < q->parameter_count; i++)
        if (strcmp(q->parameters[i].key, key) == 0)
            return q->parameters[i].value;
    return NULL;
}

const char *request_header(const struct request *q, const char *name) {
    return MHD_lookup_connection_value(q->connection, MHD_HEADER_KIND, name);
}
