/*
 * image: see image.h.
 *
 * The build writes agent_table.h, a line AGENT(arch, file, size, hash) for each agent. The
 * assembler includes the files, which no compiler does as fast or in as little memory.
 */
#include "bench/image.h"

#include "base/attr.h"

#include <string.h>

#define AGENT(arch, file, size, hash)                                                              \
    __asm__(".pushsection .rodata\n"                                                               \
            ".balign 16\n"                                                                         \
            ".hidden muster_agent_" #arch "\n"                                                     \
            ".globl muster_agent_" #arch "\n"                                                      \
            "muster_agent_" #arch ":\n"                                                            \
            ".incbin \"" file "\"\n"                                                               \
            ".popsection\n");                                                                      \
    extern const unsigned char muster_agent_##arch[] __attribute__((visibility("hidden")));
#include "bench/agent_table.h"
#undef AGENT

#define AGENT(arch, file, size, hash) {#arch, muster_agent_##arch, size, hash},
static const struct agent_image images[] = {
#include "bench/agent_table.h"
};
#undef AGENT

const struct agent_image *agent_images(size_t *count) {
    *count = ARRAY_LEN(images);
    return images;
}

const struct agent_image *agent_image_find(const char *arch) {
    for (size_t i = 0; i < ARRAY_LEN(images); i++)
        if (strcmp(images[i].arch, arch) == 0)
            return &images[i];
    return NULL;
}
