/*
 * sshkeywords: every keyword of ssh_config(5) that OpenSSH 9 knows, and what muster does with it.
 *
 * This table is the one place that says so; the one in docs/SSH.md is held against it by a test. A
 * keyword that muster comes to honour changes its row here and nothing else that decides.
 */
#pragma once

#include <stddef.h>

/* One for each keyword that is not another's alias, in alphabetical order. */
enum ssh_keyword {
    SSH_ADDKEYSTOAGENT,
    SSH_ADDRESSFAMILY,
    SSH_AFSTOKENPASSING,
    SSH_BATCHMODE,
    SSH_BINDADDRESS,
    SSH_BINDINTERFACE,
    SSH_CANONICALDOMAINS,
    SSH_CANONICALIZEFALLBACKLOCAL,
    SSH_CANONICALIZEHOSTNAME,
    SSH_CANONICALIZEMAXDOTS,
    SSH_CANONICALIZEPERMITTEDCNAMES,
    SSH_CASIGNATUREALGORITHMS,
    SSH_CERTIFICATEFILE,
    SSH_CHANNELTIMEOUT,
    SSH_CHECKHOSTIP,
    SSH_CIPHER,
    SSH_CIPHERS,
    SSH_CLEARALLFORWARDINGS,
    SSH_COMPRESSION,
    SSH_COMPRESSIONLEVEL,
    SSH_CONNECTIONATTEMPTS,
    SSH_CONNECTTIMEOUT,
    SSH_CONTROLMASTER,
    SSH_CONTROLPATH,
    SSH_CONTROLPERSIST,
    SSH_DYNAMICFORWARD,
    SSH_ENABLEESCAPECOMMANDLINE,
    SSH_ENABLESSHKEYSIGN,
    SSH_ESCAPECHAR,
    SSH_EXITONFORWARDFAILURE,
    SSH_FALLBACKTORSH,
    SSH_FINGERPRINTHASH,
    SSH_FORKAFTERAUTHENTICATION,
    SSH_FORWARDAGENT,
    SSH_FORWARDX11,
    SSH_FORWARDX11TIMEOUT,
    SSH_FORWARDX11TRUSTED,
    SSH_GATEWAYPORTS,
    SSH_GLOBALKNOWNHOSTSFILE,
    SSH_GLOBALKNOWNHOSTSFILE2,
    SSH_GSSAPIAUTHENTICATION,
    SSH_GSSAPICLIENTIDENTITY,
    SSH_GSSAPIDELEGATECREDENTIALS,
    SSH_GSSAPIKEXALGORITHMS,
    SSH_GSSAPIKEYEXCHANGE,
    SSH_GSSAPIRENEWALFORCESREKEY,
    SSH_GSSAPISERVERIDENTITY,
    SSH_GSSAPITRUSTDNS,
    SSH_HASHKNOWNHOSTS,
    SSH_HOST,
    SSH_HOSTBASEDACCEPTEDALGORITHMS,
    SSH_HOSTBASEDAUTHENTICATION,
    SSH_HOSTKEYALGORITHMS,
    SSH_HOSTKEYALIAS,
    SSH_HOSTNAME,
    SSH_IDENTITIESONLY,
    SSH_IDENTITYAGENT,
    SSH_IDENTITYFILE,
    SSH_IGNOREUNKNOWN,
    SSH_INCLUDE,
    SSH_IPQOS,
    SSH_KBDINTERACTIVEAUTHENTICATION,
    SSH_KBDINTERACTIVEDEVICES,
    SSH_KERBEROSAUTHENTICATION,
    SSH_KERBEROSTGTPASSING,
    SSH_KEXALGORITHMS,
    SSH_KNOWNHOSTSCOMMAND,
    SSH_LOCALCOMMAND,
    SSH_LOCALFORWARD,
    SSH_LOGLEVEL,
    SSH_LOGVERBOSE,
    SSH_MACS,
    SSH_MATCH,
    SSH_NOHOSTAUTHENTICATIONFORLOCALHOST,
    SSH_NUMBEROFPASSWORDPROMPTS,
    SSH_OBSCUREKEYSTROKETIMING,
    SSH_PASSWORDAUTHENTICATION,
    SSH_PERMITLOCALCOMMAND,
    SSH_PERMITREMOTEOPEN,
    SSH_PKCS11PROVIDER,
    SSH_PORT,
    SSH_PREFERREDAUTHENTICATIONS,
    SSH_PROTOCOL,
    SSH_PROXYCOMMAND,
    SSH_PROXYJUMP,
    SSH_PROXYUSEFDPASS,
    SSH_PUBKEYACCEPTEDALGORITHMS,
    SSH_PUBKEYAUTHENTICATION,
    SSH_REKEYLIMIT,
    SSH_REMOTECOMMAND,
    SSH_REMOTEFORWARD,
    SSH_REQUESTTTY,
    SSH_REQUIREDRSASIZE,
    SSH_REVOKEDHOSTKEYS,
    SSH_RHOSTSAUTHENTICATION,
    SSH_RHOSTSRSAAUTHENTICATION,
    SSH_RSAAUTHENTICATION,
    SSH_SECURITYKEYPROVIDER,
    SSH_SENDENV,
    SSH_SERVERALIVECOUNTMAX,
    SSH_SERVERALIVEINTERVAL,
    SSH_SESSIONTYPE,
    SSH_SETENV,
    SSH_STDINNULL,
    SSH_STREAMLOCALBINDMASK,
    SSH_STREAMLOCALBINDUNLINK,
    SSH_STRICTHOSTKEYCHECKING,
    SSH_SYSLOGFACILITY,
    SSH_TAG,
    SSH_TCPKEEPALIVE,
    SSH_TUNNEL,
    SSH_TUNNELDEVICE,
    SSH_UPDATEHOSTKEYS,
    SSH_USEPRIVILEGEDPORT,
    SSH_USER,
    SSH_USERKNOWNHOSTSFILE,
    SSH_USERKNOWNHOSTSFILE2,
    SSH_USEROAMING,
    SSH_USERSH,
    SSH_VERIFYHOSTKEYDNS,
    SSH_VISUALHOSTKEY,
    SSH_XAUTHLOCATION,
    SSH_KEYWORDS,               /* how many there are */
    SSH_UNKNOWN = SSH_KEYWORDS, /* a word that is none of them */
};

