/*
 * simreport: see simreport.h.
 *
 * The kinds are what data centres buy; of more kinds than there are, the later ones have twice the
 * memory. The kernel keeps some of what the DIMMs hold for itself, as it does in life. Pure.
 */
#include "transport/simreport.h"

#include "base/hash.h"

#include <inttypes.h>

#define GIB (INT64_C(1) << 30)

struct make {
    const char *cpu;
    const char *microcode, *other_microcode;
    const char *governor;
    int sockets, cores; /* cores of both sockets */
    int base_mhz, max_mhz;
    int dimms, dimm_gib, dimm_mts, slow_mts;
    const char *disk;
    int gpus;
    const char *gpu;
};

static const struct make makes[] = {
    {"AMD EPYC 9654 96-Core Processor", "0xa101148", "0xa101144", "performance", 2, 192, 2400, 3700,
     24, 32, 4800, 4000, "SAMSUNG MZQL23T8HCLS-00A07", 0, NULL},
    {"Intel(R) Xeon(R) Platinum 8480+", "0x2b000603", "0x2b0004d0", "performance", 2, 112, 2000,
     3800, 16, 32, 4800, 4400, "INTEL SSDPF2KX038TZ", 0, NULL},
    {"AMD EPYC 7763 64-Core Processor", "0xa0011d5", "0xa0011ce", "performance", 2, 128, 2450, 3529,
     16, 32, 3200, 2933, "MTFDKCC3T8TDZ", 8, "NVIDIA A100-SXM4-80GB"},
    {"Intel(R) Xeon(R) Gold 6338 CPU @ 2.00GHz", "0xd0003f5", "0xd0003a5", "performance", 2, 64,
     2000, 3200, 16, 16, 3200, 2933, "SAMSUNG MZ7LH1T9HMLT-00005", 0, NULL},
    {"AMD EPYC 9354P 32-Core Processor", "0xa101148", "0xa101144", "performance", 1, 32, 3250, 3799,
     12, 32, 4800, 4000, "KCD81RUG3T84", 4, "NVIDIA L40S"},
    {"Intel(R) Xeon(R) Silver 4314 CPU @ 2.40GHz", "0xd0003f5", "0xd0003a5", "performance", 2, 32,
     2400, 3400, 8, 32, 2666, 2400, "SAMSUNG MZ7L31T9HBLT-00A07", 0, NULL},
    {"Neoverse-N1", NULL, NULL, "performance", 1, 80, 3000, 3000, 8, 32, 3200, 2933,
     "SAMSUNG MZQL21T9HCJR-00A07", 0, NULL},
    {"AMD EPYC 7302P 16-Core Processor", "0x830107c", "0x830107a", "performance", 1, 16, 3000, 3300,
     8, 16, 3200, 2666, "MTFDDAK1T9TDS", 0, NULL},
};

#define MAKES (sizeof(makes) / sizeof(*makes))

static bool shows(const struct simserver *who, enum simcause cause) {
    return who->fault == SIMFAULT_SLOW && who->cause == cause;
}

static bool is_hot(const struct simserver *who) {
    return who->fault == SIMFAULT_THROTTLED;
}

/* ---- facts ---- */

static void add_text(struct str *out, const char *key, const char *value) {
    if (value)
        str_addf(out, ",\"%s\":\"%s\"", key, value);
    else
        str_addf(out, ",\"%s\":null", key);
}

static void add_dimms(struct str *out, const struct make *m, const struct simserver *who,
                      int64_t gib, int present) {
    int mts = shows(who, SIMCAUSE_DIMM_SPEED) ? m->slow_mts : m->dimm_mts;
    str_addf(out, ",\"dimm_slots\":%d,\"dimms\":[", m->dimms);
    for (int i = 0; i < present; i++)
        str_addf(out,
                 "%s{\"slot\":\"DIMM_%c%d\",\"size_bytes\":%" PRId64
                 ",\"type\":\"DDR%d\",\"speed_mts\":%d,\"configured_mts\":%d}",
                 i ? "," : "", 'A' + i % 26, 1 + i / 26, gib * GIB, m->dimm_mts >= 4800 ? 5 : 4,
                 m->dimm_mts, mts);
    str_add_char(out, ']');
}

static void add_memory(struct str *out, const struct make *m, const struct simserver *who) {
    int64_t gib = (int64_t)m->dimm_gib << who->kind / MAKES;
    int present = shows(who, SIMCAUSE_DIMM_MISSING) ? m->dimms - 1 : m->dimms;
    int64_t bytes = gib * GIB * present;
    str_addf(out, ",\"memory_bytes\":%" PRId64, bytes - bytes / 64);
    add_dimms(out, m, who, gib, present);
    int64_t corrected =
        who->fault == SIMFAULT_DRIFT && who->active ? 100 + (int64_t)(who->hash % 10000) : 0;
    str_addf(out, ",\"memory_errors_corrected\":%" PRId64 ",\"memory_errors_uncorrected\":0",
             corrected);
}

