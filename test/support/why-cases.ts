// What `cgroup why` must find where it really happened, each beside one where nothing is wrong; on v1 and v2.

import { deepEqual, equal, match, notEqual, ok } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LimitedGroups, type Controller } from './limited-groups.ts';
import { nstool, PLAIN_UID } from './program.ts';
import { faults } from './schemas.ts';

interface Verdict {
  readonly code: string;
  readonly what: string;
  readonly path: string | null;
  readonly directory: string | null;
  readonly own: boolean;
  readonly certainty: string;
  readonly since: string;
  readonly evidence: Readonly<Record<string, number | string | boolean | null>>;
  readonly advice: readonly { readonly command: string | null; readonly file: string | null }[];
}

interface Answer {
  readonly complete: boolean;
  readonly gaps: readonly { readonly subject: string }[];
  readonly interval_sec: number | null;
  readonly findings: readonly Verdict[];
  readonly notes: readonly Verdict[];
}

/** Each case has its own: the log remembers. */
let [NAME, KID, OTHER] = ['', '', ''];
let count = 0;

function rename(): void {
  count += 1;
  NAME = `/nstool-test-why-${process.pid}-${count}`;
  KID = `${NAME}/kid`;
  OTHER = `${NAME}/other`;
}

const SPIN = 'exec sh -c "while :; do :; done"';
const REST = 'exec sleep 600';
/** Fills so much memory and keeps it. */
const fill = (mebibytes: number): string => `(head -c ${mebibytes}M /dev/zero; sleep 600) | tail`;

function why(target: string | number, span = '1s', uid?: number): Answer {
  const words = ['cgroup', 'why', String(target), '--for', span, '--json'];
  const { status, stdout, stderr } = nstool(words, uid === undefined ? {} : { uid });
  ok(stdout !== '', stderr);
  const answer = JSON.parse(stdout) as Answer;
  deepEqual(faults('cgroup why', answer), []);
  equal(status, answer.findings.length > 0 ? 1 : 0, stderr);
  return answer;
}

function codes(verdicts: readonly Verdict[]): readonly string[] {
  return verdicts.map(({ code }) => code);
}

function finding(answer: Answer, code: string): Verdict {
  const found = answer.findings.find((each) => each.code === code);
  ok(found, `no ${code} in ${JSON.stringify(answer)}`);
  return found;
}

/** Waits for what a child does in its cgroup. */
async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds(); tries += 1) {
    ok(tries < 1000, `never came: ${holds.toString()}`);
    await sleep(20);
  }
}

/** It has become `REST`. */
function isResting(pid: number): boolean {
  return readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith('sleep\0');
}

function entered(groups: LimitedGroups, controller: Controller, path: string): boolean {
  return groups.read(controller, path, 'cgroup.procs') !== '';
}

export interface WhyCase {
  readonly name: string;
  readonly controllers: readonly Controller[];
  /** Only there. */
  readonly version?: 1 | 2;
  /** So many at least. */
  readonly processors?: number;
  /** Programs that it needs. */
  readonly programs?: readonly string[];
  readonly run: (groups: LimitedGroups) => Promise<void>;
}

/** Why a case cannot be tried here; undefined: it can. */
export function whyNot({ controllers, version, processors = 1, programs = [] }: WhyCase): string | undefined {
  const found = new LimitedGroups().version(controllers);
  if (process.geteuid?.() !== 0) return 'not root';
  if (found === undefined || (version !== undefined && found !== version)) return 'other cgroups';
  if (cpus().length < processors) return `not ${processors} processors`;
  const lacking = programs.find((each) => spawnSync(each, ['--help'], { stdio: 'ignore' }).error !== undefined);
  return lacking === undefined ? undefined : `no ${lacking}`;
}

export async function runWhyCase({ run }: WhyCase): Promise<void> {
  const groups = new LimitedGroups();
  rename();
  try {
    await run(groups);
  } finally {
    await groups.end();
  }
}

