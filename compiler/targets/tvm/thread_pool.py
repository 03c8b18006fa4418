# SPDX-License-Identifier: Apache-2.0
"""A pool of POSIX threads in C, which a user compiles beside the object that has tasks for it."""


def thread_pool(name: str) -> str:
    """``NAME_threads.c``: start a pool, share the tasks of a network among its threads, stop it."""
    return _SOURCE.replace("NAME", name)


_SOURCE = """/* Threads for NAME_run_parallel: compile this with the program, link with -pthread. */
#define _POSIX_C_SOURCE 200809L

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "NAME.h"

/* Looks at a counter before a thread sleeps: within a network it seldom waits long. */
enum { LOOKS = 1000, PARTS_A_THREAD = 4 };

/* A step of the network is cut into parts.  Whoever is there takes the next one, the caller too:
   a thread that the system keeps from running is not waited for, unless it has a part. */
struct NAME_threads {
    pthread_mutex_t lock;
    pthread_cond_t started, ended;
    atomic_int untaken;     /* parts that nobody has taken; whoever took one may read the step */
    atomic_int unfinished;  /* parts that have not ended */
    atomic_int stop;
    NAME_task task;
    void *context;
    int32_t count, parts;
    int32_t members;
    pthread_t member[];
};

static void pause_briefly(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static int any_untaken(NAME_threads *pool) {
    return atomic_load(&pool->untaken) > 0 || atomic_load(&pool->stop);
}

static int all_finished(NAME_threads *pool) {
    return atomic_load(&pool->unfinished) == 0;
}

static void wait_until(int (*holds)(NAME_threads *), NAME_threads *pool, pthread_cond_t *changed) {
    for (int looks = 0; looks < LOOKS; looks++) {
        if (holds(pool)) return;
        pause_briefly();
    }
    pthread_mutex_lock(&pool->lock);
    while (!holds(pool)) pthread_cond_wait(changed, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
}

static void wake(NAME_threads *pool, pthread_cond_t *changed) {
    /* With the lock, so that nobody falls asleep between a look and the call. */
    pthread_mutex_lock(&pool->lock);
    pthread_cond_broadcast(changed);
    pthread_mutex_unlock(&pool->lock);
}

/* Takes parts and runs them until none is left. */
static void run_parts(NAME_threads *pool) {
    int left = atomic_load(&pool->untaken);
    while (left > 0) {
        if (!atomic_compare_exchange_weak(&pool->untaken, &left, left - 1)) continue;
        int64_t part = left - 1, count = pool->count;
        int32_t first = (int32_t)(count * part / pool->parts);
        int32_t last = (int32_t)(count * (part + 1) / pool->parts);
        pool->task(pool->context, first, last);
        if (atomic_fetch_sub(&pool->unfinished, 1) == 1) wake(pool, &pool->ended);
        left = atomic_load(&pool->untaken);
    }
}

static void *work(void *given) {
    NAME_threads *pool = given;
    for (;;) {
        wait_until(any_untaken, pool, &pool->started);
        if (atomic_load(&pool->stop)) return NULL;
        run_parts(pool);
    }
}

NAME_threads *NAME_threads_start(int32_t threads) {
    size_t members = threads < 1 ? 0 : (size_t)threads - 1;
    NAME_threads *pool = calloc(1, sizeof(NAME_threads) + members * sizeof(pthread_t));
    if (!pool) return NULL;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->started, NULL);
    pthread_cond_init(&pool->ended, NULL);
    for (; (size_t)pool->members < members; pool->members++) {
        if (pthread_create(&pool->member[pool->members], NULL, work, pool)) {
            NAME_threads_stop(pool);
            return NULL;
        }
    }
    return pool;
}

void NAME_threads_for(void *given, NAME_task task, void *context, int32_t count) {
    NAME_threads *pool = given;
    int64_t parts = (pool->members + INT64_C(1)) * PARTS_A_THREAD;
    if (count < 1) return;
    pool->task = task;
    pool->context = context;
    pool->count = count;
    pool->parts = parts < count ? (int32_t)parts : count;
    atomic_store(&pool->unfinished, pool->parts);
    atomic_store(&pool->untaken, pool->parts);
    if (pool->members > 0) wake(pool, &pool->started);
    run_parts(pool);
    wait_until(all_finished, pool, &pool->ended);
}

void NAME_threads_stop(NAME_threads *pool) {
    if (!pool) return;
    atomic_store(&pool->stop, 1);
    wake(pool, &pool->started);
    for (int32_t i = 0; i < pool->members; i++) pthread_join(pool->member[i], NULL);
    pthread_cond_destroy(&pool->started);
    pthread_cond_destroy(&pool->ended);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}
"""
