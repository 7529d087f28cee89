// A command in cgroups of its own: which parent, what is made and handed on, and the program, on made-up hosts.

import { describe, expect, it, test } from 'vitest';
import { parseWish, type Wish } from '../../../src/cgroups/wish.ts';
import { NsError } from '../../../src/kernel/error.ts';
import type { Host } from '../../../src/kernel/host.ts';
import type { Program, Step } from '../../../src/kernel/program.ts';
import { planCgroupRun, type CgroupRunPlan } from '../../../src/launch/cgroup-run/plan.ts';
import { programOf } from '../../../src/launch/cgroup-run/program.ts';
import { hostOf } from '../../support/recorded.ts';

const PID = 7;

interface Group {
  readonly uid?: number;
  readonly files?: Readonly<Record<string, string>>;
}

interface Tree {
  /** By path. */
  readonly groups: Readonly<Record<string, Group>>;
  /** Where we are. */
  readonly own?: string;
  readonly uid?: number;
  readonly answers?: Readonly<Record<string, object>>;
}

const V2 = '/sys/fs/cgroup';
const EVERYTHING = 'cpuset cpu io memory pids';

/** What all cgroups of v2 have, if nothing else is said. */
const COMMON = {
  'cgroup.controllers': EVERYTHING,
  'cgroup.subtree_control': 'cpu memory pids',
  'cgroup.procs': '',
  'cgroup.events': 'populated 1\nfrozen 0',
  'cgroup.max.descendants': 'max',
  'cgroup.max.depth': 'max',
  'cgroup.stat': 'nr_descendants 3\nnr_dying_descendants 0',
};

function v2({ groups, own = '/', uid = 0, answers = {} }: Tree): Host {
  const all: Record<string, object> = {
    [`file /proc/${PID}/cgroup`]: { text: `0::${own}\n` },
    'file /proc/self/mountinfo': { text: `22 1 0:28 / ${V2} rw - cgroup2 cgroup2 rw\n` },
  };
  const paths = Object.keys({ '/': {}, ...groups });
  for (const path of paths) {
    const folder = path === '/' ? V2 : `${V2}${path}`;
    const { uid: owner = 0, files = {} } = groups[path] ?? {};
    const type = path === '/' ? {} : { 'cgroup.type': 'domain' };
    const named: Record<string, string> = { ...COMMON, ...type, ...files };
    const status = { status: { dev: '28', ino: '5', mode: '16877', uid: String(owner), gid: '0' } };
    all[`stat ${folder}`] = status;
    for (const [name, text] of Object.entries(named)) {
      all[`file ${folder}/${name}`] = { text: `${text}\n` };
      all[`stat ${folder}/${name}`] = { status: { ...status.status, mode: '33188' } };
    }
    if (path === '/') all[`file ${folder}/cgroup.type`] = { gap: { reason: 'gone', what: '' } };
    const below = paths.filter((each) => each !== path && each.slice(0, Math.max(each.lastIndexOf('/'), 1)) === path);
    const names = [...Object.keys(named), ...below.map((each) => each.slice(each.lastIndexOf('/') + 1))];
    all[`directory ${folder}`] = { names };
  }
  return hostOf({ ...all, ...answers }, { pid: PID, uid });
}

function v1(controllers: readonly string[], files: Readonly<Record<string, string>> = {}): Host {
  const all: Record<string, object> = {
    [`file /proc/${PID}/cgroup`]: { text: controllers.map((each, index) => `${index + 1}:${each}:/\n`).join('') },
    'file /proc/self/mountinfo': {
      text: controllers
        .map((each, index) => `${30 + index} 1 0:${40 + index} / /cg/${each} rw - cgroup cgroup rw,${each}\n`)
        .join(''),
    },
  };
  for (const each of controllers) {
    all[`stat /cg/${each}`] = { status: { dev: '40', ino: '1', mode: '16877', uid: '0', gid: '0' } };
    all[`stat /cg/${each}/cgroup.procs`] = { status: { dev: '40', ino: '2', mode: '33188', uid: '0', gid: '0' } };
    all[`file /cg/${each}/cgroup.sane_behavior`] = { text: '0\n' };
    all[`directory /cg/${each}`] = { names: ['cgroup.procs'] };
  }
  for (const [path, text] of Object.entries(files)) all[`file /cg/${path}`] = { text: `${text}\n` };
  return hostOf(all, { pid: PID, uid: 0 });
}

