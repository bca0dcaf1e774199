/*
 * fleet_sim: thousands of servers to log in to, in one process.
 *
 *   fleet_sim --port P --servers N --key PUBLIC-KEY --host-key FILE [--simulate SPEC] [--faults
 * SPEC]
 *             [--gather N] [--threads N] [--write-inventory FILE] [--write-known-hosts FILE]
 *
 * Server 1 is 127.1.0.1, and so on, all at port P, with one host key. They speak SSH for real and
 * let in whoever has the private half of PUBLIC-KEY. Behind it stands the agent that `muster run
 * --simulate=SPEC` has (transport/simulation.h): server 17 measures what server 17 of that would.
 * Without a SPEC it answers at once. --faults breaks a share of the servers (fleet_faults.h). With
 * --gather no agent takes a request before so many commands have begun, on all servers together:
 * so many sessions are then there at once, however long that takes.
 *
 * It says `ready` when it listens, ends at SIGTERM, SIGINT or the end of its standard input (where
 * that is a pipe, a socket or a terminal), and says then what it has seen, as JSON.
 *
 * Threads: main() waits for the end, each loop (fleet_loop) has one thread, and they share the
 * fleet, which is read-only but for counts.
 */
#include "base/clock.h"
#include "base/fd.h"
#include "fleet_loop.h"
#include "sync/cancel.h"
#include "transport/simulated.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <openssl/rand.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#define THREADS_MAX 64

struct options {
    const char *key;
    const char *simulate;
    const char *faults;
    const char *inventory;
    const char *known_hosts;
    size_t servers; /* 0: as the SPEC says */
    size_t threads;
};

/* ---- options ---- */

enum flag {
    PORT = 1,
    SERVERS,
    KEY,
    HOST_KEY,
    SIMULATE,
    FAULT,
    GATHER,
    THREADS,
    INVENTORY,
    KNOWN_HOSTS
};

static const struct option long_options[] = {
    {"port", required_argument, NULL, PORT},
    {"servers", required_argument, NULL, SERVERS},
    {"key", required_argument, NULL, KEY},
    {"host-key", required_argument, NULL, HOST_KEY},
    {"simulate", required_argument, NULL, SIMULATE},
    {"faults", required_argument, NULL, FAULT},
    {"gather", required_argument, NULL, GATHER},
    {"threads", required_argument, NULL, THREADS},
    {"write-inventory", required_argument, NULL, INVENTORY},
    {"write-known-hosts", required_argument, NULL, KNOWN_HOSTS},
    {0},
};

static int read_number(const char *text, size_t max, size_t *ret) {
    char *end;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (errno != 0 || *end || value == 0 || value > max)
        return -1;
    *ret = value;
    return 0;
}

static int take_option(int option, struct options *o, struct fleet *fleet) {
    size_t port;
    switch (option) {
    case PORT:
        if (read_number(optarg, 65535, &port) != 0)
            return -1;
        fleet->port = (unsigned short)port;
        return 0;
    case SERVERS:
        return read_number(optarg, FLEET_SERVERS_MAX, &o->servers);
    case GATHER:
        return read_number(optarg, FLEET_SERVERS_MAX, &fleet->gather);
    case THREADS:
        return read_number(optarg, THREADS_MAX, &o->threads);
    case HOST_KEY:
        fleet->host_key = optarg;
        return 0;
    default:
        break;
    }
    const char **texts[] = {[KEY] = &o->key,
                            [SIMULATE] = &o->simulate,
                            [FAULT] = &o->faults,
                            [INVENTORY] = &o->inventory,
                            [KNOWN_HOSTS] = &o->known_hosts};
    if (option >= (int)ARRAY_LEN(texts) || !texts[option])
        return -1;
    *texts[option] = optarg;
    return 0;
}

static int read_options(int argc, char **argv, struct options *o, struct fleet *fleet,
                        struct error *err) {
    for (int option; (option = getopt_long(argc, argv, "", long_options, NULL)) != -1;)
        if (take_option(option, o, fleet) != 0)
            return error_set(err, ERROR_USAGE, "an option is not as the source says");
    if (optind < argc || !fleet->port || !o->key || !fleet->host_key)
        return error_set(err, ERROR_USAGE, "--port, --key and --host-key are needed");
    return 0;
}

/* ---- the fleet ---- */

/* As many descriptors as there may be. */
static int raise_descriptors(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 1024;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    return getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < INT32_MAX ? (int)limit.rlim_cur
                                                                               : INT32_MAX;
}

static int make_fleet(const struct options *o, struct fleet *fleet, struct error *err) {
    if (simulation_parse(o->simulate ? o->simulate : "delay=0", &fleet->simulation, err) < 0 ||
        (o->faults && faults_parse(o->faults, &fleet->faults, err) < 0))
        return -1;
    if (o->servers > 0)
        fleet->simulation.servers = o->servers;
    fleet->descriptors = raise_descriptors();
    if (ssh_pki_import_pubkey_file(o->key, &fleet->user_key) != SSH_OK)
        return error_set(err, ERROR_USAGE, "the key %s cannot be read", o->key);
    if (cancel_new(&fleet->cancel, err) < 0 || cancel_new(&fleet->gathered, err) < 0)
        return -1;
    if (fleet->gather == 0)
        cancel_fire(fleet->gathered);
    return transport_simulated_new(&fleet->simulation, fleet->cancel, &fleet->agents, err);
}

static void fleet_done(struct fleet *fleet) {
    transport_free(fleet->agents);
    ssh_key_free(fleet->user_key);
    cancel_free(fleet->cancel);
    cancel_free(fleet->gathered);
}

/* ---- files ---- */

