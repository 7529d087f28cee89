// The JSON Schemas: each command has one, it takes what the command answers on recorded hosts, and nothing else.

import { describe, expect, it } from 'vitest';
import { commands } from '../../../src/cli/commands/index.ts';
import { lsColumns } from '../../../src/cli/commands/ls-columns.ts';
import { reportLine, type Report } from '../../../src/cli/commands/watch-report.ts';
import { capsFields } from '../../../src/inspect/caps/fields.ts';
import { namespaceFields } from '../../../src/inspect/show/namespace-fields.ts';
import { processFields } from '../../../src/inspect/show/process-fields.ts';
import type { CgroupChange } from '../../../src/inspect/cgroup/cgroup-watch.ts';
import { NsError } from '../../../src/kernel/error.ts';
import type { NamespaceRow } from '../../../src/namespaces/rows.ts';
import type { NamespaceChange } from '../../../src/namespaces/watch/known-namespaces.ts';
import { namespaceRow } from '../../support/namespace-row.ts';
import { fixtureHost, fixtureHosts, fixturePath, runCommand, type FixtureHost } from '../../support/recorded.ts';
import {
  COMMON,
  faults,
  jsonCommands,
  LAB,
  mutants,
  passed,
  schemaFile,
  schemas,
  type Schema,
} from '../../support/schemas.ts';

async function run(command: string, words: readonly string[], name: FixtureHost): Promise<string> {
  const definition = await commands.find((entry) => entry.name === command)?.load();
  if (definition === undefined) throw new Error(`no command ${command}`);
  return (await runCommand(definition, words, { host: fixtureHost(name) })).stdout;
}

/** undefined: it is refused, as some of a hostile host are. */
async function answer(command: string, words: readonly string[], name: FixtureHost): Promise<unknown> {
  try {
    return JSON.parse(await run(command, [...words, '--json'], name));
  } catch (error) {
    if (error instanceof NsError) return undefined;
    throw error;
  }
}

/** Command lines that give every form of an answer. */
async function wordsOn(name: FixtureHost): Promise<readonly (readonly [string, ...string[]])[]> {
  // As text: some hostile inodes are too big for a number of JavaScript.
  const lines = (await run('ls', ['-rn', '-o', 'TYPE,NS,PID'], name)).trimEnd().split('\n');
  const rows = lines.map((line) => line.split(' '));
  const names = [...new Map(rows.map(([type = '', ns = '']) => [type, `${type}:${ns}`])).values()];
  const pids = [...new Set(rows.flatMap(([, , pid = '-']) => (pid === '-' ? [] : pid)))].slice(0, 20);
  return [
    ['ls'],
    ['ls', '--output-all'],
    ['ls', '-o', 'NS'],
    ['ls', '--matrix'],
    ['ls', '--matrix', '-t', 'net,pid'],
    ['ls', '--list-columns'],
    ...names.map((name) => ['ls', name] as const),
    ...names.map((name) => ['holders', name] as const),
    ...names.map((name) => ['show', name] as const),
    ...pids.map((pid) => ['show', pid] as const),
    ['show', 'host'],
    ['show', pids[0] ?? '', '-o', 'pid,engine,zombies'],
    ...pids.map((pid) => ['ids', pid] as const),
    ...names.filter((name) => /^(?:user|pid):/.test(name)).map((name) => ['ids', name] as const),
    ['ids', pids[0] ?? '', 'uid:0', 'gid:4242', 'pid:1', 'pid:4000000'],
    ...pids.map((pid) => ['diff', pids[0] ?? '', pid] as const),
    ['diff', pids[0] ?? '', `${fixturePath('idle')}::2`],
    ['caps decode', 'a80425fb', 'ffffffffffffffff', 'cap_net_raw=eip', '!cap_chown,^41'],
    ['caps encode', 'docker,+net_admin,-mknod', '13', '=ep', '^cap_kill'],
    ['caps list'],
    ['caps list', 'mount'],
    ...pids.map((pid) => ['caps show', pid] as const),
    ...pids.map((pid) => ['cgroup show', pid] as const),
    ['cgroup show', 'host'],
    ...pids.map((pid) => ['cgroup why', pid, '--for', '0'] as const),
    ['cgroup why', 'host', '--for', '0'],
    ...pids.slice(0, 3).map((pid) => ['cgroup diff', 'host', pid] as const),
    ['net leaks', '--from', fixturePath(name)],
    ['net ls'],
    ['net ls', '--output-all', '--deep'],
    ['net ls', '--list-columns'],
    ['net show'],
    ['net show', '--deep'],
    ...names.filter((name) => name.startsWith('net:')).map((name) => ['net show', name] as const),
    ['net graph'],
    ...names.filter((name) => name.startsWith('net:')).map((name) => ['net doctor', name] as const),
    ...names.filter((name) => name.startsWith('net:')).map((name) => ['net doctor', name, '--to', 'host'] as const),
    ['caps show', 'host', 'self', pids[0] ?? ''],
    ['caps show', 'host', '-o', 'verdict,threads'],
    ['caps ls'],
    ['caps ls', '--threads', '--files', '--has', 'kill', '-o', '+UID,COMMAND,THREADS,USERNS,TEXT,IAB,NAME'],
    ['caps ls', '-o', 'effective,permitted,inheritable,bounding,ambient'],
    ['caps ls', '--net', '-o', '+NUMBER'],
    ['caps ls', '--list-columns'],
    ...pids.map((pid) => ['caps diff', 'host', pid] as const),
    ['caps diff', pids[0] ?? '', 'baseline:docker'],
    ['caps diff', 'mask:3', 'baseline:k8s-restricted'],
    ...['bind:80', 'module', `map:${pids[0] ?? ''}`].map((act) => ['caps can', 'self', act] as const),
    ['net identify'],
    ['net pids', 'host'],
    ...pids.slice(0, 5).flatMap((pid) => [['net identify', pid] as const, ['net pids', pid] as const]),
    ['net id'],
    ['audit'],
    ['audit', '--all'],
    ['audit', 'host'],
    ...pids.slice(0, 5).map((pid) => ['audit', pid] as const),
  ];
}

