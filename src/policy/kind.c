/* kind: see kind.h. */
#include "policy/kind.h"

#include "base/attr.h"
#include "base/str.h"
#include "base/text.h"
#include "wire/value.h"

#include <ctype.h>
#include <math.h>
#include <string.h>
#include <strings.h>

#define GIB (1024.0 * 1024 * 1024)
#define SURPLUS 1.005 /* of what is sold: rounding of the firmware's, not another size */
#define MODELS_MAX 16 /* different ones of a list */

void kind_done(struct kind *k) {
    free(k->kind);
    free(k->disk);
    free(k->machine);
    *k = (struct kind){0};
}

/* An object of the facts. */
struct object {
    const struct values *all;
    const struct value *value;
};

static const char *text_of(const struct object *o, const char *key) {
    const struct value *v = value_member(o->all, o->value, key);
    return v && v->kind == VALUE_TEXT && v->len > 0 ? v->text : NULL;
}

static double number_of(const struct object *o, const char *key) {
    const struct value *v = value_member(o->all, o->value, key);
    double number = v ? value_number(v) : NAN;
    return number > 0 ? number : NAN;
}

double kind_sold_gib(double bytes) {
    double gib = bytes / GIB / SURPLUS, power = 1;
    if (!(gib > 0) || !isfinite(gib))
        return NAN;
    while (power < gib)
        power *= 2;
    return power > 2 && power * 0.75 >= gib ? power * 0.75 : power;
}

/* ---- models ---- */

/* Words that say nothing that the others do not. */
static bool is_filler(const char *word, size_t n) {
    static const char *const fillers[] = {"AMD", "Intel", "CPU", "Processor", "NVIDIA", "Genuine"};
    for (size_t i = 0; i < ARRAY_LEN(fillers); i++)
        if (strlen(fillers[i]) == n && strncasecmp(word, fillers[i], n) == 0)
            return true;
    return n > 5 && isdigit((unsigned char)*word) && strncasecmp(word + n - 5, "-Core", 5) == 0;
}

/* Whether only a clock rate or a graphics unit is told of from here on. */
static bool is_end(const char *word, size_t n) {
    return *word == '@' || (n == 4 && strncmp(word, "with", n) == 0) ||
           (n == 2 && strncmp(word, "w/", n) == 0);
}

/* `(R)`, `(TM)` and the like at `p`: its length, else 0. */
static size_t mark_length(const char *p) {
    static const char *const marks[] = {"(R)", "(TM)", "(C)"};
    for (size_t i = 0; i < ARRAY_LEN(marks); i++)
        if (strncasecmp(p, marks[i], strlen(marks[i])) == 0)
            return strlen(marks[i]);
    return 0;
}

static void strip_marks(struct str *out, const char *model) {
    while (*model) {
        size_t mark = mark_length(model);
        str_add_char(out, mark ? ' ' : *model);
        model += mark ? mark : 1;
    }
}

/* "Intel(R) Xeon(R) Gold 6338 CPU @ 2.00GHz": Xeon Gold 6338. */
static void add_model(struct str *out, const char *model) {
    cleanup(str_done) struct str plain = {0};
    size_t begin = out->len;
    strip_marks(&plain, model);
    out->failed |= plain.failed;
    for (const char *p = plain.data ? plain.data : ""; *p;) {
        size_t n = strcspn(p, " ");
        if (n > 0 && is_end(p, n))
            break;
        if (n > 0 && !is_filler(p, n)) {
            if (out->len > begin)
                str_add_char(out, ' ');
            str_add_bytes(out, p, n);
        }
        p += n + (p[n] == ' ');
    }
}

/* ---- lists of devices ---- */

struct models {
    const char *names[MODELS_MAX];
    int counts[MODELS_MAX];
    size_t n;
};

static void count_model(struct models *m, const char *name) {
    size_t at = 0;
    while (at < m->n && strcmp(m->names[at], name) < 0)
        at++;
    if (at < m->n && strcmp(m->names[at], name) == 0) {
        m->counts[at]++;
        return;
    }
    if (m->n == MODELS_MAX)
        return;
    memmove(&m->names[at + 1], &m->names[at], (m->n - at) * sizeof(*m->names));
    memmove(&m->counts[at + 1], &m->counts[at], (m->n - at) * sizeof(*m->counts));
    m->names[at] = name;
    m->counts[at] = 1;
    m->n++;
}

