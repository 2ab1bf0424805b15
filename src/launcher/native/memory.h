// The two routines that the compiler takes for granted even in freestanding code: it may emit calls to them.

__attribute__((used)) void *memcpy(void *to, const void *from, u64 size) {
  u8 *target = to;
  const u8 *source = from;
  while (size--) *target++ = *source++;
  return to;
}

__attribute__((used)) void *memset(void *to, int byte, u64 size) {
  u8 *target = to;
  while (size--) *target++ = (u8)byte;
  return to;
}
