// exec-daemon: the least that a daemon for remote commands can be. Listens on a free loopback port, prints it, and for each
// request starts the command with posix_spawn, its input and output on /dev/null, and answers with its wait status. One
// thread, epoll, a pidfd per child. No sessions, output, limits, launchers or truth: it is the floor that ctl is held against.
#define _GNU_SOURCE
#include "common.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum kind { LISTENER, CONNECTION, CHILD };

// Every descriptor that epoll watches; `kind` says which of the three it is.
struct watched {
  enum kind kind;
  int fd;
  // CONNECTION: how many children still want to answer through it, plus one while it is open.
  int users;
  int is_open;
  size_t held;
  char bytes[REQUEST_BYTES_MAX];
  // CHILD
  pid_t pid;
  uint32_t id;
  struct watched *connection;
};

static int epoll_fd;
static posix_spawn_file_actions_t actions;
static posix_spawnattr_t attributes;

static struct watched *watch(enum kind kind, int fd) {
  struct watched *watched = calloc(1, sizeof *watched);
  if (watched == NULL || fd < 0) die("watch");
  watched->kind = kind;
  watched->fd = fd;
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = watched};
  if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) die("epoll_ctl");
  return watched;
}

static void unwatch(struct watched *watched) {
  // A child between vfork and exec may still hold a copy of the descriptor, and closing ours would then leave it watched.
  epoll_ctl(epoll_fd, EPOLL_CTL_DEL, watched->fd, NULL);
  close(watched->fd);
}

static void leave(struct watched *connection) {
  connection->users--;
  if (connection->users == 0) free(connection);
}

static void hang_up(struct watched *connection) {
  unwatch(connection);
  connection->is_open = 0;
  leave(connection);
}

static void answer(struct watched *connection, uint32_t id, int32_t status) {
  if (!connection->is_open) return;
  struct reply reply = {.length = sizeof reply - sizeof reply.length, .id = id, .status = status};
  if (send(connection->fd, &reply, sizeof reply, MSG_NOSIGNAL) != sizeof reply) die("send");
}

static void start_child(struct watched *connection, uint32_t id, char *words, size_t length) {
  char *argv[WORDS_MAX + 1];
  int count = 0;
  for (char *word = words; word < words + length && count < WORDS_MAX; word += strlen(word) + 1) argv[count++] = word;
  argv[count] = NULL;
  pid_t pid;
  int failure = count == 0 ? EINVAL : posix_spawn(&pid, argv[0], &actions, &attributes, argv, environ);
  if (failure != 0) {
    answer(connection, id, -failure);
    return;
  }
  struct watched *child = watch(CHILD, (int)syscall(SYS_pidfd_open, pid, 0));
  child->pid = pid;
  child->id = id;
  child->connection = connection;
  connection->users++;
}

static void end_child(struct watched *child) {
  int status;
  if (waitpid(child->pid, &status, WNOHANG) <= 0) return;
  answer(child->connection, child->id, status);
  leave(child->connection);
  unwatch(child);
  free(child);
}

static void accept_all(struct watched *listener) {
  int fd;
  while ((fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
    send_at_once(fd);
    struct watched *connection = watch(CONNECTION, fd);
    connection->is_open = 1;
    connection->users = 1;
  }
}

// Starts what is complete and moves the beginning of the next request to the front. False when it makes no sense.
static int take_requests(struct watched *connection) {
  size_t at = 0;
  struct request_header header;
  while (connection->held - at >= sizeof header) {
    memcpy(&header, connection->bytes + at, sizeof header);
    size_t whole = sizeof header.length + header.length;
    if (header.length <= sizeof header.id || whole > REQUEST_BYTES_MAX) return 0;
    if (connection->held - at < whole) break;
    char *words = connection->bytes + at + sizeof header;
    if (words[whole - sizeof header - 1] != '\0') return 0;
    start_child(connection, header.id, words, whole - sizeof header);
    at += whole;
  }
  memmove(connection->bytes, connection->bytes + at, connection->held - at);
  connection->held -= at;
  return 1;
}

static void receive(struct watched *connection) {
  size_t room = sizeof connection->bytes - connection->held;
  ssize_t count = read(connection->fd, connection->bytes + connection->held, room);
  if (count < 0 && errno == EAGAIN) return;
  if (count > 0) {
    connection->held += (size_t)count;
    if (take_requests(connection)) return;
  }
  hang_up(connection);
}

static int listen_anywhere(void) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  struct sockaddr_in address = loopback(0);
  socklen_t length = sizeof address;
  if (bind(fd, (struct sockaddr *)&address, length) != 0 || listen(fd, 1024) != 0) die("listen");
  if (getsockname(fd, (struct sockaddr *)&address, &length) != 0) die("getsockname");
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
  return fd;
}

static void prepare_spawn(void) {
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
}

int main(void) {
  epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  prepare_spawn();
  watch(LISTENER, listen_anywhere());
  for (;;) {
    // One at a time: an event must not find what an earlier one of the same batch has freed.
    struct epoll_event event;
    if (epoll_wait(epoll_fd, &event, 1, -1) != 1) continue;
    struct watched *watched = event.data.ptr;
    switch (watched->kind) {
      case LISTENER: accept_all(watched); break;
      case CHILD: end_child(watched); break;
      case CONNECTION: receive(watched); break;
    }
  }
}
