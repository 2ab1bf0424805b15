// What the reference programs share: time, loopback sockets, and dying with a reason.
#ifndef COMMON_H
#define COMMON_H

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

// One request is this header and then the words of the command, each with its NUL. `length` counts what follows itself.
struct request_header {
  uint32_t length;
  uint32_t id;
};

struct reply {
  uint32_t length;
  uint32_t id;
  // As waitpid gives it; below zero an errno with its sign changed.
  int32_t status;
};

enum { REQUEST_BYTES_MAX = 4096, WORDS_MAX = 64 };

static inline void die(const char *attempt) {
  fprintf(stderr, "%s: %s\n", attempt, strerror(errno));
  exit(1);
}

static inline double now_us(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static inline struct sockaddr_in loopback(int port) {
  struct sockaddr_in address = {0};
  address.sin_family = AF_INET;
  address.sin_port = htons((uint16_t)port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

static inline void send_at_once(int fd) {
  int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

static inline void read_all(int fd, void *bytes, size_t length) {
  for (char *at = bytes; length > 0;) {
    ssize_t count = read(fd, at, length);
    if (count <= 0) die("read");
    at += count;
    length -= (size_t)count;
  }
}

static inline void write_all(int fd, const void *bytes, size_t length) {
  for (const char *at = bytes; length > 0;) {
    ssize_t count = write(fd, at, length);
    if (count <= 0) die("write");
    at += count;
    length -= (size_t)count;
  }
}

#endif
