/* gpu_program: the program that measures GPUs (gpu/ of muster), carried within the agent. */
        .section .rodata
        .globl gpu_program, gpu_program_end
        .balign 16
gpu_program:
        .incbin GPU_PROGRAM
gpu_program_end:
        .section .note.GNU-stack,"",%progbits
