// `watch` without a machine: its words, and its lines.

import { describe, expect, it } from 'vitest';
import { watch } from '../../../src/cli/commands/watch.ts';
import { watchQuery } from '../../../src/cli/commands/watch-query.ts';
import { reportLine, type Report } from '../../../src/cli/commands/watch-report.ts';
import { parseCommand } from '../../../src/cli/parse-command.ts';
import type { CgroupChange } from '../../../src/inspect/cgroup/cgroup-watch.ts';
import type { WatchEvent } from '../../../src/namespaces/watch/namespace-watch.ts';
import { namespaceRow } from '../../support/namespace-row.ts';
import { fixturePath, runCommand } from '../../support/recorded.ts';

const TIME = new Date(2026, 1, 3, 4, 5, 6, 78);

const namespace = {
  kind: 'net',
  inode: 4026532177n,
  since: 1000,
  id: 812n,
  pids: new Set<number>(),
  mounts: [],
} as const;

const row = { ...namespaceRow, command: 'evil\u001b[31m\nname' };

const gone = (fromStart: boolean): Report => {
  const event: WatchEvent = { type: 'gone', namespace: { ...namespace, fromStart }, row };
  return { type: 'change', event, now: 2500 };
};

const line = (report: Report): string => reportLine(report, TIME, false);
const json = (report: Report): unknown => JSON.parse(reportLine(report, TIME, true));

describe('a line', () => {
  it('of a change has who and how long, and nothing in it acts', () => {
    expect(line(gone(false))).toBe(
      '04:05:06.078  gone      net     4026532177     4913  www-data      1.500  evil\\x1b[31m\\nname\n',
    );
    expect(line(gone(true))).toContain('>1.500');
    const event: WatchEvent = { type: 'appeared', reused: true, namespace: { ...namespace, fromStart: false }, row };
    expect(line({ type: 'change', event, now: 1000 })).toMatch(/^04:05:06\.078 {2}appeared {2}net .* - {2}evil/);
  });

  it('of a namespace without a process says where it is mounted', () => {
    const event: WatchEvent = {
      type: 'appeared',
      reused: false,
      namespace: { ...namespace, fromStart: false },
      row: { ...row, pid: null, command: null, user: null, nsfs: ['/run/netns/blue'] },
    };
    expect(line({ type: 'change', event, now: 0 })).toMatch(
      / - {2}- .*\/run\/netns\/blue\n$|- +- .*\/run\/netns\/blue\n$/,
    );
  });

  it('of JSON is one line, with null for what is unknown', () => {
    const text = reportLine(gone(true), TIME, true);
    expect(text.split('\n')).toHaveLength(2);
    expect(text).not.toContain('\u001b');
    expect(json(gone(true))).toMatchObject({
      schema: 1,
      event: 'gone',
      time: TIME.toISOString(),
      type: 'net',
      ns: 4026532177,
      id: 812,
      pid: 4913,
      command: 'evil\u001b[31m\nname',
      reused: null,
      lived: null,
      watched: 1.5,
    });
    expect(json(gone(false))).toMatchObject({ lived: 1.5, watched: 1.5 });
  });

  it('of the start says what is not seen, and why', () => {
    const gap = {
      subject: 'process',
      reason: 'denied',
      errno: 'EACCES',
      count: 3,
      examples: ['/proc/1'],
      detail: null,
    } as const;
    const refused = { reason: 'denied', what: 'process events', errno: 'EPERM' } as const;
    const start: Report = { type: 'start', refused, interval: 1000, namespaces: 1, gaps: [gap] };
    expect(line(start)).toBe(
      '04:05:06.078  start     1 namespace; looking every 1 s, what lives shorter may be missed: no process events (EPERM);' +
        ' 3 processes: permission denied\n',
    );
    expect(json(start)).toMatchObject({
      source: 'polling',
      refused: 'EPERM',
      interval: 1,
      complete: false,
      gaps: [gap],
    });
    expect(json({ ...start, refused: undefined, gaps: [] })).toMatchObject({
      source: 'process_events',
      refused: null,
      complete: true,
    });
  });

  it('of a cgroup says what was and what is', () => {
    const nothing = { pid: 4913, name: null, from: null, to: null, by: null };
    const of = (change: Partial<CgroupChange> & Pick<CgroupChange, 'type'>): Report => {
      return { type: 'cgroup', change: { ...nothing, ...change } };
    };
    const limit = of({ type: 'limit', name: 'mem_limit', from: Infinity, to: 67_108_864, by: '/shop\u001b[31m' });
    expect(line(limit)).toBe(
      '04:05:06.078  limit     process 4913: mem_limit from max to 67108864 by /shop\\x1b[31m\n',
    );
    expect(json(limit)).toMatchObject({ event: 'limit', name: 'mem_limit', from: 'max', to: 67_108_864 });
    expect(line(of({ type: 'moved', name: 'cgroup2', from: '/a', to: '/b' }))).toContain('cgroup2 from /a to /b');
    expect(line(of({ type: 'killed', from: 1, to: 3 }))).toContain('in the cgroup of process 4913: 2, of 3 in all');
    expect(line(of({ type: 'thawed' }))).toBe('04:05:06.078  thawed    process 4913\n');
  });

  it('says what was missed', () => {
    expect(line({ type: 'unseen', processes: 1 })).toContain('1 process ended before');
    expect(json({ type: 'unseen', processes: 12 })).toMatchObject({ event: 'unseen', processes: 12 });
    expect(line({ type: 'overrun' })).toContain('may be missing');
    const counts = { appeared: 3, gone: 2, unsure: 1, unseen: 5, overruns: 1 };
    expect(line({ type: 'end', counts, startGaps: [], gaps: [] })).toMatch(
      /end {7}3 appeared; 2 gone; 5 processes unseen; 1 unsure; 1 overrun\n$/,
    );
    expect(json({ type: 'end', counts, startGaps: [], gaps: [] })).toMatchObject({
      ...counts,
      complete: false,
      gaps: [
        { subject: 'process', reason: 'unsupported', count: 5 },
        { subject: 'process event', reason: 'unsupported', count: null },
      ],
    });
    const quiet = { ...counts, unseen: 0, overruns: 0 };
    expect(json({ type: 'end', counts: quiet, startGaps: [], gaps: [] })).toMatchObject({ complete: true, gaps: [] });
    // What was closed at the start stays so.
    const closed = {
      subject: 'process',
      reason: 'denied',
      errno: 'EACCES',
      count: 1,
      examples: [],
      detail: null,
    } as const;
    expect(json({ type: 'end', counts: quiet, startGaps: [closed], gaps: [] })).toMatchObject({ complete: false });
  });
});

