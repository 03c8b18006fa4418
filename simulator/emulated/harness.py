# SPDX-License-Identifier: Apache-2.0
"""The C program around a network: inputs from a file, runs, outputs into a file.

``inputs.bin`` holds two int32, the number of samples and how often each is run, then the samples,
each with all of its inputs in order; ``outputs.bin`` gets the outputs of each sample in order.
"""

from collections.abc import Sequence

from intaglio.simulator.emulated.boards import Memories

PROGRAM = r"""
#include <stdint.h>
#include <string.h>
#include "@NAME@.h"

/* Files by number; both give 1 where all bytes went through. */
int open_file(const char *path, int writing);
int read_all(int file, void *to, uint32_t size);
int write_all(int file, const void *from, uint32_t size);

#define GUARD 64
static _Alignas(64) uint8_t arena[GUARD + @UPPER@_ARENA_SIZE + GUARD];
static const uint32_t input_sizes[] = {@INPUT_SIZES@};
static const uint32_t output_sizes[] = {@OUTPUT_SIZES@};
static _Alignas(64) uint8_t given[@INPUTS@][@LARGEST_INPUT@];
static _Alignas(64) uint8_t found[@OUTPUTS@][@LARGEST_OUTPUT@ + GUARD];

static int intact(const uint8_t *memory, uint32_t size) {
    for (uint32_t i = 0; i < size; i++) if (memory[i] != 0xA5) return 0;
    return 1;
}

int main(void) {
    int from = open_file("inputs.bin", 0), to = open_file("outputs.bin", 1);
    int32_t counts[2];
    const void *inputs[@INPUTS@];
    void *outputs[@OUTPUTS@];
    if (from < 0 || to < 0 || !read_all(from, counts, sizeof counts)) return 3;
    for (int n = 0; n < @INPUTS@; n++) inputs[n] = given[n];
    for (int n = 0; n < @OUTPUTS@; n++) outputs[n] = found[n];
    for (int32_t sample = 0; sample < counts[0]; sample++) {
        for (int n = 0; n < @INPUTS@; n++)
            if (!read_all(from, given[n], input_sizes[n])) return 4;
        memset(arena, 0xA5, sizeof arena);
        memset(found, 0xA5, sizeof found);
        for (int32_t run = 0; run < counts[1]; run++)
            if (@NAME@_run(inputs, outputs, arena + GUARD)) return 5;
        if (!intact(arena, GUARD) || !intact(arena + GUARD + @UPPER@_ARENA_SIZE, GUARD)) return 6;
        for (int n = 0; n < @OUTPUTS@; n++) {
            if (!intact(found[n] + output_sizes[n], GUARD)) return 6;
            if (!write_all(to, found[n], output_sizes[n])) return 7;
        }
    }
    return 0;
}
"""

EXIT_CODES = {
    3: "it can't open its files",
    4: "it can't read its inputs",
    5: "the network returned an error",
    6: "the network wrote beside the memory that it was given",
    7: "it can't write its outputs",
    8: "it ended with a fault",
}

LINUX = r"""
#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>

int open_file(const char *path, int writing) {
    return open(path, writing ? O_WRONLY | O_CREAT | O_TRUNC : O_RDONLY, 0666);
}

int read_all(int file, void *to, uint32_t size) {
    for (uint8_t *place = to; size;) {
        ssize_t done = read(file, place, size);
        if (done <= 0) return 0;
        place += done;
        size -= done;
    }
    return 1;
}

int write_all(int file, const void *from, uint32_t size) {
    for (const uint8_t *place = from; size;) {
        ssize_t done = write(file, place, size);
        if (done <= 0) return 0;
        place += done;
        size -= done;
    }
    return 1;
}
"""

# Arm's semihosting: the operation in r0, its arguments in an array at r1.
BARE = r"""
#include <stdint.h>
#include <string.h>

extern uint8_t data_load, data_start, data_end, bss_start, bss_end;
extern uint32_t stack_top;
int main(void);

static int32_t semihosting(uint32_t operation, const void *arguments) {
    register uint32_t r0 __asm("r0") = operation;
    register const void *r1 __asm("r1") = arguments;
    __asm volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return (int32_t)r0;
}

int open_file(const char *path, int writing) {
    uint32_t arguments[] = {(uint32_t)path, writing ? 5 : 1, strlen(path)};
    return semihosting(0x01, arguments);
}

int write_all(int file, const void *from, uint32_t size) {
    uint32_t arguments[] = {file, (uint32_t)from, size};
    return semihosting(0x05, arguments) == 0;
}

int read_all(int file, void *to, uint32_t size) {
    uint32_t arguments[] = {file, (uint32_t)to, size};
    return semihosting(0x06, arguments) == 0;
}

static void leave(uint32_t code) {
    uint32_t arguments[] = {0x20026, code};
    semihosting(0x20, arguments);
    for (;;) { }
}

static void reset(void) {
    *(volatile uint32_t *)0xE000ED88 |= 0xF << 20; /* the coprocessors of floats and vectors */
    __asm volatile("dsb\n isb");
    memcpy(&data_start, &data_load, &data_end - &data_start);
    memset(&bss_start, 0, &bss_end - &bss_start);
    leave(main());
}

static void fault(void) { leave(8); }

__attribute__((section(".vectors"), used)) static void *const vectors[16] = {
    &stack_top, (void *)reset, (void *)fault, (void *)fault,
    (void *)fault, (void *)fault, (void *)fault};
"""


def program(name: str, inputs: Sequence[int], outputs: Sequence[int]) -> str:
    """The program for a network whose inputs and outputs have so many bytes."""
    values = {
        "NAME": name,
        "UPPER": name.upper(),
        "INPUTS": len(inputs),
        "OUTPUTS": len(outputs),
        "INPUT_SIZES": ", ".join(map(str, inputs)),
        "OUTPUT_SIZES": ", ".join(map(str, outputs)),
        "LARGEST_INPUT": _aligned(max(inputs)),
        "LARGEST_OUTPUT": _aligned(max(outputs)),
    }
    text = PROGRAM
    for key, value in values.items():
        text = text.replace(f"@{key}@", str(value))
    return text


def _aligned(size: int) -> int:
    return -(-size // 64) * 64


def linker_script(memories: Memories) -> str:
    """Where a bare program lies."""
    return f"""
MEMORY {{
 CODE (rx) : ORIGIN = {memories.code:#x}, LENGTH = {memories.code_size:#x}
 RAM (rwx) : ORIGIN = {memories.data:#x}, LENGTH = {memories.data_size:#x}
}}
ENTRY(vectors)
SECTIONS {{
 .text : {{ KEEP(*(.vectors)) *(.text*) *(.rodata*) }} >CODE
 .ARM.exidx : {{ *(.ARM.exidx*) }} >CODE
 .data : {{ data_start = .; *(.data*) . = ALIGN(4); data_end = .; }} >RAM AT>CODE
 data_load = LOADADDR(.data);
 .bss (NOLOAD) : {{ bss_start = .; *(.bss*) *(COMMON) . = ALIGN(4); bss_end = .; }} >RAM
 stack_top = ORIGIN(RAM) + LENGTH(RAM);
}}
"""
