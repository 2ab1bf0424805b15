// launcher: the native parent of one process tree. Static, no C library at run time, no threads, no heap.
//
//   daemon --spawn--> launcher --clone--> child --exec--> the user's program
//
// Started with descriptors 0-2 on /dev/null, 3 the control socket, 4 the write end of the status pipe; and with one
// argument of padding, which makes room for what ps shows later. It waits for the start message, which may come long
// after its own start, and outlives the daemon. When nobody of a tree is left it waits for the next start message: the
// daemon hangs up unless it has use for that.

#include "types.h"

#include "memory.h"
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

// argv[0] and argv[1] lie one behind the other.
static void find_label(u64 argument_count, char **arguments) {
  if (argument_count != 2) return;
  self.label = arguments[0];
  self.label_end = arguments[1] + length_of(arguments[1]);
}

// Overwrites our own argument area. When its last byte is not NUL, the kernel shows it up to the first NUL: exactly the
// new text.
static void show_label(const char *label) {
  if (!self.label) return;
  char *at = put_text(self.label, "ctl-launcher ");
  while (*label && at < self.label_end - 1) *at++ = *label++;
  while (at < self.label_end) *at++ = 0;
  *self.label_end = 1;
}

static void map_record(int fd) {
  enum { FROM_END = 2 };
  long size = must_early(PHASE_REQUEST, CALL(lseek, fd, 0, FROM_END));
  if (size == 0) fail_early(PHASE_REQUEST, -EBADMSG);
  self.record = (const u8 *)must_early(PHASE_REQUEST, CALL(mmap, 0, size, PROT_READ, MAP_PRIVATE, fd, 0));
  self.record_bytes = (u64)size;
  CALL(close, fd);
}

// `view` points into the record.
static void read_orders(const struct start_received *received, struct order_view *view) {
  self.record = inline_record;
  self.record_bytes = received->inline_bytes;
  if (received->record_fd >= 0) map_record(received->record_fd);
  int error = parse_orders(self.record, self.record_bytes, view);
  if (error) fail_early(PHASE_REQUEST, -error);
}

static struct child_memory *make_child_memory(const struct order_view *view, const int *standard_fds) {
  u64 size = sizeof(struct child_memory) + pointer_count_of(view) * sizeof(char *);
  long address = CALL(mmap, 0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  struct child_memory *memory = (struct child_memory *)must_early(PHASE_REQUEST, address);
  self.child_memory = memory;
  self.child_memory_bytes = size;
  list_strings(view, memory->pointers);
  memory->orders.view = view;
  memory->orders.argv = (char **)memory->pointers;
  memory->orders.envp = (char **)memory->pointers + view->fixed.argument_count + 1;
  memcpy(memory->orders.standard_fds, standard_fds, sizeof memory->orders.standard_fds);
  return memory;
}

// Sharing our memory spares the copy, and unlike vfork it does not make us wait for a slow exec. Not with a user of its
// own: between setuid and exec that user might reach into the child, and so into us. Nor with namespaces.
static u64 clone_flags_for(const struct orders *orders) {
  if (orders->clone_flags & ~(u32)CLONE_FLAGS_ALLOWED) fail_early(PHASE_CLONE, -EINVAL);
  // It would cover the whole machine's /proc.
  int is_global_mount = (orders->flags & WITH_PROC_MOUNT) && !(orders->clone_flags & CLONE_NEWNS);
  if (is_global_mount) fail_early(PHASE_CLONE, -EINVAL);
  int is_plain = orders->clone_flags == 0 && !(orders->flags & WITH_USER);
  return (is_plain ? CLONE_VM : orders->clone_flags) | SIGCHLD;
}

// What takes time and needs no orders: once.
static long prepare(void) {
  u64 watched = 1ul << (SIGCHLD - 1) | 1ul << (SIGTERM - 1) | 1ul << (SIGNAL_COMMAND - 1);
  CALL(prctl, PR_SET_NAME, "ctl-launcher");
  CALL(setsid);  // fails harmlessly when whoever started us has done it
  CALL(chdir, "/");
  set_default_actions();
  self.self_pid = (i32)CALL(getpid);
  self.control_is_open = self.status_is_open = 1;
  self.signals_fd = (int)CALL(signalfd4, -1, &watched, SIGNAL_SET_BYTES, O_CLOEXEC | O_NONBLOCK);
  return self.signals_fd < 0 ? self.signals_fd : CALL(prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

// From the start message to the last report about the tree. `prepared` is 0 or what went wrong before.
static void serve(long prepared) {
  struct order_view view;
  struct start_received received;
  int failure_pipe[2];
  if (prepared >= 0) prepared = CALL(pipe2, failure_pipe, O_CLOEXEC | O_NONBLOCK);
  int error = receive_start(&received);
  if (error == NO_DAEMON) quit(0);
  // Until now we were like any other process; from here on nothing but KILL and STOP reaches us except as a descriptor.
  block_all_signals();
  must_early(PHASE_REQUEST, -error);
  must_early(PHASE_SETUP, prepared);
  read_orders(&received, &view);
  self.policy = view.fixed.policy;
  self.grace_ms = view.fixed.grace_ms;
  self.output_fds[0] = received.output[0];
  self.output_fds[1] = received.output[1];

  u64 flags = clone_flags_for(&view.fixed);
  struct child_memory *memory = make_child_memory(&view, received.standard);
  memory->orders.failure_fd = failure_pipe[1];
  void *stack_top = memory->stack + CHILD_STACK_BYTES;
  self.child_pid = (i32)must_early(PHASE_CLONE, clone_into(flags, stack_top, run_child, memory));
  self.child_is_alive = 1;
  self.failure_fd = failure_pipe[0];

  // Only the child may hold the far ends, or nobody ever sees end-of-file.
  CALL(close, failure_pipe[1]);
  for (int fd = 0; fd < STANDARD_FDS; fd++) {
    CALL(close, fd);
    CALL(close, received.standard[fd]);
  }
  show_label(view.label);
  run_loop();
}

// As we were born: or the descriptors of the next child might come as 0 to 2.
static int open_standard_fds(void) {
  for (int fd = 0; fd < STANDARD_FDS; fd++)
    if (CALL(openat, AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC) != fd) return 0;
  return 1;
}

// As we were before the start message.
static void forget_tree(void) {
  release_output(0);
  release_output(1);
  u64 bytes = (u64)((u8 *)&self.outbox - (u8 *)&self.id);
  memset(&self.id, 0, bytes);
  self.has_served = 1;
  CALL(madvise, scratch, sizeof scratch, MADV_DONTNEED);
  show_label("");
  unblock_all_signals();
}

__attribute__((used)) void launcher_main(u64 *stack) {
  find_label(stack[0], (char **)(stack + 1));
  long prepared = prepare();
  for (;;) {
    serve(prepared);
    if (!self.control_is_open || self.has_failed) quit(0);
    if (!open_standard_fds()) quit(0);
    forget_tree();
  }
}
