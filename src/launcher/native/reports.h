// Reports to the daemon over the status pipe that all launchers share: whole records of at most PIPE_BUF bytes, which the
// kernel never mixes. The pipe never blocks us: what it does not take waits in the outbox.

enum {
  REPORT_STARTED = 1,
  REPORT_NOT_STARTED,
  REPORT_EXITED,
  REPORT_TREE_EMPTY,
  REPORT_SIGNALED,
  REPORT_STOPPING,
  REPORT_KILLING,
  REPORT_STUCK,
};

enum { EXTRA_INTERPRETER = 1 };  // not started: the file is there, the interpreter that it names is not
enum { EXTRA_TREE_LEFT = 1 };    // exited: others of the tree are still there

// The last bytes of the outbox are for facts; answers to signals, which may come in any number, must leave them free.
#define OUTBOX_FOR_FACTS 4096
#define REPORTED_PATH_MAX 3584
#define ATOMIC_WRITE_MAX 4096  // PIPE_BUF

struct report_header {
  u32 size;
  u16 kind, extra;
  u64 id, monotonic_ns, realtime_ns;
};

struct report_started {
  struct report_header header;
  i32 pid, launcher_pid;
};

struct report_not_started {
  struct report_header header;
  u32 phase, error;
  char path[REPORTED_PATH_MAX];
};

struct report_exited {
  struct report_header header;
  u32 status, reserved;
  u64 user_us, system_us, max_rss_kib, minor_faults, major_faults, voluntary_switches, involuntary_switches;
};

struct report_signaled {
  struct report_header header;
  u32 signal, hits, error, reserved;
};

// Two numbers that the kind gives a meaning to: stopping (grace in ms), stuck (how many are left, one of their pids).
struct report_numbers {
  struct report_header header;
  u32 first, second;
};

static void close_status(void) {
  if (self.status_is_open) CALL(close, STATUS_FD);
  self.status_is_open = 0;
  self.outbox_bytes = 0;
}

static void flush_outbox(void) {
  u32 sent = 0;
  while (self.status_is_open && sent < self.outbox_bytes) {
    u32 size = self.outbox_bytes - sent;
    if (size > ATOMIC_WRITE_MAX) memcpy(&size, self.outbox + sent, sizeof size);  // one record
    long written = CALL(write, STATUS_FD, self.outbox + sent, size);
    if (written == -EINTR) continue;
    if (written == -EAGAIN) break;
    if (written < 0) close_status();  // nobody reads any more
    else sent += (u32)written;
  }
  if (sent == 0 || !self.status_is_open) return;
  for (u32 i = sent; i < self.outbox_bytes; i++) self.outbox[i - sent] = self.outbox[i];
  self.outbox_bytes -= sent;
}

static void send_report(void *record, u32 size, u16 kind) {
  struct report_header *header = record;
  header->size = size;
  header->kind = kind;
  header->id = self.id;
  header->monotonic_ns = now_ns(CLOCK_MONOTONIC);
  header->realtime_ns = now_ns(CLOCK_REALTIME);
  if (!self.status_is_open) return;
  u32 room = kind == REPORT_SIGNALED ? OUTBOX_BYTES - OUTBOX_FOR_FACTS : OUTBOX_BYTES;
  if (self.outbox_bytes + size > room) flush_outbox();
  if (self.outbox_bytes + size > room) return;
  memcpy(self.outbox + self.outbox_bytes, record, size);
  self.outbox_bytes += size;
}

static void send_plain_report(u16 kind) {
  struct report_header header = {0};
  send_report(&header, sizeof header, kind);
}

static void send_numbers(u16 kind, u32 first, u32 second) {
  struct report_numbers report = {.first = first, .second = second};
  send_report(&report, sizeof report, kind);
}