static int write_file(const char *path, const struct str *text, struct error *err) {
    if (text->failed)
        return error_memory(err);
    FILE *file = fopen(path, "we");
    bool written = file && fwrite(text->data, 1, text->len, file) == text->len;
    if (file && fclose(file) == 0 && written)
        return 0;
    return error_os(err, ERROR_USAGE, errno, "%s", path);
}

static int write_inventory(const struct fleet *fleet, const char *path, struct error *err) {
    cleanup(str_done) struct str text = {0};
    for (size_t i = 0; i < fleet->simulation.servers; i++) {
        char address[INET_ADDRSTRLEN];
        struct in_addr in = {htonl(FLEET_FIRST + (uint32_t)i)};
        str_add(&text, inet_ntop(AF_INET, &in, address, sizeof(address)));
        str_add_char(&text, '\n');
    }
    return write_file(path, &text, err);
}

/* Appends the public half of the host key, as a line of known_hosts has it. */
static bool add_host_key(const struct fleet *fleet, struct str *out) {
    ssh_key key = NULL, public = NULL;
    char *encoded = NULL;
    bool read = ssh_pki_import_privkey_file(fleet->host_key, NULL, NULL, NULL, &key) == SSH_OK &&
                ssh_pki_export_privkey_to_pubkey(key, &public) == SSH_OK &&
                ssh_pki_export_pubkey_base64(public, &encoded) == SSH_OK;
    if (read)
        str_addf(out, " %s %s\n", ssh_key_type_to_char(ssh_key_type(public)), encoded);
    ssh_string_free_char(encoded);
    ssh_key_free(public);
    ssh_key_free(key);
    return read;
}

/* One line for all. */
static int write_known_hosts(const struct fleet *fleet, const char *path, struct error *err) {
    cleanup(str_done) struct str text = {0};
    if (fleet->port == 22)
        str_add(&text, "127.*");
    else
        str_addf(&text, "[127.*]:%d", fleet->port);
    if (!add_host_key(fleet, &text))
        return error_set(err, ERROR_USAGE, "the host key %s cannot be read", fleet->host_key);
    return write_file(path, &text, err);
}

static int write_files(const struct options *o, const struct fleet *fleet, struct error *err) {
    if (o->inventory && write_inventory(fleet, o->inventory, err) < 0)
        return -1;
    return o->known_hosts ? write_known_hosts(fleet, o->known_hosts, err) : 0;
}

/* ---- running ---- */

/* Loops share the port with each other; with another process they must not. */
static int check_port(unsigned short port, struct error *err) {
    cleanup(fd_close) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(port)};
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
        bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0)
        return error_os(err, ERROR_USAGE, errno, "port %d", port);
    return 0;
}

static bool can_end(int fd) {
    struct stat st;
    return fstat(fd, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode) || isatty(fd));
}

/* Until a signal or the end of the standard input. */
static void wait_for_end(int signals) {
    struct pollfd set[] = {{.fd = signals, .events = POLLIN},
                           {.fd = can_end(STDIN_FILENO) ? STDIN_FILENO : -1, .events = POLLIN}};
    char trash[256];
    for (;;) {
        if (poll(set, ARRAY_LEN(set), -1) < 0 && errno != EINTR)
            return;
        if (set[0].revents || (set[1].revents && read(STDIN_FILENO, trash, sizeof(trash)) <= 0))
            return;
    }
}

static int serve(struct fleet *fleet, size_t threads, int signals, struct error *err) {
    struct loop *loops[THREADS_MAX] = {NULL};
    pthread_t ids[THREADS_MAX];
    size_t running = 0;
    int rc = check_port(fleet->port, err);
    for (size_t i = 0; i < threads && rc == 0; i++)
        rc = loop_new(fleet, &loops[i], err);
    for (; running < threads && rc == 0; running++)
        if (pthread_create(&ids[running], NULL, loop_run, loops[running]) != 0) {
            rc = error_set(err, ERROR_INTERNAL, "no more threads");
            break;
        }
    if (rc == 0 && puts("ready") >= 0 && fflush(stdout) == 0)
        wait_for_end(signals);
    cancel_fire(fleet->cancel);
    while (running > 0)
        pthread_join(ids[--running], NULL);
    for (size_t i = 0; i < threads; i++)
        loop_free(loops[i]);
    return rc;
}

static void report(struct fleet *fleet) {
    struct fleet_counts *c = &fleet->counts;
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    printf("{\"accepted\":%zu,\"turned_away\":%zu,\"authenticated\":%zu,\"commands\":%zu,"
           "\"peak\":%zu,\"cpu_seconds\":%.3f,\"peak_rss_kib\":%ld}\n",
           c->accepted, c->turned_away, c->authenticated, c->commands, c->peak,
           (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
               (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6,
           used.ru_maxrss);
}

/* The signals that end it, for all threads to leave to the descriptor. */
static int block_signals(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC);
}

int main(int argc, char **argv) {
    struct options o = {.threads = 2};
    struct fleet fleet = {0};
    struct error err;
    unsigned char seed;
    int signals = block_signals();
    /* before there are threads, so that the libraries are set up once */
    bool ready = signals >= 0 && ssh_init() == SSH_OK && RAND_bytes(&seed, 1) == 1;
    int rc = ready ? read_options(argc, argv, &o, &fleet, &err)
                   : error_set(&err, ERROR_INTERNAL, "no random numbers");
    if (rc == 0 && make_fleet(&o, &fleet, &err) == 0 && write_files(&o, &fleet, &err) == 0 &&
        serve(&fleet, o.threads, signals, &err) == 0)
        report(&fleet);
    else
        rc = -1;
    if (rc != 0)
        fprintf(stderr, "fleet_sim: %s\n", err.text);
    fleet_done(&fleet);
    return rc == 0 ? 0 : 2;
}
