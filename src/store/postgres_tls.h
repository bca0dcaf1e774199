/*
 * postgres_tls: which connections to PostgreSQL have to be encrypted, and what there is to say
 * where that fails. For store/postgres_connect alone.
 */
#pragma once

#include <stdbool.h>

/*
 * Whether all of the servers are this machine: `hosts` and `addresses` are libpq's host and
 * hostaddr, lists divided by commas; "" is none.
 */
bool postgres_is_local(const char *hosts, const char *addresses);

/* What is wrong, and what to do about it, where libpq's message is about TLS; else NULL. */
const char *postgres_tls_trouble(const char *message);
