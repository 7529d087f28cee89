// Words of `caps predict` and `caps can`, and the walk through user namespaces, on hosts made up for it.

import { describe, expect, it } from 'vitest';
import { walkTo, walkToInitial, type Subject } from '../../../src/capabilities/capable.ts';
import { parseAct } from '../../../src/inspect/can/act.ts';
import { allOf, anyOf, type Check } from '../../../src/inspect/can/check.ts';
import { nextOf } from '../../../src/inspect/exec/shell-command.ts';
import { INITIAL_USER_INODE } from '../../../src/kernel/abi/nsfs.ts';
import { NsError } from '../../../src/kernel/error.ts';
import { hostOf } from '../../support/recorded.ts';

const all = (1n << 41n) - 1n;

describe('an act', () => {
  it.each([
    ['net_raw', { type: 'capability', capabilities: 0x2000n }],
    ['CAP_NET_RAW,13,kill', { type: 'capability', capabilities: 0x2020n }],
    ['13', { type: 'capability', capabilities: 0x2000n }],
    ['bind:80', { type: 'bind', port: 80 }],
    ['kill:container:web', { type: 'kill', process: 'container:web' }],
    ['map:4913', { type: 'map', process: '4913' }],
    ['setns:net:self', { type: 'setns', namespace: 'net:self' }],
    ['chown:/a:b', { type: 'chown', path: '/a:b' }],
    ['setgid:4294967294', { type: 'setgid', id: 4_294_967_294 }],
    ['module', { type: 'module' }],
  ])('%s', (word, act) => {
    expect(parseAct(word, all)).toEqual(act);
  });

  it.each([
    '',
    'none',
    'bind:',
    'bind:65536',
    'bind:x',
    'chown:a',
    'setuid:4294967295',
    'setuid:-1',
    'fly:me',
    'nosuch',
  ])('none: %j', (word) => {
    expect(() => parseAct(word, all)).toThrow(NsError);
  });
});

describe('what a shell executes next', () => {
  const plain = { uids: [5, 5, 5, 5], gids: [5, 5, 5, 5], sets: {}, securebits: 0, secure: false } as never;
  it.each([
    ['/bin/sh', ['-c', 'ping db'], ['ping', 'db']],
    ['/usr/bin/bash', ['-ec', 'exec  ping -c1 db'], ['ping', '-c1', 'db']],
    ['/bin/dash', ['-e', '-c', '/bin/ping'], ['/bin/ping']],
  ])('%s %j', (path, args, words) => {
    expect(nextOf(path, args, plain)).toEqual({ words, unforeseen: null });
  });

  it.each([
    ['/bin/sh', ['-c', 'a; b']],
    ['/bin/sh', ['-c', 'A=b c']],
    ['/bin/sh', ['-c', 'a $b']],
    ['/bin/sh', ['-c', '']],
  ])('unforeseen: %s %j', (path, args) => {
    expect(nextOf(path, args, plain)).toMatchObject({ words: null, unforeseen: expect.stringContaining('foreseen') });
  });

  it.each([
    ['/bin/sh', ['script', '-c', 'ping']],
    ['/bin/sh', []],
    ['/bin/ping', ['-c', '1']],
  ])('nothing: %s %j', (path, args) => {
    expect(nextOf(path, args, plain)).toBeNull();
  });

  it('is not foreseen where a shell gives ids up', () => {
    const setuid = { uids: [5, 0, 0, 0], gids: [5, 5, 5, 5], sets: {}, securebits: 0, secure: true } as never;
    expect(nextOf('/bin/sh', ['-c', 'id'], setuid)).toMatchObject({ words: null });
  });
});

/** Namespaces from the one behind the door up; above the last one the kernel shows nothing. */
function nested(owner: number, ...inodes: readonly bigint[]): Parameters<typeof walkTo>[0] {
  const up = (count: number): string => Array.from({ length: count }, () => 'NS_GET_PARENT').join(' ');
  const answers: Record<string, object> = {};
  for (const [level, inode] of inodes.entries()) {
    answers[`namespace /ns ${up(level)}`] = { number: String(inode) };
    answers[`namespace /ns ${[up(level), 'NS_GET_OWNER_UID'].join(' ').trim()}`] = { number: String(owner) };
  }
  answers[`namespace /ns ${up(inodes.length)}`] = { gap: { reason: 'denied', errno: 'EPERM' } };
  return hostOf(answers);
}

describe('the walk through user namespaces', () => {
  const door = { at: '/ns', through: [] } as const;
  const [first, second, third] = [INITIAL_USER_INODE, 4_026_532_000n, 4_026_532_001n];
  const subject = (inode: bigint, uid: number, effective = 0n): Subject => ({ inode, uid, effective });

  it.each([
    ['its own, held', subject(second, 1000, 1n), [second, first], 'own', true],
    ['its own, not held', subject(second, 0), [second, first], 'own', false],
    ['made by it', subject(first, 1000), [second, first], 'owner', true],
    ['made by it, two levels up', subject(first, 1000), [third, second, first], 'owner', true],
    ['made by another', subject(first, 1001), [second, first], 'below', false],
    ['made by another, held above', subject(first, 1001, 1n), [second, first], 'below', true],
    ['above its own', subject(second, 1000, 1n), [first], 'beyond', false],
    ['beside its own', subject(third, 1000, 1n), [second, first], 'beyond', false],
    ['above what we see', subject(first, 1000, 1n), [third, second], 'unknown', null],
  ] as const)('%s', (_, who, inodes, by, holds) => {
    expect(walkTo(nested(1000, ...inodes), who, 1n, door)).toMatchObject({ by, holds });
  });

  it('in the initial one', () => {
    expect(walkToInitial(subject(first, 0, 1n), 1n)).toMatchObject({ by: 'own', holds: true });
    expect(walkToInitial(subject(second, 0, 1n), 1n)).toMatchObject({ by: 'beyond', holds: false });
  });
});

describe('checks', () => {
  const check = (holds: boolean | null, errno = 'EPERM'): Check => ({ by: 'kernel', holds, errno, text: `${holds}` });

  it('must all hold, and the first that does not decides', () => {
    expect(allOf([check(true), check(true)])).toMatchObject({ answer: true, errno: null });
    expect(allOf([check(true), check(false, 'EINVAL'), check(false)])).toMatchObject({
      answer: false,
      errno: 'EINVAL',
    });
    expect(allOf([check(true), check(null)])).toMatchObject({ answer: null, errno: null });
  });

  it('are a no where one fails behind a hidden one; with which errno is known where both have the same', () => {
    expect(allOf([check(null), check(false)])).toMatchObject({ answer: false, errno: 'EPERM' });
    expect(allOf([check(null), check(false, 'EINVAL')])).toMatchObject({ answer: false, errno: null });
  });

  it('are enough one by one', () => {
    expect(anyOf([check(false), check(true)]).holds).toBe(true);
    expect(anyOf([check(false), check(null)]).holds).toBeNull();
    expect(anyOf([check(false), check(false, 'EACCES')])).toMatchObject({ holds: false, errno: 'EACCES' });
  });
});
