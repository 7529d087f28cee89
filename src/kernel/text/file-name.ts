// File names are bytes. As text, a byte of a name that is no UTF-8 stands as U+DC00 and its value, so that it can be
// turned back: no UTF-8 decodes to such a lone surrogate.

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();
const LONE = 0xdc00;
const SLASH = 0x2f;

/** One name. Of one that is no UTF-8 every byte above 0x7f stands so. */
export function decodeName(name: Uint8Array): string {
  try {
    return decoder.decode(name);
  } catch {
    return Array.from(name, (byte) => String.fromCharCode(byte < 0x80 ? byte : LONE + byte)).join('');
  }
}

/** Name by name, as it may be made of names of both sorts. */
export function decodePath(path: Uint8Array): string {
  const names: string[] = [];
  for (let start = 0; start <= path.length;) {
    const slash = path.indexOf(SLASH, start);
    const end = slash < 0 ? path.length : slash;
    names.push(decodeName(path.subarray(start, end)));
    start = end + 1;
  }
  return names.join('/');
}

/** The bytes of a name, a path, or any text that holds some. */
export function encodePath(path: string): Uint8Array {
  if (!/[\uDC80-\uDCFF]/.test(path)) return encoder.encode(path);
  // A surrogate of a pair is no byte: the flag u takes pairs as one.
  const parts = path.split(/([\uDC80-\uDCFF]+)/u);
  const encoded = parts.map((part, index) =>
    index % 2 === 0 ? encoder.encode(part) : Uint8Array.from(part, (unit) => unit.charCodeAt(0) & 0xff),
  );
  const bytes = new Uint8Array(encoded.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of encoded) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
