/*
 * journal: what this agent has answered, so that a session that takes up where another was lost
 * gets the same answers, and nothing is run twice.
 */
#pragma once

#include "base/str.h"
#include "json.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct journal {
    struct str text; /* lines, as the file has them */
    struct journal_entry *entries;
    size_t count, cap;
    char *path; /* of the file; NULL: there is none */
    int fd;     /* -1: none, or it could not be written any more */
};

/* The name of a run's files on a server that it calls `key`: the run and some hex digits. */
#define JOURNAL_NAME_MAX 96

/*
 * Opens the journal with that name beside the agent's own file, with what an earlier agent wrote.
 * Where no file can be had, what is added is kept in memory only.
 */
void journal_open(struct journal *j, const char *name);

/* The question that a request asks: what it would measure, without its id and its time-outs. */
uint64_t journal_question(const struct json *request);

/* The answer to the id's question, a whole line of *n bytes until the next call, or NULL. */
const char *journal_find(const struct journal *j, int64_t id, uint64_t question, size_t *n);

/* Adds an answer, a whole line; on disk when it returns. */
void journal_add(struct journal *j, int64_t id, uint64_t question, const char *line, size_t n);

/* Closes it; `remove` removes its file, too. */
void journal_close(struct journal *j, bool remove);
