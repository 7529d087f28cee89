// `cgroup ls` and `cgroup tree` on a recorded node of Kubernetes: rows, filters, forms, JSON against its schema.

import { describe, expect, it } from 'vitest';
import { cgroupLs } from '../../../src/cli/commands/cgroup-ls.ts';
import { groupColumns } from '../../../src/cli/commands/cgroup-ls-columns.ts';
import { cgroupTree } from '../../../src/cli/commands/cgroup-tree.ts';
import type { CommandDefinition } from '../../../src/cli/define-command.ts';
import { displayWidth } from '../../../src/render/width.ts';
import { cgroupHost, CONTAINER, kubernetesNode, POD } from '../../support/walked-hosts.ts';
import { fixtureHost, runCommand } from '../../support/recorded.ts';
import { faults, passed } from '../../support/schemas.ts';

const leaf = `/kubepods.slice/${POD}/${CONTAINER}`;

async function text(definition: CommandDefinition, ...words: readonly string[]): Promise<string> {
  return (await runCommand(definition, words, { host: kubernetesNode() })).stdout;
}

async function rows(...words: readonly string[]): Promise<readonly string[]> {
  return (await text(cgroupLs, '-rn', ...words)).trimEnd().split('\n');
}

async function json(definition: CommandDefinition, ...words: readonly string[]): Promise<Record<string, unknown>> {
  const answer: unknown = JSON.parse(await text(definition, '--json', ...words));
  expect(faults(definition.name, answer)).toEqual([]);
  expect(passed(definition.name, answer)).toEqual([]);
  return answer as Record<string, unknown>;
}

describe('cgroup ls', () => {
  it('lists all, with owners: the pod by its uid, the container, the unit', async () => {
    expect(await rows('-o', 'PROCS,MEM,MEM_LIMIT,CPU,THROTTLED,OOM_KILLS,OWNER,PATH')).toEqual(
      ['0 - - 9 - - - /', '3 104857600 134217728 7.5 25 1 container:abababababab ' + leaf]
        .toSpliced(
          1,
          0,
          '0 104857600 max 0 0 0 - /kubepods.slice',
          `0 104857600 134217728 0 0 0 pod:0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0 /kubepods.slice/${POD}`,
        )
        .concat([
          '0 12288 max 0 0 0 - /left.slice',
          '0 4096000 max 0 0 0 - /system.slice',
          '2 4096000 max 1.5 - 0 unit:ssh.service /system.slice/ssh.service',
        ]),
    );
  });

  it('filters', async () => {
    expect(await rows('-o', 'PATH', '--throttled')).toEqual([leaf]);
    expect(await rows('-o', 'PATH', '--oom')).toEqual([leaf]);
    expect(await rows('-o', 'DYING,PATH', '--empty')).toEqual(['2 /left.slice']);
    expect(await rows('-o', 'PATH', '--empty', '--oom')).toEqual(['']);
    expect(await rows('-o', 'PATH', '-Q', 'MEM > 1M && MEM < 50M')).toEqual([
      '/system.slice',
      '/system.slice/ssh.service',
    ]);
    // Unlimited is larger than any number, what is unknown equal to nothing.
    expect(await rows('-o', 'PATH', '-Q', 'MEM_LIMIT > 1T')).toHaveLength(4);
  });

  it('counts the processes below', async () => {
    expect(await rows('-o', 'PROCS_BELOW,PATH')).toEqual([
      '5 /',
      '3 /kubepods.slice',
      `3 /kubepods.slice/${POD}`,
      `3 ${leaf}`,
      '0 /left.slice',
      '2 /system.slice',
      '2 /system.slice/ssh.service',
    ]);
  });

  it('sorts, what is unknown last', async () => {
    const sorted = await rows('-o', 'MEM,PATH', '--sort', 'mem');
    expect(sorted[0]).toBe('12288 /left.slice');
    expect(sorted.at(-1)).toBe('- /');
  });

  it('answers in JSON as its schema says, unlimited as max', async () => {
    const { cgroups, complete } = await json(cgroupLs, '-o', 'PATH,MEM_LIMIT,CPU_LIMIT,PROCS');
    expect(complete).toBe(true);
    expect(cgroups).toContainEqual({ path: '/left.slice', mem_limit: 'max', cpu_limit: null, procs: 0 });
    await json(cgroupLs);
    await json(cgroupLs, '--list-columns');
    await json(cgroupLs, '--by', 'net', '--list-columns');
    // All that one look tells.
    const keys = groupColumns.filter(({ isRate }) => isRate !== true).map(({ key }) => key);
    await json(cgroupLs, '-o', keys.join(','));
  });

  it('tells what happened between two looks; of a host that does not change, nothing', async () => {
    const { cgroups } = await json(
      cgroupLs,
      '--for',
      '0.01',
      '-Q',
      'PROCS == 3',
      '-o',
      'CPU_NOW,THROTTLED_NOW,MEM_NOW',
    );
    expect(cgroups).toEqual([{ cpu_now: 0, throttled_now: null, mem_now: 0 }]);
    expect(await rows('--for', '0.01s', '--throttled', '-o', 'PATH')).toEqual(['']);
  });

  it('by container: sums over processes, and the cgroups that are of it alone', async () => {
    const { by, rows: parties } = await json(
      cgroupLs,
      '--by',
      'container',
      '-o',
      'NAME,PROCS,CPU,MEM,SHARED,THROTTLED,OOM_KILLS',
    );
    expect(by).toBe('container');
    expect(parties).toEqual([
      { name: null, procs: 2, cpu: 4, mem: 4_096_000, shared: 0, throttled: null, oom_kills: 0 },
      {
        name: 'container:abababababab',
        procs: 3,
        cpu: 6,
        mem: 104_857_600,
        shared: 0,
        throttled: 25,
        oom_kills: 1,
      },
    ]);
  });

  it.each([40, 80, 200])('fits a terminal of %i columns', async (columns) => {
    for (const definition of [cgroupLs, cgroupTree]) {
      // eslint-disable-next-line no-await-in-loop -- two
      const { stdout } = await runCommand(definition, [], { host: kubernetesNode(), columns });
      for (const line of stdout.split('\n')) expect(displayWidth(line)).toBeLessThanOrEqual(columns);
    }
  });

  it.each([
    [['-o', 'MEMO'], 'did you mean MEM?'],
    [['--for', '0'], "--for takes seconds, not '0'"],
    [['--for', '2', '--from', 'FILE'], 'a recorded host does not change'],
    [['--by', 'uts'], "--by takes net, pid, user, container, not 'uts'"],
    [['--by', 'net', '--empty'], '--by and --empty exclude each other'],
    [['--by', 'user', '-o', 'RX'], "unknown column 'RX'"],
    [['-J', '-r'], '--json and --raw exclude each other'],
  ])('refuses %j', async (words, said) => {
    await expect(runCommand(cgroupLs, words, { host: kubernetesNode() })).rejects.toSatisfy((error) =>
      JSON.stringify((error as { facts: unknown }).facts).includes(said),
    );
  });

  it('says of a host that was recorded before there was this command that it was not asked', async () => {
    await expect(runCommand(cgroupLs, [], { host: fixtureHost('idle') })).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      facts: { what: 'this recorded host was not asked for all of its cgroups' },
    });
  });

  it('says of a host without any that there are none', async () => {
    const host = cgroupHost({ mounts: [], memberships: [], folders: {} });
    await expect(runCommand(cgroupLs, [], { host })).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      facts: { what: 'no hierarchy of cgroups can be seen here' },
    });
  });
});