export const whyCases: readonly WhyCase[] = [
  {
    name: 'a quota of its own, and one that is never reached',
    controllers: ['cpu'],
    run: async (groups) => {
      groups.make(NAME, ['cpu']);
      groups.make(KID, ['cpu'], { cpus: 0.2 });
      // Of a slow machine even the start of a process uses up less.
      groups.make(OTHER, ['cpu'], { cpus: 0.9 });
      const { pid: spinning = 0 } = groups.start(KID, ['cpu'], SPIN);
      const { pid: resting = 0 } = groups.start(OTHER, ['cpu'], REST);
      await until(() => entered(groups, 'cpu', KID) && isResting(resting));
      const { path, own, directory, evidence, certainty, advice } = finding(why(spinning), 'W1');
      deepEqual([path, own, directory, certainty], [KID, true, groups.directory('cpu', KID), 'certain']);
      deepEqual([evidence['quota_cores'], evidence['period_usec']], [0.2, 100_000]);
      ok(Number(evidence['throttled']) >= 5 && Number(evidence['throttled']) <= Number(evidence['periods']));
      ok(Number(evidence['average_msec']) > 20 && Number(evidence['average_msec']) < 200);
      match(advice[0]?.command ?? '', new RegExp(`^nstool cgroup set ${groups.directory('cpu', KID)} --cpus `));
      const quiet = why(resting);
      deepEqual(quiet.findings, []);
      equal(quiet.notes.find(({ code }) => code === 'W19')?.path, OTHER);
    },
  },
  {
    name: 'a quota on the parent only, where the own files look innocent',
    controllers: ['cpu'],
    run: async (groups) => {
      groups.make(NAME, ['cpu'], { cpus: 0.2 });
      groups.make(KID, ['cpu']);
      groups.make(OTHER, ['cpu']);
      const { pid: spinning = 0 } = groups.start(KID, ['cpu'], SPIN);
      const { pid: resting = 0 } = groups.start(OTHER, ['cpu'], REST);
      await until(() => entered(groups, 'cpu', KID) && entered(groups, 'cpu', OTHER));
      await sleep(500);
      match(groups.read('cpu', KID, 'cpu.stat'), /^nr_throttled 0$/m);
      const { path, own, what } = finding(why(spinning), 'W1');
      deepEqual([path, own], [NAME, false]);
      match(what, new RegExp(`quota of ${NAME}, above it, of 0.2 cores`));
      // The directory alone says it too.
      equal(finding(why(groups.directory('cpu', KID)), 'W1').path, NAME);
      // Who wants no processor is not held back.
      const quiet = why(resting);
      deepEqual(codes(quiet.findings), []);
      match(quiet.notes.find(({ code }) => code === 'W1')?.what ?? '', /wanted no processor/);
    },
  },
  {
    name: 'killed by its own memory limit, also when it is no more, or another has its path',
    controllers: ['memory'],
    run: async (groups) => {
      groups.make(NAME, ['memory']);
      groups.make(KID, ['memory'], { memory: 8 << 20, swap: 0 });
      const { pid: kept = 0 } = groups.start(KID, ['memory'], `${fill(64)} & wait; ${REST}`);
      await until(() => /oom_kill [1-9]/.test(kills(groups, KID)));
      const { path, own, certainty, evidence, what } = finding(why(kept, '0'), 'W5');
      deepEqual([path, own, certainty], [KID, true, 'certain']);
      deepEqual([evidence['comm'], evidence['victim_path'], evidence['limit_bytes']], ['tail', KID, 8 << 20]);
      match(what, /it reached its own limit of 8\.0MiB/);
      groups.stop();
      await groups.remove(KID);
      const gone = finding(why(KID), 'W5');
      deepEqual([gone.path, gone.evidence['earlier'], gone.directory], [KID, true, null]);
      // Another with its path: its counters are at zero, and the log says that it was one before.
      groups.make(KID, ['memory'], { memory: 64 << 20 });
      const again = finding(why(KID, '0'), 'W5');
      equal(again.evidence['earlier'], true);
      match(again.what, /an earlier cgroup of this path/);
      equal(finding(why('host', '0'), 'W5').evidence['comm'] !== undefined, true);
    },
  },
  {
    name: "killed by the parent's memory limit, and one beside it",
    controllers: ['memory'],
    run: async (groups) => {
      groups.make(NAME, ['memory'], { memory: 16 << 20, swap: 0 });
      groups.make(KID, ['memory']);
      groups.make(OTHER, ['memory']);
      const { pid: kept = 0 } = groups.start(KID, ['memory'], `${fill(64)} & wait; ${REST}`);
      const { pid: beside = 0 } = groups.start(OTHER, ['memory'], REST);
      await until(() => /oom_kill [1-9]/.test(kills(groups, KID)));
      const { path, own, evidence, directory } = finding(why(kept, '0'), 'W6');
      deepEqual([path, own, directory], [NAME, false, groups.directory('memory', NAME)]);
      deepEqual([evidence['victim_path'], evidence['limit_bytes']], [KID, 16 << 20]);
      const quiet = why(beside, '0');
      deepEqual(codes(quiet.findings), []);
      match(quiet.notes.find(({ code }) => code === 'W6')?.what ?? '', /beside it/);
      // Who may not read the log is told by the counters, and that there is no log.
      if (readFileSync('/proc/sys/kernel/dmesg_restrict', 'utf8').trim() === '1') {
        const blind = why(kept, '0', PLAIN_UID);
        equal(blind.complete, false);
        ok(blind.gaps.some(({ subject }) => subject === 'log of the kernel'));
        deepEqual([finding(blind, 'W6').path, finding(blind, 'W6').since], [NAME, 'made']);
      }
    },
  },
  {
    name: 'a memory limit that was never reached',
    controllers: ['memory'],
    run: async (groups) => {
      groups.make(NAME, ['memory'], { memory: 32 << 20 });
      const { pid = 0 } = groups.start(NAME, ['memory'], REST);
      await until(() => entered(groups, 'memory', NAME));
      const answer = why(pid, '100ms');
      deepEqual(answer.findings, []);
      const note = answer.notes.find(({ code, path }) => code === 'W19' && path === NAME);
      match(note?.what ?? '', /limit 32\.0MiB(?:, peak [0-9.]+[KM]iB)?: never reached/);
    },
  },
  {
    name: 'swap that evades the memory limit',
    controllers: ['memory'],
    programs: ['mkswap', 'swapon', 'losetup'],
    run: (groups) =>
      withSwap(groups, async () => {
        groups.make(NAME, ['memory'], { memory: 16 << 20 });
        groups.make(KID, ['memory'], { memory: 16 << 20, swap: 128 << 20 });
        groups.make(OTHER, ['memory'], { memory: 16 << 20 });
        groups.limit(NAME, { memory: 512 << 20 });
        const { pid = 0 } = groups.start(KID, ['memory'], fill(48));
        const { pid: small = 0 } = groups.start(OTHER, ['memory'], REST);
        await until(() => swapped(groups, KID) > 24 << 20);
        await until(() => entered(groups, 'memory', OTHER));
        const { path, what, evidence, advice } = finding(why(pid, '100ms'), 'W10');
        equal(path, KID);
        match(what, /MiB went to swap, so that it kills nobody/);
        ok(Number(evidence['swap_bytes']) > 24 << 20);
        match(advice[0]?.command ?? '', /--swap 0$/);
        deepEqual(codes(why(small, '100ms').findings), []);
      }),
  },
  {
    name: 'out of memory with the killer off',
    controllers: ['memory'],
    version: 1,
    run: async (groups) => {
      groups.make(NAME, ['memory'], { memory: 8 << 20, swap: 0 });
      groups.write('memory', NAME, 'memory.oom_control', '1');
      const { pid = 0 } = groups.start(NAME, ['memory'], fill(64));
      await until(() => /under_oom 1/.test(kills(groups, NAME)));
      deepEqual([finding(why(pid, '0'), 'W11').path], [NAME]);
      groups.write('memory', NAME, 'memory.oom_control', '0');
      await until(() => /under_oom 0/.test(kills(groups, NAME)));
      ok(!codes(why(NAME, '0').findings).includes('W11'));
    },
  },
  {
    name: 'killed with the whole group',
    controllers: ['memory'],
    version: 2,
    run: async (groups) => {
      groups.make(NAME, ['memory'], { memory: 8 << 20, swap: 0 });
      groups.write('memory', NAME, 'memory.oom.group', '1');
      groups.start(NAME, ['memory'], `sleep 600 & ${fill(64)}`);
      await until(() => /oom_kill [2-9]/.test(kills(groups, NAME)));
      const answer = why(groups.directory('memory', NAME), '0');
      equal(finding(answer, 'W5').path, NAME);
      equal(finding(answer, 'W8').path, NAME);
    },
  },
  {
    name: 'slowed down by memory.high of the parent',
    controllers: ['memory'],
    version: 2,
    run: async (groups) => {
      groups.make(NAME, ['memory']);
      groups.make(KID, ['memory']);
      groups.write('memory', NAME, 'memory.high', String(8 << 20));
      const { pid = 0 } = groups.start(KID, ['memory'], `tail /dev/zero`);
      await until(() => /high [1-9]/.test(groups.read('memory', NAME, 'memory.events')));
      const { path, own } = finding(why(pid, '2s'), 'W9');
      deepEqual([path, own], [NAME, false]);
    },
  },
  {
    name: "the parent's limit of processes",
    controllers: ['pids'],
    run: async (groups) => {
      groups.make(NAME, ['pids'], { pids: 8 });
      groups.make(KID, ['pids']);
      groups.make(OTHER, ['pids'], { pids: 100 });
      const fork = 'for i in 1 2 3 4 5 6; do sleep 600 & done; exec sleep 600';
      const { pid = 0 } = groups.start(KID, ['pids'], fork);
      await until(() => groups.read('pids', KID, 'pids.current') === '7');
      const before = why(pid, '100ms');
      deepEqual(before.findings, []);
      match(before.notes.find(({ code }) => code === 'W19')?.what ?? '', /limit 8 tasks/);
      groups.start(KID, ['pids'], REST);
      await until(() => groups.read('pids', KID, 'pids.current') === '8');
      groups.start(KID, ['pids'], 'sleep 1 & wait');
      await until(() =>
        /max [1-9]/.test(groups.read('pids', KID, 'pids.events') + groups.read('pids', NAME, 'pids.events')),
      );
      const { path, own, certainty, what, evidence } = finding(why(pid, '100ms'), 'W13');
      deepEqual([path, own, certainty, evidence['limit']], [NAME, false, 'certain', 8]);
      match(what, new RegExp(`cannot fork: the limit of ${NAME}, above it, of 8 tasks is met`));
    },
  },
  {
    name: 'a frozen parent',
    controllers: ['freezer'],
    run: async (groups) => {
      groups.make(NAME, ['freezer']);
      groups.make(KID, ['freezer']);
      const { pid = 0 } = groups.start(KID, ['freezer'], REST);
      await until(() => entered(groups, 'freezer', KID));
      deepEqual(why(pid, '100ms').findings, []);
      groups.limit(NAME, { frozen: true });
      try {
        await sleep(100);
        const { path, own, what } = finding(why(pid, '100ms'), 'W16');
        deepEqual([path, own], [NAME, false]);
        match(what, new RegExp(`by ${NAME}, above it`));
      } finally {
        groups.limit(NAME, { frozen: false });
      }
    },
  },
  {
    name: 'a disk that is held to a rate',
    controllers: ['io'],
    programs: ['losetup'],
    run: (groups) =>
      withLoop(64 << 20, async (device) => {
        const number = readFileSync(`/sys/block/${device.slice('/dev/'.length)}/dev`, 'utf8').trim();
        groups.make(NAME, ['io'], { writes: { device: number, rate: 1 << 20 } });
        groups.make(OTHER, ['io']);
        const writing = `exec dd if=/dev/zero of=${device} oflag=direct bs=64k count=1000`;
        // v1 holds a cgroup to its own limit, v2 also to those above.
        const at = groups.version(['io']) === 1 ? NAME : OTHER;
        const { pid = 0 } = groups.start(at, ['io'], writing);
        await until(() => entered(groups, 'io', at));
        await sleep(300);
        const { path, evidence } = finding(why(pid, '2s'), 'W14');
        deepEqual([path, evidence['key'], evidence['limit']], [NAME, 'wbps', 1 << 20]);
        ok(Number(evidence['rate']) < 1.3 * (1 << 20));
        groups.stop();
        groups.limit(NAME, { writes: { device: number, rate: 1 << 30 } });
        const { pid: resting = 0 } = groups.start(at, ['io'], REST);
        await until(() => entered(groups, 'io', at));
        deepEqual(why(resting, '300ms').findings, []);
      }),
  },
  {
    name: 'others that have a larger weight',
    controllers: ['cpu'],
    programs: ['taskset'],
    run: async (groups) => {
      groups.make(NAME, ['cpu']);
      groups.make(KID, ['cpu'], { weight: 10 });
      groups.make(OTHER, ['cpu'], { weight: 1000 });
      const on = 'exec taskset -c 0 sh -c "while :; do :; done"';
      const { pid = 0 } = groups.start(KID, ['cpu'], on);
      groups.start(OTHER, ['cpu'], on);
      groups.make(`${NAME}/rest`, ['cpu'], { weight: 10 });
      const { pid: resting = 0 } = groups.start(`${NAME}/rest`, ['cpu'], REST);
      await until(() => entered(groups, 'cpu', OTHER) && isResting(resting));
      await sleep(300);
      const answer = why(pid, '2s');
      const { path, own, evidence } = finding(answer, 'W2');
      deepEqual([path, own], [KID, true]);
      ok(Number(evidence['share']) < 0.02 && Number(evidence['others_cores']) > 0.1, JSON.stringify(evidence));
      ok(!codes(answer.findings).includes('W1'));
      deepEqual(why(resting).findings, []);
    },
  },
  {
    name: 'an idle cgroup beside one that is not',
    controllers: ['cpu'],
    programs: ['taskset'],
    run: async (groups) => {
      groups.make(NAME, ['cpu'], {});
      groups.make(KID, ['cpu'], { idle: true });
      groups.make(OTHER, ['cpu']);
      const on = 'exec taskset -c 0 sh -c "while :; do :; done"';
      const { pid = 0 } = groups.start(KID, ['cpu'], on);
      groups.start(OTHER, ['cpu'], on);
      await until(() => entered(groups, 'cpu', KID) && entered(groups, 'cpu', OTHER));
      await sleep(300);
      deepEqual([finding(why(pid, '2s'), 'W3').path], [KID]);
    },
  },
  {
    name: 'fewer processors than the quota',
    controllers: ['cpu', 'cpuset'],
    processors: 2,
    run: async (groups) => {
      groups.make(NAME, ['cpu', 'cpuset']);
      groups.make(KID, ['cpu', 'cpuset'], { cpus: 2, cpuset: '0' });
      groups.make(OTHER, ['cpu', 'cpuset'], { cpus: 1, cpuset: '0' });
      const { pid = 0 } = groups.start(KID, ['cpu', 'cpuset'], REST);
      const { pid: right = 0 } = groups.start(OTHER, ['cpu', 'cpuset'], REST);
      await until(() => entered(groups, 'cpuset', KID) && entered(groups, 'cpuset', OTHER));
      const { path, evidence } = finding(why(pid, '100ms'), 'W4');
      deepEqual([path, evidence['processors'], evidence['quota_cores']], [KID, 1, 2]);
      deepEqual(why(right, '100ms').findings, []);
    },
  },
  {
    name: 'what ends meanwhile is told by its cgroup',
    controllers: ['memory'],
    run: async (groups) => {
      groups.make(NAME, ['memory'], { memory: 8 << 20, swap: 0 });
      const began = performance.now();
      why('self', '100ms');
      // It ends after the first look, however long nstool takes to start here.
      const delay = Math.ceil(((performance.now() - began) / 1000) * 2 + 0.5);
      const { pid = 0 } = groups.start(NAME, ['memory'], `sleep ${delay}; exec tail /dev/zero`);
      await until(() => entered(groups, 'memory', NAME));
      const answer = why(pid, `${delay + 2}s`);
      const { evidence, path } = finding(answer, 'W5');
      deepEqual([path, evidence['pid']], [NAME, pid]);
      notEqual(evidence['kills_in_interval'], 0);
      ok(answer.gaps.some(({ subject }) => subject === 'process'));
    },
  },
];