/* Display controllers of management boards are no GPUs to compute on. */
static const char *gpu_model(const struct object *gpu) {
    const char *model = text_of(gpu, "model"), *vendor = text_of(gpu, "vendor_id");
    if (model)
        return model;
    if (vendor && strcmp(vendor, "0x10de") == 0)
        return "NVIDIA GPU";
    return vendor && strcmp(vendor, "0x1002") == 0 ? text_of(gpu, "device_id") : NULL;
}

static const char *disk_model(const struct object *disk) {
    return text_of(disk, "model");
}

/* Appends ` 8xH100 80GB HBM3 2xL4`, with `separator` before each. */
static void add_devices(struct str *out, const struct object *facts, const char *key,
                        const char *(*model_of)(const struct object *device),
                        const char *separator) {
    struct models all = {0};
    const struct value *list = value_member(facts->all, facts->value, key);
    const struct value *v = list && list->kind == VALUE_LIST ? value_first(facts->all, list) : NULL;
    for (; v; v = value_next(facts->all, list, v)) {
        const char *model = model_of(&(struct object){facts->all, v});
        if (model)
            count_model(&all, model);
    }
    for (size_t i = 0; i < all.n; i++) {
        if (out->len > 0)
            str_add(out, separator);
        str_addf(out, "%dx", all.counts[i]);
        add_model(out, all.names[i]);
    }
}

/* ---- a server ---- */

static void add_kind(struct str *out, const struct object *facts) {
    const char *model = text_of(facts, "cpu_model");
    double sockets = number_of(facts, "sockets"), cores = number_of(facts, "cores");
    double gib = kind_sold_gib(number_of(facts, "memory_bytes"));
    if (!model)
        model = text_of(facts, "arch");
    if (!model)
        return;
    add_model(out, model);
    if (out->len == 0)
        str_add(out, model);
    if (sockets > 1)
        str_addf(out, " x%.0f", sockets);
    if (!isnan(cores))
        str_addf(out, " %.0fc", cores);
    if (!isnan(gib))
        str_addf(out, " %.0fG", gib);
    add_devices(out, facts, "gpus", gpu_model, " ");
}

/* Whether somebody filled it in: more than one character is used, and no maker's excuse. */
static bool is_identity(const char *text) {
    static const char *const excuses[] = {"o.e.m",     "default",      "not spec",      "none",
                                          "n/a",       "unknown",      "invalid",       "serial",
                                          "not avail", "not provided", "not applicable"};
    size_t n = strlen(text);
    bool varies = false;
    for (size_t i = 1; i < n; i++)
        varies |= text[i] != text[0] && text[i] != '-';
    for (size_t i = 0; i < ARRAY_LEN(excuses); i++)
        if (strcasestr(text, excuses[i]))
            return false;
    return n >= 4 && varies && !strstr(text, "123456789") &&
           strncasecmp(text, "03000200-0400-0500", 18) != 0; /* one that many boards have */
}

static void add_machine(struct str *out, const struct object *facts) {
    static const char *const keys[][2] = {
        {"board_serial", "serial"}, {"product_uuid", "uuid"}, {"machine_id", "id"}};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        const char *text = text_of(facts, keys[i][0]);
        if (!text || !is_identity(text))
            continue;
        str_addf(out, "%s:%s", keys[i][1], text);
        return;
    }
}

/* NULL for an empty one. */
static int take(struct str *text, char **ret, struct error *err) {
    bool failed = text->failed, empty = text->len == 0;
    *ret = empty ? NULL : str_take(text);
    str_done(text);
    return failed || (!empty && !*ret) ? error_memory(err) : 0;
}

int kind_read(const char *facts, struct kind *ret, struct error *err) {
    struct error why;
    struct str kind = {0}, disk = {0}, machine = {0};
    *ret = (struct kind){0};
    cleanup(values_done) struct values all = {0};
    if (facts && values_read_copy(facts, &all, &why) < 0 && why.kind == ERROR_INTERNAL)
        return error_memory(err);
    if (all.count > 0) {
        struct object object = {&all, all.items};
        add_kind(&kind, &object);
        add_devices(&disk, &object, "disks", disk_model, ", ");
        add_machine(&machine, &object);
    }
    int rc = take(&kind, &ret->kind, err);
    rc |= take(&disk, &ret->disk, err);
    rc |= take(&machine, &ret->machine, err);
    if (rc < 0)
        kind_done(ret);
    return rc;
}
