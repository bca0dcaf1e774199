/*
 * ansible: what Ansible inventories say: hosts, groups, and how each host is reached.
 *
 * Readers (ansibleini, ansibleyaml, ansiblelist, ansiblevars) fill one `struct ansible` from any
 * number of files; ansible_settle() then ends it, and servers are made of its hosts. Of variables,
 * those are kept that say how to connect (ansible_host, ansible_port, ansible_user,
 * ansible_ssh_private_key_file and their older names), ansible_connection, ansible_group_priority
 * muster_kind and muster_labels; each with its place, because a value is judged only when a server
 * needs it. Values are never worked out, much less run: a template ({{ ... }}) is a mistake of the
 * server that needs it.
 *
 * Of several values the one counts that counts for Ansible: those of `all`, of the other groups
 * from the outermost to the innermost (where equally far, by ansible_group_priority, then by
 * name), of the files in group_vars in that order, of the host, of its files in host_vars; the last
 * one wins.
 *
 * Plain data of its caller; no threads.
 */
#pragma once

#include "base/error.h"
#include "base/str.h"
#include "input/mistakes.h"
#include "input/names.h"
#include "model/server.h"

#include <stdbool.h>
#include <stddef.h>

enum ansible_key {
    ANSIBLE_HOST,
    ANSIBLE_PORT,
    ANSIBLE_USER,
    ANSIBLE_IDENTITY,
    ANSIBLE_CONNECTION,
    ANSIBLE_KIND,
    ANSIBLE_LABELS, /* as words `key=value`, also where it is a mapping */
    ANSIBLE_PRIORITY,
    ANSIBLE_IGNORED, /* it says how to connect, in a way that muster does not read */
    ANSIBLE_NO_KEY,  /* none of these */
};

/* Where something stands; a line of 0 is none: of JSON, no places are known. */
struct ansible_place {
    size_t file; /* of ansible_file() */
    int line, column;
};

struct ansible_value {
    enum ansible_key key;
    int rank;   /* of several names for one thing, the higher counts */
    char *name; /* as it is written */
    char *text; /* "": nothing */
    bool tagged;
    struct ansible_place place;
};

struct ansible_values {
    struct ansible_value *items;
    size_t count;
    size_t cap;
};

struct ansible_places {
    size_t *items;
    size_t count;
    size_t cap;
};

struct ansible_host {
    struct ansible_values own, file; /* of inventories, of host_vars */
    struct ansible_places groups;
    int port; /* 0, or what stands behind its name */
};

struct ansible_group {
    struct ansible_values own, file;
    struct ansible_places parents, children;
    bool declared;
    struct ansible_place at; /* where it was last named as a child, or first at all */
    int depth;               /* of ansible_settle(), as the two below */
    int priority;
    size_t order;
    size_t seen; /* scratch: the walk that came by last */
};

struct ansible {
    struct names files;
    struct names bases;         /* folders that may have group_vars and host_vars */
    struct names host_names;    /* in the order in which they came */
    struct ansible_host *hosts; /* by their names' places */
    size_t host_cap;
    struct names group_names; /* `all` is the first, `ungrouped` the second */
    struct ansible_group *groups;
    size_t group_cap;
    size_t walks;             /* so far */
    struct ansible_places up; /* scratch of a walk: the orders of groups */
    size_t *by_order;         /* the groups by their order */
    bool no_programs;         /* inventories that are programs are passed over, not run */
    struct mistakes mistakes; /* of the file that is being read, as are these: */
    struct mistakes warnings; /* what Ansible passes over with a warning, too */
};

enum { ANSIBLE_ALL, ANSIBLE_UNGROUPED };

void ansible_done(struct ansible *a);

/* Begins with the file of this name for people; returns its number, or NAMES_NONE: no memory. */
size_t ansible_file(struct ansible *a, const char *name);

/* The group of this name, made when there is none yet; NAMES_NONE: no memory. */
size_t ansible_group(struct ansible *a, const char *name, size_t len);

/*
 * Adds the hosts that `pattern` stands for (a name, with Ansible's ranges, and maybe a port) to the
 * group; *ret are their names' places. A mistake goes to a->mistakes, and *ret is empty. Returns 0,
 * or -1 when memory ran out.
 */
int ansible_add_hosts(struct ansible *a, size_t group, const char *pattern, struct ansible_place at,
                      struct ansible_places *ret) must_use;

/* A name as it is, without ranges. */
int ansible_add_host(struct ansible *a, size_t group, const char *name, struct ansible_place at,
                     struct ansible_places *ret) must_use;

/* Makes one group a child of the other, if it is not. */
int ansible_add_child(struct ansible *a, size_t parent, size_t child,
                      struct ansible_place at) must_use;

/* Which of the variables this is. */
enum ansible_key ansible_key(const char *name);

/*
 * Sets a variable; one that is ANSIBLE_NO_KEY is dropped. `tagged` are values with a tag (!vault).
 */
int ansible_set(struct ansible_values *to, const char *name, const char *text, bool tagged,
                struct ansible_place at) must_use;

/*
 * Groups without a parent become children of `all`, and hosts of no group `ungrouped`; nothing may
 * be added any more. Groups that hold each other are put to *out, as ansible_apply() puts mistakes.
 * Returns 0, or -1: no memory.
 */
int ansible_settle(struct ansible *a, struct str *out) must_use;

/* Sets marked[host] for the hosts of the group and of all groups within it. -1: no memory. */
int ansible_mark(struct ansible *a, size_t group, bool *marked) must_use;

/*
 * The servers of one inventory that Ansible could reach and muster cannot, and variables that have
 * no effect: kept while servers are made, for one sentence about each kind.
 */
struct ansible_trouble {
    struct names servers;    /* with a connection plugin that is not SSH */
    char *plugin;            /* of the first */
    struct ansible_place at; /* of the first */
    struct names ignored;    /* variables that muster does not read */
};

void ansible_trouble_done(struct ansible_trouble *t);

/*
 * Gives a server, which was made of its name, what the inventory says about the host. What is wrong
 * with a value is put to *out as `FILE:LINE:COLUMN: ...` and a newline. Returns 0, or -1 with *err:
 * no memory.
 */
int ansible_apply(struct ansible *a, size_t host, struct server *s, struct ansible_trouble *trouble,
                  struct str *out, struct error *err) must_use;

/* Appends `FILE:LINE:COLUMN: `, or what of it there is. */
void ansible_add_place(const struct ansible *a, struct ansible_place at, struct str *out);
