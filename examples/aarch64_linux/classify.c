/* SPDX-License-Identifier: Apache-2.0 */
/* Prints which digit each image shows, and the codes of all ten. */
#include <stdio.h>

#include "digits.h"

static DIGITS_INPUT_IMAGE_TYPE image[DIGITS_INPUT_IMAGE_SIZE];
static DIGITS_OUTPUT_LOGITS_TYPE codes[DIGITS_OUTPUT_LOGITS_SIZE];
static _Alignas(DIGITS_ARENA_ALIGNMENT) uint8_t arena[DIGITS_ARENA_SIZE];

static int read_image(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) return 0;
    const size_t found = fread(image, 1, sizeof image, file);
    fclose(file);
    return found == sizeof image;
}

int main(int argc, char **argv) {
    for (int number = 1; number < argc; number++) {
        const void *inputs[] = {image};
        void *outputs[] = {codes};
        int greatest = 0;
        if (!read_image(argv[number])) {
            fprintf(stderr, "%s: no image of %zu bytes\n", argv[number], sizeof image);
            return 2;
        }
        if (digits_run(inputs, outputs, arena)) return 1;
        printf("%s:", argv[number]);
        for (int i = 0; i < DIGITS_OUTPUT_LOGITS_SIZE; i++) {
            printf(" %d", codes[i]);
            if (codes[i] > codes[greatest]) greatest = i;
        }
        printf(" -> %d\n", greatest);
    }
    return 0;
}
