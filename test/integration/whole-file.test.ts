// Files are read one behind the other into the same memory: none may show in another.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { linuxHost } from '../../src/host/linux/linux-host.ts';
import { valueOf } from '../../src/kernel/host.ts';

const SIZES = [0, 1, 4095, 4096, 4097, 61_439, 61_440, 65_535, 65_536, 65_537, 131_072, 1_000_000];
const folder = mkdtempSync(join(tmpdir(), 'whole-file-'));

afterAll(() => rmSync(folder, { recursive: true }));

test('each has its own bytes, also after the others were read', () => {
  const host = linuxHost();
  const paths = [...SIZES, ...SIZES.toReversed(), ...SIZES].map((size, index) => {
    const path = join(folder, String(index));
    writeFileSync(path, Buffer.alloc(size, `${index} of ${size}, `));
    return path;
  });
  const files = paths.map((path) => [path, valueOf(host.readFile(path))] as const);
  for (const [path, bytes] of files) {
    expect(bytes?.constructor).toBe(Uint8Array);
    expect(Buffer.compare(bytes ?? new Uint8Array(1), readFileSync(path))).toBe(0);
  }
});

test('a file of the kernel that is longer than what one read gives is whole', () => {
  const bytes = valueOf(linuxHost().readFile('/proc/kallsyms'));
  expect(bytes?.length).toBe(readFileSync('/proc/kallsyms').length);
});
