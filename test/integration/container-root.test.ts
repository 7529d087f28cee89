// What a container's root is made of, with its engine dead: compared with what the engine said while it lived, with
// du(1), and with what was written. And what hostile ones make of it.

import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { linuxHost } from '../../src/host/linux/linux-host.ts';
import { show } from '../../src/inspect/show/show.ts';
import type { CountedGap } from '../../src/kernel/gap-tally.ts';
import type { TreeQuery } from '../../src/kernel/host.ts';
import { show as showCommand } from '../../src/cli/commands/show.ts';
import { until, Yard } from '../support/engines.ts';
import { runCommand } from '../support/recorded.ts';
import { faults } from '../support/schemas.ts';
import { PLAIN_UID } from '../support/program.ts';
import { lacks } from '../support/requires.ts';
import { childrenOf, makeTarget, type TargetProcess } from '../support/targets.ts';

const host = linuxHost();

interface Page {
  readonly root: {
    readonly driver: string;
    readonly directory: string | null;
    readonly layers: readonly { role: string; directory: string; id: string; digest: string | null }[];
    readonly writable: Record<'directory' | 'disk_bytes' | 'content_bytes' | 'entries' | 'counted_all', unknown> | null;
  };
  readonly volumes: readonly Record<string, unknown>[];
  readonly gaps: readonly CountedGap[];
  readonly changes: readonly string[];
}

function page(pid: number): Page {
  const { fields, gaps } = show(host, { type: 'process', pid }, ['root', 'volumes', 'changes']);
  const values = Object.fromEntries(fields.map(({ key, value }) => [key, value]));
  const changes = fields.find(({ key }) => key === 'changes')?.lines ?? [];
  return { ...(values as unknown as Page), changes, gaps };
}

function diskBytes(folder: string): bigint {
  return BigInt(/^[0-9]+/.exec(spawnSync('du', ['-sxB1', folder], { encoding: 'utf8' }).stdout)?.[0] ?? -1);
}

const CHANGES = [
  'echo new >/data/new',
  'echo more >>/data/one',
  'rm /data/two',
  'rm -r /gone',
  // An opaque directory.
  'rm -r /again; mkdir /again; echo other >/again/y',
  'mkdir -p /a/b/c; echo deep >/a/b/c/d',
  'rm /turned; mkdir /turned; echo x >/turned/in',
  'rm -r /folder; echo a file >/folder',
  'chmod 700 /etc',
  'ln -s /etc/shadow /link',
  'busybox mkfifo /fifo',
  // Changed and as before: copied up, but no change.
  'busybox touch -r /same /tmp/stamp; echo >>/tmp/stamp; busybox chown 0:0 /same',
  'echo hard >/hard; busybox ln /hard /harder',
  'busybox touch "/$(busybox printf \'tab\\there\')" "/$(busybox printf \'\\377\')"',
].join('; ');

const LOWER = [
  'mkdir /data /gone /again /folder',
  'echo one >/data/one; echo two >/data/two; echo x >/gone/x; echo x >/again/x; echo y >/again/y; echo z >/folder/z',
  'echo same >/same; echo file >/turned',
].join(' && ');

