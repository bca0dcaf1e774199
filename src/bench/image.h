/*
 * image: the agents that this muster carries, one per architecture, as bytes to put on a server.
 *
 * Constant data; any thread.
 */
#pragma once

#include <stddef.h>

struct agent_image {
    const char *arch; /* as the agent says it: "x86_64", "aarch64" */
    const unsigned char *data;
    size_t size;
    char hash[65]; /* SHA-256 of the data in hex */
};

/* All of them. At least the agent for the machine that muster was built on is there. */
const struct agent_image *agent_images(size_t *count);

/* The one for `arch`, or NULL. */
const struct agent_image *agent_image_find(const char *arch);
