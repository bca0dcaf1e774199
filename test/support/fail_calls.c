/*
 * fail_calls: to be preloaded into muster, where it lets the nth call of a kind fail.
 *
 *     FAIL=memory:120       the 120th allocation of muster's or its libraries' finds no memory
 *     FAIL=thread:3+        the third thread and all after it are refused
 *     FAIL=descriptor:17    the 17th thing that would have taken a descriptor takes none
 *     FAIL_COUNTS=FILE      at the end, the number of calls of each kind is written there
 *     FAIL_TRACE=1          the stack of the call that failed is written to standard error
 *
 * Calls are counted from the start of the library, in all threads together. A program that muster
 * starts is left alone. Under a sanitizer that is a shared library its allocator stands behind this
 * one; elsewhere glibc's does.
 */
#undef _FILE_OFFSET_BITS /* with it, and with fortified headers, names stand for other functions   \
                          */
#undef _FORTIFY_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum kind { MEMORY, THREAD, DESCRIPTOR, KINDS };

static const char *const names[KINDS] = {"memory", "thread", "descriptor"};

static atomic_bool active;
static atomic_long counts[KINDS];
static enum kind failing = KINDS; /* none */
static long nth;
static bool and_all_after;
static bool tracing;
static char counts_file[4096];

static void trace(void) {
    void *stack[48];
    atomic_store(&active, false); /* its own allocations do not count */
    backtrace_symbols_fd(stack, backtrace(stack, 48), STDERR_FILENO);
    atomic_store(&active, true);
}

/* Whether this call of the kind fails. */
static bool fails(enum kind kind) {
    if (!atomic_load_explicit(&active, memory_order_relaxed))
        return false;
    long n = atomic_fetch_add_explicit(&counts[kind], 1, memory_order_relaxed) + 1;
    if (kind != failing || n < nth || (n > nth && !and_all_after))
        return false;
    if (tracing && n == nth)
        trace();
    return true;
}

__attribute__((constructor)) static void start(void) {
    const char *what = getenv("FAIL"), *file = getenv("FAIL_COUNTS");
    size_t len = what ? strcspn(what, ":") : 0;
    for (enum kind k = 0; what && k < KINDS; k++)
        if (strlen(names[k]) == len && memcmp(names[k], what, len) == 0)
            failing = k;
    if (what && what[len]) {
        nth = atol(what + len + 1);
        and_all_after = strchr(what, '+') != NULL;
    }
    if (file)
        snprintf(counts_file, sizeof(counts_file), "%s", file);
    tracing = getenv("FAIL_TRACE");
    if (tracing)
        backtrace(&(void *){NULL}, 1); /* it loads a library when it is first called */
    unsetenv("LD_PRELOAD");
    atomic_store(&active, true);
}

__attribute__((destructor)) static void end(void) {
    atomic_store(&active, false);
    FILE *f = *counts_file ? fopen(counts_file, "w") : NULL;
    if (!f)
        return;
    for (enum kind k = 0; k < KINDS; k++)
        fprintf(f, "%s %ld\n", names[k], atomic_load(&counts[k]));
    fclose(f);
}

/* ---- memory -------------------------------------------------------------------------------- */

#define WEAK __attribute__((weak))

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);
WEAK void *__interceptor_malloc(size_t);
WEAK void *__interceptor_calloc(size_t, size_t);
WEAK void *__interceptor_realloc(void *, size_t);
WEAK int __interceptor_posix_memalign(void **, size_t, size_t);

static bool no_memory(void) {
    if (!fails(MEMORY))
        return false;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t n) {
    if (no_memory())
        return NULL;
    return __interceptor_malloc ? __interceptor_malloc(n) : __libc_malloc(n);
}

void *calloc(size_t n, size_t size) {
    if (no_memory())
        return NULL;
    return __interceptor_calloc ? __interceptor_calloc(n, size) : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n) {
    if (no_memory())
        return NULL;
    return __interceptor_realloc ? __interceptor_realloc(p, n) : __libc_realloc(p, n);
}

int posix_memalign(void **ret, size_t alignment, size_t n) {
    if (no_memory())
        return ENOMEM;
    if (__interceptor_posix_memalign)
        return __interceptor_posix_memalign(ret, alignment, n);
    void *p = __libc_memalign(alignment, n);
    if (!p)
        return ENOMEM;
    *ret = p;
    return 0;
}

/* ---- threads ------------------------------------------------------------------------------- */

/* The function that this one stands before. */
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg) {
    return fails(THREAD) ? EAGAIN : REAL(pthread_create)(thread, attr, run, arg);
}

/* ---- descriptors --------------------------------------------------------------------------- */

static bool no_descriptor(void) {
    if (!fails(DESCRIPTOR))
        return false;
    errno = EMFILE;
    return true;
}

int open(const char *path, int flags, ...) {
    va_list args;
    va_start(args, flags);
    bool makes = flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE;
    mode_t mode = makes ? va_arg(args, mode_t) : 0;
    va_end(args);
    return no_descriptor() ? -1 : openat(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...) __attribute__((alias("open")));

FILE *fopen(const char *path, const char *mode) {
    return no_descriptor() ? NULL : REAL(fopen)(path, mode);
}

FILE *fopen64(const char *path, const char *mode) {
    return no_descriptor() ? NULL : REAL(fopen64)(path, mode);
}

int socket(int domain, int type, int protocol) {
    return no_descriptor() ? -1 : REAL(socket)(domain, type, protocol);
}

int socketpair(int domain, int type, int protocol, int ends[2]) {
    return no_descriptor() ? -1 : REAL(socketpair)(domain, type, protocol, ends);
}

int pipe(int ends[2]) {
    return no_descriptor() ? -1 : REAL(pipe)(ends);
}

int pipe2(int ends[2], int flags) {
    return no_descriptor() ? -1 : REAL(pipe2)(ends, flags);
}

int eventfd(unsigned count, int flags) {
    return no_descriptor() ? -1 : REAL(eventfd)(count, flags);
}

int epoll_create1(int flags) {
    return no_descriptor() ? -1 : REAL(epoll_create1)(flags);
}
