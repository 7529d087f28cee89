// Whose a process is, with real engines, their daemons dead: what each engine says of its containers while it lives is
// compared with what we say of them when it does not.

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { containerName, displayName } from '../../src/containers/display-name.ts';
import { identifyProcess, IdentityResolver } from '../../src/containers/identify.ts';
import type { Identity } from '../../src/containers/identity.ts';
import { linuxHost } from '../../src/host/linux/linux-host.ts';
import { lookAtAll } from '../../src/namespaces/crowd.ts';
import { enteredProcesses } from '../../src/namespaces/entered.ts';
import { diffTargets } from '../../src/inspect/diff/diff.ts';
import { sideOf } from '../../src/inspect/diff/side.ts';
import { startDocker } from '../support/dockers.ts';
import { parentOf, until, Yard } from '../support/engines.ts';
import { lacks } from '../support/requires.ts';
import { childrenOf } from '../support/targets.ts';

const host = linuxHost();

function identify(pid: number): Identity {
  const identity = identifyProcess(host, pid);
  if (!identity.ok) throw new Error(JSON.stringify(identity.gap));
  return identity.value;
}

/** A process that entered only the mount namespace, as nsenter leaves it: outside of the cgroup. */
async function entered<T>(pid: number, look: (pid: number) => T): Promise<T> {
  const child = spawn('nsenter', ['-t', String(pid), '-m', '/bin/sleep', '1000'], { stdio: 'ignore' });
  try {
    await until(() => readFileSync(`/proc/${child.pid}/cmdline`, 'utf8').startsWith('/bin/sleep'));
    return look(child.pid ?? 0);
  } finally {
    child.kill('SIGKILL');
    await new Promise((done) => child.once('exit', done));
  }
}

describe.skipIf(lacks('root', 'busybox', 'docker'))('docker, its daemons killed', () => {
  let yard: Yard;
  const pids = new Map<string, number>();
  const ids = new Map<string, string>();

  beforeAll(async () => {
    yard = new Yard();
    const at = (name: string): string => join(yard.folder, name);
    const { pid: daemon, run: docker } = await startDocker(yard);
    const runs: Readonly<Record<string, readonly string[]>> = {
      web: [],
      'odd.na-me_1': ['--cgroup-parent', '/nstool-custom'],
      private: ['--cgroupns=private'],
    };
    for (const [name, options] of Object.entries(runs)) {
      ids.set(name, docker('run', '-d', '--network=none', '--name', name, ...options, 'tiny:1', 'sleep', '1000'));
      const pid = Number(docker('inspect', '-f', '{{.State.Pid}}', name));
      pids.set(name, pid);
    }
    const containerd = Number(readFileSync(at('run/containerd/containerd.pid'), 'utf8'));
    process.kill(daemon, 'SIGKILL');
    process.kill(containerd, 'SIGKILL');
    await until(() => !existsSync(`/proc/${containerd}`) || readFileSync(`/proc/${containerd}/cmdline`).length === 0);
  });

  afterAll(() => yard.close());

  it('has a container that differs from the host in what docker gave it', () => {
    const pid = pids.get('private') ?? 0;
    const { differences, unknowns } = diffTargets(sideOf(host, String(pid)), sideOf(host, 'host'));
    const rows = (what: string): readonly (readonly unknown[])[] =>
      differences.filter((row) => row.what === what).map(({ name, a, b }) => [name, a, b]);
    const apart = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'time', 'user', 'uts'].filter(
      (kind) => readlinkSync(`/proc/${pid}/ns/${kind}`) !== readlinkSync(`/proc/self/ns/${kind}`),
    );
    expect(apart.length).toBeGreaterThanOrEqual(5);
    expect(new Set(rows('namespace').map(([name]) => name))).toEqual(new Set(apart));
    expect(rows('hostname')).toEqual([
      [null, ids.get('private')?.slice(0, 12), readFileSync('/proc/sys/kernel/hostname', 'utf8').trim()],
    ]);
    const cgroups = readFileSync(`/proc/${pid}/cgroup`, 'utf8').trim().split('\n');
    for (const { name, a, b } of differences.filter(({ what }) => what === 'cgroup root')) {
      expect(cgroups.map((line) => line.replace(/^[0-9]+/, ''))).toContain(`:${name ?? ''}:${a as string}`);
      expect(b).toBe('/');
    }
    expect(rows('cgroup root').length).toBe(cgroups.filter((line) => !line.endsWith(':/')).length);
    expect(rows('capabilities')).toContainEqual(['effective', [], expect.arrayContaining(['cap_sys_admin'])]);
    expect(rows('mount').map(([name]) => name)).toEqual(expect.arrayContaining(['/', '/proc', '/etc/hosts']));
    expect(rows('processes')).toEqual([[null, 1, expect.any(Number)]]);
    expect([...rows('uid_map'), ...rows('clock offset')]).toEqual([]);
    // The first process of this host may be closed even to root; all else is known.
    expect(unknowns.filter(({ gap: { what } }) => !what.startsWith('/proc/1/'))).toEqual([]);
  });

  it.each(['web', 'odd.na-me_1', 'private'])('names %s, its data not in the usual place', (name) => {
    const identity = identify(pids.get(name) ?? 0);
    expect(identity).toMatchObject({
      engine: 'docker',
      id: ids.get(name),
      name,
      image: 'tiny:1',
      role: 'payload',
      evidence: 'cgroup',
      sandbox: null,
      outer: [],
      gaps: [],
    });
    expect(displayName(identity)).toBe(`container:${name}`);
  });

  it('tells the shim from the payload', () => {
    const shim = identify(parentOf(pids.get('web') ?? 0));
    expect(shim).toMatchObject({
      engine: 'docker',
      id: ids.get('web'),
      name: 'web',
      role: 'monitor',
      evidence: 'cmdline',
    });
    expect(displayName(shim)).not.toBe('container:web');
    expect(containerName(shim)).toBe('container:web');
  });

  it('names what a process entered that is outside of the cgroup', async () => {
    const identity = await entered(pids.get('web') ?? 0, identify);
    expect(identity).toMatchObject({
      engine: 'docker',
      id: ids.get('web'),
      name: 'web',
      role: 'payload',
      evidence: 'mounts',
    });
  });

  it('marks what entered a container, and nothing of the engine and its containers', async () => {
    const pid = pids.get('web') ?? 0;
    await entered(pid, (visitor) => {
      const { entries, into } = enteredProcesses(lookAtAll(host));
      expect(into(pid)).toMatchObject([{ pid: visitor, container: 'container:web', shared: ['mnt'], inCgroup: false }]);
      for (const other of [...pids.values(), parentOf(pid)]) expect(entries.has(other)).toBe(false);
    });
  });

  it('names all of them at once', () => {
    const resolver = new IdentityResolver(host);
    for (const [name, pid] of pids) expect(resolver.identify(pid)).toMatchObject({ ok: true, value: { name } });
  });

  it('says that a half-written file is one, and still has the id', () => {
    const file = join(yard.folder, 'data/containers', ids.get('private') ?? '', 'config.v2.json');
    const whole = readFileSync(file);
    writeFileSync(file, whole.subarray(0, 700));
    const identity = identify(pids.get('private') ?? 0);
    writeFileSync(file, whole);
    expect(identity).toMatchObject({ id: ids.get('private'), name: null, gaps: [{ reason: 'malformed', what: file }] });
  });
});

