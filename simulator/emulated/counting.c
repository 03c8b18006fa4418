/* SPDX-License-Identifier: Apache-2.0 */
/* A QEMU plugin that counts executed instructions: in all, within functions, and for each call
   that a network makes.

   Arguments: functions=FILE, whose lines are "LOW HIGH KIND", addresses in hexadecimal, KIND
   k for a kernel, r for the function that calls the kernels, m for its caller, o for others; and
   to=FILE, which gets the total on its first line, the count of each function on the lines after
   it, then the instructions of the calling function, then those of each call in order, with all
   that the kernel calls.
   The functions of QEMU 7.2 and later are declared here: Debian ships no header for them. */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef void (*translated)(uint64_t id, struct qemu_plugin_tb *block);
typedef void (*executed)(unsigned int cpu, void *data);
typedef void (*ended)(uint64_t id, void *data);
extern void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, translated callback);
extern void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *, executed, int, void *);
extern void qemu_plugin_register_atexit_cb(uint64_t id, ended callback, void *data);
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
extern uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *block);
extern struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
extern uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *instruction);
extern void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *, int, void *,
                                                       uint64_t);

#define PUBLIC __attribute__((visibility("default")))
#define MOST 65536
PUBLIC int qemu_plugin_version = 1;

static uint64_t low[MOST], high[MOST], count[MOST], call[MOST], total, outside, seen, within;
static char kind[MOST];
static int functions, calls, most_calls;
static uint64_t *current = &outside;
static const char *result;

/* What was executed since the last border belongs to what ran until now. */
static void settle(uint64_t *next) {
    *current += total - seen;
    seen = total;
    current = next;
}

static void on_main(unsigned int cpu, void *data) {
    (void)cpu;
    (void)data;
    settle(&outside);
}

static void on_run(unsigned int cpu, void *start) {
    (void)cpu;
    if (start) calls = 0;
    settle(&within);
}

static void on_kernel(unsigned int cpu, void *data) {
    (void)cpu;
    (void)data;
    /* A loop may begin where the function does. */
    if (current != &within || calls == MOST) return;
    settle(&call[calls++]);
    if (calls > most_calls) most_calls = calls;
}

static void on_translation(uint64_t id, struct qemu_plugin_tb *block) {
    (void)id;
    uint64_t start = qemu_plugin_tb_vaddr(block);
    for (int f = 0; f < functions; f++) {
        if (start < low[f] || high[f] <= start) continue;
        int entry = start == low[f];
        if (kind[f] == 'm') qemu_plugin_register_vcpu_tb_exec_cb(block, on_main, 0, NULL);
        if (kind[f] == 'r')
            qemu_plugin_register_vcpu_tb_exec_cb(block, on_run, 0, entry ? &calls : NULL);
        if (kind[f] == 'k' && entry)
            qemu_plugin_register_vcpu_tb_exec_cb(block, on_kernel, 0, NULL);
    }
    size_t instructions = qemu_plugin_tb_n_insns(block);
    for (size_t i = 0; i < instructions; i++) {
        struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(block, i);
        uint64_t address = qemu_plugin_insn_vaddr(instruction);
        qemu_plugin_register_vcpu_insn_exec_inline(instruction, 0, &total, 1);
        for (int f = 0; f < functions; f++)
            if (low[f] <= address && address < high[f])
                qemu_plugin_register_vcpu_insn_exec_inline(instruction, 0, &count[f], 1);
    }
}

static void at_end(uint64_t id, void *data) {
    (void)id;
    (void)data;
    settle(&outside);
    FILE *file = fopen(result, "w");
    if (!file) return;
    fprintf(file, "%" PRIu64 "\n", total);
    for (int f = 0; f < functions; f++) fprintf(file, "%" PRIu64 "\n", count[f]);
    fprintf(file, "%" PRIu64 "\n", within);
    for (int c = 0; c < most_calls; c++) fprintf(file, "%" PRIu64 "\n", call[c]);
    fclose(file);
}

PUBLIC int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv) {
    (void)info;
    for (int i = 0; i < argc; i++) {
        if (!strncmp(argv[i], "to=", 3)) result = strdup(argv[i] + 3);
        if (strncmp(argv[i], "functions=", 10)) continue;
        FILE *file = fopen(argv[i] + 10, "r");
        if (!file) return 1;
        while (functions < MOST && fscanf(file, "%" SCNx64 " %" SCNx64 " %c", &low[functions],
                                          &high[functions], &kind[functions]) == 3)
            functions++;
        fclose(file);
    }
    if (!result) return 1;
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
    qemu_plugin_register_atexit_cb(id, at_end, NULL);
    return 0;
}
