/*
 * fuzz_sshconfig: an ssh_config is written by hand, by other programs, and by those who manage
 * other people's machines.
 *
 * The bytes are read as a user's file and evaluated for two servers. What is held: no crash, no
 * leak, and a sentence for every refusal. Inputs that would read other files or run commands are
 * left out.
 */
#include "base/clock.h"
#include "fuzz.h"
#include "input/hops.h"
#include "input/sshevaluate.h"
#include "input/sshoptions.h"

/* Goes back over the hosts of a ProxyJump, of which there are no more than it has bytes. */
static void walk_hops(const char *list) {
    cleanup(free_ptr) char *rest = strdup(list);
    for (size_t most = strlen(list) + 1; rest; most--) {
        struct hop hop;
        struct error err = {0};
        require(most > 0);
        if (hop_last(rest, &hop, &err) < 0) {
            require(err.kind == ERROR_UNREACHABLE && err.text[0]);
            return;
        }
        require(*hop.host && *hop.host != '-' && hop.port >= 0 && hop.port <= 65535);
        free(rest);
        rest = TAKE(hop.before);
        hop_done(&hop);
    }
}

static void evaluate(const struct ssh_rules *rules, const struct local_user *local,
                     const char *host) {
    struct error err = {0};
    struct ssh_question q = {
        .rules = rules, .local = local, .original = host, .deadline = DEADLINE_NEVER};
    struct ssh_answer answer;
    struct ssh_options options;
    if (ssh_evaluate(&q, &answer, &err) < 0) {
        require(err.text[0]);
        return;
    }
    if (ssh_options_make(&q, &answer, &options, &err) == 0) {
        if (options.proxy_jump)
            walk_hops(options.proxy_jump);
        ssh_options_done(&options);
    } else {
        require(err.text[0]);
    }
    ssh_answer_done(&answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static char user[] = "bob", home[] = "/home/bob", name[] = "here.example.org", here[] = "here";
    struct local_user local = {user, home, name, here, 1000};
    struct ssh_rules rules;
    struct error err = {0};
    cleanup(free_ptr) char *text = fuzz_text(data, size);
    for (size_t i = 0; i < size; i += strlen(text + i) + 1)
        if (strcasestr(text + i, "inc") || strcasestr(text + i, "exec"))
            return 0;
    if (ssh_rules_read_text("config", text, size, &local, &rules, &err) < 0) {
        require(err.kind == ERROR_USAGE && err.text[0]);
        return 0;
    }
    evaluate(&rules, &local, "web");
    evaluate(&rules, &local, "10.0.0.7");
    ssh_rules_done(&rules);
    return 0;
}
