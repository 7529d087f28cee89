// `ls` on recorded hosts, through the command itself: text, JSON and raw output, options and errors.

import { describe, expect, it } from 'vitest';
import { ls } from '../../../src/cli/commands/ls.ts';
import { lsColumns } from '../../../src/cli/commands/ls-columns.ts';
import type { NsError } from '../../../src/kernel/error.ts';
import { displayWidth } from '../../../src/render/width.ts';
import { fixtureHost, fixtureHosts, fixturePath, hostOf, runCommand } from '../../support/recorded.ts';

/** What acts on a terminal: controls but for the newline, marks that turn the direction, and what shows nothing. */
// eslint-disable-next-line no-control-regex -- these are the very characters to find
const ACTING = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069]/u;

const ESCAPE = '\u001b';
/** What lsns has too. */
const COLUMNS = 'NS,TYPE,PATH,NPROCS,PID,PPID,COMMAND,UID,USER,NETNSID,NSFS,PNS,ONS';

interface LsJson {
  readonly schema: number;
  readonly complete: boolean;
  readonly gaps: readonly Record<string, unknown>[];
  readonly namespaces: readonly Record<string, unknown>[];
}

async function errorOf(promise: Promise<unknown>): Promise<NsError> {
  return promise.then(
    () => expect.unreachable('it did not fail'),
    (error: unknown) => error as NsError,
  );
}

describe.each(fixtureHosts)('ls on the recorded host %s', (name) => {
  const host = fixtureHost(name);
  const text = async (words: readonly string[], columns?: number): Promise<string> =>
    (await runCommand(ls, words, { host, ...(columns === undefined ? {} : { columns }) })).stdout;
  const json = async (...words: readonly string[]): Promise<LsJson> =>
    JSON.parse(await text(['-J', ...words])) as LsJson;

  it.each([40, 80, 200])('fits a terminal of %i columns', async (columns) => {
    const drawn = await text([], columns);
    expect(drawn).toMatchSnapshot();
    for (const line of drawn.split('\n')) expect(displayWidth(line), line).toBeLessThanOrEqual(columns);
  });

  it('has all of it in a pipe', async () => {
    expect(await text(['-o', COLUMNS])).toMatchSnapshot();
  });

  it('has the same rows on a terminal, in a pipe, raw and as JSON', async () => {
    const { namespaces } = await json();
    const inodes = namespaces.map(({ ns }) => String(ns)).toSorted();
    for (const [words, columns] of [
      [['-n'], undefined],
      [['-n'], 80],
      [['-n', '-l'], 80],
      [['-n', '-r'], undefined],
    ] as const) {
      const lines = (await text(['-o', 'NS', ...words], columns)).trimEnd().split('\n');
      expect(lines.map((line) => String(Number(line))).toSorted()).toEqual(inodes);
    }
  });

  it('lets nothing act on a terminal, in any form', async () => {
    for (const words of [['--output-all'], ['--output-all', '-r'], ['--output-all', '-l'], ['-J', '--output-all']]) {
      const { stdout } = await runCommand(ls, words, { host, columns: 200 });
      expect(stdout).not.toMatch(ACTING);
    }
  });

  it('has as many words as columns in every raw line', async () => {
    const lines = (await text(['-r', '--output-all'])).trimEnd().split('\n');
    expect(new Set(lines.map((line) => line.split(' ').length))).toEqual(new Set([lsColumns.length]));
  });

  it('has the gaps in the JSON that it notes on standard error', async () => {
    const { notes, stdout, status } = await runCommand(ls, ['-J'], { host });
    const { schema, complete, gaps } = JSON.parse(stdout) as LsJson;
    expect({ schema, status }).toEqual({ schema: 1, status: 0 });
    expect(notes).toHaveLength(gaps.length);
    expect(complete).toBe(gaps.every(({ reason }) => reason === 'gone'));
    expect(notes).toMatchSnapshot();
  });

  it('has the columns that were asked for, in that order', async () => {
    const { namespaces } = await json('-o', 'PNS,type,Ns');
    for (const row of namespaces) expect(Object.keys(row)).toEqual(['pns', 'type', 'ns']);
    expect((await text(['-o', 'PNS,type,Ns'])).split('\n')[0]?.trim().split(/ +/)).toEqual(['PNS', 'TYPE', 'NS']);
    const appended = await json('-o', '+ONS,NS,PATH');
    expect(Object.keys(appended.namespaces[0] ?? {})).toEqual([
      'ns',
      'type',
      'nprocs',
      'pid',
      'user',
      'command',
      'ons',
      'path',
    ]);
  });

  it('answers FILE::TARGET and --from FILE alike', async () => {
    const { namespaces } = await json();
    const row = namespaces.find(({ pid }) => pid !== null) ?? {};
    const file = fixturePath(name);
    // No host is given here: only the words lead to one.
    const named = await runCommand(ls, ['-J', `${file}::${String(row['type'])}:${String(row['ns'])}`]);
    const from = await runCommand(ls, ['-J', '--from', file, `${String(row['type'])}:[${String(row['ns'])}]`]);
    expect(named).toEqual(from);
    expect((JSON.parse(named.stdout) as LsJson).namespaces[0]).toHaveProperty('ppid');
    const task = await runCommand(ls, ['-J', '-p', `${file}::${String(row['pid'])}`]);
    expect((JSON.parse(task.stdout) as LsJson).namespaces).toContainEqual(row);
    expect((await runCommand(ls, ['-J', '--from', file])).stdout).toBe(await text(['-J']));
  });
});

