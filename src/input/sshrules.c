/*
 * sshrules: see sshrules.h.
 *
 * A file is read line by line into the list that grows; an Include reads its files before the next
 * line, and what follows it is a new block that applies where the one before it did. OpenSSH goes
 * on after a bad line, to name all of them; here the first is kept and the others are counted.
 *
 * Reading is done once, before there are threads: who is in a group is asked with functions that
 * are not for several.
 */
#include "input/sshrules.h"

#include "base/fd.h"
#include "base/str.h"
#include "base/text.h"
#include "base/vec.h"
#include "input/sshcheck.h"
#include "input/sshmatch.h"
#include "input/sshpattern.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <pwd.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#define SYSTEM_FOLDER "/etc/ssh"
#define USER_FOLDER ".ssh"

enum {
    DEPTH_MAX = 16,
    FILE_MAX_BYTES = 64 << 20,
};

struct reading {
    struct ssh_rules *rules;
    const struct local_user *local;
    bool user;
    bool over;        /* what is wrong ends all reading */
    size_t bad;       /* lines that were refused */
    struct str first; /* what was wrong with the first one */
};

/* The place in a file, which Include leaves and comes back to. */
struct place {
    const char *file;
    int line;
    int depth;
    size_t parent; /* the block with the Include that led here */
};

/* ---- the list ------------------------------------------------------------------------------ */

static int add_index(size_t **list, size_t *count, size_t *cap, size_t index, struct error *err) {
    if (vec_reserve(list, cap, *count + 1, sizeof(**list)) < 0)
        return error_memory(err);
    (*list)[(*count)++] = index;
    return 0;
}

/* Takes the words over, also when it fails. */
static int add_directive(struct reading *r, const struct place *at, enum ssh_keyword keyword,
                         struct ssh_words *words, struct error *err) {
    struct ssh_rules *rules = r->rules;
    if (vec_reserve(&rules->directives, &rules->directive_cap, rules->directive_count + 1,
                    sizeof(*rules->directives)) < 0) {
        ssh_words_done(words);
        return error_memory(err);
    }
    rules->directives[rules->directive_count++] =
        (struct ssh_directive){keyword, *words, at->file, at->line, r->user};
    rules->blocks[rules->block_count - 1].end = rules->directive_count;
    *words = (struct ssh_words){0};
    if (keyword != SSH_UNKNOWN)
        return 0;
    return add_index(&rules->unknown, &rules->unknown_count, &rules->unknown_cap,
                     rules->directive_count - 1, err);
}

static int add_block(struct ssh_rules *r, struct ssh_block block, struct error *err) {
    if (vec_reserve(&r->blocks, &r->block_cap, r->block_count + 1, sizeof(*r->blocks)) < 0)
        return error_memory(err);
    block.first = block.end = r->directive_count;
    r->blocks[r->block_count++] = block;
    return 0;
}

void ssh_rules_done(struct ssh_rules *r) {
    for (size_t i = 0; i < r->directive_count; i++)
        ssh_words_done(&r->directives[i].words);
    for (size_t i = 0; i < r->block_count; i++)
        free(r->blocks[i].criteria);
    for (size_t i = 0; i < r->file_count; i++)
        free(r->files[i]);
    free(r->directives);
    free(r->blocks);
    free(r->files);
    free(r->unknown);
    free(r->named);
    free(r->general);
    *r = (struct ssh_rules){0};
}

/* ---- lines --------------------------------------------------------------------------------- */

static int read_file(struct reading *r, const char *path, bool guarded, int depth, size_t parent,
                     struct error *err);

static int read_host(struct reading *r, const struct place *at, struct ssh_words *words,
                     struct error *err) {
    for (size_t i = 0; i < words->count; i++)
        if (!*words->items[i])
            return error_set(err, ERROR_USAGE, "keyword Host empty argument");
    struct ssh_block block = {
        .kind = SSH_BLOCK_HOST, .parent = at->parent, .line = r->rules->directive_count};
    /* the line is the last directive of the block before it */
    if (add_directive(r, at, SSH_HOST, words, err) < 0)
        return -1;
    return add_block(r->rules, block, err);
}

