// The launcher's own parser, driven from a test: parses a record that ends where readable memory ends, lists its strings
// into an array that ends where writable memory ends, and looks at every string.

#include "../../src/launcher/native/types.h"

#include "../../src/launcher/native/orders.h"

enum { PROBE_OUTSIDE = 1000, PROBE_NO_ROOM };

// Returns 0, a refusal of the parser, or what is wrong with a record that it accepted.
int probe_orders(const u8 *record, u64 size, const char **pointers_end, u64 pointers_max) {
  struct order_view view;
  int error = parse_orders(record, size, &view);
  if (error) return error;
  u64 count = pointer_count_of(&view);
  if (count > pointers_max) return PROBE_NO_ROOM;
  const char **pointers = pointers_end - count;
  list_strings(&view, pointers);

  const char *first = (const char *)record, *last = first + size;
  u64 strings = 0;
  for (u64 i = 0; i < count; i++) {
    if (!pointers[i]) continue;
    if (pointers[i] < first || pointers[i] + length_of(pointers[i]) >= last) return PROBE_OUTSIDE;
    strings++;
  }
  const u8 *lists_end = view.affinity + view.fixed.affinity_bytes;
  if (lists_end > (const u8 *)last || strings != count - 2) return PROBE_OUTSIDE;
  if (view.label + length_of(view.label) >= last) return PROBE_OUTSIDE;
  if (view.directory + length_of(view.directory) >= last) return PROBE_OUTSIDE;
  return 0;
}
