// Under the policy `keep` the launcher holds the read ends of the child's output too, so that the daemon's death is no
// SIGPIPE for the child. It touches them only when the daemon has gone: then it reads and throws away.

static void release_output(int index) {
  if (self.output_fds[index] >= 0) CALL(close, self.output_fds[index]);
  self.output_fds[index] = -1;
}

static void discard_output(int index) {
  long size = CALL(read, self.output_fds[index], scratch, SCRATCH_BYTES);
  if (size > 0 || size == -EAGAIN || size == -EINTR) return;
  release_output(index);
}
