// The control socket (AF_UNIX, SOCK_SEQPACKET): one start message with the descriptors, then commands; and all over again
// when the tree is empty. Its hang-up says that the daemon has gone. Afterwards commands may still come as SIGRTMIN with a
// value.

#define START_MAGIC 0x534c5443u  // "CTLS"
#define OUTPUT_FDS 2
#define START_FDS_MAX (STANDARD_FDS + OUTPUT_FDS + 1)
#define NO_DAEMON -1

enum { COMMAND_SIGNAL = 1, COMMAND_STOP, COMMAND_POLICY, COMMAND_RELEASE_OUTPUT };

struct start {
  u32 magic, fd_count;
  u64 id;
};

// What came with the start message. The order record is behind it, or else in a file.
struct start_received {
  int standard[STANDARD_FDS], output[OUTPUT_FDS], record_fd;
  u64 inline_bytes;
};

struct command {
  u16 operation, scope;
  u32 signal, grace_ms, reserved;
};

// The kernel's layouts; its headers for user space do not have them.
struct io_vector {
  void *base;
  u64 size;
};
struct message_header {
  void *name;
  u32 name_bytes;
  struct io_vector *vectors;
  u64 vector_count;
  void *control;
  u64 control_bytes;
  u32 flags;
};
struct control_header {
  u64 size;
  i32 level, type;
};
enum { LEVEL_SOCKET = 1, TYPE_RIGHTS = 1, FLAG_TRUNCATED = 0x20, FLAG_CONTROL_TRUNCATED = 8, FLAG_CLOEXEC = 0x40000000 };

// The child's stdin, stdout and stderr; perhaps the read ends of stdout and stderr; a file, unless the record is inline.
static int sort_fds(struct start_received *received, const int *fds, u64 count) {
  int has_file = received->inline_bytes == 0, has_output = count >= STANDARD_FDS + OUTPUT_FDS;
  if (count != (u64)(STANDARD_FDS + (has_output ? OUTPUT_FDS : 0) + has_file)) return EBADMSG;
  for (int i = 0; i < STANDARD_FDS; i++) received->standard[i] = *fds++;
  for (int i = 0; i < OUTPUT_FDS; i++) received->output[i] = has_output ? *fds++ : -1;
  received->record_fd = has_file ? *fds : -1;
  return 0;
}

struct rights {
  struct control_header header;
  int fds[START_FDS_MAX];
};

// Waits, without any limit, for one message; what comes behind the start goes to inline_record. Returns its size, or what
// recvmsg returns.
static long receive_message(struct start *start, struct rights *rights, struct message_header *message) {
  struct io_vector vectors[] = {{start, sizeof *start}, {inline_record, sizeof inline_record}};
  long size;
  do {
    *message = (struct message_header){0, 0, vectors, 2, rights, sizeof *rights, 0};
    size = CALL(recvmsg, CONTROL_FD, message, FLAG_CLOEXEC);
  } while (size == -EINTR);
  return size;
}

// Sent for a tree that had ended when it came.
static int is_late_command(const struct start *start, long size) {
  return self.has_served && size == sizeof(struct command) && start->magic != START_MAGIC;
}

// Waits for the start message. Returns 0, NO_DAEMON, or an errno when it is not one.
static int receive_start(struct start_received *received) {
  struct start start = {0, 0, 0};
  struct rights rights = {{0, 0, 0}, {-1, -1, -1, -1, -1, -1}};
  struct message_header message;
  long size;
  do size = receive_message(&start, &rights, &message);
  while (is_late_command(&start, size));
  if (size <= 0) return NO_DAEMON;
  self.id = start.id;  // even a refusal says whose it is
  u64 fd_count = (rights.header.size - sizeof rights.header) / sizeof(int);
  int is_whole = size >= (long)sizeof start && start.magic == START_MAGIC &&
                 !(message.flags & (FLAG_TRUNCATED | FLAG_CONTROL_TRUNCATED)) &&
                 message.control_bytes >= sizeof rights.header && rights.header.level == LEVEL_SOCKET &&
                 rights.header.type == TYPE_RIGHTS && fd_count == start.fd_count;
  if (!is_whole) return EBADMSG;
  received->inline_bytes = (u64)size - sizeof start;
  return sort_fds(received, rights.fds, fd_count);
}

static void obey(struct command command) {
  switch (command.operation) {
    case COMMAND_SIGNAL:
      send_signal(command.scope, command.signal);
      break;
    case COMMAND_STOP:
      begin_stop(command.grace_ms);
      break;
    case COMMAND_POLICY:
      self.policy = command.scope;
      self.grace_ms = command.grace_ms;
      break;
    case COMMAND_RELEASE_OUTPUT:
      release_output(0);
      release_output(1);
      break;
  }
}

static void lose_daemon(void) {
  CALL(close, CONTROL_FD);
  self.control_is_open = 0;
  if (self.policy == POLICY_STOP) begin_stop(self.grace_ms);
  else close_status();
}

static void read_control(void) {
  struct command command;
  long size = CALL(read, CONTROL_FD, &command, sizeof command);
  if (size == -EINTR || size == -EAGAIN) return;
  if (size <= 0) lose_daemon();
  else if (size == sizeof command) obey(command);
}

// The value of SIGRTMIN: operation (8 bits), scope (8), signal (16), grace in ms (32).
static struct command command_from_value(u64 value) {
  struct command command = {(u16)(value & 0xff), (u16)(value >> 8 & 0xff), (u32)(value >> 16 & 0xffff), (u32)(value >> 32), 0};
  return command;
}

static void read_signals(void) {
  struct signalfd_siginfo received[4];
  long size = CALL(read, self.signals_fd, received, sizeof received);
  for (long i = 0; i < size / (long)sizeof received[0]; i++) {
    if (received[i].ssi_signo == SIGTERM) begin_stop(self.grace_ms);
    if (received[i].ssi_signo == SIGNAL_COMMAND) obey(command_from_value(received[i].ssi_ptr));
  }
}
