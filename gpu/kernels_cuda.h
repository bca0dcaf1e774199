/*
 * kernels_cuda: the kernels as PTX. gpu.h says what each does, kernels_opencl.h how fp32 checks
 * itself; groups have 256 items here.
 *
 * The first text runs on everything since Maxwell; the matrix product has one for Turing (tiles of
 * depth 8) and one for Ampere and later (16). Its operands are halves, its sums are floats. Rows of
 * the one operand and columns of the other hold one number each, u = 1 + lane / 4, which is where
 * the layout of a warp's fragments puts that lane. So a product adds depth * u * v to a lane's four
 * sums, with v = 2 w and then v = -(2 w - 1), w = the number of the column: after a round they are
 * larger by depth * u. All is whole and stays below 2^24, so it is exact in whatever order the
 * device adds. The second operand's lanes hold v for column lane / 4; a lane's sums are of the
 * columns 2 (lane mod 4) and the next, whose w it does not need to know.
 */
#pragma once

#define PTX_ARGUMENTS                                                                              \
    "(.param .u64 from, .param .u64 to, .param .u64 state, .param .u32 n, .param .u32 key)\n"

/* %first: the item's first vector; %in, %out: where it is; %key */
#define PTX_BEGIN                                                                                  \
    ".reg .u32 %key, %group, %first, %word, %step, %count;\n"                                      \
    ".reg .u32 %a<16>, %b<16>, %c<16>, %d<16>;\n"                                                  \
    ".reg .u64 %in, %out, %offset;\n"                                                              \
    ".reg .pred %more;\n"                                                                          \
    "ld.param.u32 %key, [key];\n"                                                                  \
    "ld.param.u64 %in, [from];\n"                                                                  \
    "ld.param.u64 %out, [to];\n"                                                                   \
    "cvta.to.global.u64 %in, %in;\n"                                                               \
    "cvta.to.global.u64 %out, %out;\n"                                                             \
    "mov.u32 %group, %ctaid.x;\n"                                                                  \
    "mov.u32 %first, %tid.x;\n"                                                                    \
    "mad.lo.u32 %first, %group, 4096, %first;\n"                                                   \
    "mul.wide.u32 %offset, %first, 16;\n"                                                          \
    "add.u64 %in, %in, %offset;\n"

/* The 16 vectors of an item, 256 vectors of 16 bytes from one to the next. */
#define PTX_16(f)                                                                                  \
    f("0", "0") f("1", "4096") f("2", "8192") f("3", "12288") f("4", "16384") f("5", "20480")      \
        f("6", "24576") f("7", "28672") f("8", "32768") f("9", "36864") f("10", "40960")           \
            f("11", "45056") f("12", "49152") f("13", "53248") f("14", "57344") f("15", "61440")
#define PTX_VECTOR(i) "{%a" i ", %b" i ", %c" i ", %d" i "}"
#define PTX_LOAD(i, at) "ld.global.v4.u32 " PTX_VECTOR(i) ", [%in+" at "];\n"
#define PTX_STORE(i, at) "st.global.v4.u32 [%out+" at "], " PTX_VECTOR(i) ";\n"
#define PTX_ADD_KEY(i, at)                                                                         \
    "add.u32 %a" i ", %a" i ", %key;\nadd.u32 %b" i ", %b" i ", %key;\n"                           \
    "add.u32 %c" i ", %c" i ", %key;\nadd.u32 %d" i ", %d" i ", %key;\n"
#define PTX_SUM(i, at)                                                                             \
    "add.u32 %word, %word, %a" i ";\nadd.u32 %step, %step, %b" i ";\n"                             \
    "add.u32 %word, %word, %c" i ";\nadd.u32 %step, %step, %d" i ";\n"

/* Counts the group, and an item for which %wrong is set. */
#define PTX_COUNT                                                                                  \
    "ld.param.u64 %state, [state];\n"                                                              \
    "cvta.to.global.u64 %state, %state;\n"                                                         \
    "mov.u32 %unit, %smid;\n"                                                                      \
    "add.u32 %unit, %unit, 1;\n"                                                                   \
    "@%wrong red.global.add.u32 [%state+4], 1;\n"                                                  \
    "@%wrong st.global.u32 [%state+8], %unit;\n"                                                   \
    "setp.eq.u32 %first_item, %item, 0;\n"                                                         \
    "@%first_item red.global.add.u32 [%state], 1;\n"

#define PTX_EACH(f)                                                                                \
    f("0") f("1") f("2") f("3") f("4") f("5") f("6") f("7") f("8") f("9") f("10") f("11") f("12")  \
        f("13") f("14") f("15")
