// Deep discovery: what keeps a network namespace in eight ways, and beside the kernel's own list where it has one.

import { deepEqual, equal, ok } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { test } from './test.ts';
import { linuxHost } from '../../src/host/linux/linux-host.ts';
import { namespaceKinds } from '../../src/kernel/abi/namespace-kinds.ts';
import { discoverNamespaces } from '../../src/namespaces/discover/discover.ts';
import type { Scan } from '../../src/namespaces/discover/scan.ts';
import { holdersOf } from '../../src/namespaces/holders.ts';
import { since } from './facts.ts';
import { withPin } from './pins.ts';

// A guest has only what somebody asks for.
spawnSync('modprobe', ['-a', 'tun', 'unix_diag', 'inet_diag']);
mkdirSync('/mnt', { recursive: true });

/** A deep look, at all kinds. */
export function look(): Scan {
  return discoverNamespaces(linuxHost(), new Set(namespaceKinds.map(({ kind }) => kind)), { deep: true });
}

/** The sort of what keeps it; none: it is not found. */
function keeper(inode: bigint): string {
  const scan = look();
  const found = scan.namespaces.get(`net:[${inode}]`);
  return found === undefined
    ? 'none'
    : holdersOf(scan, found)
        .map(({ type }) => type)
        .join();
}

const ways = [
  ['thread', 'thread'],
  ['socket', 'socket'],
  ['fd', 'descriptor'],
  ['table', 'descriptor'],
  ['tun', 'tun'],
  ['mount', since(6, 12) ? 'mount' : 'none'],
  ['flight', since(6, 19) ? 'unseen' : 'none'],
  ['sysfs', 'none'],
] as const;

for (const [way, expected] of ways) {
  test(`deep discovery finds what ${way} keeps: ${expected}`, async () => {
    equal(await withPin(way, keeper), expected);
  });
}

test('deep discovery says what it cannot see', () => {
  const scan = look();
  const details = scan.gaps.list().map(({ detail }) => detail ?? '');
  const hides = (words: string): boolean => details.some((detail) => detail.includes(words));
  equal(hides('those without a process'), !since(6, 12), details.join('\n'));
  const unexpected = scan.gaps.list().filter(({ reason, detail }) => reason !== 'gone' && detail === null);
  deepEqual(unexpected, []);
});

test(
  'deep discovery has all that the kernel lists',
  { skip: since(6, 19) ? false : 'listns(2) came with Linux 6.19' },
  () => {
    const listed = linuxHost().listNamespaces({ types: 0, owner: 0n });
    ok(listed.ok);
    const known = new Set([...look().namespaces.values()].map(({ id }) => id));
    deepEqual(
      listed.value.filter((id) => !known.has(id)),
      [],
    );
    ok(known.size >= 8);
  },
);