const row = namespaceRow;
const watched = {
  kind: 'net',
  inode: row.ns,
  since: 1000,
  fromStart: true,
  id: 812n,
  pids: new Set<number>(),
  mounts: [],
} as const;
const younger = { ...watched, fromStart: false, id: undefined };
const mounted = { ...row, pid: null, ppid: null, command: null, uid: null, user: null, nsfs: ['/run/netns/blue'] };
const change = (event: NamespaceChange, of: NamespaceRow = row): Report => {
  return { type: 'change', event: { ...event, row: of }, now: 2500 };
};
const denied = {
  subject: 'process',
  reason: 'denied',
  errno: 'EACCES',
  count: 1,
  examples: ['/proc/1'],
  detail: null,
} as const;
const refused = { reason: 'denied', what: 'process events', errno: 'EPERM' } as const;

const cgroup = (more: Pick<CgroupChange, 'type'> & Partial<CgroupChange>): Report => {
  return { type: 'cgroup', change: { pid: 7, name: null, from: null, to: null, by: null, ...more } };
};

/** Lines of `watch`, which answers on no recorded host. */
const reports: readonly Report[] = [
  { type: 'start', refused: undefined, interval: 5000, namespaces: 8, gaps: [] },
  { type: 'start', refused, interval: 1000, namespaces: 0, gaps: [denied] },
  change({ type: 'appeared', namespace: younger, reused: false }, mounted),
  change({ type: 'gone', namespace: watched }),
  change({ type: 'gone', namespace: younger }),
  change({ type: 'unsure', namespace: watched }),
  cgroup({ type: 'moved', name: 'memory', from: '/a', to: '/b' }),
  cgroup({ type: 'limit', name: 'mem_limit', from: Infinity, to: 67_108_864, by: '/a' }),
  cgroup({ type: 'killed', from: 1, to: 3 }),
  cgroup({ type: 'frozen' }),
  cgroup({ type: 'ended' }),
  { type: 'unseen', processes: 2 },
  { type: 'overrun' },
  { type: 'end', counts: { appeared: 1, gone: 2, unsure: 1, unseen: 2, overruns: 1 }, startGaps: [], gaps: [denied] },
];

/**
 * watch has lines, below; cgroup top, too, which has tests of its own; version asks the installation, which is the built program; each and caps why run something;
 * enter asks for the environment that its command would get: the tests of its refusals look at its answers; files with
 * capabilities, and those that caps predict looks at, are not recorded; cgroup ls and tree have hosts of their own. What
 * changes a machine takes no recorded one.
 */
const elsewhere = new Set([
  'watch',
  'cgroup top',
  'version',
  'each',
  'caps why',
  'enter',
  'caps predict',
  'caps file get',
  'caps file verify',
  'cgroup set',
  'cgroup run',
  'cgroup undo',
  'gc',
  'cgroup ls',
  'cgroup tree',
  'net up',
  'net down',
  'net gc',
  'net monitor',
  'net replay',
  'net test',
]);