describe.skipIf(lacks('root', 'busybox', 'docker'))('docker, its daemons killed', () => {
  let yard: Yard;
  let pid: number;
  let diff: readonly string[];
  let id: string;
  let inspected: {
    Id: string;
    SizeRw: number;
    GraphDriver: { Data: { LowerDir: string; UpperDir: string } };
    Mounts: readonly { Type: string; Name?: string; Source: string; Destination: string; RW: boolean }[];
  };
  let digests: readonly string[];

  beforeAll(async () => {
    yard = new Yard();
    const at = (name: string): string => join(yard.folder, name);
    const socket = `unix://${at('sock')}`;
    const quiet = ['--bridge=none', '--iptables=false', '--ip-masq=false', '--userland-proxy=false'];
    const places = ['--data-root', at('data'), '--exec-root', at('run'), '--pidfile', at('pid'), '-H', socket];
    const daemon = yard.daemon('dockerd', '--storage-driver=overlay2', ...places, ...quiet);
    await until(() => spawnSync('docker', ['-H', socket, 'info'], { stdio: 'ignore' }).status === 0);
    const docker = (...args: readonly string[]): string => yard.run('docker', '-H', socket, ...args);
    docker('import', yard.image, 'tiny:1');
    docker('run', '--network=none', '--name=base', 'tiny:1', 'sh', '-c', LOWER);
    docker('commit', 'base', 'tiny:2');
    docker(
      'run',
      '--network=none',
      '--name=more',
      'tiny:2',
      'sh',
      '-c',
      'echo three >/data/three; rm /data/one; echo 1 >/data/one',
    );
    docker('commit', 'more', 'tiny:3');
    mkdirSync(at('shared dir'));
    const mounts = ['-v', 'vol1:/vol', '-v', `${at('shared dir')}:/host dir:ro`, '-v', '/anon', '--tmpfs', '/fleeting'];
    docker('run', '-d', '--network=none', '--name=web', ...mounts, 'tiny:3', 'sleep', '1000');
    docker('exec', 'web', 'sh', '-c', CHANGES);
    pid = Number(docker('inspect', '-f', '{{.State.Pid}}', 'web'));
    diff = docker('diff', 'web').split('\n');
    [inspected] = JSON.parse(docker('inspect', '-s', 'web')) as [typeof inspected];
    id = inspected.Id;
    digests = JSON.parse(docker('inspect', '-f', '{{json .RootFS.Layers}}', 'tiny:3')) as readonly string[];
    const containerd = Number(readFileSync(at('run/containerd/containerd.pid'), 'utf8'));
    process.kill(daemon, 'SIGKILL');
    process.kill(containerd, 'SIGKILL');
    await until(() => !existsSync(`/proc/${containerd}`) || readFileSync(`/proc/${containerd}/cmdline`).length === 0);
  });

  afterAll(() => yard.close());

  it('has the layers that docker told, from the bottom up, with their digests', () => {
    const { root, gaps } = page(pid);
    const { LowerDir: lower, UpperDir: upper } = inspected.GraphDriver.Data;
    expect(gaps).toEqual([]);
    expect(root.driver).toBe('overlay2');
    expect(root.layers.map(({ directory }) => directory)).toEqual(lower.split(':').toReversed());
    expect(root.layers.map(({ role }) => role)).toEqual(['image', 'image', 'image', 'init']);
    expect(root.layers.map(({ digest }) => digest)).toEqual([...digests, null]);
    expect(root.writable?.directory).toBe(upper);
  });

  it('has the changes that docker diff listed', () => {
    // docker diff prints bytes; ours are lone surrogates where they are no UTF-8.
    const ours = page(pid).changes.map((line) => line.replaceAll(/[\uDC80-\uDCFF]/g, '\uFFFD'));
    expect(ours.toSorted()).toEqual([...diff].toSorted());
    expect(ours).toEqual(
      expect.arrayContaining(['D /again/x', 'C /again/y', 'C /turned', 'A /turned/in', 'C /folder']),
    );
    expect(ours).not.toContain('C /same');
  });

  it('answers as its schema says', async () => {
    const words = ['--json', '-o', 'name,outer,root,volumes,changes', String(pid)];
    const answer: unknown = JSON.parse((await runCommand(showCommand, words, { host })).stdout);
    expect(faults('show', answer)).toEqual([]);
  });

  it('has the size that du and docker tell', () => {
    const { writable } = page(pid).root;
    expect(writable?.disk_bytes).toBe(diskBytes(inspected.GraphDriver.Data.UpperDir));
    expect(writable?.counted_all).toBe(true);
    expect(writable?.content_bytes).toBe(BigInt(inspected.SizeRw));
  });

  it('has the volumes and binds that docker told', () => {
    const { volumes } = page(pid);
    const theirs = inspected.Mounts.map(({ Type, Name, Source, Destination, RW }) => ({
      type: Type,
      engine: 'docker',
      name: Name ?? null,
      source: Source,
      target: Destination,
      read_only: !RW,
    }));
    const byTarget = (a: Record<string, unknown>, b: Record<string, unknown>): number =>
      String(a['target']).localeCompare(String(b['target']));
    const ours = volumes.map(({ type, engine, name, source, target, read_only: readOnly }) => ({
      type,
      engine,
      name,
      source,
      target,
      read_only: readOnly,
    }));
    expect(ours.toSorted(byTarget)).toEqual(theirs.toSorted(byTarget));
  });

  it('says which file was half-written, and still has the directories', () => {
    const file = join(yard.folder, 'data/image/overlay2/layerdb/mounts', id, 'parent');
    const whole = readFileSync(file);
    writeFileSync(file, whole.subarray(0, 20));
    const { root, gaps } = page(pid);
    writeFileSync(file, whole);
    expect(root.layers.map(({ digest }) => digest)).toEqual([null, null, null, null]);
    expect(gaps).toMatchObject([{ reason: 'malformed', examples: [expect.stringContaining(file)] }]);
  });
});