function kills(groups: LimitedGroups, path: string): string {
  return groups.read('memory', path, groups.version(['memory']) === 2 ? 'memory.events' : 'memory.oom_control');
}

function swapped(groups: LimitedGroups, path: string): number {
  if (groups.version(['memory']) === 2) return Number(groups.read('memory', path, 'memory.swap.current'));
  return Number(/^total_swap (\d+)$/m.exec(groups.read('memory', path, 'memory.stat'))?.[1]);
}

/** A block device on a file of so many bytes. */
async function withLoop(size: number, use: (device: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'nstool-test-'));
  const file = join(folder, 'disk');
  closeSync(openSync(file, 'w'));
  truncateSync(file, size);
  const { stdout, stderr } = spawnSync('losetup', ['--find', '--show', file], { encoding: 'utf8' });
  try {
    ok(stdout.startsWith('/dev/loop'), stderr);
    await use(stdout.trim());
  } finally {
    spawnSync('losetup', ['--detach', stdout.trim()]);
    rmSync(folder, { recursive: true });
  }
}

function withSwap(groups: LimitedGroups, use: () => Promise<void>): Promise<void> {
  return withLoop(128 << 20, async (device) => {
    equal(spawnSync('mkswap', [device]).status, 0);
    const { status, stderr } = spawnSync('swapon', [device], { encoding: 'utf8' });
    equal(status, 0, stderr);
    try {
      await use();
    } finally {
      // What is in there would have to fit below the limits.
      groups.stop();
      equal(spawnSync('swapoff', [device]).status, 0);
    }
  });
}
