/*
 * ansiblelist: see ansiblelist.h. JSON has no places once it is read, so a mistake says where it is
 * by the names that lead there.
 */
#include "input/ansiblelist.h"

#include "base/text.h"
#include "model/labels.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

struct list {
    struct ansible *a;
    size_t file;
};

/* `where` is what should have been `what`. */
static void unexpected(struct list *l, const char *group, const char *where, const char *what) {
    cleanup(str_done) struct str shown = {0};
    text_add_printable(&shown, group, strlen(group), 100);
    mistakes_add(&l->a->mistakes, 1, 1, "%s%s%s: %s was expected", shown.data ? shown.data : "",
                 *where ? "." : "", where, what);
}

static void label_mistake(struct list *l, const char *name, const char *key, const char *mistake) {
    cleanup(str_done) struct str shown = {0};
    text_add_printable(&shown, key, strlen(key), 100);
    mistakes_add(&l->a->mistakes, 1, 1, "%s.%s: %s", name, shown.data ? shown.data : "", mistake);
}

/* A text, or a number as one in `room`; NULL: it is neither. */
static const char *text_of(const json_t *value, char *room, size_t size) {
    if (!json_is_integer(value))
        return json_string_value(value);
    snprintf(room, size, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    return room;
}

/* Labels as an object become words `key=value`. */
static int set_labels(struct list *l, struct ansible_values *to, const char *name, json_t *labels) {
    cleanup(str_done) struct str words = {0};
    const char *key;
    json_t *value;
    json_object_foreach(labels, key, value) {
        char number[40];
        const char *text = text_of(value, number, sizeof(number));
        const char *mistake = label_key_mistake(key, strlen(key));
        if (!mistake && (!text || !strstr(text, "{{")))
            mistake = label_value_mistake(text ? text : "", text ? strlen(text) : 0);
        if (mistake)
            label_mistake(l, name, key, mistake);
        else
            str_addf(&words, "%s%s=%s", words.len ? " " : "", key, text);
    }
    return words.failed ? -1
                        : ansible_set(to, name, words.data ? words.data : "", false,
                                      (struct ansible_place){.file = l->file});
}

static int set(struct list *l, struct ansible_values *to, const char *name, json_t *value) {
    char number[40];
    const char *text = "";
    if (ansible_key(name) == ANSIBLE_NO_KEY)
        return 0;
    if (text_of(value, number, sizeof(number))) {
        text = text_of(value, number, sizeof(number));
    } else if (json_object_get(value, "__ansible_vault")) { /* what is encrypted */
        text = "encrypted";
    } else if (json_is_object(value) && ansible_key(name) == ANSIBLE_LABELS) {
        return set_labels(l, to, name, value);
    } else if (!json_is_null(value)) {
        unexpected(l, name, "", "a text or a number");
        return 0;
    }
    return ansible_set(to, name, text, json_is_object(value),
                       (struct ansible_place){.file = l->file});
}

static int set_all(struct list *l, struct ansible_values *to, json_t *variables) {
    const char *name;
    json_t *value;
    json_object_foreach(variables, name, value) {
        if (set(l, to, name, value) < 0)
            return -1;
    }
    return 0;
}

static int add_host(struct list *l, size_t group, const char *name) {
    struct ansible_places ret = {0};
    int rc = ansible_add_host(l->a, group, name, (struct ansible_place){.file = l->file}, &ret);
    free(ret.items);
    return rc;
}

static int add_hosts(struct list *l, const char *name, size_t group, const json_t *hosts) {
    if (!json_is_array(hosts))
        unexpected(l, name, "hosts", "a list");
    for (size_t i = 0; i < json_array_size(hosts); i++) {
        const char *host = json_string_value(json_array_get(hosts, i));
        if (!host)
            unexpected(l, name, "hosts", "a list of names");
        else if (add_host(l, group, host) < 0)
            return -1;
    }
    return 0;
}

static int add_children(struct list *l, const char *name, size_t group, const json_t *children) {
    if (!json_is_array(children))
        unexpected(l, name, "children", "a list");
    for (size_t i = 0; i < json_array_size(children); i++) {
        const char *text = json_string_value(json_array_get(children, i));
        size_t child = text ? ansible_group(l->a, text, strlen(text)) : NAMES_NONE;
        if (!text)
            unexpected(l, name, "children", "a list of names");
        else if (child == NAMES_NONE ||
                 ansible_add_child(l->a, group, child, (struct ansible_place){.file = l->file}) < 0)
            return -1;
    }
    return 0;
}

/* A group that has none of the three is a host of its name, and these are its variables. */
static int add_lonely(struct list *l, const char *name, size_t group, json_t *variables) {
    if (add_host(l, group, name) < 0)
        return -1;
    size_t host = names_find(&l->a->host_names, name, strlen(name));
    return host == NAMES_NONE ? 0 : set_all(l, &l->a->hosts[host].own, variables);
}

static int read_group(struct list *l, const char *name, json_t *value) {
    size_t group = ansible_group(l->a, name, strlen(name));
    if (group == NAMES_NONE)
        return -1;
    if (json_is_array(value))
        return add_hosts(l, name, group, value);
    if (!json_is_object(value)) {
        unexpected(l, name, "", "a list of hosts, or an object");
        return 0;
    }
    json_t *hosts = json_object_get(value, "hosts"), *vars = json_object_get(value, "vars");
    json_t *children = json_object_get(value, "children");
    if (!hosts && !vars && !children)
        return json_object_size(value) > 0 ? add_lonely(l, name, group, value) : 0;
    if (vars && !json_is_object(vars))
        unexpected(l, name, "vars", "an object");
    if ((hosts && add_hosts(l, name, group, hosts) < 0) ||
        set_all(l, &l->a->groups[group].own, vars) < 0)
        return -1;
    return children ? add_children(l, name, group, children) : 0;
}

/* The variables of the hosts that groups have; others are no hosts. */
static int read_hostvars(struct list *l, json_t *root) {
    json_t *hostvars = json_object_get(json_object_get(root, "_meta"), "hostvars"), *variables;
    const char *name;
    if (!hostvars)
        mistakes_add(&l->a->warnings, 1, 1,
                     "there is no _meta.hostvars: what hosts have of variables is not known");
    else if (!json_is_object(hostvars))
        unexpected(l, "_meta", "hostvars", "an object");
    json_object_foreach(hostvars, name, variables) {
        size_t host = names_find(&l->a->host_names, name, strlen(name));
        if (host != NAMES_NONE && set_all(l, &l->a->hosts[host].own, variables) < 0)
            return -1;
    }
    return 0;
}

/* A YAML inventory has mappings where this form has lists. */
static bool is_list(json_t *root) {
    const char *name;
    json_t *value;
    if (json_object_get(root, "_meta"))
        return true;
    json_object_foreach(root, name, value) {
        if (json_is_array(value) || json_is_array(json_object_get(value, "hosts")) ||
            json_is_array(json_object_get(value, "children")))
            return true;
    }
    return false;
}

static int read_root(struct list *l, json_t *root) {
    const char *name;
    json_t *value;
    json_object_foreach(root, name, value) {
        if (strcmp(name, "_meta") != 0 && read_group(l, name, value) < 0)
            return -1;
    }
    return read_hostvars(l, root);
}

int ansiblelist_read(struct ansible *a, size_t file, const char *text, size_t n) {
    struct list l = {a, file};
    json_error_t why;
    if (ansible_group(a, "all", 3) == NAMES_NONE)
        return -1;
    json_t *root = json_loadb(text, n, 0, &why);
    int rc = root && is_list(root) ? read_root(&l, root) : 1;
    json_decref(root);
    return a->mistakes.failed || a->warnings.failed ? -1 : rc;
}
