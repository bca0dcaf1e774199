/*
 * facts: see facts.h.
 *
 *   hostname, kernel, arch    texts
 *   lock                      whether the server-wide lock works
 *
 * and what the rooms add (factrooms.h), each of which says what that is. They are read at the
 * beginning of every session, so they must be cheap: nothing is started, no device is asked but for
 * its PCIe link, and what would take a file for every CPU is told from a few.
 *
 * What a server has hundreds of (disks, network cards) is listed up to a bound and counted beyond
 * it. Should names be so long or so odd that the whole could become longer than muster takes, the
 * room that does not fit is left out, and `facts_cut` is true.
 *
 * Reads /proc and /sys; no state.
 */
#include "facts.h"

#include "base/attr.h"
#include "factrooms.h"
#include "put.h"
#include "wire/wire.h"

#include <ctype.h>
#include <string.h>
#include <sys/utsname.h>

#define LENGTH_MAX (WIRE_FACTS_MAX - 4096) /* muster writes them the same way, but for spaces */

char *facts_value(char *text, const char *key, char separator) {
    size_t n = strlen(key);
    for (char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, n) != 0)
            continue;
        char *p = line + n + strspn(line + n, " \t");
        if (*p++ != separator)
            continue;
        p += strspn(p, " \t\"'");
        char *end = p + strcspn(p, "\n");
        while (end > p && (isspace((unsigned char)end[-1]) || end[-1] == '"' || end[-1] == '\''))
            end--;
        *end = '\0';
        return p;
    }
    return NULL;
}

static bool add_room(struct str *out, void (*add)(struct str *out)) {
    cleanup(str_done) struct str room = {0};
    add(&room);
    if (room.failed || out->len + room.len > LENGTH_MAX)
        return false;
    str_add_char(out, ',');
    str_add_bytes(out, room.data, room.len);
    return true;
}

void facts_add(struct str *out, bool lock) {
    static void (*const rooms[])(struct str *) = {facts_add_machine, facts_add_cpu,
                                                  facts_add_memory, facts_add_devices};
    struct utsname uts = {0};
    cleanup(str_done) struct str facts = {0};
    bool whole = true;
    uname(&uts);
    str_add_char(&facts, '{');
    put_text(&facts, "hostname", uts.nodename);
    put_text(&facts, "kernel", uts.release);
    put_text(&facts, "arch", AGENT_ARCH);
    for (size_t i = 0; i < ARRAY_LEN(rooms); i++)
        whole &= add_room(&facts, rooms[i]);
    put_flag(&facts, "lock", lock);
    if (!whole)
        put_flag(&facts, "facts_cut", true);
    str_add_char(&facts, '}');
    if (facts.failed)
        out->failed = true;
    str_add_bytes(out, facts.data, facts.len);
}
