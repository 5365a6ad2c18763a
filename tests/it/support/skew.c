/* A clock that is wrong by as many seconds as the file says that SETAI_TEST_SKEW names, for a process that loads this before
   its C library. Whoever writes another number there sets the clock. Time that only ever passes, which timers go by, stays as
   it is. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static int64_t skew(void) {
    static const volatile int64_t *seconds;
    if (!seconds) {
        const char *path = getenv("SETAI_TEST_SKEW");
        int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        if (file < 0) return 0;
        void *shared = mmap(NULL, sizeof *seconds, PROT_READ, MAP_SHARED, file, 0);
        close(file);
        if (shared == MAP_FAILED) return 0;
        seconds = shared;
    }
    return *seconds;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    static int (*asked)(clockid_t, struct timespec *);
    if (!asked) asked = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int answer = asked(clock, time);
    if (answer == 0 && clock == CLOCK_REALTIME) time->tv_sec += skew();
    return answer;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
    static int (*asked)(struct timeval *, void *);
    if (!asked) asked = (int (*)(struct timeval *, void *))dlsym(RTLD_NEXT, "gettimeofday");
    int answer = asked(time, zone);
    if (answer == 0) time->tv_sec += skew();
    return answer;
}

time_t time(time_t *result) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (result) *result = now.tv_sec;
    return now.tv_sec;
}
