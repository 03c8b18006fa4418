/* SPDX-License-Identifier: Apache-2.0 */
/* A QEMU plugin that counts executed instructions: in all, and within ranges of addresses.

   Arguments: ranges=FILE, whose lines are "LOW HIGH" in hexadecimal, and to=FILE, which gets the
   total on its first line and the count of each range on the lines after it.
   The functions of QEMU 7.2 and later are declared here: Debian ships no header for them. */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef void (*translated)(uint64_t id, struct qemu_plugin_tb *block);
typedef void (*ended)(uint64_t id, void *data);
extern void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, translated callback);
extern void qemu_plugin_register_atexit_cb(uint64_t id, ended callback, void *data);
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
extern struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
extern uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *instruction);
extern void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *, int, void *,
                                                       uint64_t);

#define PUBLIC __attribute__((visibility("default")))
#define MOST 65536
PUBLIC int qemu_plugin_version = 1;

static uint64_t low[MOST], high[MOST], count[MOST], total;
static int ranges;
static const char *result;

static void on_translation(uint64_t id, struct qemu_plugin_tb *block) {
    (void)id;
    size_t instructions = qemu_plugin_tb_n_insns(block);
    for (size_t i = 0; i < instructions; i++) {
        struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(block, i);
        uint64_t address = qemu_plugin_insn_vaddr(instruction);
        qemu_plugin_register_vcpu_insn_exec_inline(instruction, 0, &total, 1);
        for (int r = 0; r < ranges; r++)
            if (low[r] <= address && address < high[r])
                qemu_plugin_register_vcpu_insn_exec_inline(instruction, 0, &count[r], 1);
    }
}

static void at_end(uint64_t id, void *data) {
    (void)id;
    (void)data;
    FILE *file = fopen(result, "w");
    if (!file) return;
    fprintf(file, "%" PRIu64 "\n", total);
    for (int r = 0; r < ranges; r++) fprintf(file, "%" PRIu64 "\n", count[r]);
    fclose(file);
}

PUBLIC int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv) {
    (void)info;
    for (int i = 0; i < argc; i++) {
        if (!strncmp(argv[i], "to=", 3)) result = strdup(argv[i] + 3);
        if (strncmp(argv[i], "ranges=", 7)) continue;
        FILE *file = fopen(argv[i] + 7, "r");
        if (!file) return 1;
        while (ranges < MOST && fscanf(file, "%" SCNx64 " %" SCNx64, &low[ranges], &high[ranges]) == 2)
            ranges++;
        fclose(file);
    }
    if (!result) return 1;
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
    qemu_plugin_register_atexit_cb(id, at_end, NULL);
    return 0;
}
