/*
 * outfile: see outfile.h. Belongs to one worker, whose server and trial nobody else writes.
 */
#include "bench/outfile.h"

#include "base/error.h"
#include "base/fd.h"
#include "base/str.h"
#include "sync/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#define NAME_BYTES 200 /* of a file's or folder's name, which may have 255 */

/* A server's name may be longer than a file's: the number behind it keeps such ones apart. */
static void add_name(struct str *path, const char *name) {
    size_t start = path->len;
    uint32_t hash = UINT32_C(0x811c9dc5); /* FNV-1a */
    for (const char *p = name; *p; p++) {
        unsigned char c = (unsigned char)*p;
        hash = (hash ^ c) * UINT32_C(0x01000193);
        if (path->len - start > NAME_BYTES)
            continue;
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '_' || c == '-' || (c == '.' && p > name);
        if (plain)
            str_add_char(path, (char)c);
        else
            str_addf(path, "%%%02X", c);
    }
    if (path->len - start > NAME_BYTES)
        str_addf(path, "-%08" PRIx32, hash);
}

static void give_up(struct outfile *f, const char *why) {
    log_warning("output not kept", LOG_S("file", f->path), LOG_S("detail", why));
    fd_close(&f->fd);
}

static void begin(struct outfile *f) {
    cleanup(str_done) struct str path = {0};
    struct error err;
    struct statvfs room;
    f->fd = -1;
    str_addf(&path, "%s/", f->folder);
    add_name(&path, f->server);
    size_t folder_len = path.len;
    str_add_char(&path, '/');
    add_name(&path, f->benchmark);
    str_addf(&path, "-%d.out", f->trial);
    f->path = str_take(&path);
    if (!f->path)
        return;
    f->path[folder_len] = '\0';
    int rc = fd_make_folders(f->path, &err);
    bool full = rc == 0 && statvfs(f->path, &room) == 0 &&
                (uint64_t)room.f_bavail * room.f_frsize < (uint64_t)OUTFILE_FREE;
    f->path[folder_len] = '/';
    if (rc < 0 || full) {
        give_up(f, full ? "the disk is nearly full" : err.text);
        return;
    }
    f->fd = open(f->path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (f->fd < 0)
        give_up(f, strerror(errno));
}

static void write_some(struct outfile *f, const char *data, size_t n) {
    if (f->fd >= 0 && fd_write_all(f->fd, data, n) < 0)
        give_up(f, strerror(errno));
}

void outfile_add(struct outfile *f, const char *data, size_t n) {
    if (!f->folder)
        return;
    if (!f->path)
        begin(f);
    int64_t room = OUTFILE_MAX - f->size;
    if ((int64_t)n > room)
        n = (size_t)room;
    write_some(f, data, n);
    f->size += (int64_t)n;
}

void outfile_end(struct outfile *f, const char *end, size_t n, int64_t total) {
    if (!f->path)
        return;
    int64_t missing = total - f->size;
    if (missing > (int64_t)n) {
        char note[80];
        int len = snprintf(note, sizeof(note), "\n[%" PRId64 " bytes are missing here]\n",
                           missing - (int64_t)n);
        write_some(f, note, (size_t)len);
        missing = (int64_t)n;
    }
    if (missing > 0)
        write_some(f, end + n - (size_t)missing, (size_t)missing);
    if (f->fd >= 0)
        log_info("output kept", LOG_S("file", f->path), LOG_I("bytes", total));
    outfile_done(f);
}

void outfile_done(struct outfile *f) {
    if (f->path)
        fd_close(&f->fd);
    free(f->path);
    f->path = NULL;
    f->size = 0;
}