describe.skipIf(lacks('root', 'busybox', 'podman', 'runc'))('podman', () => {
  let yard: Yard;
  const pids = new Map<string, number>();

  beforeAll(() => {
    yard = new Yard();
    const at = (name: string): string => join(yard.folder, name);
    // A machine may forbid more open files than podman asks for.
    writeFileSync(at('containers.conf'), '[containers]\ndefault_ulimits = ["nofile=256:256", "nproc=256:256"]\n');
    const places = ['--root', at('root'), '--runroot', at('run'), '--tmpdir', at('tmp')];
    const environment = ['env', `CONTAINERS_CONF=${at('containers.conf')}`];
    const options = ['--runtime=runc', '--cgroup-manager=cgroupfs', '--events-backend=file', ...places];
    const podman = (...args: readonly string[]): void => yard.engine(...environment, 'podman', ...options, ...args);
    podman('import', yard.image, 'tiny:1');
    podman('run', '-d', '--network=none', '--name=web', 'tiny:1', 'sleep', '1000');
    podman('run', '-d', '--rm', '--network=none', '--name=brief', 'tiny:1', 'sleep', '1000');
    podman(
      'pod',
      'create',
      '--name=mypod',
      '--share=ipc',
      '--network=none',
      '--infra-image=tiny:1',
      '--infra-command=sleep 1000',
    );
    podman('run', '-d', '--pod=mypod', '--name=inpod', 'tiny:1', 'sleep', '1000');
    podman('ps', '--format=json');
    const log = readFileSync(at('log'), 'utf8');
    const list = JSON.parse(log.slice(log.lastIndexOf('\n[') + 1)) as readonly { Names: string[]; Pid: number }[];
    for (const { Names, Pid } of list) {
      pids.set(Names[0] ?? '', Pid);
    }
  });

  afterAll(() => yard.close());

  it.each(['web', 'brief', 'inpod'])('names %s, its storage not in the usual place', (name) => {
    const identity = identify(pids.get(name) ?? 0);
    expect(identity).toMatchObject({ engine: 'podman', name, image: 'localhost/tiny:1', role: 'payload', gaps: [] });
    expect(identity.pod).toBe(name === 'inpod' ? 'mypod' : null);
  });

  it('tells conmon from the payload', () => {
    expect(identify(parentOf(pids.get('web') ?? 0))).toMatchObject({ engine: 'podman', name: 'web', role: 'monitor' });
  });
});

