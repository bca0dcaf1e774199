/* listen: see listen.h. */
#include "serve/listen.h"

#include "base/fd.h"
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 128

/* ---- a Unix socket ---- */

/* Whether somebody answers at the address; what does not answer was left behind. */
static bool is_alive(const struct sockaddr_un *address) {
    cleanup(fd_close) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return fd >= 0 && (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
                       errno != ECONNREFUSED);
}

static int make_way(const struct sockaddr_un *address, struct error *err) {
    const char *path = address->sun_path;
    struct stat st;
    if (lstat(path, &st) < 0)
        return errno == ENOENT ? 0 : error_os(err, ERROR_USAGE, errno, "cannot use %s", path);
    if (!S_ISSOCK(st.st_mode))
        return error_set(err, ERROR_USAGE, "%s is there and no socket: name another file", path);
    if (is_alive(address))
        return error_set(err, ERROR_USAGE,
                         "another process listens at %s: end it, or name another file", path);
    return unlink(path) == 0 ? 0 : error_os(err, ERROR_USAGE, errno, "cannot replace %s", path);
}

static int bind_unix(const char *path, struct listening *l, struct error *err) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat st;
    if (!*path || strlen(path) >= sizeof(address.sun_path))
        return error_set(err, ERROR_USAGE, "the path of a Unix socket has 1 to %zu bytes",
                         sizeof(address.sun_path) - 1);
    memcpy(address.sun_path, path, strlen(path));
    if (make_way(&address, err) < 0)
        return -1;
    l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    /* before it has a name: there is no moment at which others could connect */
    if (l->fd < 0 || fchmod(l->fd, 0600) < 0 ||
        bind(l->fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
        return error_os(err, ERROR_USAGE, errno, "cannot make the socket %s", path);
    l->path = strdup(path);
    if (!l->path)
        return error_memory(err);
    if (stat(path, &st) == 0) {
        l->device = st.st_dev;
        l->inode = st.st_ino;
    }
    l->loopback = true;
    snprintf(l->url, sizeof(l->url), "unix:%s", path);
    return 0;
}

/* ---- TCP ---- */

static bool is_port(const char *text) {
    size_t n = strspn(text, "0123456789");
    return n >= 1 && n <= 5 && !text[n] && strtol(text, NULL, 10) <= 65535;
}

/* Takes ADDRESS:PORT or [ADDRESS]:PORT apart. */
static int take_apart(const char *text, char host[256], const char **port, struct error *err) {
    const char *colon = strrchr(text, ':');
    size_t n = colon ? (size_t)(colon - text) : 0;
    bool brackets = n >= 2 && text[0] == '[' && text[n - 1] == ']';
    if (n == 0 || n >= 256 || (!brackets && memchr(text, ':', n)) || !is_port(colon + 1))
        return error_set(err, ERROR_USAGE,
                         "where to listen is ADDRESS:PORT, [IPV6-ADDRESS]:PORT or unix:PATH, not "
                         "'%.80s'",
                         text);
    snprintf(host, 256, "%.*s", (int)(brackets ? n - 2 : n), text + brackets);
    *port = colon + 1;
    return 0;
}

static bool is_loopback(const struct sockaddr *address) {
    if (address->sa_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr) >> 24 == 127;
    return address->sa_family == AF_INET6 &&
           IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)address)->sin6_addr);
}

static int fail_to_bind(int number, const char *address, const char *port, struct error *err) {
    if (number == EADDRINUSE)
        return error_set(
            err, ERROR_USAGE,
            "port %s is in use, perhaps by another muster: end that, or choose another one", port);
    if (number == EACCES)
        return error_set(err, ERROR_USAGE,
                         "port %s is for privileged programs: choose one from 1024 on", port);
    return error_os(err, ERROR_USAGE, number, "cannot listen at %s", address);
}

/* Where it listens now, with the port that it was given. */
static void name_it(struct listening *l) {
    struct sockaddr_storage address;
    socklen_t size = sizeof(address);
    char host[NI_MAXHOST] = "", port[NI_MAXSERV] = "";
    getsockname(l->fd, (struct sockaddr *)&address, &size);
    getnameinfo((struct sockaddr *)&address, size, host, sizeof(host), port, sizeof(port),
                NI_NUMERICHOST | NI_NUMERICSERV);
    bool v6 = address.ss_family == AF_INET6;
    snprintf(l->url, sizeof(l->url), "http://%s%.200s%s:%.8s/", v6 ? "[" : "", host, v6 ? "]" : "",
             port);
}

static int bind_tcp(const char *text, struct listening *l, struct error *err) {
    char host[256];
    const char *port = "";
    if (take_apart(text, host, &port, err) < 0)
        return -1;
    const struct addrinfo hints = {.ai_family = AF_UNSPEC,
                                   .ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found;
    int rc = getaddrinfo(host, port, &hints, &found);
    if (rc != 0)
        return error_set(err, ERROR_USAGE, "cannot listen at %s: %s", text, gai_strerror(rc));
    l->fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int yes = 1;
    if (l->fd >= 0)
        setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    l->loopback = is_loopback(found->ai_addr);
    rc = l->fd < 0 || bind(l->fd, found->ai_addr, found->ai_addrlen) < 0
             ? fail_to_bind(errno, text, port, err)
             : 0;
    freeaddrinfo(found);
    if (rc == 0)
        name_it(l);
    return rc;
}

int listen_open(const char *address, struct listening *ret, struct error *err) {
    struct listening l = {.fd = -1};
    int rc = strncmp(address, "unix:", 5) == 0 ? bind_unix(address + 5, &l, err)
                                               : bind_tcp(address, &l, err);
    if (rc == 0 && listen(l.fd, BACKLOG) < 0)
        rc = errno == EADDRINUSE
                 ? fail_to_bind(errno, address, strrchr(address, ':') + 1, err)
                 : error_os(err, ERROR_USAGE, errno, "cannot listen at %s", address);
    if (rc < 0) {
        listen_done(&l);
        return -1;
    }
    *ret = l;
    return 0;
}

void listen_done(struct listening *l) {
    struct stat st;
    if (l->path && lstat(l->path, &st) == 0 && st.st_dev == l->device && st.st_ino == l->inode)
        unlink(l->path);
    fd_close(&l->fd);
    free(l->path);
    l->path = NULL;
}
