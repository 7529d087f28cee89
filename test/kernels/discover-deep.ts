// Deep discovery: what keeps a network namespace in eight ways, and beside the kernel's own list where it has one.

import { deepEqual, equal, ok } from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from './test.ts';
import { linuxHost } from '../../src/host/linux/linux-host.ts';
import { namespaceKinds } from '../../src/kernel/abi/namespace-kinds.ts';
import { discoverNamespaces } from '../../src/namespaces/discover/discover.ts';
import type { Scan } from '../../src/namespaces/discover/scan.ts';
import { holdersOf } from '../../src/namespaces/holders.ts';
import { facts } from './facts.ts';

const PINS = fileURLToPath(new URL('../../native/pins', import.meta.url));
const [major = 0, minor = 0] = facts.series.split('.').map(Number);
const since = (first: number, second: number): boolean => major > first || (major === first && minor >= second);

// A guest has only what somebody asks for.
spawnSync('modprobe', ['-a', 'tun', 'unix_diag', 'inet_diag']);
mkdirSync('/mnt', { recursive: true });

function look(): Scan {
  return discoverNamespaces(linuxHost(), new Set(namespaceKinds.map(({ kind }) => kind)), { deep: true });
}

async function withPin<T>(way: string, act: (inode: bigint) => T): Promise<T> {
  const child = spawn(PINS, [way], { stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = new Promise<void>((done) => child.once('close', () => done()));
  try {
    const line = await new Promise<string>((done, failed) => {
      child.once('error', failed);
      child.once('exit', () => failed(new Error(`pins ${way} ended`)));
      child.stdout.once('data', (data: Buffer) => done(data.toString()));
    });
    return act(BigInt(line.split(' ')[1] ?? ''));
  } finally {
    child.kill('SIGKILL');
    await closed;
  }
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
