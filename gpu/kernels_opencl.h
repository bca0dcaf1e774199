/*
 * kernels_opencl: the kernels in OpenCL C 1.1. gpu.h says what each does; the build defines GROUP.
 *
 * fp32 multiplies by a -1 that the compiler does not know and adds whole numbers below 2^24, so
 * that every step is exact whether the device fuses it or not (some compilers
 * do that only where they are asked for fma), flips most bits of its number, and
 * leaves a number that is larger by the count of rounds: no step can be left out or go wrong
 * unnoticed. An item works on two vectors in turn, each for half of the rounds, because one would
 * wait for its own last step on a device that does not put another item into the gap.
 */
#pragma once

static const char kernels_opencl[] =
    "#define ARGUMENTS(type_from, type_to) \\\n"
    "    global type_from *from, global type_to *to, global volatile uint *state, uint n, \\\n"
    "    uint key\n"
    "#define FIRST (get_group_id(0) * (GROUP * 16) + get_local_id(0))\n"
    "#ifdef FP_FAST_FMAF\n"
    "#define MULTIPLY_ADD fma\n"
    "#else\n"
    "#define MULTIPLY_ADD mad\n"
    "#endif\n"
    "#define STEP(c) \\\n"
    "    x = MULTIPLY_ADD(x, a, (float16)(c)); y = MULTIPLY_ADD(y, a, (float16)(c));\n"
    "\n"
    "kernel void fill(ARGUMENTS(uint4, uint4)) {\n"
    "    uint at = FIRST;\n"
    "    for (int i = 0; i < 16; i++, at += GROUP)\n"
    "        to[at] = (4 * at + (uint4)(0, 1, 2, 3)) * 0x9e3779b1u + key;\n"
    "}\n"
    "\n"
    "kernel void read(ARGUMENTS(uint4, uint)) {\n"
    "    uint at = FIRST;\n"
    "    uint4 sum = 0;\n"
    "    #pragma unroll\n"
    "    for (int i = 0; i < 16; i++, at += GROUP)\n"
    "        sum += from[at];\n"
    "    to[get_global_id(0)] = sum.x + sum.y + sum.z + sum.w;\n"
    "}\n"
    "\n"
    "kernel void copy(ARGUMENTS(uint4, uint4)) {\n"
    "    uint at = FIRST;\n"
    "    #pragma unroll\n"
    "    for (int i = 0; i < 16; i++, at += GROUP)\n"
    "        to[at] = from[at] + key;\n"
    "}\n"
    "\n"
    "kernel void fp32(ARGUMENTS(uint4, uint4)) {\n"
    "    float16 a = as_float(key);\n"
    "    float16 start = 1.0f + 61.0f * (float)(get_local_id(0) & 31) + 9973.0f *\n"
    "        (float16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);\n"
    "    float16 x = start, y = start + 262144.0f;\n"
    "    for (uint i = 0; i < n; i += 8) {\n"
    "        STEP(8388608.0f) STEP(8388609.0f) STEP(8388608.0f) STEP(8388609.0f)\n"
    "        STEP(8388608.0f) STEP(8388609.0f) STEP(8388608.0f) STEP(8388609.0f)\n"
    "    }\n"
    "    start += (float)(n / 2);\n"
    "    if (any(x != start) || any(y != start + 262144.0f))\n"
    "        atomic_inc(state + 1);\n"
    "    if (get_local_id(0) == 0)\n"
    "        atomic_inc(state);\n"
    "}\n";
