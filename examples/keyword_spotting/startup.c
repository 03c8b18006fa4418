/* SPDX-License-Identifier: Apache-2.0 */
/* From reset to main on a Cortex-M without a C library. */
#include <stdint.h>

#include "board.h"

extern uint32_t data_load, data_start, data_end, bss_start, bss_end, stack_top;
int main(void);
void reset(void);

void reset(void) {
    /* Volatile: the compiler makes no calls of memcpy and memset of these loops. */
    const uint32_t *from = &data_load;
    for (volatile uint32_t *to = &data_start; to < &data_end;) *to++ = *from++;
    for (volatile uint32_t *to = &bss_start; to < &bss_end;) *to++ = 0;
    board_stop(main());
}

static void fault(void) { board_stop(255); }

__attribute__((section(".vectors"), used)) static void *const vectors[16] = {
    &stack_top, (void *)reset, (void *)fault, (void *)fault,
    (void *)fault, (void *)fault, (void *)fault};
