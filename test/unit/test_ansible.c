/*
 * Ansible's inventories, host for host as `ansible-inventory --list` has them: test/ansible holds
 * inventories, and beside each, in a file of its name and `.golden`, what Ansible makes of it
 * (test/ansible/golden wrote it). A line is
 *
 *     name TAB address TAB port TAB user TAB key file TAB kind TAB groups
 *
 * With an inventory as its argument, the program prints these lines and tests nothing.
 */
#include "test.h"

#include "base/fd.h"
#include "input/ansible.h"
#include "input/ansiblerange.h"
#include "input/ansiblesource.h"
#include "input/inventory.h"
#include "input/inventoryform.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

static int by_text(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static const char *shown(const char *text) {
    return text && *text ? text : "-";
}

/* What muster makes of an inventory; mistakes where there is none. */
static void print(const char *path, struct str *out) {
    cleanup(servers_done) struct servers list = {0};
    cleanup(str_done) struct str remarks = {0};
    struct error err;
    struct inventory_source source = {.files = &path, .file_count = 1};
    if (inventory_load(&source, &list, &remarks, &err) < 0) {
        str_addf(out, "%s%s\n", remarks.len ? remarks.data : "", err.text);
        return;
    }
    char **lines = calloc(list.count, sizeof(*lines));
    assert_non_null(lines);
    for (size_t i = 0; i < list.count; i++) {
        const struct server *s = &list.items[i];
        char port[12] = "-";
        if (s->port)
            snprintf(port, sizeof(port), "%d", s->port);
        assert_true(asprintf(&lines[i], "%s\t%s\t%s\t%s\t%s\t%s", s->name, s->host, port,
                             shown(s->user), shown(s->identity), shown(s->kind)) > 0);
    }
    qsort(lines, list.count, sizeof(*lines), by_text);
    for (size_t i = 0; i < list.count; i++) {
        str_addf(out, "%s\n", lines[i]);
        free(lines[i]);
    }
    free(lines);
}

/* The golden lines, sorted, without their last columns. */
static void read_golden(const char *path, struct str *out) {
    cleanup(str_done) struct str text = {0};
    struct error err;
    assert_int_equal(fd_read_file(path, 1 << 20, &text, &err), 0);
    for (char *line = strtok(text.data, "\n"); line; line = strtok(NULL, "\n"))
        str_addf(out, "%.*s\n", (int)(strrchr(line, '\t') - line), line);
}

/* The names, sorted, a blank behind each. */
static void add_sorted(char **names, size_t count, struct str *out) {
    str_add(out, "");
    qsort(names, count, sizeof(*names), by_text);
    for (size_t i = 0; i < count; i++)
        str_addf(out, "%s ", names[i]);
}

/* Whether `group` is one of the words between commas. */
static bool is_listed(const char *groups, const char *group) {
    size_t n = strlen(group);
    for (const char *p = groups; p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL)
        if (strncmp(p, group, n) == 0 && (p[n] == ',' || !p[n]))
            return true;
    return false;
}

/* The servers of one group, as muster has them, against the lines that name it. */
static void check_group(const char *path, const char *group, char **lines, size_t count) {
    cleanup(servers_done) struct servers list = {0};
    cleanup(str_done) struct str remarks = {0}, want = {0}, got = {0};
    struct error err;
    struct inventory_source source = {
        .files = &path, .file_count = 1, .groups = &group, .group_count = 1};
    char **names = calloc(count, sizeof(*names));
    assert_non_null(names);
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        if (is_listed(strrchr(lines[i], '\t') + 1, group))
            assert_non_null(names[n++] = strndup(lines[i], strcspn(lines[i], "\t")));
    add_sorted(names, n, &want);
    while (n > 0)
        free(names[--n]);
    if (inventory_load(&source, &list, &remarks, &err) < 0)
        fail_msg("%s, group %s: %s", path, group, err.text);
    assert_true(list.count <= count);
    for (; n < list.count; n++)
        names[n] = list.items[n].name;
    add_sorted(names, n, &got);
    free(names);
    if (strcmp(got.data, want.data) != 0)
        fail_msg("%s, group %s: muster has %s, ansible-inventory %s", path, group, got.data,
                 want.data);
}

static void check_groups(const char *golden, const char *path) {
    cleanup(str_done) struct str text = {0}, groups = {0};
    char *lines[200], *rest = NULL;
    size_t count = 0;
    struct error err;
    assert_int_equal(fd_read_file(golden, 1 << 20, &text, &err), 0);
    for (char *line = strtok(text.data, "\n"); line; line = strtok(NULL, "\n")) {
        assert_true(count < ARRAY_LEN(lines));
        lines[count++] = line;
        str_addf(&groups, "%s,", strrchr(line, '\t') + 1);
    }
    for (char *g = strtok_r(groups.data, ",", &rest); g; g = strtok_r(NULL, ",", &rest))
        check_group(path, g, lines, count);
}

static void agrees_with_ansible(UNUSED void **state) {
    const char *inventories = getenv("MUSTER_TEST_ANSIBLE");
    assert_non_null(inventories);
    DIR *folder = opendir(inventories);
    size_t count = 0;
    assert_non_null(folder);
    for (struct dirent *e; (e = readdir(folder));) {
        size_t len = strlen(e->d_name);
        if (len < 7 || strcmp(e->d_name + len - 7, ".golden") != 0)
            continue;
        cleanup(str_done) struct str path = {0}, want = {0}, got = {0};
        str_addf(&path, "%s/%s", inventories, e->d_name);
        read_golden(path.data, &want);
        cleanup(str_done) struct str golden = {0};
        str_add(&golden, path.data);
        path.data[path.len - 7] = '\0';
        print(path.data, &got);
        if (!got.data || strcmp(got.data, want.data) != 0)
            fail_msg("%s: muster has\n%sansible-inventory has\n%s", path.data, got.data, want.data);
        check_groups(golden.data, path.data);
        count++;
    }
    closedir(folder);
    assert_true(count >= 10);
}

/* The hosts of *a, each as NAME=ADDRESS:PORT, and what is wrong with their values. */
static void apply_all(struct ansible *a, struct str *got, struct str *remarks) {
    struct ansible_trouble trouble = {0};
    struct error err;
    for (size_t i = 0; i < a->host_names.count; i++) {
        struct server s;
        assert_int_equal(server_parse(a->host_names.items[i], &s, &err), 0);
        assert_int_equal(ansible_apply(a, i, &s, &trouble, remarks, &err), 0);
        str_addf(got, "%s%s=%s:%d", i ? " " : "", s.name, s.host, s.port);
        server_done(&s);
    }
    ansible_trouble_done(&trouble);
}

/* What a text gives: its hosts or, where there are any, the mistakes and warnings. */
static void check(const char *text, const char *want) {
    cleanup(ansible_done) struct ansible a = {0};
    cleanup(str_done) struct str copy = {0}, got = {0}, remarks = {0};
    struct error err;
    str_add(&copy, text);
    str_add(&got, "");
    enum inventory_form form = inventoryform_of(text, strlen(text));
    assert_int_not_equal(form, FORM_LIST);
    if (ansiblesource_text(&a, "f", form, &copy, &remarks, &err) == 0) {
        size_t before = remarks.len;
        assert_int_equal(ansible_settle(&a, &remarks), 0);
        if (remarks.len == before)
            apply_all(&a, &got, &remarks);
    }
    const char *came = remarks.len ? remarks.data : got.data;
    if (strcmp(came, want) != 0)
        fail_msg("of\n%s\ncame\n%s\nnot\n%s", text, came, want);
}

static void ini_mistakes_have_their_place(UNUSED void **state) {
    check("[web\n[web]\n", "f:1:1: '[web': a range is [first:last] or [first:last:step]\n");
    check("[web:hosts]\na b\n", "f:2:3: name=value was expected, or a # before a comment\n");
    check("[web:kids]\n[web]\n", "f:1:6: a section is [group], [group:children] or [group:vars]\n");
    check("[a]\n[we b]\n",
          "f:2:4: a section is [group], [group:children] or [group:vars], without blanks\n");
    check("[a]\n[:vars]\n",
          "f:2:2: a section is [group], [group:children] or [group:vars], without blanks\n");
    check("[a:vars]\n  x\n[a]\n", "f:2:3: name=value was expected\n");
    check("[a:children]\n b\n",
          "f:2:2: there is no group 'b': [b] or [b:children] would make one\n");
    check("[b:vars]\nx=1\n[a]\n",
          "f:1:2: there is no group 'b': [b] or [b:children] would make one\n");
    check("[a]\nw1 x='1\n\n w2 \"\n", "f:2:6: this quote is never closed\n"
                                      "f:4:5: this quote is never closed\n");
    check("[a]\nw[1-3]\n", "f:2:2: 'w[1-3]': a range is [first:last] or [first:last:step]\n");
    check("[a]\nw[1:3:22222222222222222222]\n",
          "f:2:2: 'w[1:3:22222222222222222222]': a number has at most 9 digits\n");
    check("[a]\nw[3:1]\n", "f:2:2: 'w[3:1]': the range runs backwards\n");
    check("[a]\nw[01:100]\n",
          "f:2:2: 'w[01:100]': both ends of a padded range must have the same number of digits\n");
    check("[a]\nw[1:999999][1:999999]\n", "f:2:12: 'w[1:999999][1:999999]': this stands for more "
                                          "than a million names\n");
    check("[a]\nw1:0\n", "f:2:4: 'w1:0': a port is a number from 1 to 65535\n");
    check("[a]\nw$1\n", "f:2:2: 'w$1': this character cannot be part of a name\n");
    check("[a]\nw\xff\n", "f:2:1: this line is not valid UTF-8\n");
    check("[a:children]\nb\n[b:children]\na\n",
          "f:4:1: the group 'a' holds itself: it is a child of one of the groups within it\n");
}

static void values_are_judged_where_they_stand(UNUSED void **state) {
    check("[a]\nw1 ansible_port=x\n",
          "f:2:17: the ansible_port of w1 is 'x': a port is a number from 1 to 65535\n");
    check("[a]\nw1\n[a:vars]\nansible_host = a b\n",
          "f:4:16: the ansible_host of w1 is 'a b': a blank cannot be part of a name; join several "
          "by commas\n");
    check("a:\n  hosts: {w1: {ansible_user: '-oProxyCommand=x'}}\n",
          "f:2:30: the ansible_user of w1 is '-oProxyCommand=x': this character cannot be part of "
          "a name\n");
    check("[a]\nw1 ansible_host=\"{{ address }}\"\n",
          "f:2:17: the ansible_host of w1 is '{{ address }}': a template is worked out by Ansible "
          "alone; give muster a program that runs `ansible-inventory --list` instead\n");
    check("a:\n  vars:\n    ansible_user: !vault x\n  hosts: w1\n",
          "f:3:19: the ansible_user of w1 is 'x': it has a tag (such as !vault): muster reads no "
          "encrypted values\n");
    check("[a]\nw1 ansible_host=me@x\n",
          "f:2:17: the ansible_host of w1 is 'me@x': an address or a name alone was expected; "
          "ansible_user and ansible_port say the rest\n");
}

static void yaml_mistakes_have_their_place(UNUSED void **state) {
    check("all:\n  hosts: [a, b]\n", "f:2:10: a mapping of hosts was expected, not a list\n");
    check("all:\n  hosts:\n    w1: 5\n",
          "f:3:9: a mapping of variables was expected, not the number 5\n");
    check("---\n- a\n", "f:2:1: a mapping of groups was expected, not a list\n");
    check("plugin: aws_ec2\nregions: [eu]\n",
          "f:1:1: this is for a plugin of Ansible's: give muster a program that runs "
          "`ansible-inventory --list` with it instead\n");
    check("all:\n  hosts:\n    w1:\n    w1:\n", "f:4:5: the key 'w1' stands in line 3 already\n");
    check("all:\n  hosts:\n    w1: {ansible_port: [1]}\n",
          "f:3:24: a text or a number was expected, not a list\n");
    check("all: {\n", "f:2:1: not YAML: did not find expected node content, while parsing a flow "
                      "node\n");
    check("all:\n  host:\n    w1:\n",
          "f:2:3: 'host' is passed over: a group has hosts, children and vars\n");
}

static void lists_of_programs_are_read(UNUSED void **state) {
    check("{\"web\": [\"w1\", \"w2\"], \"_meta\": {\"hostvars\": {\"w2\": {\"ansible_port\": 7}}}}",
          "w1=w1:0 w2=w2:7");
    check("{\"all\": {\"hosts\": {\"w1\": {\"ansible_port\": 8}}}}", "w1=w1:8");
    check("{\"web\": {\"hosts\": \"w1\"}, \"_meta\": {\"hostvars\": {}}}",
          "f:1:1: web.hosts: a list was expected\n");
    check("{\"web\": {\"hosts\": [1]}, \"db\": {\"children\": [2], \"vars\": 3}, \"x\": 4}",
          "f:1:1: there is no _meta.hostvars: what hosts have of variables is not known\n"
          "f:1:1: db.children: a list of names was expected\n"
          "f:1:1: db.vars: an object was expected\n"
          "f:1:1: web.hosts: a list of names was expected\n"
          "f:1:1: x: a list of hosts, or an object was expected\n");
    check("{\"web\": [\"-oProxyCommand=x\"], \"_meta\": {\"hostvars\": []}}",
          "f:1:1: '-oProxyCommand=x': this character cannot be part of a name\n"
          "f:1:1: _meta.hostvars: an object was expected\n");
    check(
        "{\"web\": [\"w1\"], \"_meta\": {\"hostvars\": {\"w1\": {\"ansible_user\": "
        "{\"__ansible_vault\": \"x\"}}}}}",
        "f: the ansible_user of w1 is 'encrypted': it has a tag (such as !vault): muster reads no "
        "encrypted values\n");
    check("{\"a\": {\"children\": [\"b\"]}, \"b\": {\"children\": [\"a\"]}, \"_meta\": "
          "{\"hostvars\": {}}}",
          "f: the group 'a' holds itself: it is a child of one of the groups within it\n");
}

/* What the labels of the first host of a text are, or what is wrong with them. */
static void check_labels(const char *text, const char *want) {
    cleanup(ansible_done) struct ansible a = {0};
    cleanup(str_done) struct str copy = {0}, remarks = {0};
    struct ansible_trouble trouble = {0};
    struct server s = {0};
    struct error err;
    str_add(&copy, text);
    enum inventory_form form = inventoryform_of(text, strlen(text));
    if (ansiblesource_text(&a, "f", form, &copy, &remarks, &err) == 0) {
        assert_int_equal(ansible_settle(&a, &remarks), 0);
        assert_int_equal(server_parse(a.host_names.items[0], &s, &err), 0);
        assert_int_equal(ansible_apply(&a, 0, &s, &trouble, &remarks, &err), 0);
    }
    const char *came = remarks.len ? remarks.data : s.labels ? s.labels : "none";
    if (strcmp(came, want) != 0)
        fail_msg("of\n%s\ncame\n%s\nnot\n%s", text, came, want);
    server_done(&s);
    ansible_trouble_done(&trouble);
}

static void labels_are_a_mapping_or_words(UNUSED void **state) {
    static const char both[] = "{\"pdu\":\"3\",\"rack\":\"12\"}";
    check_labels("[a]\nw muster_labels=\"rack=12 pdu=3\"\n", both);
    check_labels("[a]\nw\n[a:vars]\nmuster_labels = rack=12 pdu=3\n", both);
    check_labels("a:\n  hosts:\n    w:\n      muster_labels: {rack: 12, pdu: \"3\"}\n", both);
    check_labels("a:\n  vars:\n    muster_labels: rack=12 pdu=3\n  hosts: {w: }\n", both);
    check_labels("{\"_meta\": {\"hostvars\": {\"w\": {\"muster_labels\": {\"rack\": 12, \"pdu\": "
                 "\"3\"}}}}, \"a\": {\"hosts\": [\"w\"]}}",
                 both);
    /* the inner group's, whole, as with any variable */
    check_labels("a:\n  vars: {muster_labels: {rack: 1, site: x}}\n  children:\n    b:\n"
                 "      vars: {muster_labels: {pdu: 3, rack: 12}}\n      hosts: {w: }\n",
                 both);
    check_labels("[a]\nw\n[a:vars]\nmuster_labels=\n", "none");
    check_labels("[a]\nw muster_labels=rack\n",
                 "f:2:17: the muster_labels of w is 'rack': key=value was expected\n");
    check_labels("a:\n  hosts:\n    w:\n      muster_labels: {rack: a b, kind: c, d: [1]}\n",
                 "f:4:29: the value of a label has no blanks, commas, quotes or backslashes\n"
                 "f:4:34: the kind of a server is no label: kind= or muster_kind says it\n"
                 "f:4:46: the value of a label was expected, not a list\n");
    check_labels("a:\n  hosts:\n    w:\n      muster_labels: {rack: \"{{ r }}\"}\n",
                 "f:4:22: the muster_labels of w is 'rack={{ r }}': a template is worked out by "
                 "Ansible alone; give muster a program that runs `ansible-inventory --list` "
                 "instead\n");
    check_labels("{\"_meta\": {\"hostvars\": {\"w\": {\"muster_labels\": {\"1a\": 12}}}}, "
                 "\"a\": {\"hosts\": [\"w\"]}}",
                 "f:1:1: muster_labels.1a: the key of a label begins with a letter and ends with a "
                 "letter or digit\n");
}

static void tells_the_form(UNUSED void **state) {
    static const struct {
        const char *text;
        enum inventory_form form;
    } cases[] = {
        {"", FORM_LIST},
        {"web1\nweb2\n", FORM_LIST},
        {"web[1-3] kind=a b=c\n", FORM_LIST},
        {"web1 rack=12 pdu=3\n", FORM_LIST},
        {"web1 rack=12 # ansible_host=x\n", FORM_LIST},
        {"web1 rack=12 ansible_host=x\n", FORM_INI},
        {"web1 # x=1\n# [web]\n", FORM_LIST},
        {"[1-3]\n[10]\n[1,2/3]web\n", FORM_LIST},
        {"[fe80::1]\n[::1]:22\n2001:db8::\n", FORM_LIST},
        {"a@[dead:beef::1]:22\n", FORM_LIST},
        {"web1\n%x\n", FORM_LIST},
        {"web1\n[web]\n", FORM_INI},
        {"  [ab] # c\n", FORM_INI},
        {"[2024-racks]\n", FORM_INI},
        {"[db:vars]\n", FORM_INI},
        {"w1 ansible_host=x\n", FORM_INI},
        {"w1\tmuster_kind=x\n", FORM_INI},
        {"; c\n", FORM_INI},
        {"w[01:40]\n", FORM_INI},
        {"w[a:c].x\n", FORM_INI},
        {"# c\n\n---\nx", FORM_YAML},
        {"all:\n", FORM_YAML},
        {"\xef\xbb\xbfweb: # c\n", FORM_YAML},
        {"\"all\": {}\n", FORM_YAML},
        {"%YAML 1.1\n", FORM_YAML},
        {"%YAML\n", FORM_LIST},
        {"{\"all\": 1}", FORM_JSON},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (inventoryform_of(cases[i].text, strlen(cases[i].text)) != cases[i].form)
            fail_msg("another form was expected of: %s", cases[i].text);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_ansible),
        cmocka_unit_test(ini_mistakes_have_their_place),
        cmocka_unit_test(values_are_judged_where_they_stand),
        cmocka_unit_test(yaml_mistakes_have_their_place),
        cmocka_unit_test(lists_of_programs_are_read),
        cmocka_unit_test(labels_are_a_mapping_or_words),
        cmocka_unit_test(tells_the_form),
    };
    if (argc > 1) {
        cleanup(str_done) struct str out = {0};
        print(argv[1], &out);
        fputs(out.data, stdout);
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
