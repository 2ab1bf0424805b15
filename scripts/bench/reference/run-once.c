// run-once COMMAND [ARG…]: runs it once, its input and output on /dev/null, and prints how many microseconds passed from the
// start to the end, and its exit status. A small program, because a large parent makes every start slower.
#define _GNU_SOURCE
#include "common.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);

  double started_us = now_us();
  pid_t pid;
  errno = posix_spawnp(&pid, argv[1], &actions, NULL, argv + 1, environ);
  if (errno != 0) die(argv[1]);
  int status;
  if (waitpid(pid, &status, 0) != pid) die("waitpid");
  double ended_us = now_us();

  printf("%.1f %d\n", ended_us - started_us, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
  return 0;
}
