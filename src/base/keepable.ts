// Bytes that are kept pin the whole buffer that they lie in. Most of the time that is what they came in; but a byte kept of
// each of many large buffers would hold a thousand times what it says.

/** A view may hold a buffer of at most so many times its own size. */
const pinnedRatioMax = 8;

/** The same bytes, copied only if they would pin a much larger buffer. */
export function keepable(bytes: Uint8Array): Uint8Array {
  const isSmallPart = bytes.byteLength * pinnedRatioMax < bytes.buffer.byteLength;
  return isSmallPart ? bytes.slice() : bytes;
}
