/*
 * htmldata: see htmldata.h.
 *
 * The log has the lines of all servers in the order of time. It is read once to know where those of
 * each server are, and then here and there. A server is known in it by its name, of which only a
 * hash is kept: the names are compared when lines are read again.
 *
 * Threads: one. What is opened here is closed here.
 */
#include "report/htmldata.h"

#include "base/hash.h"
#include "base/str.h"
#include "base/vec.h"
#include "report/document.h"
#include "wire/jsontext.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>
#include <zlib.h>

#define BLOCK_SERVERS 32
#define BLOCK_SIZE (1024 * 1024) /* of JSON: one more server would be too much to wait for */
#define LOG_LINES 2000           /* of one server, the last ones */

/* ---- the log ---- */

struct line {
    uint64_t server; /* hash of its name */
    int64_t at;      /* where in the file */
    int64_t size;
};

struct log {
    FILE *in; /* NULL: there is none */
    struct line *lines;
    size_t count, cap;
    char *text; /* of the line that was read last */
    size_t room;
};

static void log_done(struct log *l) {
    if (l->in)
        fclose(l->in);
    free(l->lines);
    free(l->text);
}

static uint64_t hash_name(const char *name) {
    return hash_text(0, name, strlen(name));
}

/* The line as JSON if it is of a server: NULL, and err->kind ERROR_NONE, if not. */
static json_t *read_line(const char *text, const char **server, struct error *err) {
    err->kind = ERROR_NONE;
    if (!strstr(text, "\"server\"")) /* most that are of none need not be parsed */
        return NULL;
    json_t *object = jsontext_read(text, err);
    if (!object && err->kind != ERROR_INTERNAL)
        err->kind = ERROR_NONE; /* cut off by a power failure, say */
    *server = json_string_value(json_object_get(object, "server"));
    if (*server)
        return object;
    json_decref(object);
    return NULL;
}

static int add_line(struct log *l, int64_t at, ssize_t size, struct error *err) {
    const char *server;
    json_t *object = read_line(l->text, &server, err);
    if (!object)
        return err->kind == ERROR_NONE ? 0 : -1;
    int rc = vec_reserve(&l->lines, &l->cap, l->count + 1, sizeof(*l->lines));
    if (rc == 0)
        l->lines[l->count++] = (struct line){hash_name(server), at, size};
    json_decref(object);
    return rc < 0 ? error_memory(err) : 0;
}

