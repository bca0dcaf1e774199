/*
 * report: a run as a file for people and programs of elsewhere. One source a format.
 *
 * A format is a function that writes the whole of a report to a stream, server after server as they
 * come, so that its memory does not grow with the fleet. It asks its source for the servers as
 * often as it needs; they are the same each time, in the inventory's order.
 *
 * A format fails with what the source fails with, and with ERROR_INTERNAL when memory runs out.
 * What cannot be written shows in ferror() of the stream.
 */
#pragma once

#include "model/result.h"
#include "model/run.h"

#include <stdio.h>

/* One server; a negative value ends the walk and is returned. The result is borrowed. */
typedef int report_server_fn(void *arg, const char *server, const struct server_result *result,
                             struct error *err);

struct report_source {
    const struct run *run;
    const char *notes; /* sentences about the run, a JSON array, or NULL */
    int (*each)(const struct report_source *from, report_server_fn *fn, void *arg,
                struct error *err);
    /* Opens the run's own log, to be read from its beginning and here and there; NULL: there is
     * none. Without this function there is none, either. */
    int (*log)(const struct report_source *from, FILE **ret, struct error *err);
    void *reading; /* for these two alone */
};

typedef int report_fn(FILE *out, const struct report_source *from, struct error *err);

report_fn report_json;     /* document.h */
report_fn report_overview; /* overview.h */
report_fn report_csv;
report_fn report_html;
report_fn report_junit;
report_fn report_prometheus;

/* No longer than GitHub takes a comment, whatever the fleet; it says what was left out. */
#define REPORT_MARKDOWN_MAX 65536
report_fn report_markdown;
