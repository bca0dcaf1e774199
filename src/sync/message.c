/*
 * message: see message.h. Pure, but for the process's number.
 *
 * The journal's protocol is spoken here, and not by sd_journal_sendv(): that call waits for as long
 * as journald takes nothing, says nothing where there is no journal, and would make a library of
 * systemd's a part of muster everywhere. The protocol is stable and documented ("Native Journal
 * Protocol" of systemd), and as short as this.
 *
 * Daemons behind /dev/log read the older form of syslog, RFC 3164's: what comes in RFC 5424's form
 * there, journald and rsyslog as it is usually set up take for text. So the older one is written.
 */
#include "sync/message.h"

#include "base/clock.h"

#include <endian.h>
#include <stddef.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FACILITY (1 << 3) /* LOG_USER of syslog.h, whose names are those of our levels */
#define SYSLOG_MAX 8192
#define KEY_MAX 64 /* the journal refuses longer ones */

static const int priority[] = {[LOG_DEBUG] = 7, [LOG_INFO] = 6, [LOG_WARNING] = 4, [LOG_ERROR] = 3};

/* The event, the run and the fields, in the bytes that a line of text may have. */
static void add_words(struct str *out, const struct format_record *r, const char *run) {
    const struct log_field of_run[] = {LOG_S("run", run), {.kind = LOG_KIND_END}};
    format_event(out, r->event);
    if (run && !log_fields_have(r->fields, "run"))
        format_fields(out, of_run);
    format_fields(out, r->fields);
}

/* Ends what is a value since `start` behind "KEY=": makes it the other form if it has newlines. */
static void end_value(struct str *out, size_t start) {
    size_t n = out->len - start;
    if (n > 0 && !out->failed && memchr(out->data + start, '\n', n)) {
        uint64_t length = htole64(n);
        if (str_room(out, sizeof(length))) {
            memmove(out->data + start + sizeof(length), out->data + start, n);
            memcpy(out->data + start, &length, sizeof(length));
            out->data[start - 1] = '\n';
            out->len += sizeof(length);
        }
    }
    str_add_char(out, '\n');
}

static void add_pair(struct str *out, const char *name, const char *value) {
    str_add(out, name);
    str_add_char(out, '=');
    size_t start = out->len;
    str_add(out, value);
    end_value(out, start);
}

static void add_field(struct str *out, const struct log_field *field) {
    size_t start = out->len;
    str_add(out, "MUSTER_");
    for (const char *p = field->key; *p && out->len - start < KEY_MAX; p++) {
        char upper = *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p;
        bool valid = (upper >= 'A' && upper <= 'Z') || (upper >= '0' && upper <= '9');
        str_add_char(out, valid ? upper : '_');
    }
    str_add_char(out, '=');
    start = out->len;
    format_value(out, field);
    end_value(out, start);
}

void message_journal(struct str *out, const struct format_record *r, const char *run) {
    char timestamp[25];
    str_add(out, "MESSAGE=");
    add_words(out, r, NULL);
    str_add_char(out, '\n');
    str_addf(out, "PRIORITY=%d\nSYSLOG_IDENTIFIER=muster\n", priority[r->level]);
    add_pair(out, "MUSTER_EVENT", r->event);
    clock_format_utc(r->wall, timestamp);
    add_pair(out, "MUSTER_TIMESTAMP", timestamp);
    if (run && !log_fields_have(r->fields, "run"))
        add_pair(out, "MUSTER_RUN", run);
    for (const struct log_field *f = r->fields; f->kind != LOG_KIND_END; f++)
        if (f->kind != LOG_KIND_STRING || f->string)
            add_field(out, f);
}

void message_syslog(struct str *out, const struct format_record *r, const char *run) {
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    size_t start = out->len;
    time_t second = (time_t)(r->wall / CLOCK_S);
    struct tm tm;
    localtime_r(&second, &tm);
    str_addf(out, "<%d>%.3s %2d %02d:%02d:%02d muster[%d]: ", FACILITY | priority[r->level],
             months + (ptrdiff_t)3 * tm.tm_mon, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
             (int)getpid());
    add_words(out, r, run);
    if (out->failed || out->len - start <= SYSLOG_MAX)
        return;
    size_t end = start + SYSLOG_MAX - 3;
    while ((out->data[end] & 0xc0) == 0x80) /* within a character */
        end--;
    out->len = end;
    str_add(out, "...");
}
