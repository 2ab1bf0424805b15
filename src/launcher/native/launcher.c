// launcher: the native parent of one process tree. Static, no C library at run time, no threads, no heap.
//
//   daemon --spawn--> launcher --clone--> child --exec--> the user's program
//
// Started with descriptors 0-2 on /dev/null, 3 the control socket, 4 the write end of the status pipe; and with one
// argument of padding, which makes room for what ps shows later. It waits for the start message, which may come long
// after its own start, and outlives the daemon.

#include "types.h"

#include "system-calls.h"

#include "orders.h"
#include "state.h"

#include "reports.h"
#include "search.h"

#include "child.h"
#include "tree.h"

#include "stop.h"
#include "output.h"

#include "control.h"
#include "loop.h"

// What a daemon may ask of clone: namespaces. Anything that shares memory or files with us would break us.
#define CLONE_FLAGS_ALLOWED \
  (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)

static void fail_early(u32 phase, long result) {
  report_not_started((struct failure){phase, (u32)-result, 0}, 0, 0);
  flush_outbox();
  quit(125);
}

static long must_early(u32 phase, long result) {
  if (result < 0) fail_early(phase, result);
  return result;
}

// Overwrites our own argument area. When its last byte is not NUL, the kernel shows it up to the first NUL: exactly the
// new text. `arguments` are argv[0] and argv[1], which lie one behind the other.
static void show_label(char **arguments, const char *label) {
  char *end = arguments[1] + length_of(arguments[1]);
  char *at = put_text(arguments[0], "ctl-launcher ");
  while (*label && at < end - 1) *at++ = *label++;
  while (at < end) *at++ = 0;
  *end = 1;
}

// Maps the record, which `view` points into.
static const u8 *read_orders(int fd, struct order_view *view) {
  enum { FROM_END = 2 };
  long size = must_early(PHASE_REQUEST, CALL(lseek, fd, 0, FROM_END));
  if (size == 0) fail_early(PHASE_REQUEST, -EBADMSG);
  long record = must_early(PHASE_REQUEST, CALL(mmap, 0, size, PROT_READ, MAP_PRIVATE, fd, 0));
  int error = parse_orders((const u8 *)record, (u64)size, view);
  if (error) fail_early(PHASE_REQUEST, -error);
  CALL(close, fd);
  return (const u8 *)record;
}

static const char **make_pointers(const struct order_view *view) {
  u64 size = pointer_count_of(view) * sizeof(char *);
  long memory = CALL(mmap, 0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  const char **pointers = (const char **)must_early(PHASE_REQUEST, memory);
  list_strings(view, pointers);
  return pointers;
}

static void become_supervisor(void) {
  u64 watched = 1ul << (SIGCHLD - 1) | 1ul << (SIGTERM - 1) | 1ul << (SIGNAL_COMMAND - 1);
  block_all_signals();  // nothing but KILL and STOP reaches us except through the descriptor
  set_default_action(SIGCHLD, SA_NOCLDSTOP);
  must_early(PHASE_SETUP, CALL(prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0));
  self.signals_fd =
      (int)must_early(PHASE_SETUP, CALL(signalfd4, -1, &watched, SIGNAL_SET_BYTES, O_CLOEXEC | O_NONBLOCK));
}

static void clone_child(const struct order_view *view, const struct start_fds *fds, const char **pointers) {
  int failure_pipe[2];
  u32 flags = view->fixed.clone_flags;
  if (flags & ~(u32)CLONE_FLAGS_ALLOWED) fail_early(PHASE_CLONE, -EINVAL);
  must_early(PHASE_SETUP, CALL(pipe2, failure_pipe, O_CLOEXEC | O_NONBLOCK));
  long pid = must_early(PHASE_CLONE, CALL(clone, flags | SIGCHLD, 0, 0, 0, 0));
  if (pid == 0) {
    struct child_orders child = {
        .view = view,
        .argv = (char **)pointers,
        .envp = (char **)pointers + view->fixed.argument_count + 1,
        .standard_fds = {fds->standard[0], fds->standard[1], fds->standard[2]},
        .failure_fd = failure_pipe[1],
    };
    run_child(&child);
  }
  self.child_pid = (i32)pid;
  self.child_is_alive = 1;
  self.failure_fd = failure_pipe[0];
  CALL(close, failure_pipe[1]);
}

__attribute__((used)) void launcher_main(u64 *stack) {
  struct order_view view;
  struct start_fds fds = {-1, {-1, -1, -1}, {-1, -1}};
  CALL(prctl, PR_SET_NAME, "ctl-launcher");
  CALL(setsid);  // fails harmlessly when whoever started us has done it
  CALL(chdir, "/");
  self.control_is_open = self.status_is_open = 1;
  int error = receive_start(&fds);
  if (error == NO_DAEMON) quit(0);

  become_supervisor();
  if (error) fail_early(PHASE_REQUEST, -error);
  self.self_pid = (i32)CALL(getpid);
  const u8 *record = read_orders(fds.orders, &view);
  self.policy = view.fixed.policy;
  self.grace_ms = view.fixed.grace_ms;
  self.output_fds[0] = fds.output[0];
  self.output_fds[1] = fds.output[1];
  if (stack[0] == 2) show_label((char **)(stack + 1), view.label);
  const char **pointers = make_pointers(&view);
  clone_child(&view, &fds, pointers);

  // Only the child may hold the far ends, or nobody ever sees end-of-file. Arguments and environment can be megabytes.
  for (int fd = 0; fd < 3; fd++) {
    CALL(close, fd);
    CALL(close, fds.standard[fd]);
  }
  CALL(munmap, pointers, pointer_count_of(&view) * sizeof(char *));
  CALL(munmap, record, view.fixed.size);
  run_loop();
  quit(0);
}
