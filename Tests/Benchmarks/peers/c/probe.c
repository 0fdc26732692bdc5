// A probe of the machine: two threads walk 8 MB of memory each at random, and the program prints the milliseconds that they take.
//
// It measures what a shared host changes: the processor's speed, its caches, and whether both processors are free.
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { LINES = 1 << 17, STEPS = 1 << 18 };

struct line {
    uint32_t next;
    char rest[60];
};

static void *walk(void *memory) {
    struct line *lines = memory;
    uint32_t place = 0;
    for (int step = 0; step < STEPS; step++) place = lines[place].next;
    return (void *)(uintptr_t)place;
}

int main(void) {
    struct line *memory[2];
    for (int thread = 0; thread < 2; thread++) {
        memory[thread] = calloc(LINES, sizeof(struct line));
        // A cycle through all lines (the step is odd), far apart from one to the next.
        for (uint32_t line = 0; line < LINES; line++) memory[thread][line].next = (line + 40503 * 2 + 1) % LINES;
    }
    struct timespec begun, ended;
    clock_gettime(CLOCK_MONOTONIC, &begun);
    pthread_t threads[2];
    for (int thread = 0; thread < 2; thread++) pthread_create(&threads[thread], NULL, walk, memory[thread]);
    for (int thread = 0; thread < 2; thread++) pthread_join(threads[thread], NULL);
    clock_gettime(CLOCK_MONOTONIC, &ended);
    printf("%.2f\n", (double)(ended.tv_sec - begun.tv_sec) * 1e3 + (double)(ended.tv_nsec - begun.tv_nsec) / 1e6);
    return 0;
}
