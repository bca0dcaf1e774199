/* Any line from a server, through wire_parse(): what is read holds what wire.h promises. */
#include "fuzz.h"
#include "wire/wire.h"

#include <math.h>

static void check_text(const char *text) {
    require_printable(text, text ? strlen(text) : 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    struct wire_message m;
    struct error err = {0};
    if (wire_parse((const char *)data, n, &m, &err) != 0) {
        require(err.kind == ERROR_BAD_OUTPUT);
        check_text(err.text);
        return 0;
    }
    check_text(m.version);
    check_text(m.arch);
    check_text(m.facts);
    check_text(m.class);
    check_text(m.conditions);
    check_text(m.sensors);
    check_text(m.detail);
    require(isfinite(m.seconds) && m.seconds >= 0 && m.output_len <= n);
    require(m.type != WIRE_OUTPUT || m.bytes >= (int64_t)m.output_len);
    for (size_t i = 0; i < m.metric_count; i++) {
        check_text(m.metrics[i].name);
        check_text(m.metrics[i].unit);
        require(isfinite(m.metrics[i].value));
    }
    wire_message_done(&m);
    return 0;
}