describe('ls', () => {
  const host = fixtureHost('thirty-namespaces');
  const error = (...words: readonly string[]): Promise<NsError> => errorOf(runCommand(ls, words, { host }));

  it('adds id and mounts where network namespaces were asked for', async () => {
    const { stdout } = await runCommand(ls, ['-t', 'net'], { host });
    expect(stdout).toMatchSnapshot();
    const { stdout: others } = await runCommand(ls, ['-t', 'uts'], { host });
    expect(others).not.toContain('NETNSID');
  });

  it('shows a tree on a terminal only, unless flat or raw output is asked for', async () => {
    const branches = /[└├]─/;
    expect((await runCommand(ls, [], { host, columns: 80 })).stdout).toMatch(branches);
    expect((await runCommand(ls, ['-l'], { host, columns: 80 })).stdout).not.toMatch(branches);
    expect((await runCommand(ls, ['-r'], { host, columns: 80 })).stdout).not.toMatch(branches);
    expect((await runCommand(ls, [], { host })).stdout).not.toMatch(branches);
  });

  it('colours headings only, and only where it is told to', async () => {
    const { stdout } = await runCommand(ls, [], { host, columns: 80, color: true });
    const [heading = '', ...rows] = stdout.split('\n');
    expect(heading).toMatch(new RegExp(`^${ESCAPE}\\[1m.*${ESCAPE}\\[22m$`));
    expect(rows.join('\n')).not.toContain(ESCAPE);
    expect((await runCommand(ls, [], { host, columns: 80 })).stdout).not.toContain(ESCAPE);
  });

  it('lists the processes of one namespace', async () => {
    const { stdout } = await runCommand(ls, ['net:4026531833'], { host });
    expect(stdout).toMatchSnapshot();
    expect(stdout.split('\n')[0]?.trim().split(/ +/)).toEqual(['PID', 'PPID', 'USER', 'COMMAND']);
  });

  it('refuses an inode of another kind', async () => {
    expect(await error('uts:4026531833')).toMatchObject({ code: 'NO_NAMESPACE' });
    expect(await error('net:[1]')).toMatchObject({ code: 'NO_NAMESPACE' });
  });

  it('refuses a process that is not there', async () => {
    // Never asked, but not in the list of this recording.
    expect(await error('-p', '4194304')).toMatchObject({ code: 'NO_PROCESS' });
    const answers = {
      'link /proc/self': { text: '7' },
      'file /proc/self/status': { text: 'Name:\tx\nPid:\t7\nTgid:\t7\nPPid:\t1\nUid:\t0 0 0 0\nGid:\t0 0 0 0\n' },
      'link /proc/9/ns/net': { gap: { reason: 'gone', errno: 'ENOENT' } },
      'stat /proc/9': { gap: { reason: 'gone', errno: 'ENOENT' } },
    };
    const gone = errorOf(runCommand(ls, ['-t', 'net', '-p', '9'], { host: hostOf(answers) }));
    expect(await gone).toMatchObject({ code: 'NO_PROCESS' });
  });

  it('refuses a process that is closed to us', async () => {
    expect(await error('-p', '1')).toMatchObject({ code: 'DENIED', facts: { why: expect.stringContaining('EACCES') } });
  });

  it.each([
    [['-t', 'nett'], "unknown namespace type 'nett'", 'did you mean net?'],
    [
      ['-t', 'net,xyzzy'],
      "unknown namespace type 'xyzzy'",
      'the types are user, cgroup, ipc, uts, net, pid, mnt, time',
    ],
    [['-t', ''], "unknown namespace type ''", 'the types are user, cgroup, ipc, uts, net, pid, mnt, time'],
    [['-o', 'NS,COMMND'], "unknown column 'COMMND'", 'did you mean COMMAND?'],
    [['-o', ''], "unknown column ''", expect.stringContaining('the columns are NS, TYPE')],
    [['-o', '+'], "unknown column ''", expect.stringContaining('the columns are NS, TYPE')],
    [['nett:4026531833'], "unknown namespace type 'nett' in 'nett:4026531833'", expect.any(String)],
    [['-p', '0'], "'0' is no pid", expect.any(String)],
  ])('refuses %j with the reason', async (words, what, why) => {
    expect(await error(...words)).toMatchObject({ code: 'BAD_VALUE', facts: { what, why } });
  });

  it.each([[['-J', '-r']], [['-p', '1', '4026531833']], [['1', '2']], [['--tpye', 'net']], [['-o']]])(
    'refuses the words %j as usage',
    async (words) => {
      expect(await error(...words)).toMatchObject({ code: 'USAGE' });
    },
  );

  it('lists its columns without looking at any host', async () => {
    const { stdout } = await runCommand(ls, ['--list-columns']);
    expect(
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => line.split(' ')[0]),
    ).toEqual(lsColumns.map(({ key }) => key.toUpperCase()));
    const json = JSON.parse((await runCommand(ls, ['--list-columns', '-J'])).stdout) as { columns: object[] };
    expect(json.columns).toHaveLength(lsColumns.length);
  });

  it.each([
    ['is missing', '/no/such/file', 'NO_FILE'],
    ['is no recording', '/etc/passwd', 'BAD_VALUE'],
    ['is a directory', '/', 'UNSUPPORTED'],
  ])('refuses a recording that %s', async (_, file, code) => {
    expect(await errorOf(runCommand(ls, ['--from', file]))).toMatchObject({ code });
  });
});