const wish = (words: Readonly<Record<string, string>>): Wish =>
  parseWish(new Map(Object.entries(words).map(([name, word]) => [name, [word]])));

function plan(host: Host, words: Readonly<Record<string, string>> = {}, parent?: string): CgroupRunPlan {
  return planCgroupRun(host, { wish: wish(words), parent, id: 'abcdefgh', what: 'true' });
}

const folders = ({ making }: CgroupRunPlan): readonly string[] =>
  making.make.map(({ mount, below }) => `${mount}/${below}`);

function refusal(host: Host, words: Readonly<Record<string, string>> = {}, parent?: string): string {
  try {
    plan(host, words, parent);
  } catch (error) {
    if (error instanceof NsError)
      return `${error.code}: ${error.facts.what}: ${error.facts.why} (${error.facts.tryThis})`;
    throw error;
  }
  return 'none';
}

function program(from: CgroupRunPlan): Program {
  return programOf(
    from,
    { command: ['true'], journal: '/run/nstool', teller: ['node', 'gc', 'abcdefgh'], trace: false },
    { env: [] },
  );
}

function outline(steps: readonly Step[]): readonly string[] {
  return steps.map(({ operation, try: isTried }) => `${words(operation)}${isTried === true ? '?' : ''}`);
}

function words(operation: Step['operation']): string {
  if (operation.op === 'write') return `write ${String(operation.bytes)}`;
  if (operation.op === 'links') return `links ${operation.most}`;
  const isNamed = ['open', 'rmdir', 'unlink', 'holds', 'kill'].includes(operation.op);
  return isNamed && 'path' in operation ? `${operation.op} ${String(operation.path)}` : operation.op;
}

const blocks = ({ steps }: Program) => {
  const [after] = steps.flatMap(({ operation }) => (operation.op === 'after' ? [operation] : []));
  return { atEnd: outline(after?.steps ?? []), otherwise: outline(after?.otherwise ?? []) };
};

