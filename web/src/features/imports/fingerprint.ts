/** From so many bytes at both ends a file is told from others; its name, size and date are looked at too. */
const LOOKED_AT = 256 * 1024;

/** 53 bits of a text of bytes, after cyrb53's way of mixing; no secret depends on it. */
export function hash53(bytes: Uint8Array, seed: number): string {
  let one = 0xdeadbeef ^ seed;
  let two = 0x41c6ce57 ^ seed;
  for (const byte of bytes) {
    one = Math.imul(one ^ byte, 2654435761);
    two = Math.imul(two ^ byte, 1597334677);
  }
  one = Math.imul(one ^ (one >>> 16), 2246822507) ^ Math.imul(two ^ (two >>> 13), 3266489909);
  two = Math.imul(two ^ (two >>> 16), 2246822507) ^ Math.imul(one ^ (one >>> 13), 3266489909);
  return (4294967296 * (2097151 & two) + (one >>> 0)).toString(36);
}

/**
 * What tells this file from the user's others, also after a reload: cryptography is not there on a plain http address,
 * and a whole file may be larger than memory.
 */
export async function fingerprintOf(file: File): Promise<string> {
  const ends = file.size <= 2 * LOOKED_AT ? [file] : [file.slice(0, LOOKED_AT), file.slice(file.size - LOOKED_AT)];
  const bytes = new Uint8Array(await new Blob(ends).arrayBuffer());
  return [file.lastModified, hash53(bytes, 1), hash53(bytes, 2), file.name.slice(-100)].join(" ");
}
