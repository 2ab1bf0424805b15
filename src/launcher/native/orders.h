// The order record: what to start, as the daemon wrote it. Parsing is pure: it reads `record` and nothing beyond it, and
// calls nobody, so that it can be fuzzed outside the launcher.
//
// Little endian. The fixed part, then limits, groups, affinity mask, then strings: label, directory, arguments,
// variables. A string is its length (u32), its bytes, a NUL.

#define ORDERS_MAGIC 0x324c5443u  // "CTL2"
#define ORDERS_BYTES_MAX (1u << 30)

// Refusals, with the kernel's numbers: a record that is not one, a NUL inside a string.
#define ORDERS_MALFORMED 74  // EBADMSG
#define ORDERS_NUL_INSIDE 22 // EINVAL

enum { WITH_USER = 1, WITH_UMASK = 2, WITH_NICE = 4, WITH_OOM_SCORE = 8, WITH_PROC_MOUNT = 16 };
enum { POLICY_KEEP = 0, POLICY_STOP = 1 };

struct orders {
  u32 magic, size;
  u64 id;
  u32 flags, clone_flags, policy, grace_ms;
  u32 uid, gid, umask;
  i32 nice, oom_score_adjust;
  u32 limit_count, group_count, affinity_bytes, argument_count, variable_count;
};

struct limit {
  u32 resource, reserved;
  u64 soft, hard;
};

// A record taken apart. Everything but `fixed` points into the record.
struct order_view {
  struct orders fixed;
  const u8 *limits, *groups, *affinity;
  const char *label, *directory;
  const u8 *arguments;  // the string records of the arguments and, after them, of the variables
};

// Moves `at` behind one string record and checks it against `end`.
static int skip_string(const u8 **at, const u8 *end, const char **text) {
  u32 length;
  if (end - *at < 5) return ORDERS_MALFORMED;
  memcpy(&length, *at, sizeof length);
  const u8 *bytes = *at + sizeof length;
  if ((u64)(end - bytes) < (u64)length + 1 || bytes[length] != 0) return ORDERS_MALFORMED;
  for (u32 i = 0; i < length; i++)
    if (bytes[i] == 0) return ORDERS_NUL_INSIDE;
  *text = (const char *)bytes;
  *at = bytes + length + 1;
  return 0;
}

// Returns 0 when the record is exactly as it announces itself, else an errno; `view` is good only after 0.
static int parse_orders(const u8 *record, u64 size, struct order_view *view) {
  struct orders *fixed = &view->fixed;
  if (size < sizeof *fixed || size > ORDERS_BYTES_MAX) return ORDERS_MALFORMED;
  memcpy(fixed, record, sizeof *fixed);
  if (fixed->magic != ORDERS_MAGIC || fixed->size != size) return ORDERS_MALFORMED;
  if (fixed->argument_count == 0 || fixed->policy > POLICY_STOP) return ORDERS_MALFORMED;

  const u8 *at = record + sizeof *fixed, *end = record + size;
  u64 limit_bytes = (u64)fixed->limit_count * sizeof(struct limit), group_bytes = (u64)fixed->group_count * 4;
  if (limit_bytes + group_bytes + fixed->affinity_bytes > (u64)(end - at)) return ORDERS_MALFORMED;
  view->limits = at;
  view->groups = view->limits + limit_bytes;
  view->affinity = view->groups + group_bytes;
  at = view->affinity + fixed->affinity_bytes;

  const char *text;
  int error = skip_string(&at, end, &view->label);
  if (!error) error = skip_string(&at, end, &view->directory);
  view->arguments = at;
  u64 count = (u64)fixed->argument_count + fixed->variable_count;
  for (u64 i = 0; i < count && !error; i++) error = skip_string(&at, end, &text);
  if (error) return error;
  return at == end ? 0 : ORDERS_MALFORMED;
}

// Pointers that list_strings fills: every string, and the two null pointers that execve wants.
static u64 pointer_count_of(const struct order_view *view) {
  return (u64)view->fixed.argument_count + view->fixed.variable_count + 2;
}

// Fills `pointers` with argv, a null pointer, envp, a null pointer. Only for a view that parse_orders accepted.
static void list_strings(const struct order_view *view, const char **pointers) {
  const u8 *at = view->arguments;
  u64 last = pointer_count_of(view) - 1;
  for (u64 i = 0; i <= last; i++) {
    pointers[i] = 0;
    if (i == view->fixed.argument_count || i == last) continue;
    u32 length;
    memcpy(&length, at, sizeof length);
    pointers[i] = (const char *)at + sizeof length;
    at += sizeof length + length + 1;
  }
}
