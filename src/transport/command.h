/*
 * command: the transport by any program that carries standard input and output.
 *
 *     ssh {server}
 *     docker exec -i {server} sh -c
 *     kubectl exec -i {server} -- sh -c
 *
 * The template is taken apart into words as a shell does with simple ones: blanks separate, single
 * and double quotes and backslashes quote; nothing is expanded and no shell is run. In double
 * quotes a backslash quotes only ", \, $ and `. The remote command line becomes one more, last
 * word.
 *
 * {server}, {host}, {user} and {port} stand for the server's name, host, user and port wherever
 * they are in a word but the first, quoted or not. What they stand for comes from an inventory and
 * is never looked at again: it cannot make a second word. A backslash before the { outside quotes
 * makes a placeholder plain text; braces around anything but a name are plain text anyway.
 */
#pragma once

#include "sync/cancel.h"
#include "transport/transport.h"

/*
 * An empty template, an unbalanced quote, an unknown placeholder, or one in the program's place is
 * ERROR_USAGE, with the column in the sentence; else ERROR_INTERNAL. The token must outlive the
 * transport.
 *
 * transport_open() fails with ERROR_UNREACHABLE where the server has no value for a placeholder, or
 * where a value would make a word begin with '-' and so be read as an option.
 */
int transport_command_new(const char *template, struct cancel *cancel, struct transport **ret,
                          struct error *err) must_use;
