// Who has a socket open, on a host made of answers.

import { describe, expect, it } from 'vitest';
import { listenersField, type ListeningSocket } from '../../../src/inspect/show/listeners.ts';
import { findHolders } from '../../../src/inspect/socket-holders.ts';
import { GapTally } from '../../../src/kernel/gap-tally.ts';
import type { Host } from '../../../src/kernel/host.ts';
import { hostOf } from '../../support/recorded.ts';

const stat = (pid: number, comm: string): object => ({
  text: `${pid} (${comm}) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 900 0\n`,
});

/** 5 and 6 share a socket; 8 is closed to us, and 9 but for its list. */
function host(pids: readonly string[]): Host {
  return hostOf({
    'directory /proc': { names: [...pids, 'stat'] },
    'directory /proc/6/fd': { names: ['0', '1'] },
    'link /proc/6/fd/0': { text: '/dev/null' },
    'link /proc/6/fd/1': { text: 'socket:[70]' },
    'file /proc/6/stat': stat(6, 'b'),
    'directory /proc/5/fd': { names: ['3', '4', '5'] },
    'link /proc/5/fd/3': { text: 'socket:[70]' },
    'link /proc/5/fd/4': { text: 'socket:[70]' },
    'link /proc/5/fd/5': { text: 'socket:[71]' },
    'file /proc/5/stat': stat(5, 'a, 1 init'),
    'directory /proc/9/fd': { names: ['0', '1'] },
    'link /proc/9/fd/0': { gap: { reason: 'denied', errno: 'EACCES' } },
    'directory /proc/8/fd': { gap: { reason: 'denied', errno: 'EACCES' } },
  });
}

const socket: ListeningSocket = {
  protocol: 'tcp',
  type: 'stream',
  address: '::',
  port: 80,
  number: null,
  ifindex: 3,
  uid: 0,
  inode: 70,
};

describe('the holders of a socket', () => {
  it('are all that have it open, each once', () => {
    const gaps = new GapTally();
    const found = findHolders(host(['6', '5']), new Set([70, 72]), gaps);
    expect([...found.known]).toEqual([
      [
        70,
        [
          { pid: 5, comm: 'a, 1 init' },
          { pid: 6, comm: 'b' },
        ],
      ],
    ]);
    expect(found.isWhole).toBe(true);
    expect(gaps.list()).toEqual([]);
  });

  it('are not looked for when there is no socket', () => {
    expect(findHolders(hostOf({}), new Set(), new GapTally())).toMatchObject({ isWhole: true });
  });

  it('are unknown where nobody is seen to be one and a process is closed to us, which is a gap', () => {
    const gaps = new GapTally();
    const field = listenersField(host(['5', '6', '8', '9']), gaps, [socket, { ...socket, inode: 72 }]);
    expect(field.value).toMatchObject([{ holders: [{ pid: 5 }, { pid: 6 }] }, { holders: null }]);
    expect(field.lines).toEqual(['tcp [::]:80 on if3 by 5 a\\x2c\\x201\\x20init, 6 b', 'tcp [::]:80 on if3 by -']);
    expect(gaps.list()).toMatchObject([{ subject: 'table of descriptors', reason: 'denied', count: 2 }]);
  });

  it('are none where all was seen, and few are shown of many', () => {
    const whole = listenersField(host(['5', '6']), new GapTally(), [{ ...socket, inode: 72 }]);
    expect(whole.lines).toEqual(['tcp [::]:80 on if3 by no process']);
    const pids = Array.from({ length: 7 }, (_, index) => String(100 + index));
    const many = hostOf({
      'directory /proc': { names: pids },
      ...Object.fromEntries(pids.map((pid) => [`directory /proc/${pid}/fd`, { names: ['0'] }])),
      ...Object.fromEntries(pids.map((pid) => [`link /proc/${pid}/fd/0`, { text: 'socket:[70]' }])),
      ...Object.fromEntries(pids.map((pid) => [`file /proc/${pid}/stat`, stat(Number(pid), 'w')])),
    });
    expect(listenersField(many, new GapTally(), [socket]).lines).toEqual([
      'tcp [::]:80 on if3 by 100 w, 101 w, 102 w, 103 w and 3 more',
    ]);
  });
});
