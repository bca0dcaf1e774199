/*
 * factrooms: the rooms of facts.c. Each appends its members to an object that is open.
 */
#pragma once

#include "base/str.h"

void facts_add_cpu(struct str *out);
void facts_add_memory(struct str *out);
void facts_add_devices(struct str *out);
void facts_add_machine(struct str *out);

/* The value after `key` and a separator in a text of such lines, without quotes and spaces around
 * it; NULL when there is none. Cuts `text` up. */
char *facts_value(char *text, const char *key, char separator);