describe.skipIf(lacks('root', 'busybox', 'docker'))('docker in docker, all daemons killed', () => {
  let yard: Yard;
  let outside: number;
  let inside: number;
  let told: { readonly lower: readonly string[]; readonly diff: readonly string[] };

  beforeAll(async () => {
    yard = new Yard();
    const at = (name: string): string => join(yard.folder, name);
    const socket = `unix://${at('sock')}`;
    const quiet = ['--bridge=none', '--iptables=false', '--ip-masq=false', '--userland-proxy=false'];
    const places = ['--data-root', at('data'), '--exec-root', at('run'), '--pidfile', at('pid'), '-H', socket];
    const daemon = yard.daemon('dockerd', '--storage-driver=overlay2', ...places, ...quiet);
    await until(() => spawnSync('docker', ['-H', socket, 'info'], { stdio: 'ignore' }).status === 0);
    const docker = (...args: readonly string[]): string => yard.run('docker', '-H', socket, ...args);
    docker('import', yard.image, 'tiny:1');
    // The programs of this machine, in a container that may mount.
    const programs = ['/usr:/usr:ro', '/usr/lib:/lib:ro', '/usr/lib64:/lib64:ro', '/usr/sbin:/sbin:ro'];
    const volumes = [...programs, 'kept:/var/lib/docker', `${yard.image}:/image.tar:ro`].flatMap((volume) => [
      '-v',
      volume,
    ]);
    const unconfined = ['seccomp=unconfined', 'apparmor=unconfined', 'systempaths=unconfined'];
    const rights = ['--cap-add=SYS_ADMIN', '--cap-add=NET_ADMIN', ...unconfined.map((one) => `--security-opt=${one}`)];
    const script = [
      'export PATH=/usr/bin:/usr/sbin:/bin:/sbin',
      'mount -o remount,rw /sys/fs/cgroup; for each in /sys/fs/cgroup/*; do mount -o remount,rw,bind $each; done',
      `exec dockerd --storage-driver=overlay2 ${quiet.join(' ')} -H unix:///sock >/log 2>&1`,
    ].join('\n');
    docker('run', '-d', '--network=none', '--name=node', ...rights, ...volumes, 'tiny:1', 'sh', '-c', script);
    const inNode = (...args: readonly string[]): string =>
      docker('exec', '-e', 'PATH=/usr/bin:/bin', 'node', 'docker', '-H', 'unix:///sock', ...args);
    await until(
      () =>
        spawnSync('docker', ['-H', socket, 'exec', 'node', '/usr/bin/docker', '-H', 'unix:///sock', 'info'], {
          stdio: 'ignore',
        }).status === 0,
    );
    inNode('import', '/image.tar', 'tiny:1');
    inNode('run', '-d', '--network=none', '--name=inner', '-v', 'deep:/deep', 'tiny:1', 'sleep', '1000');
    inNode('exec', 'inner', 'sh', '-c', 'echo x >/x; rm -r /tmp');
    const graph = JSON.parse(inNode('inspect', '-f', '{{json .GraphDriver.Data}}', 'inner')) as { LowerDir: string };
    told = { lower: graph.LowerDir.split(':').toReversed(), diff: inNode('diff', 'inner').split('\n') };
    const [, inPid = ''] = /^(.*)$/.exec(inNode('inspect', '-f', '{{.State.Pid}}', 'inner')) ?? [];
    outside = Number(docker('inspect', '-f', '{{.State.Pid}}', 'node'));
    inside = pidFromInside(outside, Number(inPid));
    const daemons = [Number(readFileSync(at('run/containerd/containerd.pid'), 'utf8')), daemon];
    for (const pid of daemons) process.kill(pid, 'SIGKILL');
  });

  afterAll(() => yard.close());

  it('has the layers of the inner one where they are on the host', () => {
    const { root, changes, gaps } = page(inside);
    const host = join(yard.folder, 'data/volumes/kept/_data');
    expect(gaps).toEqual([]);
    expect(root.layers.map(({ directory }) => directory)).toEqual(
      told.lower.map((path) => path.replace('/var/lib/docker', host)),
    );
    expect(root.layers.map(({ role, digest }) => [role, digest?.slice(0, 7)])).toEqual([
      ['image', 'sha256:'],
      ['init', undefined],
    ]);
    expect(root.writable?.disk_bytes).toBe(diskBytes(String(root.writable?.directory)));
    expect(changes.toSorted()).toEqual([...told.diff].toSorted());
  });

  it('has the volumes of both, and names both', () => {
    const host = join(yard.folder, 'data/volumes/kept/_data');
    expect(page(inside).volumes).toMatchObject([
      { name: 'deep', source: `${host}/volumes/deep/_data`, target: '/deep' },
    ]);
    expect(page(outside).volumes).toContainEqual(
      expect.objectContaining({ name: 'kept', source: host, target: '/var/lib/docker' }),
    );
    const { fields } = show(linuxHost(), { type: 'process', pid: inside }, ['name', 'outer']);
    expect(fields.map(({ lines }) => lines)).toEqual([['container:inner'], ['docker container:node']]);
  });
});

