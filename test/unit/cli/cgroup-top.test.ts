// `cgroup top`: its keys, its screen, its lines; what needs a terminal is in the e2e tests.

import { describe, expect, it } from 'vitest';
import type { Sample } from '../../../src/cgroups/sample.ts';
import { groupColumns } from '../../../src/cli/commands/cgroup-ls-columns.ts';
import { groupView, lineColumns } from '../../../src/cli/commands/cgroup-top-groups.ts';
import { keyHelp, press, type TopState } from '../../../src/cli/commands/cgroup-top-keys.ts';
import { partyLineColumns, partyView } from '../../../src/cli/commands/cgroup-top-parties.ts';
import { batches, jsonLines } from '../../../src/cli/commands/cgroup-top-print.ts';
import { cgroupTop } from '../../../src/cli/commands/cgroup-top.ts';
import { topLines } from '../../../src/cli/commands/cgroup-top-view.ts';
import type { PartyRow } from '../../../src/inspect/cgroup/by-look.ts';
import type { GroupRow } from '../../../src/inspect/cgroup/group-rows.ts';
import { displayWidth } from '../../../src/render/width.ts';
import { runCommand } from '../../support/recorded.ts';
import { faults, passed } from '../../support/schemas.ts';

const state: TopState = { sort: 'cpu', delay: 2000, paused: false, help: false };

describe('keys', () => {
  const after = (typed: string, from = state): Partial<TopState> => press(from, typed, groupView).state;

  it.each([
    ['p', { sort: 'path' }],
    ['t', { sort: 'tasks' }],
    ['m', { sort: 'memory' }],
    ['i', { sort: 'io' }],
    ['x', { sort: 'throttled' }],
    ['o', { sort: 'oom' }],
    ['s', { sort: 'stall' }],
    ['mc', { sort: 'cpu' }],
    // Cgroups have no traffic.
    ['n', { sort: 'cpu' }],
    [' ', { paused: true }],
    ['  ', { paused: false }],
    ['+', { delay: 5000 }],
    ['-', { delay: 1000 }],
    ['-'.repeat(20), { delay: 100 }],
    ['+'.repeat(20), { delay: 60_000 }],
    ['h', { help: true }],
    ['?', { help: true }],
    // Any key leads back, and does nothing else.
    ['hm', { help: false, sort: 'cpu' }],
    ['\u001B[A\u001B[1;5C\u001BOP\u001Bm', state],
    ['日', state],
  ] as const)('%j', (typed, expected) => {
    expect(after(typed)).toEqual({ ...state, ...expected });
  });

  it.each([
    ['q', 'quit'],
    ['\u0003', 'SIGINT'],
    ['\u001A', 'SIGTSTP'],
    ['\u001C', 'SIGQUIT'],
    ['hq', 'quit'],
    ['m', undefined],
  ] as const)('%j wishes %s', (typed, wish) => {
    expect(press(state, typed, groupView).wish).toBe(wish);
  });

  it('are told by the help, for each sort that there is', () => {
    expect(keyHelp(groupView).join('\n')).not.toContain('traffic');
    expect(keyHelp(partyView('net')).join('\n')).toMatch(/^n {6}sort by network traffic$/m);
  });
});

const nothing = Object.fromEntries([...groupColumns.map(({ key }) => [key, null]), ['at', 0]]) as unknown as Sample;

function row(path: string, given: Partial<Sample>, rates: GroupRow['rates'] | null = null): GroupRow {
  const group = { path, places: [] } as unknown as GroupRow['group'];
  const sample: Sample = { ...nothing, tasks: null, memory: null, oom_kills: null, cpu_usec: null, ...given };
  return { group, sample, rates, owner: path === '/docker/a' ? 'container:web' : null, below: null };
}

const quiet = {
  seconds: 2,
  cpu: 0,
  throttled_percent: null,
  throttled: 0,
  memory: 0,
  read_bytes: 0,
  written_bytes: 0,
  reads: 0,
  writes: 0,
  cpu_stall: 0,
  memory_stall: 0,
  io_stall: 0,
  oom_kills: 0,
  limit_hits: 0,
  forks_refused: 0,
};

const rows: readonly GroupRow[] = [
  row('/', { tasks: null, memory: 8_000_000_000 }, { ...quiet, cpu: 1.25 }),
  row(
    '/docker/a',
    { tasks: 12, memory: 300_000_000, oom_kills: 2, cpu_usec: 9e6 },
    { ...quiet, cpu: 0.2, throttled_percent: 95 },
  ),
  row('/new', { tasks: 1, memory: 4096, oom_kills: 0 }),
  row(
    '/\u001B[2J\u202Eevil\n',
    { tasks: 3, memory: 1, oom_kills: 0 },
    { ...quiet, cpu: 0.5, read_bytes: 5e6, io_stall: 40 },
  ),
];

describe.each([40, 80, 200])('the screen, %i columns wide', (columns) => {
  const lines = topLines({
    view: groupView,
    rows,
    all: 9,
    state,
    size: { rows: 24, columns },
    clock: '17:04:11',
    gaps: null,
    styleHeading: (text) => text,
  });

  it('fits, and nothing in it drives the terminal', () => {
    for (const line of lines) {
      expect(displayWidth(line)).toBeLessThanOrEqual(columns);
      // eslint-disable-next-line no-control-regex -- that is what must not be there
      expect(line).not.toMatch(/[\u0000-\u001F\u202E]/);
    }
  });

  it('has the busiest first, what is unknown last, and always the paths', () => {
    expect(lines).toMatchSnapshot();
  });
});