static void add_gpus(struct str *out, const struct make *m) {
    str_add(out, ",\"gpus\":[");
    for (int i = 0; i < m->gpus; i++)
        str_addf(out,
                 "%s{\"address\":\"0000:%02x:00.0\",\"vendor_id\":\"0x10de\",\"driver\":\"nvidia\""
                 ",\"model\":\"%s\"}",
                 i ? "," : "", 0x10 * (i + 1), m->gpu);
    str_add_char(out, ']');
}

static void add_disks(struct str *out, const struct make *m) {
    bool nvme = strncmp(m->disk, "SAMSUNG MZ7", 11) != 0 && strncmp(m->disk, "MTFDDAK", 7) != 0;
    str_addf(out,
             ",\"disks\":[{\"name\":\"%s\",\"model\":\"%s\",\"size_bytes\":%" PRId64
             ",\"rotational\":false,\"transport\":\"%s\"}]",
             nvme ? "nvme0n1" : "sda", m->disk, INT64_C(1920383410176), nvme ? "nvme" : "sata");
}

void simreport_add_facts(struct str *out, const struct simserver *who) {
    const struct make *m = &makes[who->kind % MAKES];
    str_add(out, "{\"kernel\":\"6.1.0-18-simulated\",\"arch\":\"simulated\"");
    str_addf(out, ",\"machine_id\":\"%016" PRIx64 "%016" PRIx64 "\"", who->hash,
             hash_mix(who->hash));
    add_text(out, "bios_version", who->other_firmware ? "1.4.6" : "1.5.2");
    add_text(out, "bios_date", who->other_firmware ? "03/11/2025" : "01/20/2026");
    add_text(out, "cpu_model", m->cpu);
    add_text(out, "cpu_microcode", who->other_firmware ? m->other_microcode : m->microcode);
    str_addf(out, ",\"sockets\":%d,\"cores\":%d,\"threads\":%d,\"smt\":true", m->sockets, m->cores,
             2 * m->cores);
    add_text(out, "cpu_governor", shows(who, SIMCAUSE_GOVERNOR) ? "powersave" : m->governor);
    str_addf(out, ",\"cpu_base_mhz\":%d,\"cpu_max_mhz\":%d,\"turbo\":%s", m->base_mhz, m->max_mhz,
             shows(who, SIMCAUSE_TURBO) ? "false" : "true");
    add_memory(out, m, who);
    add_disks(out, m);
    add_gpus(out, m);
    str_addf(out, ",\"uptime_seconds\":%" PRIu64 "}", 3600 + who->hash % 10000000);
}

/* ---- an answer ---- */

static void add_sensors(struct str *out, const struct simserver *who, double seconds) {
    const struct make *m = &makes[who->kind % MAKES];
    unsigned degrees = is_hot(who) ? 97 : 62 + (unsigned)(who->hash % 9);
    double mhz = m->max_mhz * (is_hot(who) ? 1 - who->size : 0.97);
    str_addf(out,
             ",\"sensors\":{\"seconds\":%.6g,\"frequency_mhz\":{\"min\":%.5g,\"mean\":%.5g,"
             "\"max\":%.5g,\"limit\":%d},\"temperature_c\":{\"min\":%u,\"mean\":%u,\"max\":%u,"
             "\"limit\":98},\"throttled\":%u,\"throttled_percent\":%u,\"busy_percent\":0}",
             seconds, mhz * 0.99, mhz, mhz * 1.01, m->max_mhz, degrees - 3, degrees - 1, degrees,
             is_hot(who) ? 40 + (unsigned)(who->hash % 60) : 0,
             is_hot(who) ? 30 + (unsigned)(who->hash % 50) : 0);
    if (is_hot(who))
        str_addf(out, ",\"conditions\":\"throttled: %u C, %.1f of %.1f GHz\"", degrees, mhz / 1000,
                 m->max_mhz / 1000.0);
}

void simreport_add_metrics(struct str *out, const struct simulation *s, const struct simserver *who,
                           uint64_t benchmark, uint64_t trial, double seconds) {
    str_add(out, "\"metrics\":[");
    for (size_t i = 0; i < s->metrics; i++) {
        char name[SIMSERVER_METRIC_TEXT];
        if (!simserver_has(who, i))
            continue;
        bool lower = simserver_lower_is_better(i);
        simserver_metric_name(i, name);
        str_addf(out, "%s{\"name\":\"%s\",\"unit\":\"%s\",\"value\":%.10g,\"better\":\"%s\"}",
                 i ? "," : "", name, lower ? "us" : "points",
                 simserver_value(s, who, benchmark, i, trial), lower ? "lower" : "higher");
    }
    str_add_char(out, ']');
    add_sensors(out, who, seconds);
}