/** By the pids that a process has in each namespace. */
function pidFromInside(node: number, pid: number): number {
  const namespace = readlinkSync(`/proc/${node}/ns/pid`);
  for (const name of readdirSync('/proc').filter((entry) => /^[0-9]+$/.test(entry))) {
    try {
      const pids = /^NSpid:\s+(.*)$/m.exec(readFileSync(`/proc/${name}/status`, 'utf8'))?.[1]?.split('\t') ?? [];
      const parent = Number(/^PPid:\s+([0-9]+)$/m.exec(readFileSync(`/proc/${name}/status`, 'utf8'))?.[1]);
      if (Number(pids[1]) === pid && readlinkSync(`/proc/${parent}/ns/pid`) === namespace) return Number(name);
    } catch {
      // It has ended, or is closed to us.
    }
  }
  throw new Error(`no process ${pid} in ${namespace}`);
}

describe.skipIf(lacks('root', 'busybox', 'podman', 'runc'))('podman', () => {
  let yard: Yard;
  let pid: number;
  let upper: string;

  beforeAll(() => {
    yard = new Yard();
    const at = (name: string): string => join(yard.folder, name);
    writeFileSync(at('containers.conf'), '[containers]\ndefault_ulimits = ["nofile=256:256", "nproc=256:256"]\n');
    const places = ['--root', at('root'), '--runroot', at('run'), '--tmpdir', at('tmp')];
    const environment = ['env', `CONTAINERS_CONF=${at('containers.conf')}`];
    const options = [
      '--runtime=runc',
      '--cgroup-manager=cgroupfs',
      '--events-backend=file',
      '--storage-driver=overlay',
      ...places,
    ];
    const podman = (...args: readonly string[]): void => yard.engine(...environment, 'podman', ...options, ...args);
    podman('import', yard.image, 'tiny:1');
    podman('run', '--network=none', '--name=base', 'tiny:1', 'sh', '-c', LOWER);
    podman('commit', 'base', 'tiny:2');
    mkdirSync(at('shared'));
    podman(
      'run',
      '-d',
      '--network=none',
      '--name=web',
      '-v',
      'vol1:/vol:ro',
      '-v',
      `${at('shared')}:/shared`,
      'tiny:2',
      'sleep',
      '1000',
    );
    podman('exec', 'web', 'sh', '-c', CHANGES);
    podman('inspect', '-f', 'told {{.State.Pid}} {{.GraphDriver.Data.UpperDir}}', 'web');
    const [, told = '', directory = ''] = /^told ([0-9]+) (.*)$/m.exec(readFileSync(at('log'), 'utf8')) ?? [];
    pid = Number(told);
    upper = directory;
  });

  afterAll(() => yard.close());

  it('has layers, digests and changes', () => {
    const { root, gaps, changes } = page(pid);
    expect(gaps).toEqual([]);
    expect(root).toMatchObject({ driver: 'overlay', writable: { directory: upper, disk_bytes: diskBytes(upper) } });
    const list = JSON.parse(
      readFileSync(join(yard.folder, 'root/overlay-layers/layers.json'), 'utf8'),
    ) as readonly Record<string, string>[];
    const digests = list.flatMap((layer) => layer['diff-digest'] ?? []);
    expect(root.layers.map(({ digest }) => digest)).toEqual(digests);
    expect(root.layers).toHaveLength(2);
    expect(changes).toEqual(
      expect.arrayContaining([
        'A /data/new',
        'C /data/one',
        'D /data/two',
        'D /gone',
        'D /again/x',
        'C /again/y',
        'A /a/b/c/d',
        'C /folder',
      ]),
    );
    expect(changes).not.toContain('C /same');
  });

  it('has the volume by name and the bind by path', () => {
    const { volumes } = page(pid);
    expect(volumes).toHaveLength(2);
    expect(volumes).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          type: 'bind',
          source: join(yard.folder, 'shared'),
          target: '/shared',
          read_only: false,
        }),
        expect.objectContaining({
          type: 'volume',
          engine: 'podman',
          name: 'vol1',
          source: join(yard.folder, 'root/volumes/vol1/_data'),
          target: '/vol',
          read_only: true,
        }),
      ]),
    );
  });
});

