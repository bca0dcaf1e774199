/*
 * sshkeywords: see sshkeywords.h. Constant; any thread.
 *
 * The rows stand in the order of their names without regard to case, by which they are found.
 */
#include "input/sshkeywords.h"

#include "base/attr.h"

#include <stdlib.h>
#include <strings.h>

#define FLAG "yes no true false"

/* clang-format off */
static const struct ssh_keyword_row rows[SSH_KEYWORDS] = {
    [SSH_ADDKEYSTOAGENT] = {.name = "AddKeysToAgent", .syntax = SSH_SYNTAX_ADD_KEYS, .support = SSH_IRRELEVANT, .usual = "no", .note = "muster adds no key to an agent"},
    [SSH_ADDRESSFAMILY] = {.name = "AddressFamily", .syntax = SSH_SYNTAX_WORDS, .support = SSH_HONOURED, .words = "any inet inet6", .usual = "any"},
    [SSH_AFSTOKENPASSING] = {.name = "AFSTokenPassing", .syntax = SSH_SYNTAX_ANYTHING, .support = SSH_IGNORED, .note = "not supported by OpenSSH any more"},
    [SSH_BATCHMODE] = {.name = "BatchMode", .syntax = SSH_SYNTAX_WORDS, .support = SSH_HONOURED, .words = FLAG, .usual = "no", .note = "no password is sent, and ServerAliveInterval is 300 unless set (as on Debian)"},
    [SSH_BINDADDRESS] = {.name = "BindAddress", .syntax = SSH_SYNTAX_TEXT, .support = SSH_HONOURED},
    [SSH_BINDINTERFACE] = {.name = "BindInterface", .syntax = SSH_SYNTAX_TEXT, .support = SSH_HONOURED},
    [SSH_CANONICALDOMAINS] = {.name = "CanonicalDomains", .syntax = SSH_SYNTAX_DOMAINS, .support = SSH_HONOURED, .usual = "none"},
    [SSH_CANONICALIZEFALLBACKLOCAL] = {.name = "CanonicalizeFallbackLocal", .syntax = SSH_SYNTAX_WORDS, .support = SSH_HONOURED, .words = FLAG, .usual = "yes"},
    [SSH_CANONICALIZEHOSTNAME] = {.name = "CanonicalizeHostname", .syntax = SSH_SYNTAX_WORDS, .support = SSH_HONOURED, .words = FLAG " always", .usual = "no"},
    [SSH_CANONICALIZEMAXDOTS] = {.name = "CanonicalizeMaxDots", .syntax = SSH_SYNTAX_INTEGER, .support = SSH_HONOURED, .usual = "1"},
    [SSH_CANONICALIZEPERMITTEDCNAMES] = {.name = "CanonicalizePermittedCNAMEs", .syntax = SSH_SYNTAX_CNAMES, .support = SSH_HONOURED, .usual = "none"},
    [SSH_CASIGNATUREALGORITHMS] = {.name = "CASignatureAlgorithms", .syntax = SSH_SYNTAX_KEY_TYPES, .support = SSH_IRRELEVANT, .note = "servers whose host key is a certificate are left to the ssh program"},
    [SSH_CERTIFICATEFILE] = {.name = "CertificateFile", .syntax = SSH_SYNTAX_TEXT, .support = SSH_HONOURED, .note = "every value counts"},
    [SSH_CHANNELTIMEOUT] = {.name = "ChannelTimeout", .syntax = SSH_SYNTAX_TIMEOUTS, .support = SSH_IRRELEVANT, .usual = "none", .note = "benchmarks have deadlines of their own"},
    [SSH_CHECKHOSTIP] = {.name = "CheckHostIP", .syntax = SSH_SYNTAX_WORDS, .support = SSH_HONOURED, .words = FLAG, .usual = "no"},
    [SSH_CIPHER] = {.name = "Cipher", .syntax = SSH_SYNTAX_ANYTHING, .support = SSH_IGNORED, .note = "deprecated by OpenSSH"},
    [SSH_CIPHERS] = {.name = "Ciphers", .syntax = SSH_SYNTAX_CIPHERS, .support = SSH_HONOURED},
    [SSH_CLEARALLFORWARDINGS] = {.name = "ClearAllForwardings", .syntax = SSH_SYNTAX_WORDS, .support = SSH_IRRELEVANT, .words = FLAG, .usual = "no", .note = "muster forwards no ports"},
    [SSH_COMPRESSION] = {.name = "Compression", .syntax = SSH_SYNTAX_WORDS, .support = SSH_HONOURED, .words = "yes no", .usual = "no"},
    [SSH_COMPRESSIONLEVEL] = {.name = "CompressionLevel", .syntax = SSH_SYNTAX_ANYTHING, .support = SSH_IGNORED, .note = "not supported by OpenSSH any more"},
    [SSH_CONNECTIONATTEMPTS] = {.name = "ConnectionAttempts", .syntax = SSH_SYNTAX_INTEGER, .support = SSH_HONOURED, .usual = "1"},
    [SSH_CONNECTTIMEOUT] = {.name = "ConnectTimeout", .syntax = SSH_SYNTAX_TIME, .support = SSH_HONOURED, .usual = "none"},
    [SSH_CONTROLMASTER] = {.name = "ControlMaster", .syntax = SSH_SYNTAX_WORDS, .support = SSH_CONDITION, .words = FLAG " auto ask autoask", .usual = "no", .note = "with a ControlPath: connections are shared"},
    [SSH_CONTROLPATH] = {.name = "ControlPath", .syntax = SSH_SYNTAX_TEXT, .support = SSH_CONDITION, .usual = "none", .note = "where a shared connection's socket is there, or ControlMaster is on"},
    [SSH_CONTROLPERSIST] = {.name = "ControlPersist", .syntax = SSH_SYNTAX_PERSIST, .support = SSH_IRRELEVANT, .usual = "no", .note = "of ControlMaster"},
    [SSH_DYNAMICFORWARD] = {.name = "DynamicForward", .syntax = SSH_SYNTAX_DYNAMIC_FORWARD, .support = SSH_IRRELEVANT, .note = "muster forwards no ports"},
    [SSH_ENABLEESCAPECOMMANDLINE] = {.name = "EnableEscapeCommandline", .syntax = SSH_SYNTAX_WORDS, .support = SSH_IRRELEVANT, .words = FLAG, .usual = "no", .note = "nobody types"},
    [SSH_ENABLESSHKEYSIGN] = {.name = "EnableSSHKeysign", .syntax = SSH_SYNTAX_WORDS, .support = SSH_IRRELEVANT, .words = FLAG, .usual = "no", .note = "of HostbasedAuthentication"},
    [SSH_ESCAPECHAR] = {.name = "EscapeChar", .syntax = SSH_SYNTAX_ESCAPE, .support = SSH_IRRELEVANT, .usual = "~", .note = "nobody types"},
    [SSH_EXITONFORWARDFAILURE] = {.name = "ExitOnForwardFailure", .syntax = SSH_SYNTAX_WORDS, .support = SSH_IRRELEVANT, .words = FLAG, .usual = "no", .note = "muster forwards no ports"},
    [SSH_FALLBACKTORSH] = {.name = "FallBackToRsh", .syntax = SSH_SYNTAX_ANYTHING, .support = SSH_IGNORED, .note = "deprecated by OpenSSH"},
    [SSH_FINGERPRINTHASH] = {.name = "FingerprintHash", .syntax = SSH_SYNTAX_HASH, .support = SSH_IRRELEVANT, .usual = "SHA256", .note = "muster prints SHA256"},
    [SSH_FORKAFTERAUTHENTICATION] = {.name = "ForkAfterAuthentication", .syntax = SSH_SYNTAX_WORDS, .support = SSH_IRRELEVANT, .words = FLAG, .usual = "no"},
    [SSH_FORWARDAGENT] = {.name = "ForwardAgent", .syntax = SSH_SYNTAX_FORWARD_AGENT, .support = SSH_IRRELEVANT, .usual = "no", .note = "benchmarks are given no agent"},
    [SSH_FORWARDX11] = {.name = "ForwardX11", .syntax = SSH_SYNTAX_WORDS, .support = SSH_IRRELEVANT, .words = FLAG, .usual = "no", .note = "benchmarks are given no display"},
    [SSH_FORWARDX11TIMEOUT] = {.name = "ForwardX11Timeout", .syntax = SSH_SYNTAX_TIME, .support = SSH_IRRELEVANT, .usual = "20m"},
    [SSH_FORWARDX11TRUSTED] = {.name = "ForwardX11Trusted", .syntax = SSH_SYNTAX_WORDS, .support = SSH_IRRELEVANT, .words = FLAG, .usual = "yes"},
    [SSH_GATEWAYPORTS] = {.name = "GatewayPorts", .syntax = SSH_SYNTAX_WORDS, .support = SSH_IRRELEVANT, .words = FLAG, .usual = "no", .note = "muster forwards no ports"},
    [SSH_GLOBALKNOWNHOSTSFILE] = {.name = "GlobalKnownHostsFile", .syntax = SSH_SYNTAX_LIST, .support = SSH_HONOURED, .usual = "/etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2"},
    [SSH_GLOBALKNOWNHOSTSFILE2] = {.name = "GlobalKnownHostsFile2", .syntax = SSH_SYNTAX_ANYTHING, .support = SSH_IGNORED, .note = "deprecated by OpenSSH"},
    [SSH_GSSAPIAUTHENTICATION] = {.name = "GSSAPIAuthentication", .syntax = SSH_SYNTAX_WORDS, .support = SSH_CONDITION, .words = FLAG, .usual = "no", .note = "where it is on, the server offers it and nothing else logs in"},
    [SSH_GSSAPICLIENTIDENTITY] = {.name = "GSSAPIClientIdentity", .syntax = SSH_SYNTAX_TEXT, .support = SSH_IRRELEVANT, .note = "of GSSAPIAuthentication"},
    [SSH_GSSAPIDELEGATECREDENTIALS] = {.name = "GSSAPIDelegateCredentials", .syntax = SSH_SYNTAX_WORDS, .support = SSH_IRRELEVANT, .words = FLAG, .usual = "no", .note = "of GSSAPIAuthentication"},
    [SSH_GSSAPIKEXALGORITHMS] = {.name = "GSSAPIKexAlgorithms", .syntax = SSH_SYNTAX_GSS_KEX, .support = SSH_IRRELEVANT, .note = "of GSSAPIKeyExchange"},
    [SSH_GSSAPIKEYEXCHANGE] = {.name = "GSSAPIKeyExchange", .syntax = SSH_SYNTAX_WORDS, .support = SSH_PROGRAM, .words = FLAG, .usual = "no"},
    [SSH_GSSAPIRENEWALFORCESREKEY] = {.name = "GSSAPIRenewalForcesRekey", .syntax = SSH_SYNTAX_WORDS, .support = SSH_IRRELEVANT, .words = FLAG, .usual = "no", .note = "of GSSAPIKeyExchange"},
    [SSH_GSSAPISERVERIDENTITY] = {.name = "GSSAPIServerIdentity", .syntax = SSH_SYNTAX_TEXT, .support = SSH_IRRELEVANT, .note = "of GSSAPIAuthentication"},
    [SSH_GSSAPITRUSTDNS] = {.name = "GSSAPITrustDns", .syntax = SSH_SYNTAX_WORDS, .support = SSH_IRRELEVANT, .words = FLAG, .usual = "no", .note = "of GSSAPIAuthentication"},
    [SSH_HASHKNOWNHOSTS] = {.name = "HashKnownHosts", .syntax = SSH_SYNTAX_WORDS, .support = SSH_HONOURED, .words = FLAG, .usual = "no"},
    [SSH_HOST] = {.name = "Host", .syntax = SSH_SYNTAX_HOST, .support = SSH_HONOURED},
    [SSH_HOSTBASEDACCEPTEDALGORITHMS] = {.name = "HostbasedAcceptedAlgorithms", .syntax = SSH_SYNTAX_KEY_TYPES, .support = SSH_IRRELEVANT, .note = "of HostbasedAuthentication"},
    [SSH_HOSTBASEDAUTHENTICATION] = {.name = "HostbasedAuthentication", .syntax = SSH_SYNTAX_WORDS, .support = SSH_CONDITION, .words = FLAG, .usual = "no", .note = "where it is on, the server offers it and nothing else logs in"},
    [SSH_HOSTKEYALGORITHMS] = {.name = "HostKeyAlgorithms", .syntax = SSH_SYNTAX_KEY_TYPES, .support = SSH_HONOURED},
    [SSH_HOSTKEYALIAS] = {.name = "HostKeyAlias", .syntax = SSH_SYNTAX_TEXT, .support = SSH_HONOURED},
    [SSH_HOSTNAME] = {.name = "HostName", .syntax = SSH_SYNTAX_TEXT, .support = SSH_HONOURED},
    [SSH_IDENTITIESONLY] = {.name = "IdentitiesOnly", .syntax = SSH_SYNTAX_WORDS, .support = SSH_HONOURED, .words = FLAG, .usual = "no"},
    [SSH_IDENTITYAGENT] = {.name = "IdentityAgent", .syntax = SSH_SYNTAX_AGENT, .support = SSH_HONOURED},
    [SSH_IDENTITYFILE] = {.name = "IdentityFile", .syntax = SSH_SYNTAX_TEXT, .support = SSH_HONOURED, .usual = "~/.ssh/id_rsa and the other usual names", .note = "every value counts"},
    [SSH_IGNOREUNKNOWN] = {.name = "IgnoreUnknown", .syntax = SSH_SYNTAX_TEXT, .support = SSH_HONOURED},
    [SSH_INCLUDE] = {.name = "Include", .syntax = SSH_SYNTAX_INCLUDE, .support = SSH_HONOURED},
    [SSH_IPQOS] = {.name = "IPQoS", .syntax = SSH_SYNTAX_IPQOS, .support = SSH_IRRELEVANT, .usual = "lowdelay throughput"},
    [SSH_KBDINTERACTIVEAUTHENTICATION] = {.name = "KbdInteractiveAuthentication", .syntax = SSH_SYNTAX_WORDS, .support = SSH_HONOURED, .words = FLAG, .usual = "yes"},
    [SSH_KBDINTERACTIVEDEVICES] = {.name = "KbdInteractiveDevices", .syntax = SSH_SYNTAX_TEXT, .support = SSH_IRRELEVANT, .note = "the server chooses"},
    [SSH_KERBEROSAUTHENTICATION] = {.name = "KerberosAuthentication", .syntax = SSH_SYNTAX_ANYTHING, .support = SSH_IGNORED, .note = "not supported by OpenSSH any more"},
    [SSH_KERBEROSTGTPASSING] = {.name = "KerberosTGTPassing", .syntax = SSH_SYNTAX_ANYTHING, .support = SSH_IGNORED, .note = "not supported by OpenSSH any more"},
    [SSH_KEXALGORITHMS] = {.name = "KexAlgorithms", .syntax = SSH_SYNTAX_KEX, .support = SSH_HONOURED},
    [SSH_KNOWNHOSTSCOMMAND] = {.name = "KnownHostsCommand", .syntax = SSH_SYNTAX_COMMAND, .support = SSH_PROGRAM, .usual = "none"},
    [SSH_LOCALCOMMAND] = {.name = "LocalCommand", .syntax = SSH_SYNTAX_COMMAND, .support = SSH_CONDITION, .usual = "none", .note = "with PermitLocalCommand"},
    [SSH_LOCALFORWARD] = {.name = "LocalForward", .syntax = SSH_SYNTAX_LOCAL_FORWARD, .support = SSH_IRRELEVANT, .note = "muster forwards no ports"},
    [SSH_LOGLEVEL] = {.name = "LogLevel", .syntax = SSH_SYNTAX_LOG_LEVEL, .support = SSH_IRRELEVANT, .usual = "INFO", .note = "muster has its own log"},
    [SSH_LOGVERBOSE] = {.name = "LogVerbose", .syntax = SSH_SYNTAX_LIST, .support = SSH_IRRELEVANT, .usual = "none", .note = "muster has its own log"},
    [SSH_MACS] = {.name = "MACs", .syntax = SSH_SYNTAX_MACS, .support = SSH_HONOURED},
    [SSH_MATCH] = {.name = "Match", .syntax = SSH_SYNTAX_MATCH, .support = SSH_HONOURED},
    [SSH_NOHOSTAUTHENTICATIONFORLOCALHOST] = {.name = "NoHostAuthenticationForLocalhost", .syntax = SSH_SYNTAX_WORDS, .support = SSH_HONOURED, .words = FLAG, .usual = "no"},
    [SSH_NUMBEROFPASSWORDPROMPTS] = {.name = "NumberOfPasswordPrompts", .syntax = SSH_SYNTAX_INTEGER, .support = SSH_HONOURED, .usual = "3"},
    [SSH_OBSCUREKEYSTROKETIMING] = {.name = "ObscureKeystrokeTiming", .syntax = SSH_SYNTAX_KEYSTROKES, .support = SSH_IRRELEVANT, .usual = "yes", .note = "nobody types"},
    [SSH_PASSWORDAUTHENTICATION] = {.name = "PasswordAuthentication", .syntax = SSH_SYNTAX_WORDS, .support = SSH_HONOURED, .words = FLAG, .usual = "yes"},
    [SSH_PERMITLOCALCOMMAND] = {.name = "PermitLocalCommand", .syntax = SSH_SYNTAX_WORDS, .support = SSH_CONDITION, .words = FLAG, .usual = "no", .note = "with a LocalCommand"},
    [SSH_PERMITREMOTEOPEN] = {.name = "PermitRemoteOpen", .syntax = SSH_SYNTAX_REMOTE_OPEN, .support = SSH_IRRELEVANT, .usual = "any", .note = "muster forwards no ports"},
    [SSH_PKCS11PROVIDER] = {.name = "PKCS11Provider", .syntax = SSH_SYNTAX_TEXT, .support = SSH_PROGRAM, .usual = "none"},
    [SSH_PORT] = {.name = "Port", .syntax = SSH_SYNTAX_PORT, .support = SSH_HONOURED, .usual = "22"},
    [SSH_PREFERREDAUTHENTICATIONS] = {.name = "PreferredAuthentications", .syntax = SSH_SYNTAX_TEXT, .support = SSH_HONOURED},
    [SSH_PROTOCOL] = {.name = "Protocol", .syntax = SSH_SYNTAX_ANYTHING, .support = SSH_IGNORED, .note = "deprecated by OpenSSH"},
    [SSH_PROXYCOMMAND] = {.name = "ProxyCommand", .syntax = SSH_SYNTAX_COMMAND, .support = SSH_HONOURED, .usual = "none"},
    [SSH_PROXYJUMP] = {.name = "ProxyJump", .syntax = SSH_SYNTAX_JUMP, .support = SSH_HONOURED, .usual = "none"},
    [SSH_PROXYUSEFDPASS] = {.name = "ProxyUseFdpass", .syntax = SSH_SYNTAX_WORDS, .support = SSH_CONDITION, .words = FLAG, .usual = "no", .note = "with a ProxyCommand"},
    [SSH_PUBKEYACCEPTEDALGORITHMS] = {.name = "PubkeyAcceptedAlgorithms", .syntax = SSH_SYNTAX_KEY_TYPES, .support = SSH_HONOURED},
    [SSH_PUBKEYAUTHENTICATION] = {.name = "PubkeyAuthentication", .syntax = SSH_SYNTAX_WORDS, .support = SSH_HONOURED, .words = FLAG " unbound host-bound", .usual = "yes"},
    [SSH_REKEYLIMIT] = {.name = "RekeyLimit", .syntax = SSH_SYNTAX_REKEY, .support = SSH_HONOURED, .usual = "default none"},
    [SSH_REMOTECOMMAND] = {.name = "RemoteCommand", .syntax = SSH_SYNTAX_COMMAND, .support = SSH_IRRELEVANT, .usual = "none", .note = "muster has commands of its own"},
    [SSH_REMOTEFORWARD] = {.name = "RemoteForward", .syntax = SSH_SYNTAX_REMOTE_FORWARD, .support = SSH_IRRELEVANT, .note = "muster forwards no ports"},
    [SSH_REQUESTTTY] = {.name = "RequestTTY", .syntax = SSH_SYNTAX_WORDS, .support = SSH_IRRELEVANT, .words = FLAG " force auto", .usual = "auto", .note = "benchmarks have no terminal"},
    [SSH_REQUIREDRSASIZE] = {.name = "RequiredRSASize", .syntax = SSH_SYNTAX_INTEGER, .support = SSH_HONOURED, .usual = "1024"},
    [SSH_REVOKEDHOSTKEYS] = {.name = "RevokedHostKeys", .syntax = SSH_SYNTAX_TEXT, .support = SSH_HONOURED, .usual = "none"},
    [SSH_RHOSTSAUTHENTICATION] = {.name = "RhostsAuthentication", .syntax = SSH_SYNTAX_ANYTHING, .support = SSH_IGNORED, .note = "deprecated by OpenSSH"},
    [SSH_RHOSTSRSAAUTHENTICATION] = {.name = "RhostsRSAAuthentication", .syntax = SSH_SYNTAX_ANYTHING, .support = SSH_IGNORED, .note = "not supported by OpenSSH any more"},
    [SSH_RSAAUTHENTICATION] = {.name = "RSAAuthentication", .syntax = SSH_SYNTAX_ANYTHING, .support = SSH_IGNORED, .note = "not supported by OpenSSH any more"},
    [SSH_SECURITYKEYPROVIDER] = {.name = "SecurityKeyProvider", .syntax = SSH_SYNTAX_TEXT, .support = SSH_CONDITION, .usual = "internal", .note = "where the identity is on a security key and in no agent"},
    [SSH_SENDENV] = {.name = "SendEnv", .syntax = SSH_SYNTAX_SEND_ENV, .support = SSH_HONOURED, .note = "every value counts; -PATTERN takes some away"},
    [SSH_SERVERALIVECOUNTMAX] = {.name = "ServerAliveCountMax", .syntax = SSH_SYNTAX_INTEGER, .support = SSH_HONOURED, .usual = "3"},
    [SSH_SERVERALIVEINTERVAL] = {.name = "ServerAliveInterval", .syntax = SSH_SYNTAX_TIME, .support = SSH_HONOURED, .usual = "0"},
    [SSH_SESSIONTYPE] = {.name = "SessionType", .syntax = SSH_SYNTAX_WORDS, .support = SSH_IRRELEVANT, .words = "none subsystem default", .usual = "default", .note = "muster runs commands"},
    [SSH_SETENV] = {.name = "SetEnv", .syntax = SSH_SYNTAX_SET_ENV, .support = SSH_HONOURED},
    [SSH_STDINNULL] = {.name = "StdinNull", .syntax = SSH_SYNTAX_WORDS, .support = SSH_IRRELEVANT, .words = FLAG, .usual = "no"},
    [SSH_STREAMLOCALBINDMASK] = {.name = "StreamLocalBindMask", .syntax = SSH_SYNTAX_MASK, .support = SSH_IRRELEVANT, .usual = "0177", .note = "muster forwards no ports"},
    [SSH_STREAMLOCALBINDUNLINK] = {.name = "StreamLocalBindUnlink", .syntax = SSH_SYNTAX_WORDS, .support = SSH_IRRELEVANT, .words = FLAG, .usual = "no", .note = "muster forwards no ports"},
    [SSH_STRICTHOSTKEYCHECKING] = {.name = "StrictHostKeyChecking", .syntax = SSH_SYNTAX_WORDS, .support = SSH_HONOURED, .words = FLAG " ask off accept-new", .usual = "ask", .note = "nobody is asked: ask is yes"},
    [SSH_SYSLOGFACILITY] = {.name = "SyslogFacility", .syntax = SSH_SYNTAX_FACILITY, .support = SSH_IRRELEVANT, .usual = "USER", .note = "muster has its own log"},
    [SSH_TAG] = {.name = "Tag", .syntax = SSH_SYNTAX_TEXT, .support = SSH_HONOURED, .note = "as OpenSSH 9.4 and newer"},
    [SSH_TCPKEEPALIVE] = {.name = "TCPKeepAlive", .syntax = SSH_SYNTAX_WORDS, .support = SSH_HONOURED, .words = FLAG, .usual = "yes"},
    [SSH_TUNNEL] = {.name = "Tunnel", .syntax = SSH_SYNTAX_WORDS, .support = SSH_IRRELEVANT, .words = FLAG " ethernet point-to-point", .usual = "no", .note = "muster forwards no devices"},
    [SSH_TUNNELDEVICE] = {.name = "TunnelDevice", .syntax = SSH_SYNTAX_TUNNEL_DEVICE, .support = SSH_IRRELEVANT, .usual = "any:any", .note = "muster forwards no devices"},
    [SSH_UPDATEHOSTKEYS] = {.name = "UpdateHostKeys", .syntax = SSH_SYNTAX_WORDS, .support = SSH_IRRELEVANT, .words = FLAG " ask", .usual = "yes", .note = "always off: muster learns no keys but by accept-new"},
    [SSH_USEPRIVILEGEDPORT] = {.name = "UsePrivilegedPort", .syntax = SSH_SYNTAX_ANYTHING, .support = SSH_IGNORED, .note = "deprecated by OpenSSH"},
    [SSH_USER] = {.name = "User", .syntax = SSH_SYNTAX_TEXT, .support = SSH_HONOURED, .usual = "the local user's name"},
    [SSH_USERKNOWNHOSTSFILE] = {.name = "UserKnownHostsFile", .syntax = SSH_SYNTAX_LIST, .support = SSH_HONOURED, .usual = "~/.ssh/known_hosts ~/.ssh/known_hosts2"},
    [SSH_USERKNOWNHOSTSFILE2] = {.name = "UserKnownHostsFile2", .syntax = SSH_SYNTAX_ANYTHING, .support = SSH_IGNORED, .note = "deprecated by OpenSSH"},
    [SSH_USEROAMING] = {.name = "UseRoaming", .syntax = SSH_SYNTAX_ANYTHING, .support = SSH_IGNORED, .note = "deprecated by OpenSSH"},
    [SSH_USERSH] = {.name = "UseRsh", .syntax = SSH_SYNTAX_ANYTHING, .support = SSH_IGNORED, .note = "deprecated by OpenSSH"},
    [SSH_VERIFYHOSTKEYDNS] = {.name = "VerifyHostKeyDNS", .syntax = SSH_SYNTAX_WORDS, .support = SSH_CONDITION, .words = FLAG " ask", .usual = "no", .note = "where it is on"},
    [SSH_VISUALHOSTKEY] = {.name = "VisualHostKey", .syntax = SSH_SYNTAX_WORDS, .support = SSH_IRRELEVANT, .words = FLAG, .usual = "no"},
    [SSH_XAUTHLOCATION] = {.name = "XAuthLocation", .syntax = SSH_SYNTAX_TEXT, .support = SSH_IRRELEVANT, .usual = "/usr/bin/xauth", .note = "benchmarks are given no display"},
};
/* clang-format on */

