// `ls --matrix` through the command itself: text, JSON and raw output, options and errors.

import { describe, expect, it } from 'vitest';
import { ls } from '../../../src/cli/commands/ls.ts';
import type { NsError } from '../../../src/kernel/error.ts';
import { displayWidth } from '../../../src/render/width.ts';
import { procOf } from '../../support/fake-proc.ts';
import { fixtureHost, fixtureHosts, fixturePath, hostOf, runCommand } from '../../support/recorded.ts';

const ID = 'a'.repeat(64);
const status = 'Name:\tx\nPid:\t7\nTgid:\t7\nPPid:\t1\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nNSpid:\t7\n';
const answers = {
  ...procOf([
    { pid: 7, comm: 'bash' },
    { pid: 8, cgroup: '/system.slice/ssh.service' },
    { pid: 9, cgroup: `/docker/${ID}`, ns: { net: 4026532001n, pid: 4026532003n } },
    { pid: 10, comm: 'nc', ns: { net: 4026532001n } },
    { pid: 11, comm: 'secret', ns: 'closed' },
  ]),
  'file /proc/self/status': { text: status },
  'file /proc/self/mountinfo': { text: '' },
};
const host = hostOf(answers);

async function lines(...words: readonly string[]): Promise<readonly string[]> {
  const { stdout } = await runCommand(ls, ['--matrix', ...words], { host });
  return stdout.trimEnd().split('\n');
}

async function names(...words: readonly string[]): Promise<readonly string[]> {
  return (await lines('-n', '-r', ...words)).map((line) => line.split(' ')[0] ?? '');
}

describe('ls --matrix', () => {
  it('is a row for each and a column for each kind', async () => {
    expect(await lines()).toEqual([
      'NAME                    PID  NPROCS  MNT   NET   IPC   USER  PIDNS  UTS   CGROUP  TIME',
      'container:aaaaaaaaaaaa    9       1  host  1     host  host  own    host  host    host',
      'unit:ssh.service          8       1  host  host  host  host  host   host  host    host',
      'comm:bash                 7       1  host  host  host  host  host   host  host    host',
      'comm:nc                  10       1  host  1     host  host  host   host  host    host',
      'comm:secret              11       1  ?     ?     ?     ?     ?      ?     ?       ?',
    ]);
  });

  it('has only the kinds of -t', async () => {
    expect((await lines('-t', 'net,pid', '-r'))[0]).toBe('NAME PID NPROCS NET PIDNS');
  });

  it('has only the rows of -p, with the same numbers', async () => {
    expect(await lines('-n', '-r', '-p', '10', '-t', 'net')).toEqual(['comm:nc 10 1 1']);
    expect(await names('-p', 'net:4026532001')).toEqual(['container:aaaaaaaaaaaa', 'comm:nc']);
    expect(await names('-p', '7', '-p', 'container:aaa')).toEqual(['container:aaaaaaaaaaaa', 'comm:bash']);
  });

  it('is filtered and sorted by its own columns; what is closed is unknown', async () => {
    expect(await names('-Q', 'NET == "1"')).toEqual(['container:aaaaaaaaaaaa', 'comm:nc']);
    expect(await names('-Q', 'NET == "host" || PIDNS == "own"')).toEqual([
      'container:aaaaaaaaaaaa',
      'unit:ssh.service',
      'comm:bash',
    ]);
    expect(await names('--sort', 'pid')).toEqual([
      'comm:bash',
      'unit:ssh.service',
      'container:aaaaaaaaaaaa',
      'comm:nc',
      'comm:secret',
    ]);
  });

  it('is JSON with inodes and groups; what is unknown is null, and a gap', async () => {
    const { stdout } = await runCommand(ls, ['--matrix', '-J', '-t', 'net,pid'], { host });
    const answer = JSON.parse(stdout) as Record<string, unknown>;
    expect(answer).toMatchObject({ schema: 1, complete: false, gaps: [{ subject: 'process', reason: 'denied' }] });
    const initial = { initial: true, group: null };
    expect(answer['matrix']).toEqual([
      {
        name: 'container:aaaaaaaaaaaa',
        pid: 9,
        nprocs: 1,
        pids: [9],
        namespaces: {
          net: { ns: 4026532001, initial: false, group: 1 },
          pid: { ns: 4026532003, initial: false, group: null },
        },
      },
      ...(['unit:ssh.service 8', 'comm:bash 7'] as const).map((text) => {
        const [name, pid] = text.split(' ');
        const namespaces = { net: { ns: 4026531833, ...initial }, pid: { ns: 4026531836, ...initial } };
        return { name, pid: Number(pid), nprocs: 1, pids: [Number(pid)], namespaces };
      }),
      {
        name: 'comm:nc',
        pid: 10,
        nprocs: 1,
        pids: [10],
        namespaces: { net: { ns: 4026532001, initial: false, group: 1 }, pid: { ns: 4026531836, ...initial } },
      },
      { name: 'comm:secret', pid: 11, nprocs: 1, pids: [11], namespaces: { net: null, pid: null } },
    ]);
  });

  it('explains itself on a terminal only, and fits it', async () => {
    const onTerminal = await runCommand(ls, ['--matrix'], { host, columns: 80 });
    expect(onTerminal.notes?.at(-1)).toContain("the host's");
    for (const line of onTerminal.stdout.split('\n')) expect(displayWidth(line), line).toBeLessThanOrEqual(80);
    expect((await runCommand(ls, ['--matrix'], { host })).notes).toEqual([
      '1 process: permission denied (/proc/11/ns/user)',
    ]);
  });

  it.each([
    ['net:4026532001'],
    ['-o', 'NS'],
    ['--output-all'],
    ['-T'],
    ['-P'],
    ['--deep'],
    ['-H'],
    ['-J', '-r'],
    ['-t', 'nte'],
    ['-Q', 'TYPE == "net"'],
    ['--sort', 'NSFS'],
  ])('refuses %s %s', async (...words) => {
    const error: unknown = await runCommand(ls, ['--matrix', ...words], { host }).catch((error: unknown) => error);
    expect(['USAGE', 'BAD_VALUE']).toContain((error as NsError).code);
  });
});

describe.each(fixtureHosts)('ls --matrix on the recorded host %s', (name) => {
  it('equals the links that were recorded, and lets nothing act on a terminal', async () => {
    const recorded = fixtureHost(name);
    const { stdout } = await runCommand(ls, ['--matrix', '--from', fixturePath(name)], { columns: 200 });
    // eslint-disable-next-line no-control-regex -- these are the very characters to find
    expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069]/u);
    const { stdout: json } = await runCommand(ls, ['--matrix', '-J'], { host: recorded });
    const { matrix } = JSON.parse(json) as {
      matrix: readonly { pids: readonly number[]; namespaces: Record<string, { ns: number } | null> }[];
    };
    expect(matrix.length).toBeGreaterThan(0);
    for (const { pids, namespaces } of matrix) {
      for (const [kind, cell] of Object.entries(namespaces)) {
        // JSON.parse rounds the hostile ones.
        for (const pid of Number.isSafeInteger(cell?.ns) ? pids : []) {
          expect(recorded.readLink(`/proc/${pid}/ns/${kind}`)).toEqual({ ok: true, value: `${kind}:[${cell?.ns}]` });
        }
      }
    }
  });
});