#define PTX_UP(i) "fma.rn.f32 %x" i ", %x" i ", %minus, 0f4B000000;\n"   /* 2^23 */
#define PTX_DOWN(i) "fma.rn.f32 %x" i ", %x" i ", %minus, 0f4B000001;\n" /* 2^23 + 1 */
#define PTX_ROUND PTX_EACH(PTX_UP) PTX_EACH(PTX_DOWN)
#define PTX_START(i)                                                                               \
    "mov.f32 %x" i ", %next;\n"                                                                    \
    "add.f32 %next, %next, 0f461BD400;\n" /* 9973 */
#define PTX_CHECK(i)                                                                               \
    "add.f32 %end, %begin, %rounds;\n"                                                             \
    "setp.neu.or.f32 %wrong, %x" i ", %end, %wrong;\n"                                             \
    "add.f32 %begin, %begin, 0f461BD400;\n"

static const char kernels_cuda[] =
    ".version 6.0\n"
    ".target sm_50\n"
    ".address_size 64\n"

    ".visible .entry fill" PTX_ARGUMENTS "{\n" PTX_BEGIN "add.u64 %out, %out, %offset;\n"
    "mul.lo.u32 %word, %first, 0x78dde6c4;\n" /* 4 * PATTERN */
    "add.u32 %word, %word, %key;\n"
    "mov.u32 %count, 16;\n"
    "next:\n"
    "add.u32 %a0, %word, 0x9e3779b1;\n"
    "add.u32 %b0, %a0, 0x9e3779b1;\n"
    "add.u32 %c0, %b0, 0x9e3779b1;\n"
    "st.global.v4.u32 [%out], {%word, %a0, %b0, %c0};\n"
    "add.u32 %word, %word, 0xdde6c400;\n" /* 1024 * PATTERN */
    "add.u64 %out, %out, 4096;\n"
    "sub.u32 %count, %count, 1;\n"
    "setp.ne.u32 %more, %count, 0;\n"
    "@%more bra next;\n"
    "ret;\n}\n"

    ".visible .entry read" PTX_ARGUMENTS "{\n" PTX_BEGIN "mov.u32 %word, 0;\n"
    "mov.u32 %step, 0;\n" PTX_16(PTX_LOAD) PTX_16(
        PTX_SUM) "add.u32 %word, %word, %step;\n"
                 "mov.u32 %first, %tid.x;\n"
                 "mad.lo.u32 %first, %group, 256, %first;\n"
                 "mul.wide.u32 %offset, %first, 4;\n"
                 "add.u64 %out, %out, %offset;\n"
                 "st.global.u32 [%out], %word;\n"
                 "ret;\n}\n"

                 ".visible .entry copy" PTX_ARGUMENTS "{\n" PTX_BEGIN
                 "add.u64 %out, %out, %offset;\n" PTX_16(PTX_LOAD) PTX_16(PTX_ADD_KEY) PTX_16(
                     PTX_STORE) "ret;\n}\n"

                                ".visible .entry fp32" PTX_ARGUMENTS "{\n"
                                ".reg .f32 %x<16>, %minus, %next, %begin, %end, %rounds;\n"
                                ".reg .u32 %item, %lane, %i, %n, %unit;\n"
                                ".reg .u64 %state;\n"
                                ".reg .pred %more, %wrong, %first_item;\n"
                                "ld.param.f32 %minus, [key];\n"
                                "ld.param.u32 %n, [n];\n"
                                "cvt.rn.f32.u32 %rounds, %n;\n"
                                "mov.u32 %item, %tid.x;\n"
                                "and.b32 %lane, %item, 31;\n"
                                "cvt.rn.f32.u32 %begin, %lane;\n"
                                "fma.rn.f32 %begin, %begin, 0f42740000, 0f3F800000;\n" /* 61, 1 */
                                "mov.f32 %next, %begin;\n" PTX_EACH(
                                    PTX_START) "mov.u32 %i, 0;\n"
                                               "next:\n" PTX_ROUND PTX_ROUND PTX_ROUND PTX_ROUND
                                               "add.u32 %i, %i, 4;\n"
                                               "setp.lt.u32 %more, %i, %n;\n"
                                               "@%more bra next;\n"
                                               "setp.ne.u32 %wrong, %item, %item;\n" PTX_EACH(
                                                   PTX_CHECK) PTX_COUNT "ret;\n}\n";

#define PTX_TILES(f) f("0") f("1") f("2") f("3") f("4") f("5") f("6") f("7")
#define PTX_SUMS(t) "{%p" t ", %q" t ", %r" t ", %s" t "}"
#define PTX_TILE_START(t)                                                                          \
    "mov.f32 %p" t ", %next;\nmov.f32 %q" t ", %next;\n"                                           \
    "mov.f32 %r" t ", %next;\nmov.f32 %s" t ", %next;\n"                                           \
    "add.f32 %next, %next, 0f42740000;\n"
