/*
 * sshpattern: the patterns of ssh_config(5), and the networks of `Match localnetwork`.
 */
#pragma once

#include <stdbool.h>

/* Whether the pattern, with ? and *, is the whole of the text. */
bool ssh_pattern_match(const char *text, const char *pattern);

/* Whether the pattern has no ? and no *, so that it only matches itself. */
bool ssh_pattern_is_literal(const char *pattern);

/*
 * Whether one of the patterns between commas matches, and none of those behind an '!'. With
 * `lower`, the patterns are read in lower case. A pattern of 1,023 bytes or more ends the list.
 */
bool ssh_pattern_list_match(const char *text, const char *list, bool lower);

/*
 * Of a list of networks (10.0.0.0/8,2001:db8::/32): 1 when `address` is in one of them, 0 when
 * not, -1 when it is no such list. NULL: only read the list.
 */
int ssh_network_list_match(const char *address, const char *list);