describe('cgroup tree', () => {
  it('draws the hierarchy, the branches last', async () => {
    expect((await text(cgroupTree, '-o', 'PROCS,MEM,OWNER')).split('\n').slice(0, 3)).toEqual([
      'PROCS     MEM  OWNER                                     CGROUP',
      '    0       -  -                                         /',
      '    0  100.0M  -                                         ├─kubepods.slice',
    ]);
  });

  it('draws what is below a path, a directory or a process, with processes', async () => {
    const below = await text(cgroupTree, '-n', '-p', '-o', 'PROCS', `/kubepods.slice/${POD}`);
    expect(below.split('\n')).toEqual(
      [
        `    0  /kubepods.slice/${POD}`,
        `    3  └─${CONTAINER}`,
        '         ├─41 worker --busy',
        '         ├─42 worker --busy',
        '         └─43 worker --busy',
        '',
      ].map((line) => line.slice(4)),
    );
    expect(await text(cgroupTree, '-n', '-o', 'PROCS', `/sys/fs/cgroup/kubepods.slice/${POD}/`)).toBe(
      await text(cgroupTree, '-n', '-o', 'PROCS', `/kubepods.slice/${POD}`),
    );
  });

  it('answers in JSON as its schema says', async () => {
    const { hierarchy, cgroups } = await json(cgroupTree, '-p', '-o', 'PROCS', '/system.slice');
    expect(hierarchy).toEqual({
      name: 'cgroup2',
      version: 2,
      controllers: ['cpu', 'io', 'memory', 'pids'],
      folder: '/sys/fs/cgroup',
    });
    expect(cgroups).toEqual([
      { path: '/system.slice', procs: 0, processes: [], kernel_threads: 0 },
      {
        path: '/system.slice/ssh.service',
        procs: 2,
        processes: [
          { pid: 7, command: 'worker --busy' },
          { pid: 8, command: 'worker --busy' },
        ],
        kernel_threads: 0,
      },
    ]);
    await json(cgroupTree);
  });

  it.each([
    [['--controller', 'net_cls'], 'BAD_VALUE', 'no hierarchy of net_cls is mounted here'],
    [['/nowhere'], 'NO_FILE', 'there is no cgroup /nowhere'],
    [['/system.slice/..'], 'BAD_VALUE', "'/system.slice/..' has .. in it"],
  ])('refuses %j', async (words, code, what) => {
    await expect(runCommand(cgroupTree, words, { host: kubernetesNode() })).rejects.toMatchObject({
      code,
      facts: { what },
    });
  });
});
