/*
 * jump: to a server through jump hosts (ProxyJump).
 *
 * A jump host is logged in to as a server is, and once for many of them (transport/jumppool.h). One
 * that is itself behind another is reached through that one's connections, by the same code.
 *
 * Threads: any thread.
 */
#pragma once

#include "transport/sshlink.h"

#define JUMP_CHANNELS 100

struct jumps;

/* The kit is borrowed; `channels` is how many a connection carries, 0: JUMP_CHANNELS. */
int jumps_new(const struct sshkit *kit, int channels, struct jumps **ret,
              struct error *err) must_use;

/* Ends all connections to jump hosts. No link may be left. NULL is allowed. */
void jumps_free(struct jumps *j);

/*
 * Connects to the server of `request` through the jump hosts of its options, and fills *fd,
 * `address`, and the link's place at the gate and its carrier. Errors of a jump host name it; kinds
 * and *unsupported are those of sshlink_open().
 */
int jumps_connect(struct jumps *j, const struct sshlink_request *request, struct link *link,
                  int *fd, char address[ADDRESS_TEXT], const char **unsupported,
                  struct error *err) must_use;
