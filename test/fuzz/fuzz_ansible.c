/*
 * fuzz_ansible: inventories of Ansible's, INI, YAML and JSON, written by any program.
 *
 * What is held: a sentence with a place for every refusal, and printable text only; each host once,
 * with a name that is a server's; and that a server made of it can be connected to as it says: no
 * host or user that is empty or could be an option, a port that is one.
 */
#include "fuzz.h"
#include "input/ansiblesource.h"
#include "input/grouppattern.h"

static void check_lines(struct str *remarks) {
    for (char *line = remarks->len ? strtok(remarks->data, "\n") : NULL; line;
         line = strtok(NULL, "\n")) {
        require(strncmp(line, "f:", 2) == 0);
        require_printable(line, strlen(line));
    }
}

static void check_server(struct ansible *a, size_t host, struct ansible_trouble *trouble) {
    cleanup(str_done) struct str remarks = {0};
    struct server s;
    struct error err;
    require(server_parse(a->host_names.items[host], &s, &err) == 0);
    require(ansible_apply(a, host, &s, trouble, &remarks, &err) == 0);
    require(*s.host && *s.host != '-' && s.port >= 0 && s.port <= 65535);
    require(!s.user || (*s.user && *s.user != '-') || remarks.len > 0);
    require_printable(s.host, strlen(s.host));
    check_lines(&remarks);
    server_done(&s);
}

static void check_group(struct ansible *a) {
    bool *selected = calloc(a->host_names.count + 1, 1);
    struct error err;
    require(selected);
    require(grouppattern_select(a, &a->host_names, "all:&ungrouped:!a*", selected, &err) == 0 ||
            err.kind == ERROR_USAGE);
    free(selected);
}

static void read_as(enum inventory_form form, const uint8_t *data, size_t size) {
    cleanup(ansible_done) struct ansible a = {0};
    cleanup(str_done) struct str text = {0}, remarks = {0};
    struct ansible_trouble trouble = {0};
    struct error err;
    str_add_bytes(&text, data, size);
    int rc = ansiblesource_text(&a, "f", form, &text, &remarks, &err);
    require(rc == 0 || (err.kind == ERROR_USAGE && err.text[0] && remarks.len > 0));
    check_lines(&remarks);
    str_clear(&remarks);
    if (rc == 0) {
        require(ansible_settle(&a, &remarks) == 0);
        for (size_t i = 0; remarks.len == 0 && i < a.host_names.count; i++)
            check_server(&a, i, &trouble);
        if (remarks.len == 0)
            check_group(&a);
        check_lines(&remarks);
    }
    ansible_trouble_done(&trouble);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    read_as(FORM_INI, data, size);
    read_as(FORM_YAML, data, size);
    if (size > 0 && *data == '{')
        read_as(FORM_JSON, data, size);
    return 0;
}
