/*
 * postgres_tls: see postgres_tls.h.
 *
 * What is local is told by what the user wrote and never by a look at what a name stands for: the
 * answer comes over a network, too, and may be another one a moment later. A machine's own name or
 * address counts as another machine's.
 *
 * libpq's messages are looked through for words that it has had for years; muster sets no locale
 * that would translate them. Where a certificate is not accepted, libpq does not pass on why.
 */
#include "store/postgres_tls.h"

#include "base/attr.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

static bool is_loopback(const char *host) {
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET6, host, &v6) == 1)
        return IN6_IS_ADDR_LOOPBACK(&v6) || (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == 127);
    return inet_pton(AF_INET, host, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127;
}

/* Of one server; libpq takes its address where it has both. */
static bool is_local(const char *host, const char *address) {
    if (*address)
        return is_loopback(address);
    return !*host || *host == '/' || *host == '@' || strcasecmp(host, "localhost") == 0 ||
           is_loopback(host);
}

/* What comes before the next comma, as much of it as any address takes; *list goes on after it. */
static void take(const char **list, char *ret, size_t size) {
    size_t n = strcspn(*list, ",");
    size_t kept = n < size ? n : size - 1;
    memcpy(ret, *list, kept);
    ret[kept] = '\0';
    *list += n + ((*list)[n] == ',');
}

bool postgres_is_local(const char *hosts, const char *addresses) {
    do {
        char host[64], address[64];
        take(&hosts, host, sizeof(host));
        take(&addresses, address, sizeof(address));
        if (!is_local(host, address))
            return false;
    } while (*hosts || *addresses);
    return true;
}

static const struct {
    const char *part; /* of libpq's message */
    const char *text;
} troubles[] = {
    {"does not support SSL",
     "it has no TLS, without which nothing leaves this machine: turn on `ssl` there, best with "
     "sslmode=verify-full and sslrootcert here; or say sslmode=disable, and let the network see "
     "all"},
    {"does not match host name", "its certificate is for another name: say that one in the URL "
                                 "(hostaddr= may say where it is), "
                                 "or have a certificate made for this one"},
    {"certificate verify failed",
     "its certificate is not one that the CA in sslrootcert has signed, or has expired"},
    {"root certificate file",
     "a CA's certificate is needed to know the server by: name its file with sslrootcert"},
    {"has group or world access",
     "others may read the private key that sslkey names: `chmod 600` it"},
    {"but not private key", "the certificate that sslcert names has no key: name it with sslkey"},
    {"does not match private key", "sslcert and sslkey do not belong together"},
    {"key values mismatch", "sslcert and sslkey do not belong together"},
    {"private key file", "the private key that sslkey names cannot be used"},
    {"certificate file", "the certificate that sslcert names cannot be used"},
    {"alert unknown ca", "the server's CA has not signed the certificate that sslcert names"},
    {"alert certificate expired", "the certificate that sslcert names has expired"},
    {"alert certificate", "the server does not accept the certificate that sslcert names"},
    {"alert bad certificate", "the server does not accept the certificate that sslcert names"},
    {"requires a valid client certificate",
     "the server wants a certificate of its users: name one with sslcert, and its key with sslkey"},
    {"certificate authentication failed",
     "the certificate that sslcert names is for another user than the URL's"},
    {", no encryption",
     "it lets nobody in without TLS, or has no rule for this: leave out sslmode"},
    {"invalid response to SSL negotiation", "what answers there is no PostgreSQL"},
};

const char *postgres_tls_trouble(const char *message) {
    for (size_t i = 0; i < ARRAY_LEN(troubles); i++)
        if (strstr(message, troubles[i].part))
            return troubles[i].text;
    return NULL;
}
