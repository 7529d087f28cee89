// `cgroup show` of containers, beside what their engine was asked for: with a cgroup namespace of their own and without,
// from outside and from inside, and of one that a container made in itself.

import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startDocker, type Docker } from '../support/dockers.ts';
import { until, Yard } from '../support/engines.ts';
import { installation } from '../support/program.ts';
import { startRootlessPodman, type RootlessPodman } from '../support/podmans.ts';
import { lacks } from '../support/requires.ts';
import { childrenOf } from '../support/targets.ts';
import {
  parsedCgroups as parsed,
  shownCgroups as shown,
  type ShownCgroups as Shown,
} from '../support/shown-cgroups.ts';

const limit = (all: Shown, key: string): Shown['limits'][number] | undefined =>
  all.limits.find((each) => each.key === key);
const memoryOf = (all: Shown): Shown['groups'][number] | undefined =>
  all.groups.find(({ controllers }) => controllers.includes('memory'));

/** Every directory that it found is one in which the kernel lists the process. */
function expectListed(all: Shown, pid: number): void {
  for (const { directory, path, controllers } of all.groups) {
    expect(directory, controllers.join()).not.toBeNull();
    if (path === '/') continue;
    expect(readFileSync(`${directory}/cgroup.procs`, 'utf8').split('\n'), String(directory)).toContain(String(pid));
  }
}

const LIMITS = ['--memory=512m', '--memory-swap=768m', '--cpus=0.5', '--cpu-shares=300', '--pids-limit=60'];
const EXPECTED = { memory_max: 512 << 20, memsw_max: 768 << 20, cpu_max: 0.5, pids_max: 60 };

describe.skipIf(lacks('root', 'cgroup1', 'busybox', 'docker'))('containers of docker', () => {
  let yard: Yard;
  let docker: Docker;
  const pids = new Map<string, number>();

  beforeAll(async () => {
    yard = new Yard();
    docker = await startDocker(yard);
    // The host's programs, so that nstool itself runs in there.
    const host = ['/usr', '/lib', '/lib64'].flatMap((path) => ['-v', `${path}:${path}:ro`]);
    const common = ['-d', '--network=none', ...LIMITS, ...host, '-v', `${installation()}:/nstool:ro`];
    for (const mode of ['host', 'private']) {
      docker.run('run', ...common, '--name', mode, `--cgroupns=${mode}`, 'tiny:1', 'sleep', '1000');
      pids.set(mode, Number(docker.run('inspect', '-f', '{{.State.Pid}}', mode)));
    }
    // It makes a cgroup in its own, and a cgroup namespace in that.
    const nested = [
      'mount -o remount,rw /sys/fs/cgroup',
      'mount -o remount,rw,bind /sys/fs/cgroup/memory',
      'mkdir /sys/fs/cgroup/memory/inner',
      'echo 200000000 > /sys/fs/cgroup/memory/inner/memory.limit_in_bytes',
      '(echo 0 > /sys/fs/cgroup/memory/inner/cgroup.procs; exec unshare -C sleep 1000) & wait',
    ].join('; ');
    const free = ['--cap-add=SYS_ADMIN', '--security-opt=seccomp=unconfined', '--security-opt=apparmor=unconfined'];
    docker.run('run', ...common, '--name', 'nested', ...free, '--cgroupns=private', 'tiny:1', 'sh', '-c', nested);
    pids.set('nested', Number(docker.run('inspect', '-f', '{{.State.Pid}}', 'nested')));
  });
  afterAll(() => yard.close());

  const pid = (name: string): number => pids.get(name) ?? 0;

  it.each(['host', 'private'])('--cgroupns=%s: what docker was asked for, by the container itself', (name) => {
    const all = shown(pid(name));
    expectListed(all, pid(name));
    expect({ complete: all.complete, gaps: all.gaps }).toEqual({ complete: true, gaps: [] });
    const id = docker.run('inspect', '-f', '{{.Id}}', name);
    expect(memoryOf(all)?.path).toBe(`/docker/${id}`);
    for (const [key, effective] of Object.entries(EXPECTED))
      expect(limit(all, key), key).toMatchObject({ set: effective, effective, by: `/docker/${id}` });
    expect(all.weight?.set).toBe(300);
  });

  /** As whoever is in the container sees itself. */
  function inside(name: string): Shown {
    const command = docker.command(
      'exec',
      name,
      process.execPath,
      '/nstool/bin/nstool.cjs',
      'cgroup',
      'show',
      'self',
      '-J',
    );
    const [program = '', ...words] = command;
    const { stdout, stderr } = spawnSync(program, words, { encoding: 'utf8' });
    return parsed({ stdout, stderr });
  }

  it('--cgroupns=private, from inside: the root of its namespace, whose limits are its own; above is beyond its view', () => {
    const all = inside('private');
    expect(memoryOf(all)).toMatchObject({ path: '/', directory: '/sys/fs/cgroup/memory', whole: false });
    for (const [key, effective] of Object.entries(EXPECTED)) expect(limit(all, key), key).toMatchObject({ effective });
    expect(all.gaps).toContainEqual(expect.objectContaining({ subject: 'cgroup above' }));
  });

  it('--cgroupns=host, from inside: the part of the hierarchy that is mounted there', () => {
    const all = inside('host');
    const id = docker.run('inspect', '-f', '{{.Id}}', 'host');
    expect(memoryOf(all)).toMatchObject({ path: `/docker/${id}`, directory: '/sys/fs/cgroup/memory', whole: false });
    for (const [key, effective] of Object.entries(EXPECTED)) expect(limit(all, key), key).toMatchObject({ effective });
  });

  it('a container in the container is found from outside, with the limit of both', async () => {
    const sleeper = (): string | undefined =>
      childrenOf(pid('nested')).find((each) => readFileSync(`/proc/${each}/comm`, 'utf8') === 'sleep\n');
    await until(() => sleeper() !== undefined);
    const child = Number(sleeper());
    const all = shown(child);
    expectListed(all, child);
    const id = docker.run('inspect', '-f', '{{.Id}}', 'nested');
    expect(memoryOf(all)?.path).toBe(`/docker/${id}/inner`);
    expect(limit(all, 'memory_max')).toMatchObject({
      set: 199_999_488,
      effective: 199_999_488,
      by: `/docker/${id}/inner`,
    });
    expect(limit(all, 'memsw_max')).toMatchObject({ set: 'max', effective: 768 << 20, by: `/docker/${id}` });
    expect(limit(all, 'cpu_max')).toMatchObject({ effective: 0.5 });
  });
});