describe('on v2', () => {
  const root = { '/': {} };

  it('root gets one below the root, of all controllers', () => {
    const made = plan(v2({ groups: root, own: '/' }), { memory: '5M', pids: '8' });
    expect(folders(made)).toEqual([`${V2}/nstool-abcdefgh`]);
    expect(made.making).toMatchObject({ enable: [], leaveTo: null, inherit: [] });
    expect(made.limits.writes.map(({ file, text }) => `${file} ${text}`)).toEqual([
      'memory.swap.max 0',
      'memory.max 5242880',
      'pids.max 8',
    ]);
  });

  it('what is not handed on is switched on, and off again where nothing else is below', () => {
    const alone = plan(v2({ groups: root }), { 'cpuset-cpus': '1' });
    expect(alone.making.enable).toMatchObject([{ controllers: ['cpuset'], restore: true }]);
    const others = plan(v2({ groups: { '/': {}, '/system.slice': {} } }), { 'cpuset-cpus': '1' });
    expect(others.making.enable).toMatchObject([{ controllers: ['cpuset'], restore: false }]);
    expect(blocks(program(others)).atEnd).not.toContain('write -cpuset');
  });

  test('the program: born in its cgroup, and at the end all is taken away', () => {
    const made = program(plan(v2({ groups: root }), { memory: '5M', 'cpuset-cpus': '1' }));
    expect(outline(made.steps)).toEqual([
      'signals',
      'after',
      'open /run/nstool',
      `open ${V2}`,
      'open nstool-abcdefgh',
      'open nstool-abcdefgh/cgroup.procs',
      'fork_into?',
      'skip',
      'fork',
      'write 0',
      'exec',
    ]);
    expect(blocks(made)).toEqual({
      atEnd: [
        'holds nstool-abcdefgh/memory.events',
        'open nstool-abcdefgh/cgroup.kill?',
        'write 1?',
        'kill nstool-abcdefgh/cgroup.procs',
        'rmdir nstool-abcdefgh',
        'links 2',
        'open cgroup.subtree_control',
        'write -cpuset',
        'unlink abcdefgh',
      ],
      otherwise: ['spawn'],
    });
  });

  it('without a limit it is one all the same', () => {
    const made = plan(v2({ groups: root }));
    expect(folders(made)).toEqual([`${V2}/nstool-abcdefgh`]);
    expect(made.limits.limits).toEqual([]);
  });

  it('a controller that is not there is a limit that cannot be had', () => {
    const host = v2({ groups: { '/': { files: { 'cgroup.controllers': 'cpu' } } } });
    const made = plan(host, { memory: '5M' });
    expect(made.limits.limits[0]?.problem).toMatchObject({
      state: 'unknown',
      why: expect.stringMatching(/memory controller/),
    });
  });

  describe('a parent that takes none says why', () => {
    it.each([
      ['frozen', { 'cgroup.events': 'populated 1\nfrozen 1' }, /it is frozen/],
      ['threaded', { 'cgroup.type': 'threaded' }, /it is threaded/],
      ['the root of threads', { 'cgroup.type': 'domain threaded' }, /it is domain threaded/],
      ['full', { 'cgroup.max.descendants': '3' }, /\/p has 3 cgroups below it, and may have 3/],
      ['too deep', { 'cgroup.max.depth': '0' }, /deeper below \/p than that allows: 0/],
      ['with processes', { 'cgroup.procs': '11\n12', 'cgroup.subtree_control': '' }, /it has 2 processes/],
    ])('%s', (_, files, why) => {
      const host = v2({ groups: { '/p': { files } } });
      expect(refusal(host, { memory: '5M' }, '/p')).toMatch(why);
    });

    test('full above it', () => {
      const groups = { '/a': { files: { 'cgroup.max.depth': '1' } }, '/a/b': {} };
      expect(refusal(v2({ groups }), {}, '/a/b')).toMatch(/deeper below \/a than that allows: 1/);
      expect(refusal(v2({ groups }), {}, '/a')).toBe('none');
    });

    test('with processes, where nothing is to be handed on: it takes one', () => {
      const host = v2({ groups: { '/p': { files: { 'cgroup.procs': '11' } } } });
      expect(refusal(host, {}, '/p')).toBe('none');
    });

    test('that is not there, or leads out', () => {
      expect(refusal(v2({ groups: root }), {}, '/nothing')).toMatch(/^NO_FILE/);
      expect(refusal(v2({ groups: root }), {}, '/a/../..')).toMatch(/^BAD_VALUE/);
    });
  });

  describe('a plain user', () => {
    const uid = 1000;

    it('without delegation is told how to get it', () => {
      const tree = { groups: { '/user': {} }, own: '/user', uid };
      expect(refusal(v2(tree), { memory: '5M' })).toMatch(/^DENIED: .*none of them was handed to uid 1000/);
      const manager = { status: { dev: '1', ino: '1', mode: '16832', uid: '1000', gid: '0' } };
      const there = v2({ ...tree, answers: { 'stat /run/user/1000/systemd': manager } });
      expect(refusal(there)).toMatch(/systemd-run --user --scope -p Delegate=yes nstool cgroup run/);
    });

    it('gets one beside it, where what is above it is its own', () => {
      const groups = {
        '/u': { uid },
        '/u/shell': { uid, files: { 'cgroup.procs': '5\n7', 'cgroup.subtree_control': '' } },
      };
      expect(folders(plan(v2({ groups, own: '/u/shell', uid }), { memory: '5M' }))).toEqual([
        `${V2}/u/nstool-abcdefgh`,
      ]);
    });

    it('alone in its own it goes aside, as who hands on has no processes', () => {
      const groups = { '/u': {}, '/u/scope': { uid, files: { 'cgroup.procs': '7', 'cgroup.subtree_control': '' } } };
      const made = plan(v2({ groups, own: '/u/scope', uid }), { memory: '5M' });
      expect(folders(made)).toEqual([`${V2}/u/scope/nstool-abcdefgh-monitor`, `${V2}/u/scope/nstool-abcdefgh`]);
      expect(made.making).toMatchObject({
        leaveTo: { below: 'u/scope/nstool-abcdefgh-monitor' },
        leaveFrom: { below: 'u/scope' },
        enable: [{ controllers: ['memory'], restore: true }],
      });
      expect(blocks(program(made)).atEnd.slice(-8)).toEqual([
        'rmdir nstool-abcdefgh',
        'links 3',
        'open cgroup.subtree_control',
        'write -memory',
        'open cgroup.procs',
        'write 0',
        'rmdir nstool-abcdefgh-monitor',
        'unlink abcdefgh',
      ]);
    });
  });
});

