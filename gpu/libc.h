/*
 * libc: what muster-gpu uses of the C library, and no more.
 *
 * The program starts on every glibc since 2.17, however new that of the machine which builds it is.
 * So it takes neither that machine's headers, which may send a call to a newer symbol, nor its
 * libraries, which bind the newest version of each symbol: it declares the functions itself, and is
 * linked against the list of symbols and versions in libc.S and libc.map. A function that is
 * missing there is an error of the linker's.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define printf_like(text, first) __attribute__((format(printf, text, first)))

struct timespec {
    long tv_sec;
    long tv_nsec;
};

#define CLOCK_MONOTONIC 1
#define RTLD_NOW 2

int clock_gettime(int clock, struct timespec *ret);
void *dlopen(const char *name, int flags);
void *dlsym(void *library, const char *name);
void *memcpy(void *to, const void *from, size_t n);
void *memset(void *to, int byte, size_t n);
long read(int fd, void *to, size_t n);
int snprintf(char *out, size_t size, const char *format, ...) printf_like(3, 4);
int strcmp(const char *a, const char *b);
size_t strlen(const char *s);
int vsnprintf(char *out, size_t size, const char *format, va_list args) printf_like(3, 0);
long write(int fd, const void *from, size_t n);
