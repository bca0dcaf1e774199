/*
 * fuzz_sshconfig: an ssh_config is written by hand, by other programs, and by those who manage
 * other people's machines.
 *
 * The bytes are read as a user's file and evaluated for two servers. What is held: no crash, no
 * leak, and a sentence for every refusal. Inputs that would read other files or run commands are
 * left out.
 */
#include "base/clock.h"
#include "input/sshevaluate.h"
#include "input/sshoptions.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void evaluate(const struct ssh_rules *rules, const struct local_user *local,
                     const char *host) {
    struct error err = {0};
    struct ssh_question q = {
        .rules = rules, .local = local, .original = host, .deadline = DEADLINE_NEVER};
    struct ssh_answer answer;
    struct ssh_options options;
    if (ssh_evaluate(&q, &answer, &err) < 0) {
        if (!err.text[0])
            abort();
        return;
    }
    if (ssh_options_make(&q, &answer, &options, &err) == 0)
        ssh_options_done(&options);
    else if (!err.text[0])
        abort();
    ssh_answer_done(&answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static char user[] = "bob", home[] = "/home/bob", name[] = "here.example.org", here[] = "here";
    struct local_user local = {user, home, name, here, 1000};
    struct ssh_rules rules;
    struct error err = {0};
    cleanup(free_ptr) char *text = malloc(size + 1);
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    for (size_t i = 0; i < size; i += strlen(text + i) + 1)
        if (strcasestr(text + i, "inc") || strcasestr(text + i, "exec"))
            return 0;
    if (ssh_rules_read_text("config", text, size, &local, &rules, &err) < 0) {
        if (err.kind != ERROR_USAGE || !err.text[0])
            abort();
        return 0;
    }
    evaluate(&rules, &local, "web");
    evaluate(&rules, &local, "10.0.0.7");
    ssh_rules_done(&rules);
    return 0;
}
