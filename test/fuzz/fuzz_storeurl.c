/*
 * fuzz_storeurl: the URL of a store on PostgreSQL, which people write and which is shown in
 * sentences and logs.
 *
 * What is held: of a URL that libpq can read, what is shown reads as the same settings but for the
 * passwords, of which it has none; of any other, no parameter is shown.
 */
#include "fuzz.h"
#include "store/postgres_text.h"

#include <libpq-fe.h>

static bool is_secret(const char *keyword) {
    return strcmp(keyword, "password") == 0 || strcmp(keyword, "sslpassword") == 0;
}

static void check_same(const PQconninfoOption *settings, const PQconninfoOption *shown) {
    for (; settings->keyword; settings++, shown++) {
        require(strcmp(settings->keyword, shown->keyword) == 0);
        if (is_secret(settings->keyword))
            require(!shown->val);
        else
            require(!settings->val == !shown->val &&
                    (!shown->val || strcmp(settings->val, shown->val) == 0));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char scheme[] = "postgresql://";
    cleanup(free_ptr) char *rest = fuzz_text(data, size);
    cleanup(str_done) struct str url = {0};
    str_add(&url, scheme);
    str_add(&url, rest);
    require(!url.failed);
    cleanup(free_ptr) char *name = postgres_name(url.data);
    require(name && strncmp(name, scheme, sizeof(scheme) - 1) == 0 && strlen(name) <= url.len);
    PQconninfoOption *settings = PQconninfoParse(url.data, NULL);
    PQconninfoOption *shown = PQconninfoParse(name, NULL);
    if (settings) {
        require(shown);
        check_same(settings, shown);
    }
    PQconninfoFree(settings);
    PQconninfoFree(shown);
    return 0;
}