/** Files that a command reads: another one writes them, or people do. */
const DOCUMENTS = ['net-snapshot.schema.json', LAB];

it('there is one for each command that answers in JSON, and no other', () => {
  expect(jsonCommands.length).toBeGreaterThan(0);
  expect([...schemas.keys()].toSorted()).toEqual([COMMON, ...DOCUMENTS, ...jsonCommands.map(schemaFile)].toSorted());
});

describe.each(fixtureHosts)('on the recorded host %s', async (name) => {
  const all = await wordsOn(name);

  it(
    'takes every answer, and none with a key too much, misspelt, missing or of another type',
    { timeout: 60_000 },
    async () => {
      const answered = new Set<string>();
      for (const [command, ...words] of all) {
        const given = await answer(command, words, name);
        if (given === undefined) continue;
        answered.add(command);
        const line = [command, ...words].join(' ');
        expect({ line, faults: faults(command, given) }).toEqual({ line, faults: [] });
        expect({ line, passed: passed(command, given) }).toEqual({ line, passed: [] });
      }
      // Of the hostile host no status file tells capabilities.
      const expected = jsonCommands.filter(
        (command) => !elsewhere.has(command) && !(name === 'hostile' && command === 'caps can'),
      );
      expect(answered).toEqual(new Set(expected));
    },
  );
});

it.each(reports)('takes a line of watch, and none that is wrong: $type', (report) => {
  const line: unknown = JSON.parse(reportLine(report, new Date(0), true));
  expect(faults('watch', line)).toEqual([]);
  expect(passed('watch', line)).toEqual([]);
});

it('refuses an answer that is not what it says', () => {
  const whole = { schema: 1, complete: true, gaps: [], namespaces: [] };
  const ended = { ...denied, reason: 'gone' };
  expect(faults('ls', whole)).toEqual([]);
  expect(faults('ls', { ...whole, gaps: [ended] })).toEqual([]);
  for (const wrong of [
    { ...whole, complete: false },
    { ...whole, gaps: [denied] },
    { ...whole, gaps: [{ ...ended, errno: 13 }] },
    { ...whole, gaps: [{ ...ended, count: 0 }] },
    { ...whole, schema: 2 },
    { ...whole, namespaces: [{}] },
    { ...whole, namespaces: [{ ns: -1 }] },
    { ...whole, namespaces: [{ ns: '4026532177' }] },
    { ...whole, namespaces: [{ ns: 2 ** 65 }] },
    { ...whole, namespaces: [{ type: 'network' }] },
    { ...whole, namespaces: [{ netnsid: 3 }] },
    { ...whole, columns: [] },
  ]) {
    expect(faults('ls', wrong), JSON.stringify(wrong)).not.toEqual([]);
  }
});

it('makes wrong answers of every sort', () => {
  expect(mutants({ a: [{ b: 1 }, { b: 2 }] }).map(({ what }) => what)).toEqual([
    ': a key too much',
    '/a: misspelt',
    '/a: another type',
    '/a: missing',
    '/a/*: a key too much',
    '/a/*/b: misspelt',
    '/a/*/b: another type',
    '/a/*/b: missing',
  ]);
});

describe('what a command line can choose', () => {
  const keysOf = (command: string, of: string): readonly string[] =>
    Object.keys(schemas.get(schemaFile(command))?.$defs?.[of]?.properties ?? {});

  it.each([
    ['ls', 'row', lsColumns],
    ['show', 'process', processFields],
    ['show', 'namespace', namespaceFields],
  ] as const)('of %s is all in the schema: %s', (command, of, definitions) => {
    expect(keysOf(command, of)).toEqual(definitions.map(({ key }) => key));
  });

  it('of caps show is all in the schema', () => {
    expect(keysOf('caps show', 'process')).toEqual(['target', ...capsFields.map(({ key }) => key)]);
  });
});

/** Every key that a schema describes, with its own schema. */
function properties(schema: unknown): readonly (readonly [string, Schema])[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const own = Object.entries((schema as Schema).properties ?? {});
  return [...own, ...Object.values(schema as Record<string, unknown>).flatMap(properties)];
}

it.each([...schemas])('%s says what each key is, in small letters', (_, schema) => {
  const all = properties(schema);
  expect(all.length).toBeGreaterThan(0);
  for (const [key, one] of all) {
    expect(key).toMatch(/^[a-z][a-z0-9_.]*$/);
    // What is only narrowed here is described elsewhere.
    const described = one.description ?? one.$ref ?? ('const' in one || Object.keys(one).length === 1);
    expect(described, key).toBeTruthy();
  }
});