#define PTX_TILE_CHECK(t)                                                                          \
    "add.f32 %end, %begin, %gain;\n"                                                               \
    "setp.neu.or.f32 %wrong, %p" t ", %end, %wrong;\n"                                             \
    "setp.neu.or.f32 %wrong, %q" t ", %end, %wrong;\n"                                             \
    "setp.neu.or.f32 %wrong, %r" t ", %end, %wrong;\n"                                             \
    "setp.neu.or.f32 %wrong, %s" t ", %end, %wrong;\n"                                             \
    "add.f32 %begin, %begin, 0f42740000;\n"

/* `depth` is that of a tile as a float in hex */
#define PTX_MATRIX(version, target, depth, up, down)                                               \
    ".version " version "\n"                                                                       \
    ".target " target "\n"                                                                         \
    ".address_size 64\n"                                                                           \
    ".visible .entry matrix" PTX_ARGUMENTS "{\n"                                                   \
    ".reg .f32 %p<8>, %q<8>, %r<8>, %s<8>, %next, %begin, %end, %rounds, %gain, %u, %v;\n"         \
    ".reg .f16 %h;\n"                                                                              \
    ".reg .b32 %a, %up, %down;\n"                                                                  \
    ".reg .u32 %item, %lane, %i, %n, %unit;\n"                                                     \
    ".reg .u64 %state;\n"                                                                          \
    ".reg .pred %more, %wrong, %first_item;\n"                                                     \
    "ld.param.u32 %n, [n];\n"                                                                      \
    "cvt.rn.f32.u32 %rounds, %n;\n"                                                                \
    "mov.u32 %item, %tid.x;\n"                                                                     \
    "and.b32 %lane, %item, 31;\n"                                                                  \
    "shr.u32 %lane, %lane, 2;\n"                                                                   \
    "add.u32 %lane, %lane, 1;\n"                                                                   \
    "cvt.rn.f32.u32 %u, %lane;\n"                                                                  \
    "cvt.rn.f16.f32 %h, %u;\n"                                                                     \
    "mov.b32 %a, {%h, %h};\n"                                                                      \
    "add.f32 %v, %u, %u;\n"                                                                        \
    "cvt.rn.f16.f32 %h, %v;\n"                                                                     \
    "mov.b32 %up, {%h, %h};\n"                                                                     \
    "sub.f32 %v, 0f3F800000, %v;\n"                                                                \
    "cvt.rn.f16.f32 %h, %v;\n"                                                                     \
    "mov.b32 %down, {%h, %h};\n"                                                                   \
    "mul.f32 %gain, %u, %rounds;\n"                                                                \
    "mul.f32 %gain, %gain, " depth ";\n"                                                           \
    "mov.f32 %begin, 0f3F800000;\n"                                                                \
    "mov.f32 %next, %begin;\n" PTX_TILES(                                                          \
        PTX_TILE_START) "mov.u32 %i, 0;\n"                                                         \
                        "next:\n" PTX_TILES(up) PTX_TILES(down) PTX_TILES(up) PTX_TILES(           \
                            down) "add.u32 %i, %i, 2;\n"                                           \
                                  "setp.lt.u32 %more, %i, %n;\n"                                   \
                                  "@%more bra next;\n"                                             \
                                  "setp.ne.u32 %wrong, %item, %item;\n" PTX_TILES(PTX_TILE_CHECK)  \
                                      PTX_COUNT "ret;\n}\n"

#define PTX_MMA_8(t, b)                                                                            \
    "mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 " PTX_SUMS(t) ", {%a, %a}, {" b              \
                                                                    "}, " PTX_SUMS(t) ";\n"
#define PTX_UP_8(t) PTX_MMA_8(t, "%up")
#define PTX_DOWN_8(t) PTX_MMA_8(t, "%down")
static const char matrix_cuda_8[] = PTX_MATRIX("6.5", "sm_75", "0f41000000", PTX_UP_8, PTX_DOWN_8);

#define PTX_MMA_16(t, b)                                                                           \
    "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 " PTX_SUMS(t) ", {%a, %a, %a, %a}, {" b     \
                                                                     ", " b                        \
                                                                     "}, " PTX_SUMS(t) ";\n"
#define PTX_UP_16(t) PTX_MMA_16(t, "%up")
#define PTX_DOWN_16(t) PTX_MMA_16(t, "%down")
static const char matrix_cuda_16[] =
    PTX_MATRIX("7.0", "sm_80", "0f41800000", PTX_UP_16, PTX_DOWN_16);