/** `folder` is a directory of ours; in the mount namespace of the shell that is told a file system of its own is on it. */
async function makeOverlay(folder: string, lower: string, uid?: number, after = ':'): Promise<TargetProcess> {
  const busybox = spawnSync('sh', ['-c', 'command -v busybox'], { encoding: 'utf8' }).stdout.trim();
  const option = lower.replaceAll(/[:,\\]/g, (character) => `\\${character}`);
  const script = [
    `mount -t tmpfs -o mode=755 tmpfs '${folder}' && cd '${folder}' && mkdir -p '${lower}/bin' '${lower}/old' up wk m`,
    `cp ${busybox} '${lower}/bin/sleep' && ln -s /etc '${lower}/link'`,
    `mount -t overlay overlay -o 'lowerdir=${folder}/${option},upperdir=${folder}/up,workdir=${folder}/wk' m`,
    `echo new >m/new && rmdir m/old`,
    `cd / && { unshare --mount --root='${folder}/m' /bin/sleep 1000 & }`,
    `while [ "$(readlink /proc/$!/root)" = / ]; do sleep 0.05; done; ${after}; echo >'${folder}/ready'; wait`,
  ].join('\n');
  const user = uid === undefined ? [] : ['--user', '-r'];
  const options = [...user, '--mount', '--pid', '--mount-proc', '--fork', '--kill-child'];
  const target = await makeTarget(options, uid, ['sh', '-c', script]);
  await until(() => existsSync(`/proc/${target.pid}/root${folder}/ready`));
  return target;
}

function childOf(target: TargetProcess): number {
  return Number(childrenOf(target.pid)[0]);
}

