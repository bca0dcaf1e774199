/*
 * fuzz_units: numbers, durations and sizes, muster's own and those of ssh_config.
 *
 * What is held: what is read is within what the headers promise; a duration that is printed reads
 * back as itself, within the six digits that are printed; and number_parse() takes nothing that
 * strtod() reads otherwise.
 */
#include "base/clock.h"
#include "base/units.h"
#include "fuzz.h"
#include "input/sshvalues.h"

#include <math.h>

static void check_number(const char *text, size_t size) {
    double number, whole;
    char *end;
    if (number_parse(text, size, &number) != 0)
        return;
    whole = strtod(text, &end);
    require(isfinite(number) && number == whole && end == text + size);
}

static void check_duration(const char *text) {
    int64_t ns, again;
    char shown[DURATION_TEXT];
    struct error err = {0};
    if (duration_parse(text, &ns, &err) < 0) {
        require(err.kind == ERROR_USAGE && err.text[0]);
        return;
    }
    require(ns > 0);
    duration_format(ns, shown);
    require(duration_parse(shown, &again, &err) == 0);
    require(fabs((double)again - (double)ns) <= 1 + 1e-5 * (double)ns);
}

/* Any length can be printed, though only those that are not too long read back. */
static void check_length(const uint8_t *data, size_t size) {
    int64_t ns = 0, again;
    char shown[DURATION_TEXT];
    struct error err = {0};
    memcpy(&ns, data, size < sizeof ns ? size : sizeof ns);
    ns &= INT64_MAX;
    duration_format(ns, shown);
    if (duration_parse(shown, &again, &err) == 0)
        require(fabs((double)again - (double)ns) <= 1 + 1e-5 * (double)ns);
    else
        require(ns == 0 || ns > 8999999999 * CLOCK_S);
}

/* What may be zero, too, is otherwise the same. */
static void check_zero(const char *text) {
    int64_t ns, again;
    struct error err = {0};
    if (duration_parse_zero(text, &ns, &err) < 0)
        require(duration_parse(text, &again, &err) < 0);
    else
        require(ns == 0 || (duration_parse(text, &again, &err) == 0 && again == ns));
}

static void check_size(const char *text) {
    int64_t bytes;
    struct error err = {0};
    if (size_parse(text, &bytes, &err) < 0)
        require(err.kind == ERROR_USAGE && err.text[0]);
    else
        require(bytes >= 0);
}

static void check_ssh(const char *text) {
    long long number = -1;
    require(ssh_number_mistake(text, 1000, &number) || (number >= 0 && number <= 1000));
    require(ssh_seconds_read(text) >= -1 && ssh_size_read(text) >= -1);
    int port = ssh_port_read(text);
    require(port >= 0 && port <= 65535);
    if (ssh_seconds_read(text) >= 0)
        require(ssh_time_read(text) >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    cleanup(free_ptr) char *text = fuzz_text(data, size);
    check_number(text, size);
    check_duration(text);
    check_length(data, size);
    check_zero(text);
    check_size(text);
    check_ssh(text);
    return 0;
}
