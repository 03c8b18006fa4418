/* SPDX-License-Identifier: Apache-2.0 */
/* The first serial port of Arm's MPS2 boards, and semihosting to end an emulation. */
#include <stdint.h>

#include "board.h"

/* CMSDK APB UART, Arm DDI 0479. */
#define UART ((volatile uint32_t *)0x40004000)
enum { DATA, STATE, CONTROL, INTERRUPTS, DIVIDER };
#define TRANSMITTER_IS_FULL 1u
#define TRANSMIT 1u

void board_start(void) {
    UART[DIVIDER] = 25000000 / 115200;
    UART[CONTROL] = TRANSMIT;
}

void board_print(const char *text) {
    for (; *text; text++) {
        while (UART[STATE] & TRANSMITTER_IS_FULL) { }
        UART[DATA] = (uint8_t)*text;
    }
}

void board_stop(int code) {
    /* SYS_EXIT_EXTENDED: the application ended, with this code. */
    const uint32_t arguments[] = {0x20026, (uint32_t)code};
    register uint32_t operation __asm("r0") = 0x20;
    register const void *given __asm("r1") = arguments;
    __asm volatile("bkpt 0xab" : "+r"(operation) : "r"(given) : "memory");
    for (;;) { }
}
