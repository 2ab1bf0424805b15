// Integer types, and the few text routines that stand in for a C library. No headers of the system.

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;
typedef signed short i16;
typedef signed int i32;
typedef signed long i64;

void *memcpy(void *to, const void *from, u64 size);
void *memset(void *to, int byte, u64 size);

static u32 length_of(const char *text) {
  u32 length = 0;
  while (text[length]) length++;
  return length;
}

// Both return the end, where the next piece goes; put_text leaves a NUL there.
static char *put_number(char *to, u32 value) {
  char digits[10];
  int count = 0;
  do digits[count++] = (char)('0' + value % 10);
  while (value /= 10);
  while (count) *to++ = digits[--count];
  return to;
}

static char *put_text(char *to, const char *text) {
  while (*text) *to++ = *text++;
  *to = 0;
  return to;
}