static const struct alias {
    const char *name;
    enum ssh_keyword keyword;
} aliases[] = {
    {"ChallengeResponseAuthentication", SSH_KBDINTERACTIVEAUTHENTICATION},
    {"DSAAuthentication", SSH_PUBKEYAUTHENTICATION},
    {"HostbasedKeyTypes", SSH_HOSTBASEDACCEPTEDALGORITHMS},
    {"IdentityFile2", SSH_IDENTITYFILE},
    {"KeepAlive", SSH_TCPKEEPALIVE},
    {"ProtocolKeepAlives", SSH_SERVERALIVEINTERVAL},
    {"PubkeyAcceptedKeyTypes", SSH_PUBKEYACCEPTEDALGORITHMS},
    {"SetupTimeOut", SSH_SERVERALIVEINTERVAL},
    {"SKeyAuthentication", SSH_KBDINTERACTIVEAUTHENTICATION},
    {"SmartcardDevice", SSH_PKCS11PROVIDER},
    {"TISAuthentication", SSH_KBDINTERACTIVEAUTHENTICATION},
};

const struct ssh_keyword_row *ssh_keyword_row(enum ssh_keyword keyword) {
    return &rows[keyword];
}

/* Both tables begin with a name. */
static int compare(const void *name, const void *row) {
    return strcasecmp(name, *(const char *const *)row);
}

enum ssh_keyword ssh_keyword_find(const char *name) {
    const struct ssh_keyword_row *row = bsearch(name, rows, SSH_KEYWORDS, sizeof(*rows), compare);
    if (row)
        return (enum ssh_keyword)(row - rows);
    const struct alias *a = bsearch(name, aliases, ARRAY_LEN(aliases), sizeof(*aliases), compare);
    return a ? a->keyword : SSH_UNKNOWN;
}

const char *ssh_keyword_alias(size_t i, enum ssh_keyword *ret) {
    if (i >= ARRAY_LEN(aliases))
        return NULL;
    *ret = aliases[i].keyword;
    return aliases[i].name;
}

const char *ssh_support_name(enum ssh_support support) {
    static const char *const names[] = {[SSH_HONOURED] = "honoured",
                                        [SSH_PROGRAM] = "ssh program",
                                        [SSH_CONDITION] = "honoured, or ssh program",
                                        [SSH_IRRELEVANT] = "irrelevant",
                                        [SSH_IGNORED] = "ignored"};
    return names[support];
}
