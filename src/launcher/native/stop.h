// Signals on request, and the verified end of a tree: TERM, grace, then KILL to everything below us, again and again,
// until wait4 says that nobody is left.

enum { SCOPE_MAIN = 1, SCOPE_GROUP, SCOPE_TREE };

#define KILL_PAUSE_MS 2
#define KILL_PAUSE_MAX_MS 1000
#define STUCK_AFTER_NS 2000000000u
#define NEVER ~0ul

static void send_signal(u32 scope, u32 signal) {
  struct sweep sweep = {.signal = (int)signal};
  long result = -ESRCH;
  if (signal > LAST_SIGNAL) {
    result = -EINVAL;
  } else if (scope == SCOPE_MAIN && self.child_is_alive) {
    result = CALL(kill, self.child_pid, signal);
  } else if (scope == SCOPE_GROUP && self.child_is_alive) {
    result = CALL(kill, -self.child_pid, signal);
  } else if (scope != SCOPE_MAIN) {
    // Once its leader is reaped, the group's number may be a stranger's: only members below us are signalled then.
    sweep.only_group = scope == SCOPE_GROUP ? self.child_pid : 0;
    run_sweep(&sweep);
    result = sweep.hits ? 0 : -ESRCH;
  }
  struct report_signaled report = {
      .signal = signal, .hits = sweep.hits ? sweep.hits : result == 0, .error = (u32)-result};
  send_report(&report, sizeof report, REPORT_SIGNALED);
}

// The group at one stroke, so that nobody in it forks away; then, one by one, who left the group.
static void terminate_tree(int signal) {
  struct sweep sweep = {.signal = signal};
  if (self.child_is_alive && CALL(kill, -self.child_pid, signal) == 0) sweep.without_group = self.child_pid;
  run_sweep(&sweep);
}

static void begin_stop(u32 grace_ms) {
  u64 deadline = now_ns(CLOCK_MONOTONIC) + (u64)grace_ms * 1000000u;
  if (self.is_tree_empty || self.stop == STOP_KILLING) return;
  if (self.stop == STOP_TERMINATING) {
    if (deadline < self.stop_deadline_ns) self.stop_deadline_ns = deadline;
    return;
  }
  self.stop = STOP_TERMINATING;
  self.stop_deadline_ns = deadline;
  send_numbers(REPORT_STOPPING, grace_ms, 0);
  if (grace_ms == 0) return;
  terminate_tree(SIGTERM);
  terminate_tree(SIGCONT);  // a stopped process cannot act on TERM
}

static u64 next_stop_step_ns(void) {
  return self.stop == STOP_NOT_ASKED || self.is_tree_empty ? NEVER : self.stop_deadline_ns;
}

static void continue_stop(void) {
  u64 now = now_ns(CLOCK_MONOTONIC);
  if (now < next_stop_step_ns()) return;
  if (self.stop == STOP_TERMINATING) {
    self.stop = STOP_KILLING;
    self.killing_since_ns = now;
    self.stop_pause_ms = KILL_PAUSE_MS;
    send_plain_report(REPORT_KILLING);
  }
  struct sweep sweep = {.signal = SIGKILL};
  run_sweep(&sweep);
  if (!self.is_stuck_reported && now - self.killing_since_ns > STUCK_AFTER_NS) {
    self.is_stuck_reported = 1;
    send_numbers(REPORT_STUCK, sweep.hits, (u32)sweep.first_hit);
  }
  if (self.is_stuck_reported && self.stop_pause_ms < KILL_PAUSE_MAX_MS) self.stop_pause_ms *= 2;
  self.stop_deadline_ns = now_ns(CLOCK_MONOTONIC) + self.stop_pause_ms * 1000000u;
}
