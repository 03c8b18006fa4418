/* SPDX-License-Identifier: Apache-2.0 */
/* Start, end and files of a program without an operating system, by Arm's semihosting: the
   operation in r0, its arguments in an array at r1. */
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