describe.skipIf(lacks('root', 'busybox', 'unshare', 'namespaces'))('an overlay made by hand', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync('/tmp/nstool-overlay-');
    chmodSync(folder, 0o777);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each([
    ['lo', undefined],
    ['l o:w,e\\r', undefined],
    ['lo', PLAIN_UID],
  ])('below a directory that only its maker sees, named %j, made by %s', async (lower, uid) => {
    const target = await makeOverlay(folder, lower, uid);
    try {
      const { root, changes, gaps } = page(childOf(target));
      const base = `/proc/${target.pid}/root${folder}`;
      expect(gaps).toEqual([]);
      expect(root).toMatchObject({
        driver: 'overlay',
        layers: [{ role: 'image', directory: `${base}/${lower}`, id: null, digest: null }],
        writable: { directory: `${base}/up`, entries: 2, content_bytes: 4n },
      });
      expect(existsSync(`${root.layers[0]?.directory}/bin/sleep`)).toBe(true);
      expect(changes).toEqual(['A /new', 'D /old']);
    } finally {
      await target.end();
    }
  });

  it('does not take our directory for that of a plain user who called his the same', async () => {
    mkdirSync(join(folder, 'up'));
    writeFileSync(join(folder, 'up/secret'), '');
    const target = await makeOverlay(folder, 'lo', PLAIN_UID, `umount -l '${folder}'`);
    try {
      const { root, changes, gaps } = page(childOf(target));
      expect(root.writable).toMatchObject({ entries: null, disk_bytes: null });
      expect(changes).toEqual(['-']);
      expect(gaps).toContainEqual(expect.objectContaining({ subject: 'writable layer', reason: 'denied' }));
    } finally {
      await target.end();
    }
  });
});

describe('a tree that is swapped for a link while it is walked', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync('/tmp/nstool-tree-');
    mkdirSync(join(folder, 'tree/sub/deep'), { recursive: true });
    mkdirSync(join(folder, 'outside/deep'), { recursive: true });
    writeFileSync(join(folder, 'tree/sub/deep/inside'), '');
    writeFileSync(join(folder, 'outside/deep/outside'), '');
    symlinkSync(join(folder, 'outside'), join(folder, 'tree/link'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const query = (path: string): TreeQuery => ({ root: join(folder, 'tree'), path, deep: true, limit: 1000 });

  it('is never left', () => {
    const swap = 'while :; do mv sub kept; mv link sub; mv sub link; mv kept sub; done';
    const child = spawn('sh', ['-c', swap], { cwd: join(folder, 'tree'), stdio: 'ignore' });
    try {
      let seen = 0;
      for (let count = 0; count < 3000; count += 1) {
        for (const path of ['', 'sub']) {
          const listed = host.tree(query(path));
          const paths = listed.ok ? listed.value.entries.map((entry) => entry.path) : [];
          expect(paths.filter((each) => each.endsWith('outside'))).toEqual([]);
          seen += paths.filter((each) => each.endsWith('inside')).length;
        }
      }
      expect(seen).toBeGreaterThan(0);
    } finally {
      child.kill('SIGKILL');
    }
  });

  it('ends at a link, a FIFO and a limit', () => {
    writeFileSync(join(folder, 'file'), '');
    expect(host.tree(query('link'))).toMatchObject({ gap: { reason: 'gone' } });
    expect(host.tree(query('../outside')).ok).toBe(false);
    expect(host.tree({ ...query(''), root: join(folder, 'file') })).toMatchObject({ gap: { errno: 'ENOTDIR' } });
    expect(host.tree({ ...query(''), limit: 1 })).toMatchObject({ value: { cut: true, entries: [{}] } });
  });

  it('keeps a base, whatever a link says', () => {
    symlinkSync('/etc', join(folder, 'tree/absolute'));
    symlinkSync('../../../../etc', join(folder, 'tree/relative'));
    mkdirSync(join(folder, 'tree/etc'));
    writeFileSync(join(folder, 'tree/etc/own'), '');
    for (const root of ['/absolute', '/relative', '/../../tree/etc/../etc']) {
      const listed = host.tree({ base: join(folder, 'tree'), root, path: '', deep: true, limit: 10 });
      if (root.startsWith('/..')) expect(listed.ok).toBe(false);
      else expect(listed).toMatchObject({ value: { entries: [{ path: 'own' }] } });
    }
  });
});
