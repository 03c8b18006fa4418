/* SPDX-License-Identifier: Apache-2.0 */
/* Files of a program that has an operating system. */
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
