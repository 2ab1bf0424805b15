// The launcher's life after the clone: waits for whatever comes next and reports it. It sleeps without a time-out unless
// a stop is under way.

enum { WATCH_FAILURE, WATCH_SIGNALS, WATCH_CONTROL, WATCH_STDOUT, WATCH_STDERR, WATCH_STATUS, WATCHES };

struct watch {
  i32 fd;  // below zero: ignored
  i16 events, ready;
};

// Our child is not reaped by anybody else, so its /proc entry tells the truth.
static int died_before_exec(void) {
  struct process_stat stat;
  return read_stat(self.child_pid, &stat) && stat.flags & PROC_FORKED_ONLY;
}

static void report_not_started(struct failure failure, const u8 *path, u32 path_bytes) {
  static struct report_not_started report;
  if (path_bytes > sizeof report.path) path_bytes = sizeof report.path;
  memcpy(report.path, path, path_bytes);
  report.phase = failure.phase;
  report.error = failure.error;
  report.header.extra = (u16)failure.extra;
  self.has_failed = 1;
  send_report(&report, (u32)(sizeof report - sizeof report.path) + path_bytes, REPORT_NOT_STARTED);
}

// The far end closes by a successful exec, and also when the child is killed before it: the kernel knows which.
static void end_failure_pipe(const u8 *received) {
  struct failure failure = {PHASE_EXEC, EINTR, 0};
  CALL(close, self.failure_fd);
  self.failure_fd = -1;
  if (self.failure_bytes >= sizeof failure) {
    memcpy(&failure, received, sizeof failure);
    report_not_started(failure, received + sizeof failure, self.failure_bytes - (u32)sizeof failure);
  } else if (died_before_exec()) {
    report_not_started(failure, 0, 0);
  } else {
    struct report_started report = {.pid = self.child_pid, .launcher_pid = self.self_pid};
    self.is_started = 1;
    send_report(&report, sizeof report, REPORT_STARTED);
  }
}

// Arguments and environment can be megabytes.
static void release_orders(void) {
  if (self.record == inline_record) CALL(madvise, inline_record, sizeof inline_record, MADV_DONTNEED);
  else CALL(munmap, self.record, self.record_bytes);
  CALL(munmap, self.child_memory, self.child_memory_bytes);
  self.record = 0;
}

static void read_failure(void) {
  static u8 received[sizeof(struct failure) + PATH_BYTES + NAME_BYTES + 2];
  u32 room = (u32)sizeof received - self.failure_bytes;
  long size = CALL(read, self.failure_fd, received + self.failure_bytes, room);
  if (size == -EINTR || size == -EAGAIN) return;
  if (size > 0) self.failure_bytes += (u32)size;
  else end_failure_pipe(received);
}

static int child_is_zombie(void) {
  enum { BY_PID = 1 };
  int siginfo[32] = {0};  // the first field stays 0 when there is nothing to report
  CALL(waitid, BY_PID, self.child_pid, siginfo, WEXITED | WNOHANG | WNOWAIT, 0);
  return siginfo[0] != 0;
}

static u64 microseconds_of(struct __kernel_old_timeval time) {
  return (u64)time.tv_sec * 1000000u + (u64)time.tv_usec;
}

static void report_exited(u32 status, const struct rusage *usage, int is_tree_left) {
  struct report_exited report = {
      .header = {.extra = is_tree_left ? EXTRA_TREE_LEFT : 0},
      .status = status,
      .user_us = microseconds_of(usage->ru_utime),
      .system_us = microseconds_of(usage->ru_stime),
      .max_rss_kib = (u64)usage->ru_maxrss,
      .minor_faults = (u64)usage->ru_minflt,
      .major_faults = (u64)usage->ru_majflt,
      .voluntary_switches = (u64)usage->ru_nvcsw,
      .involuntary_switches = (u64)usage->ru_nivcsw,
  };
  send_report(&report, sizeof report, REPORT_EXITED);
}

// Takes everybody who can be taken before it reports, so that `exited` can say whether others are left.
static void reap(void) {
  int has_exited = 0;
  u32 exit_status = 0;
  struct rusage exit_usage = {0};
  long pid;
  for (;;) {
    int status = 0;
    struct rusage usage;
    pid = CALL(wait4, -1, &status, WNOHANG, &usage);
    if (pid == -EINTR) continue;
    if (pid <= 0) break;
    if (pid != self.child_pid || !self.child_is_alive) continue;
    self.child_is_alive = 0;
    has_exited = 1;
    exit_status = (u32)status;
    exit_usage = usage;
  }
  self.is_tree_empty = pid == -ECHILD;
  if (has_exited && self.is_started) report_exited(exit_status, &exit_usage, !self.is_tree_empty);
  if (self.is_tree_empty && !self.has_failed) send_plain_report(REPORT_TREE_EMPTY);
}

static void wait_for_events(struct watch *watches) {
  int is_alone = !self.control_is_open;
  watches[WATCH_FAILURE] = (struct watch){self.failure_fd, POLLIN, 0};
  watches[WATCH_SIGNALS] = (struct watch){self.signals_fd, POLLIN, 0};
  // Once the tree is empty, what comes may be the next start message.
  watches[WATCH_CONTROL] = (struct watch){is_alone || self.is_tree_empty ? -1 : CONTROL_FD, POLLIN, 0};
  watches[WATCH_STDOUT] = (struct watch){is_alone ? self.output_fds[0] : -1, POLLIN, 0};
  watches[WATCH_STDERR] = (struct watch){is_alone ? self.output_fds[1] : -1, POLLIN, 0};
  // Only while bytes are pending: a status pipe without a reader is always ready.
  watches[WATCH_STATUS] = (struct watch){self.outbox_bytes ? STATUS_FD : -1, POLLOUT, 0};

  struct __kernel_timespec left = {0, 0};
  u64 now = now_ns(CLOCK_MONOTONIC), wake_at = next_stop_step_ns();
  if (wake_at != NEVER && wake_at > now) {
    left.tv_sec = (i64)((wake_at - now) / 1000000000u);
    left.tv_nsec = (i64)((wake_at - now) % 1000000000u);
  }
  CALL(ppoll, watches, WATCHES, wake_at == NEVER ? 0 : &left, 0, SIGNAL_SET_BYTES);
}

static void run_loop(void) {
  while (!self.is_tree_empty || self.outbox_bytes) {
    struct watch watches[WATCHES];
    wait_for_events(watches);
    if (watches[WATCH_FAILURE].ready) read_failure();
    if (watches[WATCH_SIGNALS].ready) {
      read_signals();
      // Whoever is dead has closed the failure pipe, so this ends; it comes first because `started` precedes `exited`.
      while (self.failure_fd >= 0 && child_is_zombie()) read_failure();
      if (!self.is_tree_empty) reap();
    }
    if (watches[WATCH_CONTROL].ready) read_control();
    if (watches[WATCH_STDOUT].ready) discard_output(0);
    if (watches[WATCH_STDERR].ready) discard_output(1);
    continue_stop();
    flush_outbox();
    // After the report: somebody waits for that one.
    if (self.failure_fd < 0 && self.record) release_orders();
  }
}
