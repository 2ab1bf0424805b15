// spawn-loop COUNT PROGRAM: posix_spawn and waitpid, one after the other; prints the microseconds of each. This is what
// starting a process costs on this machine, with nobody in between.
#define _GNU_SOURCE
#include "common.h"

#include <spawn.h>
#include <sys/wait.h>

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  int count = atoi(argv[1]);
  char *words[] = {argv[2], NULL};
  for (int i = 0; i < count; i++) {
    double started_us = now_us();
    pid_t pid;
    errno = posix_spawn(&pid, argv[2], NULL, NULL, words, environ);
    if (errno != 0) die(argv[2]);
    if (waitpid(pid, NULL, 0) != pid) die("waitpid");
    printf("%.1f\n", now_us() - started_us);
  }
  return 0;
}
