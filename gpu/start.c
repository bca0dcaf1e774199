/*
 * start: where the process begins, and how main() is reached.
 *
 * The start-up files of the machine that builds call a symbol of its own C library's version, so
 * the program has its own: it hands what the kernel left on the stack to __libc_start_main(), as
 * every C library since the first one of this ABI takes it.
 */
#include "libc.h"

int main(int argc, char **argv);
int __libc_start_main(int (*main)(int, char **), int argc, char **argv, void (*init)(void),
                      void (*fini)(void), void (*loader_fini)(void), void *stack_end);
__attribute__((noreturn, used)) void start(long *stack, void (*loader_fini)(void));

#if defined(__x86_64__)
__asm__(".globl _start\n"
        ".type _start, %function\n"
        "_start:\n"
        "xorl %ebp, %ebp\n"
        "movq %rsp, %rdi\n"
        "movq %rdx, %rsi\n"
        "andq $-16, %rsp\n"
        "call start\n"
        "hlt\n");
#elif defined(__aarch64__)
__asm__(".globl _start\n"
        ".type _start, %function\n"
        "_start:\n"
        "mov x29, #0\n"
        "mov x30, #0\n"
        "mov x1, x0\n"
        "mov x0, sp\n"
        "bl start\n"
        "brk #1\n");
#else
#error "no start-up code for this architecture"
#endif

/* A newer C library than 2.33 looks for constructors of the program itself when it is given NULL.
 */
static void init(void) {
}

void start(long *stack, void (*loader_fini)(void)) {
    __libc_start_main(main, (int)stack[0], (char **)(stack + 1), init, NULL, loader_fini, stack);
    __builtin_trap();
}