describe('the words', () => {
  const query = (...words: readonly string[]): ReturnType<typeof watchQuery> =>
    watchQuery(parseCommand(watch, words, []));

  it('say what is watched', () => {
    const asked = query(
      '-t',
      'net,uts',
      '-Q',
      'CGROUP =~ "x" || NPROCS > 1',
      '--interval',
      '0.5',
      '--for=10',
      '-p',
      '7',
    );
    expect(asked).toMatchObject({ interval: 500, duration: 10_000, ndjson: false, tasks: ['7'] });
    expect([...asked.kinds]).toEqual(['net', 'uts']);
    expect(asked.facts.has('cgroup')).toBe(true);
    expect(query()).toMatchObject({ interval: undefined, duration: Infinity, cgroups: false });
    expect(query('--cgroups', '-p', '7')).toMatchObject({ cgroups: true });
    expect(() => query('--cgroups')).toThrow(expect.objectContaining({ code: 'USAGE' }));
  });

  it.each([
    ['--interval', '0'],
    ['--interval', 'x'],
    ['--for', '-1'],
    ['--for', '99999999'],
    ['-t', 'nett'],
    ['-Q', 'TYPE =='],
    ['-Q', 'HOLDERS =~ "x"'],
    ['-Q', 'MEM_LIMIT < 1G'],
  ])('%s %s are refused', (...words) => {
    expect(() => query(...words)).toThrow(expect.objectContaining({ code: 'BAD_VALUE' }));
  });

  it('of a recorded host are refused', async () => {
    for (const words of [
      ['--from', fixturePath('idle')],
      ['-p', `${fixturePath('idle')}::1`],
    ]) {
      await expect(runCommand(watch, words)).rejects.toMatchObject({ code: 'USAGE' });
    }
  });
});
