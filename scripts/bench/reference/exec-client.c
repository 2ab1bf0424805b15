// The client of exec-daemon:
//   exec-client PORT cold COMMAND…              connect, one exec, exit with its status
//   exec-client PORT warm COUNT AT_ONCE COMMAND…  COUNT execs over one connection, at most AT_ONCE under way; prints the
//                                               microseconds of each
#define _GNU_SOURCE
#include "common.h"

#include <sys/wait.h>

static int connect_to(int port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in address = loopback(port);
  if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) die("connect");
  send_at_once(fd);
  return fd;
}

static void send_request(int fd, uint32_t id, char **words) {
  char request[REQUEST_BYTES_MAX];
  struct request_header header = {.length = sizeof header.id, .id = id};
  for (; *words != NULL; words++) {
    size_t length = strlen(*words) + 1;
    if (sizeof header.length + header.length + length > sizeof request) exit(2);
    memcpy(request + sizeof header.length + header.length, *words, length);
    header.length += (uint32_t)length;
  }
  memcpy(request, &header, sizeof header);
  write_all(fd, request, sizeof header.length + header.length);
}

static int run_cold(int fd, char **words) {
  send_request(fd, 1, words);
  struct reply reply;
  read_all(fd, &reply, sizeof reply);
  if (reply.status < 0) return 127;
  return WIFEXITED(reply.status) ? WEXITSTATUS(reply.status) : 128 + WTERMSIG(reply.status);
}

static int run_warm(int fd, int count, int at_once, char **words) {
  double *started_us = calloc((size_t)count, sizeof *started_us);
  int sent = 0;
  for (int received = 0; received < count; received++) {
    for (; sent < count && sent - received < at_once; sent++) {
      started_us[sent] = now_us();
      send_request(fd, (uint32_t)sent, words);
    }
    struct reply reply;
    read_all(fd, &reply, sizeof reply);
    if (reply.status != 0) return 1;
    printf("%.1f\n", now_us() - started_us[reply.id]);
  }
  free(started_us);
  return 0;
}

int main(int argc, char **argv) {
  if (argc < 4) return 2;
  int fd = connect_to(atoi(argv[1]));
  if (strcmp(argv[2], "cold") == 0) return run_cold(fd, argv + 3);
  if (argc < 6) return 2;
  return run_warm(fd, atoi(argv[3]), atoi(argv[4]), argv + 5);
}