it('what is sorted by comes first, and the order of paths decides between equal ones', () => {
  const order = (sort: TopState['sort']): readonly string[] => {
    const lines = topLines({
      view: groupView,
      rows,
      all: rows.length,
      state: { ...state, sort },
      size: { rows: 24, columns: 200 },
      clock: '',
      gaps: 'nothing of 3 files',
      styleHeading: (text) => text,
    });
    return lines.slice(3).map((line) => line.slice(line.indexOf('/')));
  };
  expect(order('memory')).toEqual(['/', '/docker/a', '/new', '/\\x1b[2J\\u202eevil\\n']);
  expect(order('throttled')[0]).toBe('/docker/a');
  expect(order('io')[0]).toContain('evil');
  expect(order('path')).toEqual(['/', '/docker/a', '/new', '/\\x1b[2J\\u202eevil\\n']);
});

function said(write: (streaming: Parameters<typeof jsonLines>[3]) => Promise<void>): Promise<string> {
  let text = '';
  const streaming = {
    emit: (part: string | Uint8Array) => {
      text += String(part);
      return Promise.resolve();
    },
    talk: () => Promise.resolve(),
    ending: new AbortController().signal,
    endedBy: () => 'SIGINT' as const,
  };
  return write(streaming).then(() => text);
}

const denied = {
  subject: 'file of a cgroup',
  reason: 'denied',
  errno: 'EACCES',
  count: 1,
  examples: ['/sys/fs/cgroup/a/memory.current'],
  detail: null,
} as const;

const party: PartyRow = {
  ns: 4026531840n,
  name: 'netns:blue',
  pids: [4913],
  cpu: 1.5,
  rss: 4096,
  read: 0,
  written: null,
  mem: null,
  shared: 0,
  periods: null,
  throttled: null,
  oom_kills: null,
  traffic: { received: 5, sent: 6 },
  rates: { cpu: 0.5, read: 0, written: null, received: 10, sent: 12, throttled: null },
};

describe('lines of JSON', () => {
  it('are as the schema says, which takes nothing else', async () => {
    const groups = { view: groupView, state, iterations: 1, look: () => ({ rows, all: 4, gaps: [] }) };
    const parties = { view: partyView('net'), state, iterations: 1, look: () => ({ rows: [party], all: 1, gaps: [] }) };
    const text = [
      await said((streaming) => jsonLines(groups, lineColumns, 'cgroup', streaming).begin({ rows, all: 4, gaps: [] })),
      await said((streaming) => jsonLines(groups, lineColumns, 'cgroup', streaming).each({ rows, all: 4, gaps: [] })),
      await said((streaming) =>
        jsonLines(groups, lineColumns, 'cgroup', streaming).end({ rows, all: 4, gaps: [denied] }),
      ),
      await said((streaming) =>
        jsonLines(parties, partyLineColumns('net'), 'namespace', streaming).each({ rows: [party], all: 1, gaps: [] }),
      ),
      await said((streaming) =>
        jsonLines(parties, partyLineColumns('pid'), 'namespace', streaming).each({ rows: [party], all: 1, gaps: [] }),
      ),
      await said((streaming) =>
        jsonLines(parties, partyLineColumns('container'), 'container', streaming).each({
          rows: [party],
          all: 1,
          gaps: [],
        }),
      ),
    ].join('');
    const lines = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
    expect(lines.map((line) => line['event'])).toEqual([
      'start',
      ...rows.map(() => 'cgroup'),
      'end',
      'namespace',
      'namespace',
      'container',
    ]);
    for (const line of lines) {
      expect({ line, faults: faults('cgroup top', line) }).toEqual({ line, faults: [] });
      expect({ line, passed: passed('cgroup top', line) }).toEqual({ line, passed: [] });
    }
    expect(lines[2]).toMatchObject({ path: '/\u001B[2J\u202Eevil\n', cpu_now: 0.5, read_now: 5_000_000 });
    expect(text).not.toContain('\u202E');
  });
});

it('a table for each look, with an empty line behind it', async () => {
  const run = { view: groupView, state, iterations: 1, look: () => ({ rows, all: 4, gaps: [] }) };
  const text = await said((streaming) =>
    batches(run, lineColumns.slice(0, 3), streaming).each({ rows, all: 4, gaps: [] }),
  );
  expect(text).toMatch(/^PATH +OWNER +TASKS\n\/ +- +-\n/);
  expect(text.endsWith('\n\n')).toBe(true);
});

it.each([
  [['--from', 'x'], 'a recorded host does not change'],
  [['-n', '0'], '--iterations'],
  [['-n', '1e3'], '--iterations'],
  [['-d', '0'], '--delay'],
  [['-d', '-1'], '--delay'],
  [['--sort', 'traffic'], '--sort'],
  [['--by', 'mnt'], '--by'],
  [['--by', 'net', '--oom'], '--oom'],
  [['-Q', 'PROCS_BELOW > 1'], 'PROCS_BELOW'],
  [['-Q', 'CPU_NOW >'], '--filter'],
])('%j is refused', async (words, what) => {
  await expect(runCommand(cgroupTop, words)).rejects.toThrow(what);
});
