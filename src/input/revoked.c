/*
 * revoked: see revoked.h.
 *
 * Lists of revoked keys are short, and looked through from the start to the end for each server.
 * Keys are compared as texts: base64 is read strictly, so that a key has one spelling.
 */
#include "input/revoked.h"

#include "base/fd.h"
#include "base/str.h"
#include "base/vec.h"
#include "input/hostkey.h"

#include <string.h>

enum { FILE_MAX = 64 << 20 };

static const char KRL_MAGIC[] = "SSHKRL\n"; /* and the NUL at its end */

struct key {
    const char *text;
    int line;
};

struct revoked {
    char *text;
    struct key *keys;
    size_t count, cap;
    const char *needs_program;
    struct error unreadable; /* kind ERROR_NONE: it was read */
};

/* Whether a line that is neither empty nor a comment could be read; -1: no memory. */
static int add_key(struct revoked *r, char *line, int number, struct str *scratch) {
    char *rest = line;
    const char *type = strsep(&rest, " \t");
    if (!rest)
        return 0;
    char *key = rest + strspn(rest, " \t");
    key[strcspn(key, " \t\r")] = '\0';
    const char *plain = hostkey_type(type, strlen(type), key, strlen(key), scratch);
    if (scratch->failed || vec_reserve(&r->keys, &r->cap, r->count + 1, sizeof(*r->keys)) < 0)
        return -1;
    /* a certificate stands for the key in it */
    if (!plain || strstr(plain, "-cert-"))
        return 0;
    r->keys[r->count++] = (struct key){key, number};
    return 1;
}

static int add_lines(struct revoked *r) {
    cleanup(str_done) struct str scratch = {0};
    char *rest = r->text;
    int number = 0;
    for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n")) {
        number++;
        line += strspn(line, " \t");
        if (!*line || *line == '#')
            continue;
        int added = add_key(r, line, number, &scratch);
        if (added < 0)
            return -1;
        if (added == 0)
            r->needs_program = "RevokedHostKeys has more than plain keys";
    }
    return 0;
}

static int read_text(struct revoked *r, struct str *text) {
    size_t n = text->len;
    if (n >= sizeof(KRL_MAGIC) && memcmp(text->data, KRL_MAGIC, sizeof(KRL_MAGIC)) == 0) {
        r->needs_program = "RevokedHostKeys is a key revocation list";
        return 0;
    }
    if (n == 0)
        return 0;
    /* strings end at a NUL, and what is behind it must not be lost */
    if (memchr(text->data, '\0', n)) {
        r->needs_program = "RevokedHostKeys has more than plain keys";
        return 0;
    }
    r->text = str_take(text);
    return r->text ? add_lines(r) : -1;
}

int revoked_load(const char *file, struct revoked **ret, struct error *err) {
    cleanup(str_done) struct str text = {0};
    struct revoked *r = calloc(1, sizeof(*r));
    if (!r)
        return error_memory(err);
    if (fd_read_file(file, FILE_MAX, &text, &r->unreadable) < 0) {
        if (r->unreadable.kind == ERROR_INTERNAL) {
            *err = r->unreadable;
            revoked_free(r);
            return -1;
        }
    } else if (read_text(r, &text) < 0) {
        revoked_free(r);
        return error_memory(err);
    }
    *ret = r;
    return 0;
}

void revoked_free(struct revoked *r) {
    if (!r)
        return;
    free(r->text);
    free(r->keys);
    free(r);
}

const char *revoked_unreadable(const struct revoked *r) {
    return r->unreadable.kind == ERROR_NONE ? NULL : r->unreadable.text;
}

const char *revoked_needs_program(const struct revoked *r) {
    return r->needs_program;
}

int revoked_line(const struct revoked *r, const char *key) {
    for (size_t i = 0; i < r->count; i++)
        if (strcmp(r->keys[i].text, key) == 0)
            return r->keys[i].line;
    return 0;
}
