// In the child: finds the program as execvp would, and says exactly why it cannot be executed. No fall-back to sh: a
// file that the kernel cannot execute is a failure.

enum {
  PHASE_REQUEST = 1,
  PHASE_CLONE,
  PHASE_SETUP,
  PHASE_LIMITS,
  PHASE_USER,
  PHASE_CHDIR,
  PHASE_STDIO,
  PHASE_EXEC,
};

#define PATH_BYTES 4096
#define NAME_BYTES 255
#define HEAD_BYTES 512
#define INTERPRETER_DEPTH 5  // as many scripts may name scripts as their interpreters

struct failure {
  u32 phase, error, extra;
};

struct search {
  int failure_fd;
  char **argv, **envp;
  char path[PATH_BYTES + NAME_BYTES + 2], denied[PATH_BYTES + NAME_BYTES + 2];
  char interpreter[HEAD_BYTES];  // the first missing one, or empty
};

// Reports over the failure pipe, which the launcher reads to its end. `result` is what the kernel returned.
static void fail_child(int failure_fd, struct failure failure, const char *path) {
  CALL(write, failure_fd, &failure, sizeof failure);
  if (path) CALL(write, failure_fd, path, length_of(path));
  quit(127);
}

static void fail_exec(struct search *search, long result, const char *path) {
  fail_child(search->failure_fd, (struct failure){PHASE_EXEC, (u32)-result, 0}, path);
}

static int is_there(const char *path) { return CALL(faccessat, AT_FDCWD, path, 0) == 0; }

// "#!  /path argument": the path, or null.
static const char *script_interpreter(char *head, long size) {
  if (size < 3 || head[0] != '#' || head[1] != '!') return 0;
  char *name = head + 2;
  while (*name == ' ' || *name == '\t') name++;
  char *end = name;
  while (*end && *end != ' ' && *end != '\t' && *end != '\n') end++;
  *end = 0;
  return *name ? name : 0;
}

// The interpreter (dynamic linker) that a 64-bit or 32-bit ELF file names, read into `head`; or null.
static const char *elf_interpreter(int file, char *head, long size) {
  enum { PT_INTERP = 3 };
  if (size < 64 || head[0] != 0x7f || head[1] != 'E' || head[2] != 'L' || head[3] != 'F') return 0;
  int is_wide = head[4] == 2;
  u64 table = 0, offset = 0;
  u16 entry_bytes, entries;
  memcpy(&table, head + (is_wide ? 32 : 28), is_wide ? 8 : 4);
  memcpy(&entry_bytes, head + (is_wide ? 54 : 42), 2);
  memcpy(&entries, head + (is_wide ? 56 : 44), 2);
  for (u16 i = 0; i < entries; i++) {
    u8 entry[16];
    u32 type;
    if (CALL(pread64, file, entry, sizeof entry, table + (u64)i * entry_bytes) != sizeof entry) return 0;
    memcpy(&type, entry, sizeof type);
    if (type != PT_INTERP) continue;
    memcpy(&offset, entry + (is_wide ? 8 : 4), is_wide ? 8 : 4);
    size = CALL(pread64, file, head, HEAD_BYTES - 1, offset);
    if (size <= 0) return 0;
    head[size] = 0;
    return head;
  }
  return 0;
}

// The file exists but execve says ENOENT: then the interpreter that it names is missing, or that one's own.
static void note_missing_interpreter(struct search *search, const char *path) {
  char heads[2][HEAD_BYTES];
  const char *file = path;
  for (int depth = 0; depth < INTERPRETER_DEPTH; depth++) {
    char *head = heads[depth & 1];  // the other one holds the name of `file`
    long fd = CALL(openat, AT_FDCWD, file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return;
    long size = CALL(pread64, fd, head, HEAD_BYTES - 1, 0);
    if (size > 0) head[size] = 0;
    const char *name = script_interpreter(head, size);
    if (!name) name = elf_interpreter((int)fd, head, size);
    CALL(close, fd);
    if (!name) return;
    if (!is_there(name)) {
      put_text(search->interpreter, name);
      return;
    }
    file = name;
  }
}

static long try_exec(struct search *search, const char *path) {
  long result = CALL(execve, path, search->argv, search->envp);
  if (result == -ENOENT && !search->interpreter[0] && is_there(path)) note_missing_interpreter(search, path);
  return result;
}

// execvp goes on to the next directory after these, and after EACCES, which it remembers.
static int is_worth_searching_on(long result) {
  return result == -ENOENT || result == -ENOTDIR || result == -ESTALE || result == -ENODEV || result == -ETIMEDOUT;
}

static const char *search_path_of(char **envp) {
  for (; *envp; envp++) {
    const char *text = *envp;
    if (text[0] == 'P' && text[1] == 'A' && text[2] == 'T' && text[3] == 'H' && text[4] == '=') return text + 5;
  }
  return "/bin:/usr/bin";
}

static void exec_in_path(struct search *search, const char *name, u32 length) {
  const char *at = search_path_of(search->envp);
  for (;; at++) {
    const char *start = at;
    while (*at && *at != ':') at++;
    u32 used = (u32)(at - start);
    if (used < PATH_BYTES) {
      memcpy(search->path, start, used);
      if (used) search->path[used++] = '/';  // an empty element is the current directory: the bare name
      memcpy(search->path + used, name, length + 1);
      long result = try_exec(search, search->path);
      if (result == -EACCES) {
        if (!search->denied[0]) put_text(search->denied, search->path);
      } else if (!is_worth_searching_on(result)) {
        fail_exec(search, result, search->path);
      }
    }
    if (!*at) return;
  }
}

// Never returns.
static void exec_program(struct search *search) {
  const char *name = search->argv[0];
  u32 length = length_of(name);
  int has_slash = 0;
  for (u32 i = 0; i < length; i++) has_slash |= name[i] == '/';

  long result = -ENOENT;
  if (has_slash) result = try_exec(search, name);
  else if (length > NAME_BYTES) result = -ENAMETOOLONG;
  else if (length > 0) exec_in_path(search, name, length);

  if (search->denied[0]) fail_exec(search, -EACCES, search->denied);
  if (search->interpreter[0]) {
    struct failure failure = {PHASE_EXEC, (u32)-result, EXTRA_INTERPRETER};
    fail_child(search->failure_fd, failure, search->interpreter);
  }
  fail_exec(search, result, name);
}