describe.skipIf(lacks('root', 'busybox', 'containerd', 'runc'))('containerd, killed', () => {
  let yard: Yard;
  let pid: number;

  beforeAll(async () => {
    yard = new Yard();
    const at = (name: string): string => join(yard.folder, name);
    writeFileSync(
      at('config.toml'),
      `version = 2\nroot = "${at('root')}"\nstate = "${at('state')}"\n[grpc]\naddress = "${at('sock')}"\n`,
    );
    const daemon = yard.daemon('containerd', '-c', at('config.toml'));
    const ctr = ['ctr', '-a', at('sock'), '-n', 'nstool-test'];
    await until(() => spawnSync('ctr', [...ctr.slice(1), 'version'], { stdio: 'ignore' }).status === 0);
    yard.engine(...ctr, 'run', '-d', '--rootfs', yard.rootfs, 'web', '/bin/sleep', '1000');
    pid = Number(readFileSync(at('state/io.containerd.runtime.v2.task/nstool-test/web/init.pid'), 'utf8'));
    process.kill(daemon, 'SIGKILL');
  });

  afterAll(() => yard.close());

  it('names a task by its cgroup and its shim', () => {
    expect(identify(pid)).toMatchObject({
      engine: 'containerd',
      id: 'web',
      name: 'web',
      role: 'payload',
      evidence: 'cgroup',
    });
    expect(identify(parentOf(pid))).toMatchObject({ engine: 'containerd', name: 'web', role: 'monitor' });
  });
});

describe.skipIf(lacks('root', 'busybox', 'lxc'))('LXC', () => {
  let yard: Yard;
  let pid: number;

  beforeAll(async () => {
    yard = new Yard();
    const folder = join(yard.folder, 'lxc/nstool-web');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'config'), `lxc.rootfs.path = dir:${yard.rootfs}\nlxc.net.0.type = empty\n`);
    yard.engine('lxc-start', '-P', join(yard.folder, 'lxc'), '-n', 'nstool-web', '-d', '--', '/bin/sleep', '1000');
    const monitor = Number(yard.run('pgrep', '-f', `^\\[lxc monitor\\] ${yard.folder}/lxc nstool-web`));
    await until(() => childrenOf(monitor).length > 0);
    pid = Number(childrenOf(monitor)[0]);
  });

  afterAll(() => yard.close());

  it('names payload and monitor by their cgroups', () => {
    expect(identify(pid)).toMatchObject({ engine: 'lxc', name: 'nstool-web', role: 'payload', evidence: 'cgroup' });
    expect(identify(parentOf(pid))).toMatchObject({ engine: 'lxc', name: 'nstool-web', role: 'monitor' });
  });
});

describe.skipIf(lacks('root', 'busybox', 'nspawn'))('nspawn, without a unit of its own', () => {
  let yard: Yard;
  let pid: number;

  beforeAll(async () => {
    // What nspawn mounts from its own /run tells its name.
    yard = new Yard({ ownRun: false });
    const options = ['--register=no', '--keep-unit', '--private-network', '-M', 'nstool-web', '-D', yard.rootfs];
    const daemon = yard.daemon('systemd-nspawn', ...options, '/bin/sleep', '1000');
    await until(() => {
      const [child] = childrenOf(daemon);
      return child !== undefined && readFileSync(`/proc/${child}/cmdline`, 'utf8').startsWith('/bin/sleep');
    });
    pid = Number(childrenOf(daemon)[0]);
  });

  afterAll(async () => {
    await yard.close();
    rmSync('/run/systemd/nspawn/propagate/nstool-web', { recursive: true, force: true });
  });

  it('names payload and supervisor', () => {
    expect(identify(pid)).toMatchObject({ engine: 'nspawn', name: 'nstool-web', role: 'payload' });
    expect(identify(parentOf(pid))).toMatchObject({ engine: 'nspawn', name: 'nstool-web', role: 'monitor' });
  });
});
