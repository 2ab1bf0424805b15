// The process tree below the launcher, from /proc: who is in it, and signals for all of it. As sub-reaper we inherit
// every orphan, so nobody leaves the tree by forking twice or by a session of its own.

#define PROC_FORKED_ONLY 0x40  // flags in /proc/PID/stat: forked, never executed anything
#define QUEUE_MAX 8192

struct process_stat {
  char state;
  i32 parent, group;
  u32 flags, threads;
};

// /proc/PID/stat: "PID (any bytes at all) STATE PPID PGRP SESSION TTY TPGID FLAGS ... THREADS ..."
static int read_stat(i32 pid, struct process_stat *stat) {
  enum { FIELD_PARENT = 1, FIELD_GROUP = 2, FIELD_FLAGS = 6, FIELD_THREADS = 17, FIELDS = 18 };
  char name[32], text[512];
  put_text(put_number(put_text(name, "/proc/"), (u32)pid), "/stat");
  long fd = CALL(openat, AT_FDCWD, name, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  long size = CALL(read, fd, text, sizeof text - 1);
  CALL(close, fd);
  if (size <= 0) return 0;
  text[size] = 0;
  long at = size;
  while (at > 0 && text[at] != ')') at--;
  if (at == 0 || at + 2 >= size) return 0;
  at += 2;
  stat->state = text[at];
  i64 fields[FIELDS] = {0};
  for (int field = 0; text[at] && field < FIELDS; at++) {
    if (text[at] == ' ') field++;
    else if (field > 0 && field < FIELDS && text[at] != '-') fields[field] = fields[field] * 10 + (text[at] - '0');
  }
  stat->parent = (i32)fields[FIELD_PARENT];
  stat->group = (i32)fields[FIELD_GROUP];
  stat->flags = (u32)fields[FIELD_FLAGS];
  stat->threads = (u32)fields[FIELD_THREADS];
  return 1;
}

// A zombie takes signals and does nothing about them; but a main thread may be one while other threads go on.
static int is_alive(const struct process_stat *stat) {
  return stat->state != 'X' && (stat->state != 'Z' || stat->threads > 1);
}

// One walk over the tree.
struct sweep {
  int signal;
  i32 only_group, without_group;  // 0: any
  u32 hits;                       // living processes that got the signal
  i32 first_hit;
  u32 queued;
  i32 *queue;
};

// A direct child is reaped by nobody but us, so its pid is safe. A deeper one is pinned by a pidfd first: if that still
// answers after we read who the parent is, then the pid meant the same process all the time.
static int signal_pinned(i32 pid, i32 parent, int signal) {
  struct process_stat stat;
  long fd = CALL(pidfd_open, pid, 0);
  if (fd == -ENOSYS) return CALL(kill, pid, signal) == 0;  // before Linux 5.3
  if (fd < 0) return 0;
  int is_ours = read_stat(pid, &stat) && (stat.parent == parent || stat.parent == self.self_pid);
  int is_sent = is_ours && CALL(pidfd_send_signal, fd, 0, 0, 0) == 0 && CALL(pidfd_send_signal, fd, signal, 0, 0) == 0;
  CALL(close, fd);
  return is_sent;
}

static void sweep_process(struct sweep *sweep, i32 pid, i32 parent) {
  struct process_stat stat;
  if (sweep->queued < QUEUE_MAX) sweep->queue[sweep->queued++] = pid;  // when full, a later sweep finds who is below
  if (!read_stat(pid, &stat)) return;
  if (sweep->only_group && stat.group != sweep->only_group) return;
  if (sweep->without_group && stat.group == sweep->without_group) return;
  int was_alive = is_alive(&stat);
  int is_sent = parent == self.self_pid ? CALL(kill, pid, sweep->signal) == 0 : signal_pinned(pid, parent, sweep->signal);
  if (is_sent && was_alive && !sweep->hits++) sweep->first_hit = pid;
}

// `name` is /proc/PID/task/TID/children: the pids of one thread's children, each with a blank behind it.
static void sweep_children(struct sweep *sweep, const char *name, i32 parent) {
  char text[1024];
  long fd = CALL(openat, AT_FDCWD, name, O_RDONLY | O_CLOEXEC), size;
  if (fd < 0) return;
  i32 pid = 0;
  while ((size = CALL(read, fd, text, sizeof text)) > 0)
    for (long i = 0; i < size; i++) {
      if (text[i] != ' ') {
        pid = pid * 10 + (text[i] - '0');
        continue;
      }
      sweep_process(sweep, pid, parent);
      pid = 0;
    }
  CALL(close, fd);
}

static void sweep_threads(struct sweep *sweep, i32 pid) {
  enum { ENTRY_SIZE_AT = 16, ENTRY_NAME_AT = 19 };  // of struct linux_dirent64
  char name[80], entries[1024];
  char *end = put_text(put_number(put_text(name, "/proc/"), (u32)pid), "/task");
  long directory = CALL(openat, AT_FDCWD, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC), size;
  if (directory < 0) return;
  while ((size = CALL(getdents64, directory, entries, sizeof entries)) > 0)
    for (long at = 0; at < size;) {
      u16 entry_size;
      memcpy(&entry_size, entries + at + ENTRY_SIZE_AT, sizeof entry_size);
      const char *thread = entries + at + ENTRY_NAME_AT;
      if (thread[0] != '.') {
        put_text(put_text(put_text(end, "/"), thread), "/children");
        sweep_children(sweep, name, pid);
      }
      at += entry_size;
    }
  CALL(close, directory);
}

// Sends a signal to everything below us, breadth first. Not atomic: whoever forks meanwhile is found by the next one.
// Parents that are killed leave their children to us.
static void run_sweep(struct sweep *sweep) {
  sweep->queue = (i32 *)scratch;
  sweep->queue[0] = self.self_pid;
  sweep->queued = 1;
  for (u32 i = 0; i < sweep->queued; i++) sweep_threads(sweep, sweep->queue[i]);
}
