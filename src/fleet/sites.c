/*
 * sites: see sites.h.
 *
 * What is pending of a run is counted by the database, which takes the longer the more there is. So
 * that looking never costs more than a twentieth of its time, the next look is that much later.
 */
#include "fleet/sites.h"

#include "base/clock.h"
#include "store/crew.h"
#include "sync/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK CLOCK_S /* between two looks, at least */

void sites_done(struct sites *s) {
    str_done(&s->warned);
}

static bool lacks_worker(const struct store_site *site) {
    return site->workers == 0 && site->pending > 0;
}

static bool was_warned(const struct sites *s, const char *site) {
    cleanup(str_done) struct str line = {0};
    str_addf(&line, "\n%s\n", site);
    return line.failed || (s->warned.data && strstr(s->warned.data, line.data));
}

static void warn(struct sites *s, const struct store_site *site) {
    if (was_warned(s, site->site))
        return;
    str_addf(&s->warned, "%s%s\n", s->warned.len ? "" : "\n", site->site);
    log_warning("no worker is there for these servers",
                LOG_S("site", site->site[0] ? site->site : NULL),
                LOG_I("servers", (int64_t)site->pending));
}

static void add_lacking(struct str *out, const struct store_site *site) {
    str_add(out, out->len ? ", " : "");
    str_add(out, site->site[0] ? site->site : "servers of no site");
    str_addf(out, " (%zu server%s)", site->pending, site->pending == 1 ? "" : "s");
}

static int count_workers(struct store *store, size_t *ret, struct error *err) {
    cleanup(free_ptr) struct store_worker *workers = NULL;
    size_t n = 0;
    if (store_workers(store, &workers, &n, err) < 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        *ret += workers[i].lease > 0 && !workers[i].again;
    return 0;
}

static int look(struct sites *s, struct store *store, const struct run *run,
                struct board_crew *crew, struct error *err) {
    cleanup(free_ptr) struct store_site *sites = NULL;
    cleanup(str_done) struct str lacking = {0};
    size_t n = 0;
    if (count_workers(store, &crew->workers, err) < 0 ||
        store_sites(store, run->id, &sites, &n, err) < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        crew->elsewhere += sites[i].claimed;
        if (lacks_worker(&sites[i])) {
            add_lacking(&lacking, &sites[i]);
            warn(s, &sites[i]);
        }
    }
    if (lacking.len && !lacking.failed)
        snprintf(crew->lacking, sizeof(crew->lacking), "%s", lacking.data);
    return 0;
}

int sites_look(struct sites *s, struct store *store, const struct run *run, size_t mine,
               struct board *board, struct error *err) {
    struct board_crew crew = {0};
    int64_t begun = clock_now();
    if (begun < s->due)
        return 0;
    if (look(s, store, run, &crew, err) < 0)
        return -1;
    int64_t pause = 20 * (clock_now() - begun);
    s->due = deadline_in(pause > LOOK ? pause : LOOK);
    crew.elsewhere -= crew.elsewhere < mine ? crew.elsewhere : mine;
    board_crew(board, &crew);
    return 0;
}

int sites_say(struct str *out, struct store *store, const struct run *run, struct error *err) {
    cleanup(free_ptr) struct store_site *sites = NULL;
    cleanup(str_done) struct str lacking = {0};
    size_t n = 0;
    if (store_sites(store, run->id, &sites, &n, err) < 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        if (lacks_worker(&sites[i]))
            add_lacking(&lacking, &sites[i]);
    if (lacking.len && !lacking.failed)
        str_addf(out, "no worker is there for %s.\n", lacking.data);
    return 0;
}