static int read_match(struct reading *r, const struct place *at, const char *text,
                      struct error *err) {
    struct ssh_words words = {0};
    struct ssh_block block = {
        .kind = SSH_BLOCK_MATCH, .parent = at->parent, .line = r->rules->directive_count};
    if (ssh_match_read(text, &words, &block.criteria, &block.criterion_count, err) < 0)
        return -1;
    for (size_t i = 0; i < block.criterion_count; i++)
        r->rules->has_final |= block.criteria[i].kind == SSH_MATCH_FINAL;
    if (add_directive(r, at, SSH_MATCH, &words, err) == 0 && add_block(r->rules, block, err) == 0)
        return 0;
    free(block.criteria);
    return -1;
}

static int compare_paths(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* What an Include names, made absolute; *ret starts with ~ where the user's folder is meant. */
static int include_pattern(const struct reading *r, const char *text, char **ret,
                           struct error *err) {
    struct ssh_names names = {.local = r->local};
    cleanup(free_ptr) char *path = NULL;
    if (ssh_expand(text, SSH_TOKENS_ANY_SERVER, &names, &path, err) < 0)
        return err->kind == ERROR_INTERNAL
                   ? -1
                   : error_set(err, ERROR_USAGE, "cannot expand the Include path %s", text);
    if (*path == '~' && !r->user)
        return error_set(err, ERROR_USAGE, "bad include path %s", path);
    cleanup(str_done) struct str out = {0};
    if (*path != '/' && *path != '~')
        str_add(&out, r->user ? "~/" USER_FOLDER "/" : SYSTEM_FOLDER "/");
    str_add(&out, path);
    *ret = str_take(&out);
    return *ret ? 0 : error_memory(err);
}

static int include_all(struct reading *r, const struct place *at, const char *pattern,
                       struct error *err) {
    cleanup(globfree) glob_t found = {0};
    int rc = glob(pattern, GLOB_TILDE | GLOB_NOSORT, NULL, &found);
    if (rc == GLOB_NOMATCH)
        return 0;
    if (rc == GLOB_NOSPACE)
        return error_memory(err);
    if (rc)
        return error_set(err, ERROR_USAGE, "glob failed for %s", pattern);
    /* glob's own order is the locale's */
    qsort(found.gl_pathv, found.gl_pathc, sizeof(*found.gl_pathv), compare_paths);
    size_t block = r->rules->block_count - 1;
    for (size_t i = 0; i < found.gl_pathc; i++)
        if (read_file(r, found.gl_pathv[i], true, at->depth + 1, block, err) < 0)
            return -1;
    /* what follows is in the same block as what was before */
    return add_block(r->rules, (struct ssh_block){.kind = SSH_BLOCK_SAME, .parent = block}, err);
}

static int read_include(struct reading *r, const struct place *at, const struct ssh_words *words,
                        struct error *err) {
    for (size_t i = 0; i < words->count; i++) {
        cleanup(free_ptr) char *pattern = NULL;
        if (!*words->items[i])
            return error_set(err, ERROR_USAGE, "keyword Include empty argument");
        if (include_pattern(r, words->items[i], &pattern, err) < 0 ||
            include_all(r, at, pattern, err) < 0)
            return -1;
    }
    return 0;
}

/*
 * Whether an IgnoreUnknown before it may excuse a keyword that is not known; whether it does
 * depends on the server (input/sshevaluate.c).
 */
static bool may_be_ignored(const struct ssh_rules *r, const char *name) {
    for (size_t i = 0; i < r->directive_count; i++)
        if (r->directives[i].keyword == SSH_IGNOREUNKNOWN &&
            ssh_pattern_list_match(name, r->directives[i].words.items[0], true))
            return true;
    return false;
}

static int read_unknown(struct reading *r, const struct place *at, const char *name,
                        struct error *err) {
    if (!may_be_ignored(r->rules, name))
        return error_set(err, ERROR_USAGE, "Bad configuration option: %s", name);
    struct ssh_words words;
    if (ssh_words_one(name, &words) < 0)
        return error_memory(err);
    return add_directive(r, at, SSH_UNKNOWN, &words, err);
}

/* The whole rest of the line, but for a ProxyJump's comment. */
static int take_rest(char *text, bool jump, struct ssh_words *words, struct error *err) {
    text += strspn(text, SSH_BLANKS "=");
    if (jump)
        text[strcspn(text, "# \t\r\n\v\f")] = '\0';
    return ssh_words_one(text, words) < 0 ? error_memory(err) : 0;
}

static int read_option(struct reading *r, const struct place *at, enum ssh_keyword keyword,
                       char *text, struct ssh_words *words, struct error *err) {
    enum ssh_syntax syntax = ssh_keyword_row(keyword)->syntax;
    switch (syntax) {
    case SSH_SYNTAX_HOST:
        return read_host(r, at, words, err);
    case SSH_SYNTAX_MATCH:
        return read_match(r, at, text, err);
    case SSH_SYNTAX_INCLUDE:
        return read_include(r, at, words, err);
    case SSH_SYNTAX_ANYTHING:
        return 0;
    case SSH_SYNTAX_COMMAND:
    case SSH_SYNTAX_JUMP:
        ssh_words_done(words);
        if (take_rest(text, syntax == SSH_SYNTAX_JUMP, words, err) < 0)
            return -1;
        break;
    default:
        break;
    }
    if (ssh_check(keyword, words, err) < 0)
        return -1;
    return add_directive(r, at, keyword, words, err);
}

static void trim_end(char *line) {
    for (size_t n = strlen(line); n > 1 && strchr(SSH_BLANKS "\f", line[n - 1]); n--)
        line[n - 1] = '\0';
}

/* Fails with ERROR_USAGE when the line alone is wrong. */
static int read_line(struct reading *r, const struct place *at, char *line, struct error *err) {
    trim_end(line);
    char *rest = line, *name = ssh_word_next(&rest);
    if (name && !*name)
        name = ssh_word_next(&rest);
    if (!name || !*name || *name == '#')
        return 0;
    for (char *p = name; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    rest = rest ? rest + strspn(rest, SSH_BLANKS) : NULL;
    if (!rest || !*rest)
        return error_set(err, ERROR_USAGE, "no argument after keyword \"%s\"", name);
    enum ssh_keyword keyword = ssh_keyword_find(name);
    cleanup(ssh_words_done) struct ssh_words words = {0};
    int rc = ssh_words_split(rest, &words);
    if (rc == -2)
        return error_memory(err);
    if (keyword == SSH_UNKNOWN && (rc == 0 || !may_be_ignored(r->rules, name)))
        return read_unknown(r, at, name, err);
    if (rc < 0)
        return error_set(err, ERROR_USAGE, "invalid quotes");
    return read_option(r, at, keyword, rest, &words, err);
}

/* ---- files --------------------------------------------------------------------------------- */

/* Keeps what is wrong with a line, so that reading goes on. Other errors end it. */
static int note(struct reading *r, const struct place *at, const struct error *mistake,
                struct error *err) {
    if (mistake->kind != ERROR_USAGE || r->over) {
        *err = *mistake;
        return -1;
    }
    if (r->bad++)
        return 0;
    cleanup(str_done) struct str text = {0};
    str_addf(&text, "%s line %d: %s", at->file, at->line, mistake->text);
    text_add_printable(&r->first, text.data ? text.data : "", text.len, 400);
    return text.failed || r->first.failed ? error_memory(err) : 0;
}

static int read_text(struct reading *r, const char *name, char *text, size_t n, int depth,
                     size_t parent, struct error *err) {
    struct ssh_rules *rules = r->rules;
    if (vec_reserve(&rules->files, &rules->file_cap, rules->file_count + 1, sizeof(*rules->files)) <
        0)
        return error_memory(err);
    char *file = strdup(name);
    if (!file)
        return error_memory(err);
    rules->files[rules->file_count++] = file;
    struct ssh_block block = {.kind = parent == SSH_NO_BLOCK ? SSH_BLOCK_ALWAYS : SSH_BLOCK_SAME,
                              .parent = parent};
    if (add_block(rules, block, err) < 0)
        return -1;
    struct place at = {.file = file, .depth = depth, .parent = parent};
    for (char *line = text, *end = text + n; line < end;) {
        char *stop = memchr(line, '\n', (size_t)(end - line));
        stop = stop ? stop : end;
        *stop = '\0';
        at.line++;
        struct error mistake;
        if (read_line(r, &at, line, &mistake) < 0 && note(r, &at, &mistake, err) < 0)
            return -1;
        line = stop + 1;
    }
    return 0;
}

/* Whether nobody but the owner is in the group. */
static bool is_own_group(gid_t group, uid_t owner) {
    const struct group *g = getgrgid(group);
    if (!g)
        return false;
    cleanup(free_ptr) char *member = g->gr_mem[0] ? strdup(g->gr_mem[0]) : NULL;
    bool several = g->gr_mem[0] && g->gr_mem[1], others = false;
    size_t members = g->gr_mem[0] != NULL;
    setpwent();
    for (const struct passwd *p; (p = getpwent());)
        if (p->pw_gid == group) {
            members++;
            others |= p->pw_uid != owner;
        }
    endpwent();
    const struct passwd *p = getpwuid(owner);
    return p && !several && !others && members && (!member || strcmp(member, p->pw_name) == 0);
}

/* As Debian's OpenSSH: a group of the user's alone may write. */
static bool is_guarded(const struct stat *st) {
    if (st->st_uid != 0 && st->st_uid != getuid())
        return false;
    if (st->st_mode & S_IWOTH)
        return false;
    return !(st->st_mode & S_IWGRP) || is_own_group(st->st_gid, st->st_uid);
}

/* Reads an open file. A folder is as good as an empty file to OpenSSH. */
static int read_open(struct reading *r, int fd, const char *path, bool guarded, int depth,
                     size_t parent, struct error *err) {
    struct stat st;
    if (fstat(fd, &st) < 0)
        return error_os(err, ERROR_INTERNAL, errno, "cannot look at %s", path);
    if (guarded && !is_guarded(&st)) {
        r->over = true;
        return error_set(err, ERROR_USAGE, "Bad owner or permissions on %s", path);
    }
    if (S_ISDIR(st.st_mode))
        return 0;
    cleanup(str_done) struct str text = {0};
    str_add(&text, "");
    if (fd_read_all(fd, path, FILE_MAX_BYTES, &text, err) < 0)
        return -1;
    return read_text(r, path, text.data, text.len, depth, parent, err);
}

static int open_file(const char *path) {
    return open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
}

/* A file that may be there cannot be opened: it counts as empty, unless that is muster's fault. */
static int lacks(const char *path, struct error *err) {
    if (!error_os_is_shortage(errno))
        return 0;
    return error_os(err, ERROR_INTERNAL, errno, "cannot read the ssh_config %s", path);
}

/* An included file. */
static int read_file(struct reading *r, const char *path, bool guarded, int depth, size_t parent,
                     struct error *err) {
    if (depth > DEPTH_MAX) {
        r->over = true;
        return error_set(err, ERROR_USAGE, "Too many recursive configuration includes");
    }
    cleanup(fd_close) int fd = open_file(path);
    if (fd < 0 && error_os_is_shortage(errno))
        return lacks(path, err);
    if (fd < 0)
        return error_os(err, ERROR_USAGE, errno, "Can't open user config file %s", path);
    return read_open(r, fd, path, guarded, depth, parent, err);
}

static int read_user_file(struct reading *r, struct error *err) {
    cleanup(str_done) struct str path = {0};
    str_addf(&path, "%s/" USER_FOLDER "/config", r->local->home);
    if (path.failed)
        return error_memory(err);
    cleanup(fd_close) int fd = open_file(path.data);
    return fd < 0 ? lacks(path.data, err) : read_open(r, fd, path.data, true, 0, SSH_NO_BLOCK, err);
}

static int read_system_file(struct reading *r, struct error *err) {
    cleanup(fd_close) int fd = open_file(SYSTEM_FOLDER "/ssh_config");
    r->user = false;
    return fd < 0 ? lacks(SYSTEM_FOLDER "/ssh_config", err)
                  : read_open(r, fd, SYSTEM_FOLDER "/ssh_config", false, 0, SSH_NO_BLOCK, err);
}

static int read_given_file(struct reading *r, const char *file, struct error *err) {
    cleanup(fd_close) int fd = open_file(file);
    struct stat st;
    int rc = fd < 0 ? errno : 0;
    if (!rc && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
        rc = EISDIR; /* nobody means an empty configuration by it */
    if (rc)
        return error_os(err, ERROR_USAGE, rc, "cannot read the ssh_config %s", file);
    return read_open(r, fd, file, false, 0, SSH_NO_BLOCK, err);
}

/* ---- the index ----------------------------------------------------------------------------- */

static bool is_plain(const struct ssh_words *patterns) {
    for (size_t i = 0; i < patterns->count; i++)
        if (*patterns->items[i] == '!' || !ssh_pattern_is_literal(patterns->items[i]))
            return false;
    return true;
}

static int add_named(struct ssh_rules *r, size_t block, struct error *err) {
    const struct ssh_words *names = &r->directives[r->blocks[block].line].words;
    if (vec_reserve(&r->named, &r->named_cap, r->named_count + names->count, sizeof(*r->named)) < 0)
        return error_memory(err);
    for (size_t i = 0; i < names->count; i++)
        r->named[r->named_count++] = (struct ssh_named_block){names->items[i], block};
    return 0;
}

static int compare_named(const void *x, const void *y) {
    const struct ssh_named_block *a = x, *b = y;
    int order = strcmp(a->name, b->name);
    return order ? order : (a->block > b->block) - (a->block < b->block);
}

static int make_index(struct ssh_rules *r, struct error *err) {
    for (size_t i = 0; i < r->block_count; i++) {
        const struct ssh_block *b = &r->blocks[i];
        int rc = b->kind == SSH_BLOCK_HOST && is_plain(&r->directives[b->line].words)
                     ? add_named(r, i, err)
                     : add_index(&r->general, &r->general_count, &r->general_cap, i, err);
        if (rc < 0)
            return -1;
    }
    if (r->named_count)
        qsort(r->named, r->named_count, sizeof(*r->named), compare_named);
    return 0;
}

size_t ssh_rules_find(const struct ssh_rules *r, const char *name, size_t *end) {
    size_t low = 0, high = r->named_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(r->named[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (*end = low; *end < r->named_count && strcmp(r->named[*end].name, name) == 0;)
        ++*end;
    return low;
}

/* ---- all of it ------------------------------------------------------------------------------- */

/* Turns what was found wrong into the error, and takes the rules over where nothing was. */
static int finish(struct reading *r, int rc, struct ssh_rules *ret, struct error *err) {
    if (r->bad) /* what was said first */
        rc = r->bad == 1 ? error_set(err, ERROR_USAGE, "%s", r->first.data)
                         : error_set(err, ERROR_USAGE, "%s (and %zu more bad lines)", r->first.data,
                                     r->bad - 1);
    if (rc == 0)
        rc = make_index(r->rules, err);
    str_done(&r->first);
    if (rc == 0)
        *ret = *r->rules;
    else
        ssh_rules_done(r->rules);
    return rc;
}

int ssh_rules_read(const char *file, const struct local_user *local, struct ssh_rules *ret,
                   struct error *err) {
    struct ssh_rules rules = {0};
    struct reading r = {.rules = &rules, .local = local, .user = true};
    int rc = 0;
    if (!file)
        rc = read_user_file(&r, err) < 0 || read_system_file(&r, err) < 0 ? -1 : 0;
    else if (strcasecmp(file, "none") != 0) /* a word of ssh's: no file at all */
        rc = read_given_file(&r, file, err);
    return finish(&r, rc, ret, err);
}

int ssh_rules_read_text(const char *name, const char *text, size_t n,
                        const struct local_user *local, struct ssh_rules *ret, struct error *err) {
    struct ssh_rules rules = {0};
    struct reading r = {.rules = &rules, .local = local, .user = true};
    cleanup(free_ptr) char *copy = malloc(n + 1);
    if (!copy)
        return error_memory(err);
    memcpy(copy, text, n);
    int rc = read_text(&r, name, copy, n, 0, SSH_NO_BLOCK, err);
    return finish(&r, rc, ret, err);
}
