/*
 * inventoryform: which form a file of servers has, told from its content alone.
 *
 * A plain list stays one: each other form is told by a line that could not stand in a plain list.
 *
 *     JSON  the first line begins with {
 *     YAML  the first line is --- or %YAML and a version, or begins with a word, quoted or not,
 *           and a colon right behind it (`all:`)
 *     INI   a line is a section ([web], [web:children], [web:vars]), begins with ;, has a word
 *           ansible_...= or muster_...= behind the first, or has a range of Ansible's (web[01:40])
 *
 * The first line is the first that is neither blank nor a comment (#). `[10-12]` and `[fe80::1]`
 * are a pattern and an address of a plain list, not sections. Pure; any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum inventory_form { FORM_LIST, FORM_INI, FORM_YAML, FORM_JSON };

/* Of a file that begins with these n bytes, which a NUL follows. */
enum inventory_form inventoryform_of(const char *text, size_t n);

/* Whether a line, up to its end or a NUL, can stand in an INI file alone. */
bool inventoryform_is_ini(const char *line);

/* Whether the bytes begin a program: a script with #! or an executable of the system's. */
bool inventoryform_is_program(const char *text, size_t n);
