// Preloaded into a process, this makes its wall clock wrong by $SHIFT_SECONDS and leaves its monotonic clock alone. It also stands in
// for dlsym: who looks clock_gettime up by its name, in the handle of libc, would otherwise get the right time.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

typedef void *(*lookup)(void *handle, const char *name);

static time_t shift(void) {
  const char *seconds = getenv("SHIFT_SECONDS");
  return seconds ? atol(seconds) : 0;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  int result = (int)syscall(SYS_clock_gettime, clock, now);
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
    now->tv_sec += shift();
  }
  return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  struct timespec time;
  (void)zone;
  clock_gettime(CLOCK_REALTIME, &time);
  now->tv_sec = time.tv_sec;
  now->tv_usec = time.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *now) {
  struct timespec time;
  clock_gettime(CLOCK_REALTIME, &time);
  if (now) *now = time.tv_sec;
  return time.tv_sec;
}

void *dlsym(void *restrict handle, const char *restrict name) {
  // Those of glibc's versions: since 2.34, and before on x86-64 and on arm64.
  static const char *const versions[] = {"GLIBC_2.34", "GLIBC_2.2.5", "GLIBC_2.17"};
  static lookup real;
  for (int at = 0; real == NULL && at < 3; at += 1) {
    real = (lookup)dlvsym(RTLD_NEXT, "dlsym", versions[at]);
  }
  if (strcmp(name, "clock_gettime") == 0) return (void *)clock_gettime;
  return real(handle, name);
}
