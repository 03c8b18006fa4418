/* SPDX-License-Identifier: Apache-2.0 */
/* The program around a network: inputs from a file, runs, outputs into a file.

   inputs.bin holds two int32, the number of samples and how often each is run, then the samples,
   each with all of its inputs in order; outputs.bin gets the outputs of each sample in order.
   memory.h says where each tensor lies; all else in its buffer is guarded.
   With TRACED, tensors.bin gets the result of each step of each sample. */
#include <stdint.h>
#include <string.h>
#include "memory.h"
#include "network.h"

/* Files by number; both give 1 where all bytes went through. */
int open_file(const char *path, int writing);
int read_all(int file, void *to, uint32_t size);
int write_all(int file, const void *from, uint32_t size);

enum { NO_FILES = 3, NO_INPUT, REFUSED, BESIDE_ARENA, NO_OUTPUT, BESIDE_OUTPUT = 9, INPUT_CHANGED };

#define PATTERN 0xA5
static const uint32_t input_places[] = INPUT_PLACES, input_sizes[] = INPUT_SIZES;
static const uint32_t output_places[] = OUTPUT_PLACES, output_sizes[] = OUTPUT_SIZES;
_Alignas(64) uint8_t given[GIVEN_SIZE], found[FOUND_SIZE], arena[ARENA_SIZE];
const void *inputs[INPUTS + 1];
void *outputs[OUTPUTS + 1];

static int intact(const uint8_t *memory, uint32_t from, uint32_t to) {
    for (uint32_t i = from; i < to; i++)
        if (memory[i] != PATTERN) return 0;
    return 1;
}

static uint32_t checksum(const uint8_t *memory, uint32_t size) {
    uint32_t sum = 2166136261u;
    for (uint32_t i = 0; i < size; i++) sum = (sum ^ memory[i]) * 16777619u;
    return sum;
}

static int guards_intact(void) {
    uint32_t end = 0;
    for (int n = 0; n < OUTPUTS; end = output_places[n] + output_sizes[n], n++)
        if (!intact(found, end, output_places[n])) return 0;
    return intact(found, end, FOUND_SIZE);
}

#ifdef TRACED
static int traced_file, traced;

static void trace(void *context, int32_t layer, const void *result, int32_t bytes) {
    (void)context;
    (void)layer;
    traced &= write_all(traced_file, result, bytes);
}

static int run_once(void) {
    traced = 1;
    return network_run_traced(inputs, outputs, arena + ARENA_PLACE, trace, 0) || !traced;
}
#else
static int run_once(void) { return network_run(inputs, outputs, arena + ARENA_PLACE); }
#endif

int main(void) {
    int from = open_file("inputs.bin", 0), to = open_file("outputs.bin", 1);
    int32_t counts[2];
    if (from < 0 || to < 0 || !read_all(from, counts, sizeof counts)) return NO_FILES;
#ifdef TRACED
    if ((traced_file = open_file("tensors.bin", 1)) < 0) return NO_FILES;
#endif
    for (int n = 0; n < INPUTS; n++) inputs[n] = given + input_places[n];
    for (int n = 0; n < OUTPUTS; n++) outputs[n] = found + output_places[n];
    for (int32_t sample = 0; sample < counts[0]; sample++) {
        memset(given, PATTERN, GIVEN_SIZE);
        memset(found, PATTERN, FOUND_SIZE);
        memset(arena, PATTERN, ARENA_SIZE);
        for (int n = 0; n < INPUTS; n++)
            if (!read_all(from, given + input_places[n], input_sizes[n])) return NO_INPUT;
        uint32_t before = checksum(given, GIVEN_SIZE);
        for (int32_t run = 0; run < counts[1]; run++)
            if (run_once()) return REFUSED;
        if (checksum(given, GIVEN_SIZE) != before) return INPUT_CHANGED;
        if (!guards_intact()) return BESIDE_OUTPUT;
        if (!intact(arena, 0, ARENA_PLACE)) return BESIDE_ARENA;
        if (!intact(arena, ARENA_PLACE + NETWORK_ARENA_SIZE, ARENA_SIZE)) return BESIDE_ARENA;
        for (int n = 0; n < OUTPUTS; n++)
            if (!write_all(to, found + output_places[n], output_sizes[n])) return NO_OUTPUT;
    }
    return 0;
}
