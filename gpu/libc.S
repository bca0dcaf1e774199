/*
 * Stands in for the C library while muster-gpu is linked: the symbols that it uses, which libc.map
 * gives their oldest versions. Never run, and not part of the program. One source for libc.so.6,
 * libdl.so.2 and libpthread.so.0, told apart by a macro.
 */
        .macro symbols name:req, more:vararg
        .globl \name
        .type \name, %function
\name:
        .ifnb \more
        symbols \more
        .endif
        .endm

        .text
#if defined(STUB_LIBC)
        symbols __libc_start_main, clock_gettime, memcmp, memcpy, memset, read
        symbols snprintf, strcmp, strlen, vsnprintf, write
#elif defined(STUB_LIBDL)
        symbols dlopen, dlsym
#else
        /* drivers have threads; a C library before 2.34 wants to know that from the start */
        symbols pthread_create
#endif
        .section .note.GNU-stack,"",%progbits
