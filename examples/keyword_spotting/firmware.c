/* SPDX-License-Identifier: Apache-2.0 */
/* Classifies the samples of samples.h, which a microphone and a filter bank would bring, and prints
   the codes of all classes and the name of the greatest. */
#include <stdint.h>

#include "board.h"
#include "network.h"
#include "samples.h"

static _Alignas(NETWORK_ARENA_ALIGNMENT) uint8_t arena[NETWORK_ARENA_SIZE];
static output_type codes[OUTPUT_SIZE];

static void print_number(int32_t value) {
    char text[12];
    char *place = text + sizeof text;
    uint32_t rest = value < 0 ? 0u - (uint32_t)value : (uint32_t)value;
    *--place = 0;
    do *--place = (char)('0' + rest % 10);
    while (rest /= 10);
    if (value < 0) *--place = '-';
    board_print(place);
}

int main(void) {
    board_start();
    for (int32_t number = 0; number < SAMPLES; number++) {
        const void *inputs[] = {samples[number]};
        void *outputs[] = {codes};
        int32_t greatest = 0;
        if (network_run(inputs, outputs, arena)) return 1;
        board_print("sample ");
        print_number(number);
        board_print(", ");
        board_print(class_names[classes[number]]);
        board_print(":");
        for (int32_t i = 0; i < OUTPUT_SIZE; i++) {
            board_print(" ");
            print_number(codes[i]);
            if (codes[i] > codes[greatest]) greatest = i;
        }
        board_print(" -> ");
        board_print(class_names[greatest]);
        board_print("\n");
    }
    return 0;
}
