/* Any line from a server, through wire_parse(): what is read holds what wire.h promises. */
#include "base/text.h"
#include "wire/wire.h"

#include <math.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_printable(const char *text) {
    if (!text)
        return;
    if (!text_is_utf8(text, strlen(text)))
        abort();
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    struct wire_message m;
    struct error err = {0};
    if (wire_parse((const char *)data, n, &m, &err) != 0) {
        check_printable(err.text);
        return 0;
    }
    check_printable(m.version);
    check_printable(m.arch);
    check_printable(m.facts);
    check_printable(m.detail);
    if (!isfinite(m.seconds) || m.output_len > n)
        abort();
    for (size_t i = 0; i < m.metric_count; i++) {
        check_printable(m.metrics[i].name);
        check_printable(m.metrics[i].unit);
        if (!isfinite(m.metrics[i].value))
            abort();
    }
    wire_message_done(&m);
    return 0;
}