describe.skipIf(lacks('root', 'cgroup1', 'busybox', 'podman', 'newuidmap'))(
  'a container of podman, of a plain user',
  () => {
    let yard: Yard;
    let podman: RootlessPodman;

    beforeAll(() => {
      yard = new Yard();
      podman = startRootlessPodman(yard);
    });
    afterAll(async () => {
      await podman.close();
      await yard.close();
    });

    it.each(['host', 'private'])(
      '--cgroupns=%s: is found, without limits of its own, as nobody delegated any',
      (mode) => {
        const pid = podman.start(`of-${mode}`, `--cgroupns=${mode}`);
        const all = shown(pid);
        expectListed(all, pid);
        expect(limit(all, 'pids_max')?.set ?? 'max').toBe('max');
      },
    );
  },
);

describe.skipIf(lacks('root', 'cgroup1', 'busybox', 'podman', 'runc'))('containers of podman', () => {
  let yard: Yard;

  beforeAll(() => {
    yard = new Yard();
  });
  afterAll(() => yard.close());

  it.each(['host', 'private'])('--cgroupns=%s: what podman was asked for', (mode) => {
    const at = (file: string): string => join(yard.folder, file);
    const places = ['--root', at('root'), '--runroot', at('run'), '--tmpdir', at('tmp')];
    writeFileSync(at('containers.conf'), '[containers]\ndefault_ulimits = ["nofile=256:256", "nproc=256:256"]\n');
    const podman = [
      'env',
      `CONTAINERS_CONF=${at('containers.conf')}`,
      'podman',
      '--runtime=runc',
      '--cgroup-manager=cgroupfs',
      '--events-backend=file',
      ...places,
    ];
    yard.engine(...podman, 'import', yard.image, 'tiny:1');
    const options = ['-d', '--network=none', `--cgroupns=${mode}`, '--pidfile', at(mode), ...LIMITS];
    yard.engine(...podman, 'run', ...options, 'tiny:1', 'sleep', '100000');
    const pid = Number(readFileSync(at(mode), 'utf8'));
    const all = shown(pid);
    expectListed(all, pid);
    expect(memoryOf(all)?.path).toMatch(/^\/libpod_parent\/libpod-[0-9a-f]{64}$/);
    for (const [key, effective] of Object.entries(EXPECTED)) expect(limit(all, key), key).toMatchObject({ effective });
    expect(all.weight?.set).toBe(300);
  });
});
