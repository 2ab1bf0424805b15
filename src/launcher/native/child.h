// The child between clone and exec: sets itself up in the order of the phases, and says over the failure pipe which step
// failed, with which errno, on what.

#define OOM_SCORE_FILE "/proc/self/oom_score_adj"

#define CHILD_STACK_BYTES 16384

struct child_orders {
  const struct order_view *view;
  char **argv, **envp;
  int standard_fds[STANDARD_FDS];
  int failure_fd;
};

// All memory that the child writes to. It may share the launcher's memory until it executes its program, so it keeps to
// this; and the launcher does not touch it, nor gives it back, before the failure pipe has ended.
struct child_memory {
  struct child_orders orders;
  struct search search;
  u8 stack[CHILD_STACK_BYTES] __attribute__((aligned(16)));
  const char *pointers[];
};

// `what` names the thing: a path, or the step itself.
static void must(const struct child_orders *child, u32 phase, long result, const char *what) {
  if (result < 0) fail_child(child->failure_fd, (struct failure){phase, (u32)-result, 0}, what);
}

static long write_oom_score(i32 score) {
  char text[16], *at = text;
  if (score < 0) *at++ = '-';
  at = put_number(at, score < 0 ? (u32)-score : (u32)score);
  long fd = CALL(openat, AT_FDCWD, OOM_SCORE_FILE, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return fd;
  long result = CALL(write, fd, text, at - text);
  CALL(close, fd);
  return result;
}

static void set_up_process(const struct child_orders *child) {
  const struct order_view *view = child->view;
  const struct orders *orders = &view->fixed;
  must(child, PHASE_SETUP, CALL(setsid), "setsid");
  if (orders->flags & WITH_PROC_MOUNT) {
    // The mount namespace is our own, but mounts in it would still pass on to where it came from.
    must(child, PHASE_SETUP, CALL(mount, 0, "/", 0, MS_REC | MS_PRIVATE, 0), "/");
    u64 options = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    must(child, PHASE_SETUP, CALL(mount, "proc", "/proc", "proc", options, 0), "/proc");
  }
  if (orders->flags & WITH_NICE) must(child, PHASE_SETUP, CALL(setpriority, 0, 0, orders->nice), "nice");
  if (orders->flags & WITH_OOM_SCORE) must(child, PHASE_SETUP, write_oom_score(orders->oom_score_adjust), OOM_SCORE_FILE);
  if (orders->affinity_bytes) {
    must(child, PHASE_SETUP, CALL(sched_setaffinity, 0, orders->affinity_bytes, view->affinity), "affinity");
  }
  if (orders->flags & WITH_UMASK) CALL(umask, orders->umask);
}

// Limits before the user: raising a hard limit needs the rights that the user may not have.
static void set_limits(const struct child_orders *child) {
  for (u32 i = 0; i < child->view->fixed.limit_count; i++) {
    struct limit limit;
    memcpy(&limit, child->view->limits + i * sizeof limit, sizeof limit);
    u64 value[2] = {limit.soft, limit.hard};
    long result = CALL(prlimit64, 0, limit.resource, value, 0);
    if (result < 0) {
      struct failure failure = {PHASE_LIMITS, (u32)-result, 0};
      char name[32];
      *put_number(put_text(name, "limit "), limit.resource) = 0;
      fail_child(child->failure_fd, failure, name);
    }
  }
}

static void set_user(const struct child_orders *child) {
  const struct orders *orders = &child->view->fixed;
  if (!(orders->flags & WITH_USER)) return;
  must(child, PHASE_USER, CALL(setgroups, orders->group_count, child->view->groups), "setgroups");
  must(child, PHASE_USER, CALL(setgid, orders->gid), "setgid");
  must(child, PHASE_USER, CALL(setuid, orders->uid), "setuid");
}

static void set_descriptors(const struct child_orders *child) {
  for (int target = 0; target < STANDARD_FDS; target++)
    must(child, PHASE_STDIO, CALL(dup3, child->standard_fds[target], target, 0), 0);
  // A successful exec closes everything else, and nothing before it: the failure pipe must live until then.
  if (CALL(close_range, STANDARD_FDS, ~0u, CLOSE_RANGE_CLOEXEC) == 0) return;
  for (int fd = STANDARD_FDS; fd < 65536; fd++) CALL(fcntl, fd, F_SETFD, FD_CLOEXEC);  // before Linux 5.11
}

// Never returns. The memory is fresh, so the search starts out empty.
static void run_child(void *memory) {
  struct search *search = &((struct child_memory *)memory)->search;
  const struct child_orders *child = &((struct child_memory *)memory)->orders;
  set_up_process(child);
  set_limits(child);
  set_user(child);
  const char *directory = child->view->directory;
  if (directory[0]) must(child, PHASE_CHDIR, CALL(chdir, directory), directory);
  set_descriptors(child);
  unblock_all_signals();  // every action is the default one already, see prepare
  search->failure_fd = child->failure_fd;
  search->argv = child->argv;
  search->envp = child->envp;
  exec_program(search);
}