static int by_server(const void *a, const void *b) {
    const struct line *x = a, *y = b;
    if (x->server != y->server)
        return x->server < y->server ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

static int log_open(struct log *l, const struct report_source *from, struct error *err) {
    if (from->log && from->log(from, &l->in, err) < 0)
        return -1;
    if (!l->in)
        return 0;
    int64_t at = 0;
    ssize_t size;
    for (; (size = getline(&l->text, &l->room, l->in)) > 0; at += size)
        if (add_line(l, at, size, err) < 0)
            return -1;
    if (l->count)
        qsort(l->lines, l->count, sizeof(*l->lines), by_server);
    return 0;
}

/* Where the server's lines begin, if it has any, else where they would stand. */
static size_t first_line(const struct log *l, uint64_t server) {
    size_t low = 0, high = l->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (l->lines[middle].server < server)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Appends a line as it stands in the log, if it is the server's. */
static int write_line(struct log *l, const struct line *line, const char *name, FILE *to,
                      const char **before, struct error *err) {
    const char *server;
    if (fseeko(l->in, line->at, SEEK_SET) != 0 || getline(&l->text, &l->room, l->in) <= 0)
        return 0;
    json_t *object = read_line(l->text, &server, err);
    if (!object)
        return err->kind == ERROR_NONE ? 0 : -1;
    if (strcmp(server, name) == 0) {
        fputs(*before, to);
        *before = ",\n";
        if (json_dumpf(object, to, JSON_COMPACT | JSON_REAL_PRECISION(15)) < 0)
            error_memory(err);
    }
    json_decref(object);
    return err->kind == ERROR_NONE ? 0 : -1;
}

static int write_log(struct log *l, const char *name, FILE *to, struct error *err) {
    uint64_t server = hash_name(name);
    size_t first = first_line(l, server), end = first;
    while (end < l->count && l->lines[end].server == server)
        end++;
    if (end - first > LOG_LINES)
        first = end - LOG_LINES;
    const char *before = "";
    for (; first < end; first++)
        if (write_line(l, &l->lines[first], name, to, &before, err) < 0)
            return -1;
    return 0;
}

/* ---- blocks ---- */

struct data {
    FILE *out;
    struct log log;
    size_t first, count; /* of the servers that are in the block */
    FILE *block;         /* JSON, NULL: none was begun */
    char *json;
    size_t len;
    struct str packed, coded;
};

static void data_done(struct data *d) {
    if (d->block)
        fclose(d->block);
    free(d->json);
    log_done(&d->log);
    str_done(&d->packed);
    str_done(&d->coded);
}

static int pack(struct data *d, struct error *err) {
    z_stream z = {.next_in = (Bytef *)d->json, .avail_in = (uInt)d->len};
    if (deflateInit2(&z, 6, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY) != Z_OK)
        return error_memory(err);
    uLong most = deflateBound(&z, z.avail_in);
    str_clear(&d->packed);
    z.next_out = (Bytef *)str_room(&d->packed, most);
    z.avail_out = (uInt)most;
    int rc = z.next_out ? deflate(&z, Z_FINISH) : Z_MEM_ERROR;
    d->packed.len = z.total_out;
    deflateEnd(&z);
    return rc == Z_STREAM_END ? 0 : error_memory(err);
}

static int encode(struct data *d, struct error *err) {
    str_clear(&d->coded);
    char *to = str_room(&d->coded, 4 * (d->packed.len / 3 + 1));
    if (!to)
        return error_memory(err);
    d->coded.len = (size_t)EVP_EncodeBlock(
        (unsigned char *)to, (const unsigned char *)d->packed.data, (int)d->packed.len);
    return 0;
}

static int end_block(struct data *d, struct error *err) {
    if (!d->block)
        return 0;
    fputs("]", d->block);
    if (fclose(TAKE(d->block)) != 0)
        return error_memory(err);
    /* deflate() and EVP_EncodeBlock() count in ints */
    if (d->len > INT32_MAX / 4)
        return error_set(err, ERROR_INTERNAL, "one server's results are too large for a page");
    if (pack(d, err) < 0 || encode(d, err) < 0)
        return -1;
    fprintf(d->out,
            "<script type=\"application/octet-stream\" class=\"servers\" data-first=\"%zu\" "
            "data-last=\"%zu\">\n",
            d->first, d->first + d->count - 1);
    fwrite(d->coded.data, 1, d->coded.len, d->out);
    fputs("\n</script>\n", d->out);
    d->first += d->count;
    d->count = 0;
    free(TAKE(d->json));
    return 0;
}

static int add_server(void *arg, const char *server, const struct server_result *r,
                      struct error *err) {
    struct data *d = arg;
    if (!d->block && !(d->block = open_memstream(&d->json, &d->len)))
        return error_memory(err);
    fputs(d->count ? ",{\"server\":" : "[{\"server\":", d->block);
    if (document_add(d->block, true, server, r, err) < 0)
        return -1;
    fputs(",\"log\":[", d->block);
    err->kind = ERROR_NONE;
    if (d->log.in && write_log(&d->log, server, d->block, err) < 0)
        return -1;
    fputs("]}", d->block);
    if (fflush(d->block) != 0)
        return error_memory(err);
    d->count++;
    return d->count == BLOCK_SERVERS || d->len >= BLOCK_SIZE ? end_block(d, err) : 0;
}

int htmldata_write(FILE *out, const struct report_source *from, struct error *err) {
    cleanup(data_done) struct data d = {.out = out};
    err->kind = ERROR_NONE;
    if (log_open(&d.log, from, err) < 0 || from->each(from, add_server, &d, err) < 0)
        return -1;
    return end_block(&d, err);
}
