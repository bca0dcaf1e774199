/* Which servers of PostgreSQL count as this machine, by what a user may write. */
#include "test.h"

#include "base/attr.h"
#include "store/postgres_tls.h"

static void knows_this_machine(UNUSED void **state) {
    static const char *const here[][2] = {
        {"", ""},
        {"/run/postgresql", ""},
        {"@abstract", ""},
        {"localhost", ""},
        {"LocalHost", ""},
        {"127.0.0.1", ""},
        {"127.9.9.9", ""},
        {"::1", ""},
        {"0:0:0:0:0:0:0:1", ""},
        {"::ffff:127.0.0.1", ""},
        {"db.example.org", "127.0.0.1"},
        {"/run/postgresql,localhost,::1", ""},
        {"a.example,b.example", "127.0.0.1,::1"},
        {"a.example,localhost", "127.0.0.1,"},
        {"localhost,", ""},
        {"", "127.0.0.1,127.0.0.2"},
    };
    for (size_t i = 0; i < ARRAY_LEN(here); i++)
        if (!postgres_is_local(here[i][0], here[i][1]))
            fail_msg("'%s' at '%s' is another machine", here[i][0], here[i][1]);
}

static void knows_another_machine(UNUSED void **state) {
    static const char *const there[][2] = {
        {"db.example.org", ""},
        {"198.51.100.1", ""},
        {"0.0.0.0", ""},
        {"::", ""},
        {"fd00::1", ""},
        {"::ffff:198.51.100.1", ""},
        {"fe80::1%eth0", ""},
        {"localhost.example.org", ""},
        {"127.0.0.1.example.org", ""},
        {"127.0.0.1.9", ""},
        {"128.0.0.1", ""},
        /* whatever /etc/hosts has */
        {"ip6-localhost", ""},
        {"localhost", "198.51.100.1"},
        {"/run/postgresql", "198.51.100.1"},
        {"localhost,db.example.org", ""},
        {"db.example.org,localhost", ""},
        {"127.0.0.1,::1,198.51.100.1", ""},
        {",db.example.org", ""},
        /* an address that is left out is looked up by the name */
        {"a.example,b.example", "127.0.0.1,"},
        {"a.example,b.example", ",127.0.0.1"},
        {"", "127.0.0.1,198.51.100.1"},
        {"127.0.0.1 127.0.0.1 127.0.0.1 127.0.0.1 127.0.0.1 127.0.0.1 127.0.0.1 127.0.0.1", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(there); i++)
        if (postgres_is_local(there[i][0], there[i][1]))
            fail_msg("'%s' at '%s' is this machine", there[i][0], there[i][1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_this_machine),
        cmocka_unit_test(knows_another_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
