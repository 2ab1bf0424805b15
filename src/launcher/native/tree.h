// The process tree below the launcher, from /proc: who is in it, and signals for all of it. As sub-reaper we inherit
// every orphan, so nobody leaves the tree by forking twice or by a session of its own.

#define PROC_FORKED_ONLY 0x40  // flags in /proc/PID/stat: forked, never executed anything

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

struct member {
  i32 pid, parent;
};

// One walk over the tree: first everybody is found, then everybody gets the signal, parents first. The other way round,
// a parent that dies at once would hide its children, who become ours while we are looking elsewhere.
struct sweep {
  int signal;
  i32 only_group, without_group;  // 0: any
  u32 hits;                       // living processes that got the signal
  i32 first_hit;
  u32 member_count;
  struct member *members;
};

#define MEMBERS_MAX (SCRATCH_BYTES / sizeof(struct member))  // whoever is left out is found by the next sweep

static void find_children(struct sweep *sweep, const char *children_file, i32 parent) {
  char text[1024];
  long fd = CALL(openat, AT_FDCWD, children_file, O_RDONLY | O_CLOEXEC), size;
  if (fd < 0) return;
  i32 pid = 0;
  while ((size = CALL(read, fd, text, sizeof text)) > 0)
    for (long i = 0; i < size; i++) {
      if (text[i] != ' ') {
        pid = pid * 10 + (text[i] - '0');
        continue;
      }
      if (sweep->member_count < MEMBERS_MAX) sweep->members[sweep->member_count++] = (struct member){pid, parent};
      pid = 0;
    }
  CALL(close, fd);
}

// Every thread has children of its own: /proc/PID/task/TID/children holds pids, each with a blank behind it.
static void find_children_of(struct sweep *sweep, i32 pid) {
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
        find_children(sweep, name, pid);
      }
      at += entry_size;
    }
  CALL(close, directory);
}

// A child of ours is reaped by nobody but us, so its pid is safe. A deeper one is pinned by a pidfd first: if that still
// answers after we read who the parent is, then the pid meant the same process all the time.
static int send_to_member(struct member member, const struct process_stat *stat, int signal) {
  if (stat->parent == self.self_pid) return CALL(kill, member.pid, signal) == 0;
  long fd = CALL(pidfd_open, member.pid, 0);
  if (fd == -ENOSYS) return CALL(kill, member.pid, signal) == 0;  // before Linux 5.3
  if (fd < 0) return 0;
  struct process_stat pinned;
  int is_same = read_stat(member.pid, &pinned) && (pinned.parent == member.parent || pinned.parent == self.self_pid);
  int is_sent = is_same && CALL(pidfd_send_signal, fd, 0, 0, 0) == 0 && CALL(pidfd_send_signal, fd, signal, 0, 0) == 0;
  CALL(close, fd);
  return is_sent;
}

static void signal_member(struct sweep *sweep, struct member member) {
  struct process_stat stat;
  if (!read_stat(member.pid, &stat)) return;
  if (sweep->only_group && stat.group != sweep->only_group) return;
  if (sweep->without_group && stat.group == sweep->without_group) return;
  int was_alive = is_alive(&stat);
  if (send_to_member(member, &stat, sweep->signal) && was_alive && !sweep->hits++) sweep->first_hit = member.pid;
}

// Not atomic: whoever is forked meanwhile is found by the next sweep.
static void run_sweep(struct sweep *sweep) {
  sweep->members = (struct member *)scratch;
  find_children_of(sweep, self.self_pid);
  for (u32 i = 0; i < sweep->member_count; i++) find_children_of(sweep, sweep->members[i].pid);
  for (u32 i = 0; i < sweep->member_count; i++) signal_member(sweep, sweep->members[i]);
}