/* What arguments a keyword takes (input/sshvalues.h). */
enum ssh_syntax {
    SSH_SYNTAX_ANYTHING, /* nobody reads them */
    SSH_SYNTAX_TEXT,     /* one */
    SSH_SYNTAX_WORDS,    /* one of the row's words, in any case */
    SSH_SYNTAX_INTEGER,
    SSH_SYNTAX_TIME,
    SSH_SYNTAX_PORT,
    SSH_SYNTAX_LIST,    /* one or more, or "none" alone */
    SSH_SYNTAX_COMMAND, /* all that follows on the line, as it stands */
    SSH_SYNTAX_JUMP,
    SSH_SYNTAX_CIPHERS,
    SSH_SYNTAX_MACS,
    SSH_SYNTAX_KEX,
    SSH_SYNTAX_KEY_TYPES,
    SSH_SYNTAX_GSS_KEX,
    SSH_SYNTAX_REKEY,
    SSH_SYNTAX_AGENT,
    SSH_SYNTAX_FORWARD_AGENT,
    SSH_SYNTAX_ADD_KEYS,
    SSH_SYNTAX_SEND_ENV,
    SSH_SYNTAX_SET_ENV,
    SSH_SYNTAX_DOMAINS,
    SSH_SYNTAX_CNAMES,
    SSH_SYNTAX_LOCAL_FORWARD,
    SSH_SYNTAX_REMOTE_FORWARD,
    SSH_SYNTAX_DYNAMIC_FORWARD,
    SSH_SYNTAX_REMOTE_OPEN,
    SSH_SYNTAX_PERSIST,
    SSH_SYNTAX_ESCAPE,
    SSH_SYNTAX_TUNNEL_DEVICE,
    SSH_SYNTAX_IPQOS,
    SSH_SYNTAX_MASK,
    SSH_SYNTAX_HASH,
    SSH_SYNTAX_LOG_LEVEL,
    SSH_SYNTAX_FACILITY,
    SSH_SYNTAX_KEYSTROKES,
    SSH_SYNTAX_TIMEOUTS,
    SSH_SYNTAX_HOST,
    SSH_SYNTAX_MATCH,
    SSH_SYNTAX_INCLUDE,
};

enum ssh_support {
    SSH_HONOURED,
    SSH_PROGRAM,    /* wherever it is set, or on, the ssh program carries the server */
    SSH_CONDITION,  /* the ssh program carries the server in the case that the note names */
    SSH_IRRELEVANT, /* makes no difference to a benchmark */
    SSH_IGNORED,    /* by OpenSSH itself */
};

struct ssh_keyword_row {
    const char *name; /* as ssh_config(5) spells it */
    enum ssh_syntax syntax;
    enum ssh_support support;
    const char *words; /* of SSH_SYNTAX_WORDS, with blanks between them; otherwise NULL */
    const char *usual; /* the default, for people; NULL: nothing */
    const char *note;  /* NULL: nothing to say */
};

/* Not for SSH_UNKNOWN. */
const struct ssh_keyword_row *ssh_keyword_row(enum ssh_keyword keyword);

/* The keyword or alias of that name, in any case; or SSH_UNKNOWN. */
enum ssh_keyword ssh_keyword_find(const char *name);

/* The i-th other name of a keyword, or NULL after the last one. */
const char *ssh_keyword_alias(size_t i, enum ssh_keyword *ret);

/* "honoured", "ssh program" and so on, as the table in the documentation says it. */
const char *ssh_support_name(enum ssh_support support);
