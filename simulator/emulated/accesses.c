/* SPDX-License-Identifier: Apache-2.0 */
/* A QEMU plugin that holds every access to memory of a network against what it may touch.

   Arguments: regions=FILE and to=FILE.  The lines of FILE are "KIND LOW HIGH", addresses in
   hexadecimal: r may be read, w read and written; c is the network's own code, s the function that
   callers call, m its caller; b are buffers of which nothing but those regions may be touched.
   Code of the C library that the network calls may read outside of the buffers, too.
   The result has a line "stack BYTES", and one "KIND ADDRESS BYTES PC" for each of the first
   accesses elsewhere, KIND being load or store. */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef uint32_t meminfo;
typedef void (*translated)(uint64_t id, struct qemu_plugin_tb *block);
typedef void (*executed)(unsigned int cpu, void *data);
typedef void (*accessed)(unsigned int cpu, meminfo info, uint64_t address, void *data);
typedef void (*ended)(uint64_t id, void *data);
extern void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, translated callback);
extern void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *, executed, int, void *);
extern void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *, accessed, int, int, void *);
extern void qemu_plugin_register_atexit_cb(uint64_t id, ended callback, void *data);
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
extern uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *block);
extern struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
extern uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *instruction);
extern unsigned int qemu_plugin_mem_size_shift(meminfo info);
extern _Bool qemu_plugin_mem_is_store(meminfo info);

#define PUBLIC __attribute__((visibility("default")))
#define MOST 65536
#define KEPT 64
#define DEEPEST (1 << 18)
PUBLIC int qemu_plugin_version = 1;

struct region { uint64_t low, high; char kind; };
static struct region regions[MOST];
static struct { uint64_t address, at; unsigned bytes; int store; } strays[KEPT];
static int count, kept, last, inside, called;
static uint64_t top, deepest;
static const char *result;

static int within(char kind, uint64_t address) {
    for (int r = 0; r < count; r++)
        if (regions[r].kind == kind && regions[r].low <= address && address < regions[r].high)
            return 1;
    return 0;
}

static int on_stack(uint64_t address, unsigned bytes) {
    if (address + bytes > top || address + DEEPEST < top) return 0;
    if (address < deepest) deepest = address;
    return 1;
}

static int allowed(uint64_t address, unsigned bytes, int store) {
    struct region *known = &regions[last];
    for (int r = -1; r < count; r++) {
        if (r >= 0) known = &regions[r];
        if (known->kind != 'w' && (known->kind != 'r' || store)) continue;
        if (known->low <= address && address + bytes <= known->high) {
            last = known - regions;
            return 1;
        }
    }
    return 0;
}

static void on_access(unsigned int cpu, meminfo info, uint64_t address, void *at) {
    (void)cpu;
    if (!inside) return;
    unsigned bytes = 1u << qemu_plugin_mem_size_shift(info);
    int store = qemu_plugin_mem_is_store(info);
    uint64_t place = (uint64_t)(uintptr_t)at;
    if (!called && !within('s', place)) called = 1;
    if (!called && store) {
        /* Before it calls anything the function puts registers on the stack, and no more. */
        if (address + bytes > top) top = address + bytes;
        if (address < deepest) deepest = address;
        return;
    }
    if (allowed(address, bytes, store) || on_stack(address, bytes)) return;
    if (!store && !within('c', place) && !within('b', address)) return;
    if (kept == KEPT) return;
    strays[kept].address = address;
    strays[kept].at = place;
    strays[kept].bytes = bytes;
    strays[kept++].store = store;
}

static void on_start(unsigned int cpu, void *data) {
    (void)cpu;
    (void)data;
    inside = 1;
    called = 0;
    top = 0;
    deepest = UINT64_MAX;
}

static void on_main(unsigned int cpu, void *data) {
    (void)cpu;
    (void)data;
    inside = 0;
}

static void on_translation(uint64_t id, struct qemu_plugin_tb *block) {
    (void)id;
    uint64_t start = qemu_plugin_tb_vaddr(block);
    if (within('m', start)) {
        qemu_plugin_register_vcpu_tb_exec_cb(block, on_main, 0, NULL);
        return;
    }
    for (int r = 0; r < count; r++)
        if (regions[r].kind == 's' && regions[r].low == start)
            qemu_plugin_register_vcpu_tb_exec_cb(block, on_start, 0, NULL);
    size_t instructions = qemu_plugin_tb_n_insns(block);
    for (size_t i = 0; i < instructions; i++) {
        struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(block, i);
        void *at = (void *)(uintptr_t)qemu_plugin_insn_vaddr(instruction);
        qemu_plugin_register_vcpu_mem_cb(instruction, on_access, 0, 3, at);
    }
}

static void at_end(uint64_t id, void *data) {
    (void)id;
    (void)data;
    FILE *file = fopen(result, "w");
    if (!file) return;
    fprintf(file, "stack %" PRIu64 "\n", top - deepest);
    for (int s = 0; s < kept; s++)
        fprintf(file, "%s %" PRIx64 " %u %" PRIx64 "\n", strays[s].store ? "store" : "load",
                strays[s].address, strays[s].bytes, strays[s].at);
    fclose(file);
}

PUBLIC int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv) {
    (void)info;
    for (int i = 0; i < argc; i++) {
        if (!strncmp(argv[i], "to=", 3)) result = strdup(argv[i] + 3);
        if (strncmp(argv[i], "regions=", 8)) continue;
        FILE *file = fopen(argv[i] + 8, "r");
        if (!file) return 1;
        struct region *next = regions;
        while (count < MOST && fscanf(file, " %c %" SCNx64 " %" SCNx64, &next->kind, &next->low,
                                      &next->high) == 3)
            next = &regions[++count];
        fclose(file);
    }
    if (!result) return 1;
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
    qemu_plugin_register_atexit_cb(id, at_end, NULL);
    return 0;
}
