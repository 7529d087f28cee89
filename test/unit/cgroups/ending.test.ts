// What a cgroup has to tell before it goes.

import { expect, it } from 'vitest';
import { endingsOf } from '../../../src/cgroups/ending.ts';
import { endingText } from '../../../src/cli/commands/cgroup-ending.ts';
import { hostOf } from '../../support/recorded.ts';

const M = 1 << 20;

function told(files: Readonly<Record<string, string | number>>): readonly string[] {
  const answers = Object.entries(files).map(([name, text]) => [`file /g/${name}`, { text: `${text}\n` }] as const);
  return endingsOf(hostOf(Object.fromEntries(answers)), '/g').map(endingText);
}

const v1 = (kills: number) => ({ 'memory.oom_control': `oom_kill_disable 0\nunder_oom 0\noom_kill ${kills}` });
const limits = {
  'memory.limit_in_bytes': 5 * M,
  'memory.memsw.limit_in_bytes': 5 * M,
  'memory.max_usage_in_bytes': 5 * M,
};
const v2 = (events: string, local: string) => ({
  'memory.events': `low 0\nhigh 0\nmax 9\n${events}`,
  'memory.events.local': `low 0\nhigh 0\nmax 9\n${local}`,
  'memory.max': 5 * M,
  'memory.swap.max': 0,
  'memory.peak': 5 * M,
});

it.each([
  ['v1: nobody', { ...v1(0), ...limits }, []],
  ['v1: one', { ...v1(1), ...limits }, ['killed by its own memory limit (5.0MiB), peak 5.0MiB']],
  [
    'v1: two, with swap',
    { ...v1(2), ...limits, 'memory.memsw.limit_in_bytes': 25 * M },
    ['2 processes killed by its own memory limit (5.0MiB and 20.0MiB of swap), peak 5.0MiB'],
  ],
  [
    'v1: for one above it',
    { ...v1(1), ...limits, 'memory.max_usage_in_bytes': 2 * M, 'memory.failcnt': 0 },
    ['killed by the memory limit of a cgroup above it, peak 2.0MiB'],
  ],
  ['v2: nobody', v2('oom 0\noom_kill 0', 'oom 0\noom_kill 0'), []],
  ['v2: one', v2('oom 1\noom_kill 1', 'oom 1\noom_kill 1'), ['killed by its own memory limit (5.0MiB), peak 5.0MiB']],
  [
    'v2: for one above it',
    v2('oom 0\noom_kill 1', 'oom 0\noom_kill 1'),
    ['killed by the memory limit of a cgroup above it, peak 5.0MiB'],
  ],
  ['forks', { 'pids.events': 'max 3', 'pids.max': 8 }, ['pids limit 8 met 3 times: fork failed with EAGAIN']],
  ['one fork', { 'pids.events': 'max 1', 'pids.max': 8 }, ['pids limit 8 met once: fork failed with EAGAIN']],
  [
    'forks above it',
    { 'pids.events': 'max 2', 'pids.max': 'max' },
    ['the pids limit of a cgroup above it met 2 times: fork failed with EAGAIN'],
  ],
  [
    'forks above it, before it had as many',
    { 'pids.events': 'max 1', 'pids.max': 20, 'pids.peak': 3 },
    ['the pids limit of a cgroup above it met once: fork failed with EAGAIN'],
  ],
  [
    'forks, with as many',
    { 'pids.events': 'max 1', 'pids.max': 8, 'pids.peak': 8 },
    ['pids limit 8 met once: fork failed with EAGAIN'],
  ],
  [
    'v2: forks',
    { 'pids.events': 'max 1', 'pids.events.local': 'max 1', 'pids.max': 8, 'pids.peak': 8 },
    ['pids limit 8 met once: fork failed with EAGAIN'],
  ],
  [
    'v2: forks below it',
    { 'pids.events': 'max 1', 'pids.events.local': 'max 0', 'pids.max': 8, 'pids.peak': 5 },
    ['the pids limit of a cgroup below it met once: fork failed with EAGAIN'],
  ],
  ['nothing that can be read', { 'memory.oom_control': 'x', 'pids.events': '' }, []],
])('%s', (_, files, lines) => {
  expect(told(files)).toEqual(lines);
});
