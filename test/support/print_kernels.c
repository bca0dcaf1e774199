/* Prints one of the PTX texts of muster-gpu: print_kernels base|matrix8|matrix16 */
#include "kernels_cuda.h"

#include <stdio.h>
#include <string.h>

int main(int argc, char **argv) {
    const char *which = argc == 2 ? argv[1] : "";
    const char *text = strcmp(which, "base") == 0       ? kernels_cuda
                       : strcmp(which, "matrix8") == 0  ? matrix_cuda_8
                       : strcmp(which, "matrix16") == 0 ? matrix_cuda_16
                                                        : NULL;
    return !text || fputs(text, stdout) < 0;
}
