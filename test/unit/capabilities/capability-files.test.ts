// Files with capabilities on recorded hosts: what the kernel said, and what comes of it.

import { describe, expect, it } from 'vitest';
import { capsFileGet } from '../../../src/cli/commands/caps-file-get.ts';
import { hostOf, runCommand } from '../../support/recorded.ts';

const NAME = 'security.capability';
const NET_RAW = '0100000200200000000000000000000000000000';
const OWNED = '0100000300200000000000000000000000000000a0860100';

const base = {
  'file /proc/sys/kernel/cap_last_cap': { text: '40\n' },
  'link /proc/self/ns/user': { text: 'user:[4026531837]' },
  'file /proc/self/mountinfo': {
    text: '30 1 254:0 / / rw - ext4 /dev/vda rw\n31 30 0:50 / /mnt rw,nosuid - tmpfs none rw\n',
  },
};
const directory = { status: { dev: '1', ino: '1', mode: '16877', uid: '0', gid: '0' } };
const regular = { status: { dev: '1', ino: '1', mode: '33261', uid: '0', gid: '0' } };
const refused = (errno: string): object => ({ reason: 'unsupported', what: '/x', errno });

const searched = {
  ...base,
  'stat /x': directory,
  [`find-attributes ${NAME} ["","/x"]`]: {
    search: {
      files: 9,
      found: [
        ['/x/b', NET_RAW, 30],
        ['/x/a\udcff', OWNED, 30],
        ['/x/nosuid', NET_RAW, 31],
        ['/x/untold', NET_RAW, 99],
        ['/x/foreign', refused('EOVERFLOW'), 30],
        ['/x/odd', refused('EINVAL'), 30],
        ['/x/broken', refused('EIO'), 30],
        ['/x/first', '010000010020000000000000', 30],
      ],
      skipped: [{ path: '/x/proc', fileSystem: 'proc' }],
      gaps: [{ reason: 'denied', what: '/x/closed', errno: 'EACCES' }],
    },
  },
};

async function get(...words: readonly string[]): Promise<{ stdout: string; notes: readonly string[]; status: number }> {
  const { stdout, notes = [], status } = await runCommand(capsFileGet, words, { host: hostOf(searched) });
  return { stdout, notes, status };
}

describe('below a directory', () => {
  it('those with capabilities have lines, by their paths; the rest is said', async () => {
    const { stdout, notes, status } = await get('-rn', '/x');
    expect({ stdout, status }).toEqual({
      status: 0,
      stdout: [
        '/x/a\udcff cap_net_raw=ep [rootid=100000]',
        '/x/b cap_net_raw=ep',
        '/x/first cap_net_raw=ep',
        '/x/nosuid cap_net_raw=ep',
        '/x/untold cap_net_raw=ep',
        '',
      ].join('\n'),
    });
    expect(notes).toEqual([
      '1 directory: permission denied (/x/closed)',
      '1 file: not supported here (/x)',
      '/x/proc: not entered (proc: no file of it has capabilities)',
      '/x/foreign: they belong to another user namespace, and count nothing here (EOVERFLOW)',
      '/x/odd: no capabilities that the kernel tells (EINVAL): of revision 1, or malformed; then execve fails',
      'those of 3 files count nothing here: -l says why',
    ]);
  });

  it('whether they count', async () => {
    const { stdout } = await get('-rJ', '/x');
    const answer = JSON.parse(stdout) as { complete: boolean; files: readonly Record<string, unknown>[] };
    expect(answer.complete).toBe(false);
    expect(answer.files.map(({ path, revision, nosuid, counts }) => [path, revision, nosuid, counts])).toEqual([
      ['/x/a\udcff', 3, false, false],
      ['/x/b', 2, false, true],
      ['/x/first', 1, false, true],
      ['/x/foreign', null, false, false],
      ['/x/nosuid', 2, true, false],
      ['/x/odd', null, false, null],
      ['/x/untold', 2, null, false],
    ]);
  });

  it('a name does not act on a terminal', async () => {
    const host = hostOf({
      ...base,
      'stat /\x1b': regular,
      [`attribute ${NAME} last ["","/\\u001b"]`]: { attribute: NET_RAW },
    });
    const { stdout } = await runCommand(capsFileGet, ['/\x1b'], { host, columns: 80 });
    expect(stdout).toBe('/\\x1b cap_net_raw=ep\n');
  });
});

describe('for another user namespace', () => {
  const there = (map: string, parent = '4026531837'): Readonly<Record<string, object>> => ({
    ...searched,
    'stat /proc/9': directory,
    'file /proc/9/mountinfo': { text: '' },
    'file /proc/9/stat': { text: `9 (x) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 5 0 0\n` },
    'link /proc/9/ns/user': { text: 'user:[4026532999]' },
    'file /proc/9/uid_map': { text: map },
    'file /proc/9/gid_map': { text: map },
    'file /proc/9/setgroups': { text: 'deny\n' },
    'namespace /proc/9/ns/user NS_GET_PARENT': { number: parent },
  });
  const read = async (answers: Readonly<Record<string, object>>): Promise<readonly unknown[]> => {
    const { stdout } = await runCommand(capsFileGet, ['-rJ', '--in', '9', '/x'], { host: hostOf(answers) });
    const { files } = JSON.parse(stdout) as { files: readonly Record<string, unknown>[] };
    return files.slice(0, 2).map(({ revision, rootid, counts }) => [revision, rootid, counts]);
  };

  it.each([
    { map: '0 100000 1000\n', owned: [2, 0, true], plain: [2, 0, true] },
    { map: '7 100000 1000\n', owned: [3, 7, false], plain: [2, 0, true] },
    { map: '0 300000 1000\n', owned: [null, null, false], plain: [2, 0, true] },
    { map: '5 0 1\n', owned: [null, null, false], plain: [3, 5, true] },
  ])('$map', async ({ map, owned, plain }) => {
    expect(await read(there(map))).toEqual([owned, plain]);
  });

  it('what lies between is not seen', async () => {
    expect(await read(there('0 300000 1000\n', '4026532500'))).toEqual([
      [null, null, null],
      [2, 0, true],
    ]);
  });
});
