// What the launcher remembers, in one place: an idle launcher should keep few pages of memory busy.

enum { STOP_NOT_ASKED, STOP_TERMINATING, STOP_KILLING };

#define STANDARD_FDS 3  // a process is born with these: 0, 1, 2
#define CONTROL_FD 3
#define STATUS_FD 4
#define OUTBOX_BYTES 6144

struct child_memory;

struct launcher_state {
  // For as long as we live.
  char *label, *label_end;  // our own argument area, null where we cannot write to it
  i32 self_pid;
  int signals_fd;
  int control_is_open, status_is_open;
  int has_served;  // not the first tree: the daemon may still have sent commands for the one before

  // For one tree; forget_tree makes all of this zero again.
  u64 id;
  u32 policy, grace_ms;

  i32 child_pid;  // what we, not its own namespace, call the main child
  int child_is_alive, is_started, has_failed, is_tree_empty;

  int failure_fd;
  int output_fds[2];  // read ends of the child's stdout and stderr, or -1

  int stop;
  int is_stuck_reported;
  u64 stop_deadline_ns, stop_pause_ms, killing_since_ns;

  // Needed until the child has executed its program: the order record, and the child's own memory. Null once released.
  const u8 *record;
  u64 record_bytes;
  struct child_memory *child_memory;
  u64 child_memory_bytes;

  u32 failure_bytes;  // received over the failure pipe
  u32 outbox_bytes;   // waiting for the status pipe
  u8 outbox[OUTBOX_BYTES] __attribute__((aligned(8)));
};

static struct launcher_state self;

// An order record that came with the start message.
#define INLINE_RECORD_BYTES 8192
static u8 inline_record[INLINE_RECORD_BYTES] __attribute__((aligned(4096)));

// Shared by what is never needed at the same time: reading kept output, walking the tree, receiving a failure.
#define SCRATCH_BYTES 65536
static u8 scratch[SCRATCH_BYTES] __attribute__((aligned(4096)));
