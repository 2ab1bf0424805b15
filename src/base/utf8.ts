// UTF-8 where the runtime's decoder says too little: is it valid, where does a code point end, which byte is wrong.

// Without `ignoreBOM` the decoder would eat a byte order mark, and bytes would be missing.
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text, or null when the bytes are not valid UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | null {
  try {
    return strict.decode(bytes);
  } catch {
    return null;
  }
}

/** Length of the code point that starts at `at`; 0 when none does. */
export function codePointLength(bytes: Uint8Array, at: number): number {
  const length = expectedLength(bytes[at] ?? 0x80);
  if (length <= 1) return length;
  if (at + length > bytes.length) return 0;
  return decodeUtf8(bytes.subarray(at, at + length)) === null ? 0 : length;
}

/** How many of the last bytes (0 to 3) may be the beginning of a code point whose rest is still to come. */
export function incompleteTail(bytes: Uint8Array): number {
  for (let count = 1; count <= 3 && count <= bytes.length; count += 1) {
    const byte = bytes[bytes.length - count] ?? 0;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) return expectedLength(byte) > count ? count : 0;
  }
  return 0;
}

/** By its first byte alone; 0 for a byte that starts no code point. */
function expectedLength(byte: number): number {
  if (byte < 0x80) return 1;
  if (byte < 0xc2 || byte > 0xf4) return 0;
  if (byte < 0xe0) return 2;
  return byte < 0xf0 ? 3 : 4;
}
