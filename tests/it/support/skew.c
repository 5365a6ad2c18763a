/* A clock that is wrong by SETAI_TEST_SKEW seconds, for a process that loads this before its C library. Time that only ever
   passes, which timers go by, stays as it is. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

int clock_gettime(clockid_t clock, struct timespec *time) {
    static int (*asked)(clockid_t, struct timespec *);
    if (!asked) asked = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int answer = asked(clock, time);
    const char *skew = clock == CLOCK_REALTIME ? getenv("SETAI_TEST_SKEW") : NULL;
    if (answer == 0 && skew) time->tv_sec += atol(skew);
    return answer;
}
