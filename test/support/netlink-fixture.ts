// The answers in fixtures/netlink: datagrams or structs, one a line, in hex.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export function netlinkFixture(name: string): readonly Uint8Array[] {
  const file = fileURLToPath(new URL(`../../fixtures/netlink/${name}.hex`, import.meta.url));
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => Uint8Array.from(Buffer.from(line, 'hex')));
}
