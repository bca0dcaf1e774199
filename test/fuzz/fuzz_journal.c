/*
 * fuzz_journal: the file of answers that an agent which lingered has left, perhaps in a crash.
 *
 * What is held: it is kept up to the last whole line that is an answer; each answer that is found
 * is a whole line, within what was kept; and what is added to it is there when it is opened again.
 */
#include "../../agent/journal.h"

#include "fuzz.h"

#include <fcntl.h>
#include <unistd.h>

#define DISK_TURN 64 /* one input of so many is added to, because that waits for the disk */

static char name[32], path[4200];

static void find_place(void) {
    char own[4096];
    ssize_t n = readlink("/proc/self/exe", own, sizeof(own) - 1);
    require(n > 0);
    own[n] = '\0';
    *strrchr(own, '/') = '\0';
    snprintf(name, sizeof(name), "fuzz-%d", (int)getpid());
    snprintf(path, sizeof(path), "%s/journal-%s", own, name);
}

static void write_file(const uint8_t *data, size_t size) {
    cleanup(fd_close) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    require(fd >= 0 && fd_write_all(fd, data, size) == 0);
}

static void check_line(const struct journal *j, const char *line) {
    char *rest;
    size_t n = 0;
    int64_t id = strtoll(line, &rest, 10);
    uint64_t question = strtoull(rest, NULL, 16);
    const char *answer = journal_find(j, id, question, &n);
    require(answer && n >= 2 && answer[0] == '{' && answer[n - 1] == '\n');
    require(answer > j->text.data && answer + n <= j->text.data + j->text.len);
    require(!memchr(answer, '\n', n - 1));
}

static void check_kept(const struct journal *j, const uint8_t *data, size_t size) {
    require(j->text.len <= size && (!j->text.len || !memcmp(j->text.data, data, j->text.len)));
    for (size_t at = 0; at < j->text.len;) {
        const char *line = j->text.data + at;
        const char *end = memchr(line, '\n', j->text.len - at);
        require(end);
        check_line(j, line);
        at += (size_t)(end + 1 - line);
    }
}

static void check_added(struct journal *j) {
    static const char answer[] = "{\"id\":7}\n";
    size_t n;
    journal_add(j, 7, 8, answer, sizeof(answer) - 1);
    journal_close(j, false);
    journal_open(j, name);
    const char *found = journal_find(j, 7, 8, &n);
    require(found && n == sizeof(answer) - 1 && memcmp(found, answer, n) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct journal j;
    if (!*name)
        find_place();
    write_file(data, size);
    journal_open(&j, name);
    require(j.fd >= 0);
    check_kept(&j, data, size);
    if (size % DISK_TURN == 1)
        check_added(&j);
    journal_close(&j, true);
    return 0;
}