describe('on v1', () => {
  const all = ['cpu', 'cpuacct', 'cpuset', 'memory', 'pids', 'blkio', 'freezer'];
  const cpuset = { 'cpuset/cpuset.cpus': '0-1', 'cpuset/cpuset.mems': '0' };

  it('one in each hierarchy that is needed, the frozen one last', () => {
    const made = plan(v1(all), { freeze: '', cpus: '0.1', memory: '5M' });
    expect(folders(made)).toEqual(['cpu', 'cpuacct', 'memory', 'freezer'].map((each) => `/cg/${each}/nstool-abcdefgh`));
  });

  it('a cpuset has what is above it, before it gets its own', () => {
    const made = plan(v1(all, cpuset), { 'cpuset-cpus': '1' });
    expect(made.making.inherit.map(({ file, text }) => `${file} ${text}`)).toEqual([
      'cpuset.mems 0',
      'cpuset.cpus 0-1',
    ]);
    expect(made.limits.writes.map(({ file, text }) => `${file} ${text}`)).toContain('cpuset.cpus 1');
  });

  test('the program: joined one by one, checked, emptied and removed', () => {
    const made = program(plan(v1(all), { memory: '5M', pids: '8' }));
    expect(outline(made.steps).slice(-4)).toEqual(['fork', 'write 0', 'write 0', 'exec']);
    expect(blocks(made).atEnd).toEqual([
      'holds nstool-abcdefgh/memory.oom_control',
      'holds nstool-abcdefgh/pids.events',
      'kill nstool-abcdefgh/cgroup.procs',
      'kill nstool-abcdefgh/cgroup.procs',
      'rmdir nstool-abcdefgh',
      'rmdir nstool-abcdefgh',
      'unlink abcdefgh',
    ]);
  });

  it('a frozen one is thawed before it is killed', () => {
    expect(blocks(program(plan(v1(all), { freeze: '' }))).atEnd.slice(0, 3)).toEqual([
      'open nstool-abcdefgh/freezer.state?',
      'write THAWED?',
      'kill nstool-abcdefgh/cgroup.procs',
    ]);
  });

  it('a directory is of one hierarchy only', () => {
    const host = v1(all);
    expect(refusal(host, { memory: '5M' }, '/cg/memory')).toBe('none');
    expect(refusal(host, { memory: '5M', pids: '8' }, '/cg/memory')).toMatch(/no cgroup of the pids hierarchy/);
  });

  it('no hierarchy at all', () => {
    expect(refusal(v1([]))).toMatch(/^UNSUPPORTED/);
  });
});
