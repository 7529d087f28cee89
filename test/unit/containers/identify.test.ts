// Identities on machines in memory. What the engines' files hold was taken from docker 20.10, podman 4.3, containerd 1.6
// and LXC 5.0 on Debian 12; CRI-O's and Kubernetes' annotations are those of their sources.

import { describe, expect, it } from 'vitest';
import { containerName, displayName } from '../../../src/containers/display-name.ts';
import { dockerContainersNamed } from '../../../src/containers/stopped.ts';
import { identifyProcess, IdentityResolver } from '../../../src/containers/identify.ts';
import { nobody, type Identity } from '../../../src/containers/identity.ts';
import { aProcess, excerpts, fakeFiles, type Entry } from './fake-files.ts';

const A = '0bc09cb762758fc6383d6d25eace76afb1d4e04b8f89e430393ac0296bc09f9d';
const B = 'bfa40d4ec248007be8bd603002bd80d9f05ed6a466907433d0adba8efb4200b2';
const POD = '5ad6a7c1-0a2b-4c3d-8e4f-001122334455';
const OWN_MOUNTS = { '/proc/self/mountinfo': '22 1 254:0 / / rw - ext4 /dev/vda rw\n' };

function identify(entries: Readonly<Record<string, Entry>>, pid = 7): Identity {
  const files = fakeFiles({ ...OWN_MOUNTS, ...entries });
  const identity = identifyProcess(files, pid);
  if (!identity.ok) throw new Error(JSON.stringify(identity.gap));
  // What is not in the excerpts nobody needs.
  expect(identifyProcess(excerpts(files), pid)).toEqual(identity);
  return identity.value;
}

function dockerConfig(id: string, name: string, more: object = {}): string {
  return JSON.stringify({
    State: { Running: true, Pid: 7 },
    ID: id,
    Config: { Hostname: id.slice(0, 12), Env: ['PASSWORD=secret'], Image: 'tiny:1', Labels: {}, ...more },
    Image: 'sha256:01d0df78',
    Name: `/${name}`,
  });
}

function dockerFiles(root: string, id: string, name: string): Record<string, Entry> {
  return {
    [`${root}/containers/${id}/config.v2.json`]: dockerConfig(id, name),
    [`${root}/containers/${id}/hostconfig.json`]: '{"Runtime":"runc"}',
    [`${root}/containers/${id}/hostname`]: 'x\n',
  };
}

function mounted(root: string, id: string): string {
  return `251 226 0:52 / / rw master:6 - overlay overlay rw\n269 251 254:0 ${root}/containers/${id}/hostname /etc/hostname rw - ext4 /dev/vda rw\n`;
}

describe('docker', () => {
  it('is named by its files, the usual ones', () => {
    const identity = identify({
      ...aProcess(7, { cgroup: `/docker/${A}` }),
      ...dockerFiles('/var/lib/docker', A, 'web'),
    });
    expect(identity).toEqual({
      ...nobody,
      folder: { path: '/var/lib/docker' },
      engine: 'docker',
      id: A,
      name: 'web',
      image: 'tiny:1',
      role: 'payload',
      evidence: 'cgroup',
    });
    expect(displayName(identity)).toBe('container:web');
  });

  it('is found where /etc/docker/daemon.json says', () => {
    const identity = identify({
      ...aProcess(7, { cgroup: `/docker/${A}` }),
      '/etc/docker/daemon.json': '{"data-root": "/srv/docker"}',
      ...dockerFiles('/srv/docker', A, 'web'),
    });
    expect(identity.name).toBe('web');
  });

  it('is found where the running daemon was told to keep it', () => {
    const identity = identify({
      ...aProcess(7, { cgroup: `/docker/${A}` }),
      ...aProcess(9, {
        cgroup: '/system.slice/docker.service',
        cmdline: ['/usr/sbin/dockerd', '--data-root=/srv/docker'],
      }),
      ...dockerFiles('/srv/docker', A, 'web'),
    });
    expect(identity.name).toBe('web');
  });

  it('is found, with the daemon dead, by what is mounted into it, and so are its neighbours', () => {
    const files = fakeFiles({
      ...OWN_MOUNTS,
      ...aProcess(7, { cgroup: `/docker/${A}`, mounts: mounted('/srv/docker', A) }),
      ...aProcess(8, { cgroup: `/docker/${B}` }),
      ...dockerFiles('/srv/docker', A, 'web'),
      ...dockerFiles('/srv/docker', B, 'db'),
    });
    const resolver = new IdentityResolver(files);
    expect(resolver.identify(7)).toMatchObject({ value: { name: 'web', gaps: [] } });
    expect(resolver.identify(8)).toMatchObject({ value: { name: 'db', gaps: [] } });
  });

  it('may have its data on a file system of its own', () => {
    const identity = identify({
      ...aProcess(7, { cgroup: `/docker/${A}`, mounts: mounted('', A).replace('254:0', '8:1') }),
      '/proc/self/mountinfo': '22 1 254:0 / / rw - ext4 /dev/vda rw\n23 22 8:1 / /data/docker rw - ext4 /dev/sda rw\n',
      ...dockerFiles('/data/docker', A, 'web'),
    });
    expect(identity.name).toBe('web');
  });

  it("runs rootless below the user's own systemd, with its files in his home", () => {
    const cgroup = `/user.slice/user-1000.slice/user@1000.service/user.slice/docker-${A}.scope`;
    const home = '/home/eve/.local/share/docker/containers';
    const identity = identify({
      ...aProcess(7, { cgroup }),
      '/etc/passwd': 'root:x:0:0::/root:/bin/sh\neve:x:1000:1000::/home/eve:/bin/sh\n',
      [`${home}/${A}/config.v2.json`]: { text: dockerConfig(A, 'mine'), uid: 1000 },
      // A user can name a cgroup of his after root's container.
      ...dockerFiles('/var/lib/docker', A, 'theirs'),
    });
    expect(identity).toMatchObject({ name: 'mine', uid: 1000 });
  });

  it('in a sandbox has the runtime in its configuration', () => {
    const files = dockerFiles('/var/lib/docker', A, 'web');
    files[`/var/lib/docker/containers/${A}/hostconfig.json`] = '{"Runtime":"runsc"}';
    expect(identify({ ...aProcess(7, { cgroup: `/docker/${A}` }), ...files }).sandbox).toBe('gvisor');
  });

  it('of Kubernetes is named by its labels', () => {
    const labels = {
      'io.kubernetes.container.name': 'app',
      'io.kubernetes.pod.name': 'web-0',
      'io.kubernetes.pod.namespace': 'shop',
      'io.kubernetes.pod.uid': POD,
    };
    const identity = identify({
      ...aProcess(7, { cgroup: `/kubepods/burstable/pod${POD}/${A}` }),
      [`/var/lib/docker/containers/${A}/config.v2.json`]: dockerConfig(A, 'k8s_app_web-0_shop', { Labels: labels }),
    });
    expect(identity).toMatchObject({ engine: 'docker', name: 'app', pod: 'web-0', podNamespace: 'shop', podUid: POD });
    expect(displayName(identity)).toBe('pod:shop/web-0');
  });
});

describe('a file of an engine that cannot be used is a gap, and the rest is told', () => {
  const file = `/var/lib/docker/containers/${A}/config.v2.json`;
  const withConfig = (entry: Entry): Identity =>
    identify({ ...aProcess(7, { cgroup: `/docker/${A}` }), [file]: entry });
  const whole = dockerConfig(A, 'web');

  it.each<[name: string, entry: Entry, reason: string]>([
    ['half-written', whole.slice(0, -20), 'malformed'],
    ['empty', '', 'malformed'],
    ['no JSON', 'x', 'malformed'],
    ['of another container', dockerConfig(B, 'web'), 'malformed'],
    ['deep', '['.repeat(100_000), 'malformed'],
    ['deep and whole', `${'['.repeat(5000)}${']'.repeat(5000)}`, 'malformed'],
    ['huge', { text: new Uint8Array(65 * 1024 * 1024).fill(0x20) }, 'malformed'],
    ['a FIFO', { text: whole, mode: 0o010_644 }, 'malformed'],
    ['a device', { text: whole, mode: 0o020_644 }, 'malformed'],
    ['denied', { errno: 'EACCES' }, 'denied'],
  ])('%s', (_, entry, reason) => {
    const identity = withConfig(entry);
    expect(identity).toMatchObject({ engine: 'docker', id: A, name: null, role: 'payload' });
    expect(identity.gaps).toMatchObject([{ reason, what: file }]);
    expect(JSON.stringify(identity.gaps)).not.toContain('secret');
    expect(displayName(identity)).toBe(`container:${A.slice(0, 12)}`);
  });

  it.each([
    '{"ID":5}',
    'null',
    '[]',
    '"x"',
    '5',
    `{"ID":"${A}","Name":{"a":1},"Config":[]}`,
    `{"ID":"${A}","__proto__":{"Name":"x"}}`,
  ])('of an odd shape: %s', (text) => {
    expect(withConfig(text)).toMatchObject({ engine: 'docker', id: A, name: null, image: null });
  });

  it.each([
    ['Name', `{"ID":"${A}","Name":["a"],"Config":null}`],
    ['Name', `{"ID":"${A}"}`],
    ['Config', `{"ID":"${A}","Name":"/a","Config":null}`],
    ['Config.Image', `{"ID":"${A}","Name":"/a","Config":{"Image":{}}}`],
  ])('with a wrong %s: %s', (where, text) => {
    expect(withConfig(text).gaps).toEqual([
      { reason: 'malformed', what: file, line: 1, text: expect.stringMatching(new RegExp(`^${where} is no `)) },
    ]);
  });

  it('is told once, also where clues lead to it again', () => {
    const broken = { [file]: whole.slice(0, -20), [`/var/lib/docker/containers/${A}/hostname`]: 'x\n' };
    const mounts = mounted('/var/lib/docker', A);
    const identity = identify({ ...aProcess(7, { cgroup: `/docker/${A}`, mounts }), ...broken });
    expect(identity.gaps).toMatchObject([{ reason: 'malformed', what: file }]);
  });

  it('that was removed is said to be gone', () => {
    const identity = identify(aProcess(7, { cgroup: `/docker/${A}` }));
    expect(identity.gaps).toMatchObject([{ reason: 'gone', what: file }]);
  });

  it('in the home of a user must be his own: a link leads anywhere', () => {
    const cgroup = `/user.slice/user-1000.slice/user@1000.service/docker-${A}.scope`;
    const identity = identify({
      ...aProcess(7, { cgroup }),
      '/etc/passwd': 'eve:x:1000:1000::/home/eve:/bin/sh\n',
      [`/home/eve/.local/share/docker/containers/${A}/config.v2.json`]: { text: whole, uid: 0 },
    });
    expect(identity).toMatchObject({ name: null, gaps: [{ reason: 'denied' }] });
  });

  it('names are passed on as they are', () => {
    const hostile = 'we\u001B[2Jb\n\u202E"\\../../etc';
    expect(withConfig(dockerConfig(A, hostile)).name).toBe(hostile);
  });
});

const STORAGE = '/var/lib/containers/storage';

function storageList(...containers: readonly (readonly [id: string, name: string])[]): string {
  return JSON.stringify(
    containers.map(([id, name]) => ({
      id,
      names: [name],
      image: 'eb33362b',
      metadata: JSON.stringify({ 'image-name': 'localhost/tiny:1', name }),
    })),
  );
}

describe('podman', () => {
  it('is named by the list of its storage, which is read once', () => {
    const list = `${STORAGE}/overlay-containers/containers.json`;
    const files = fakeFiles({
      ...OWN_MOUNTS,
      ...aProcess(7, { cgroup: `/machine.slice/libpod-${A}.scope/container` }),
      ...aProcess(8, { cgroup: `/machine.slice/libpod-${B}.scope/container` }),
      ...aProcess(9, { cgroup: `/machine.slice/libpod-conmon-${B}.scope` }),
      [list]: storageList([A, 'web'], [B, 'db']),
    });
    const resolver = new IdentityResolver(files);
    expect(resolver.identify(7)).toMatchObject({ value: { engine: 'podman', name: 'web', image: 'localhost/tiny:1' } });
    expect(resolver.identify(8)).toMatchObject({ value: { name: 'db', role: 'payload' } });
    const monitor = resolver.identify(9);
    expect(monitor).toMatchObject({ value: { name: 'db', role: 'monitor' } });
    expect(monitor.ok && [displayName(monitor.value), containerName(monitor.value)]).toEqual([
      `unit:libpod-conmon-${B}.scope`,
      'container:db',
    ]);
    expect(files.reads.get(list)).toBe(1);
  });

  it('has the name of a pod in its database only', () => {
    const database = `\0\0junk${JSON.stringify({ id: B, name: 'mypod', labels: {} })}\u0001\0`;
    const identity = identify({
      ...aProcess(7, { cgroup: `/libpod_parent/${B}/libpod-${A}` }),
      [`${STORAGE}/overlay-containers/containers.json`]: storageList([A, 'web']),
      [`${STORAGE}/libpod/bolt_state.db`]: database,
    });
    expect(identity).toMatchObject({ name: 'web', pod: 'mypod', podNamespace: null, podUid: B });
  });

  it('removes by itself a container that is in the list of the run root', () => {
    const identity = identify({
      ...aProcess(7, { cgroup: `/libpod_parent/libpod-${A}` }),
      [`${STORAGE}/overlay-containers/containers.json`]: storageList(),
      [`${STORAGE}/overlay-containers/${A}/userdata/config.json`]: '{"annotations":{"io.container.manager":"libpod"}}',
      '/run/containers/storage/overlay-containers/volatile-containers.json': storageList([A, 'brief']),
    });
    expect(identity).toMatchObject({ engine: 'podman', name: 'brief' });
  });

  it('is found where storage.conf says, with any driver', () => {
    const identity = identify({
      ...aProcess(7, { cgroup: `/libpod_parent/libpod-${A}` }),
      '/etc/containers/storage.conf': '[storage]\ndriver = "vfs"\n# graphroot = "/no"\ngraphroot = "/srv/storage"\n',
      '/srv/storage/vfs-containers/containers.json': storageList([A, 'web']),
    });
    expect(identity.name).toBe('web');
  });

  it('is found, with no file in its usual place, by the conmon it left', () => {
    const bundle = `/srv/p/overlay-containers/${A}/userdata`;
    const identity = identify({
      ...aProcess(7, { cgroup: `/libpod_parent/libpod-${A}`, ppid: 6 }),
      ...aProcess(6, {
        cgroup: '/',
        cmdline: ['/usr/bin/conmon', '-c', A, '-b', bundle, '--exit-command', '/usr/bin/podman'],
      }),
      '/srv/p/overlay-containers/containers.json': storageList([A, 'web']),
    });
    expect(identity.name).toBe('web');
  });

  it('without root and without cgroups is told by its mounts, and is of the user who owns them', () => {
    const run = '/run/user/1000/containers';
    const mounts = `251 226 0:52 / / rw - fuse fuse rw\n270 251 0:30 /1000/containers/overlay-containers/${A}/userdata/hostname /etc/hostname rw - tmpfs tmpfs rw\n`;
    const identity = identify({
      ...aProcess(7, { cgroup: '/user.slice/user-1000.slice/session-3.scope', mounts, uid: 1000 }),
      '/proc/self/mountinfo': '22 1 254:0 / / rw - ext4 /dev/vda rw\n24 22 0:30 / /run/user rw - tmpfs tmpfs rw\n',
      '/etc/passwd': 'eve:x:1000:1000::/home/eve:/bin/sh\n',
      [`${run}/overlay-containers/${A}/userdata/hostname`]: { text: 'x', uid: 1000 },
      '/home/eve/.local/share/containers/storage/overlay-containers/containers.json': {
        text: storageList([A, 'mine']),
        uid: 1000,
      },
      [`${STORAGE}/overlay-containers/containers.json`]: storageList([A, 'theirs']),
    });
    expect(identity).toMatchObject({
      engine: 'podman',
      name: 'mine',
      uid: 1000,
      evidence: 'mounts',
      role: 'payload',
      unit: 'session-3.scope',
    });
  });
});

describe('Kubernetes', () => {
  const slice = `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${POD.replaceAll('-', '_')}.slice`;
  const annotations = {
    'io.kubernetes.cri.container-name': 'app',
    'io.kubernetes.cri.container-type': 'container',
    'io.kubernetes.cri.image-name': 'registry.example/app:2',
    'io.kubernetes.cri.sandbox-name': 'web-0',
    'io.kubernetes.cri.sandbox-namespace': 'shop',
    'io.kubernetes.cri.sandbox-uid': POD,
  };
  const task = `/run/containerd/io.containerd.runtime.v2.task/k8s.io/${A}`;

  it("by containerd has its names in the task's annotations", () => {
    const identity = identify({
      ...aProcess(7, { cgroup: `${slice}/cri-containerd-${A}.scope` }),
      [`${task}/config.json`]: JSON.stringify({ annotations }),
      [`${task}/shim-binary-path`]: '/usr/bin/containerd-shim-runc-v2',
    });
    expect(identity).toMatchObject({
      engine: 'containerd',
      name: 'app',
      image: 'registry.example/app:2',
      pod: 'web-0',
      podNamespace: 'shop',
      podUid: POD,
      qos: 'burstable',
      sandbox: null,
    });
    expect(displayName(identity)).toBe('pod:shop/web-0');
  });

  it('by k3s has its containerd elsewhere', () => {
    const identity = identify({
      ...aProcess(7, { cgroup: `/kubepods/burstable/pod${POD}/${A}` }),
      [`/run/k3s/containerd/io.containerd.runtime.v2.task/k8s.io/${A}/config.json`]: JSON.stringify({ annotations }),
    });
    expect(identity).toMatchObject({ engine: 'containerd', pod: 'web-0' });
  });

  it.each([
    ['/usr/bin/containerd-shim-kata-v2', 'kata'],
    ['/usr/local/bin/containerd-shim-runsc-v1', 'gvisor'],
  ])('in a sandbox is told by the shim %s', (shim, sandbox) => {
    const identity = identify({
      ...aProcess(7, { cgroup: `${slice}/cri-containerd-${A}.scope` }),
      [`${task}/config.json`]: JSON.stringify({ annotations }),
      [`${task}/shim-binary-path`]: shim,
    });
    expect(identity.sandbox).toBe(sandbox);
  });

  it("by CRI-O has its names in the container's annotations", () => {
    const told = {
      'io.container.manager': 'cri-o',
      'io.kubernetes.cri-o.Name': `k8s_app_web-0_shop_${POD}_0`,
      'io.kubernetes.cri-o.ImageName': 'registry.example/app:2',
      'io.kubernetes.cri-o.RuntimeHandler': 'kata-qemu',
    };
    const identity = identify({
      ...aProcess(7, { cgroup: `${slice}/crio-${A}.scope/container` }),
      [`/run/containers/storage/overlay-containers/${A}/userdata/config.json`]: JSON.stringify({ annotations: told }),
    });
    expect(identity).toMatchObject({
      engine: 'cri-o',
      name: 'app',
      image: 'registry.example/app:2',
      pod: 'web-0',
      podNamespace: 'shop',
      podUid: POD,
      sandbox: 'kata',
    });
  });

  it('has a container for the namespaces of a pod, without a name', () => {
    const told = { ...annotations, 'io.kubernetes.cri.container-type': 'sandbox' };
    const identity = identify({
      ...aProcess(7, { cgroup: `${slice}/cri-containerd-${A}.scope` }),
      [`${task}/config.json`]: JSON.stringify({ annotations: told }),
    });
    expect(identity).toMatchObject({ name: null, pod: 'web-0' });
  });

  it("has shims in the pod's cgroup: monitors of the pod", () => {
    const shim = ['/usr/bin/containerd-shim-runc-v2', '-namespace', 'k8s.io', '-id', A];
    const identity = identify({
      ...aProcess(7, { cgroup: `/kubepods/burstable/pod${POD}`, cmdline: shim }),
      [`${task}/config.json`]: JSON.stringify({ annotations }),
    });
    expect(identity).toMatchObject({
      engine: 'containerd',
      role: 'monitor',
      pod: 'web-0',
      podUid: POD,
      qos: 'burstable',
    });
  });

  it('in kind is in a container of docker, whose files the inner engine has', () => {
    const node = `/docker/${B}`;
    const inner = `/proc/6/root/run/containerd/io.containerd.runtime.v2.task/k8s.io/${A}/config.json`;
    const identity = identify({
      ...aProcess(7, {
        cgroup: `${node}/kubelet.slice${slice.replaceAll('kubepods', 'kubelet-kubepods')}/cri-containerd-${A}.scope`,
        ppid: 6,
      }),
      ...aProcess(6, { cgroup: `${node}/system.slice/containerd.service`, ppid: 5 }),
      ...dockerFiles('/var/lib/docker', B, 'kind-control-plane'),
      [inner]: JSON.stringify({ annotations }),
      // Not this one: the host's own containerd has nothing to do with it.
      [`${task}/config.json`]: JSON.stringify({ annotations: { 'io.kubernetes.cri.container-name': 'wrong' } }),
    });
    expect(identity).toMatchObject({ engine: 'containerd', name: 'app', pod: 'web-0', podUid: POD });
    expect(identity.outer).toMatchObject([{ engine: 'docker', id: B, name: 'kind-control-plane', outer: [] }]);
  });

  it('from inside, where the cgroup tells nothing, is told by its mounts', () => {
    const mounts = [
      `270 251 254:0 /var/lib/kubelet/pods/${POD}/etc-hosts /etc/hosts rw - ext4 /dev/vda rw`,
      `271 251 254:0 /var/lib/kubelet/pods/${POD}/containers/app/1f2e3d4c /dev/termination-log rw - ext4 /dev/vda rw`,
      `272 251 254:0 /var/lib/containerd/io.containerd.grpc.v1.cri/sandboxes/${B}/hostname /etc/hostname rw - ext4 /dev/vda rw`,
    ].join('\n');
    const identity = identify({
      ...aProcess(7, { cgroup: '/', mounts: `${mounts}\n` }),
      '/proc/self/mountinfo': `${mounts}\n`,
      '/etc/hosts': '127.0.0.1 localhost\n',
    });
    expect(identity).toMatchObject({ engine: 'containerd', id: null, name: 'app', podUid: POD, evidence: 'mounts' });
  });
});

describe('containerd by ctr', () => {
  const cgroup = '/prod/my:web';

  it('has a cgroup of two words that only its files know', () => {
    const task = '/run/containerd/io.containerd.runtime.v2.task/prod/my:web';
    expect(identify({ ...aProcess(7, { cgroup }), [`${task}/config.json`]: '{}' })).toMatchObject({
      engine: 'containerd',
      id: 'my:web',
      name: 'my:web',
      role: 'payload',
      evidence: 'cgroup',
    });
    expect(identify(aProcess(7, { cgroup }))).toEqual(nobody);
  });

  it('is found by its shim, if the shim is root’s', () => {
    const cwd = '/srv/c/io.containerd.runtime.v2.task/prod/my:web';
    const shim = { cgroup: '/', cmdline: ['containerd-shim-runc-v2', '-namespace', 'prod', '-id', 'my:web'], cwd };
    const files = { ...aProcess(7, { cgroup, ppid: 6 }), [`${cwd}/config.json`]: '{}' };
    expect(identify({ ...files, ...aProcess(6, shim) })).toMatchObject({ name: 'my:web', role: 'payload' });
    expect(identify({ ...files, ...aProcess(6, { ...shim, uid: 1000 }) }).role).toBe('none');
  });
});

describe('LXC and its kin', () => {
  it.each([
    ['/var/lib/lxc/web/config', 'web', 'lxc', 'web'],
    ['/var/lib/lxc/web/config', 'web-3', 'lxc', 'web'],
    ['/var/lib/lxc/web-3/config', 'web-3', 'lxc', 'web-3'],
    ['/var/lib/lxc/my_web/config', 'my_web', 'lxc', 'my_web'],
    ['/var/lib/incus/containers/dev_web/backup.yaml', 'dev_web', 'incus', 'web'],
    ['/var/lib/lxd/containers/web/backup.yaml', 'web', 'lxd', 'web'],
    ['/nothing', 'web', 'lxc', 'web'],
  ])('%s, cgroup %s: %s %s', (file, cgroup, engine, name) => {
    const identity = identify({ ...aProcess(7, { cgroup: `/lxc.payload.${cgroup}` }), [file]: '' });
    expect(identity).toMatchObject({ engine, id: cgroup, name, role: 'payload', gaps: [] });
  });
});

describe('gVisor', () => {
  it('is told by its process within the cgroup where no file tells', () => {
    const cmdline = ['runsc-sandbox', '--root=/run/runsc', 'boot', A];
    expect(identify(aProcess(7, { cgroup: `/X/${A}`, cmdline }))).toMatchObject({ sandbox: 'gvisor', role: 'payload' });
    const files = dockerFiles('/var/lib/docker', A, 'web');
    // A container's process may be called so.
    expect(identify({ ...aProcess(7, { cgroup: `/X/${A}`, cmdline }), ...files }).sandbox).toBeNull();
  });
});

describe('a monitor', () => {
  it('of LXC has the name where the folder of containers is not the usual one', () => {
    const identity = identify({
      ...aProcess(7, { cgroup: '/lxc.payload.web-2', ppid: 6 }),
      ...aProcess(6, { cgroup: '/lxc.monitor.web-2', cmdline: ['[lxc monitor] /srv/lxc web'] }),
    });
    expect(identity).toMatchObject({ engine: 'lxc', id: 'web-2', name: 'web', role: 'payload' });
  });

  it('of podman has the name where the storage is denied', () => {
    const identity = identify({
      ...aProcess(7, { cgroup: `/machine.slice/libpod-${A}.scope`, ppid: 6 }),
      ...aProcess(6, { cgroup: `/machine.slice/libpod-conmon-${A}.scope`, cmdline: ['conmon', '-c', A, '-n', 'web'] }),
      [STORAGE]: { errno: 'EACCES' },
    });
    expect(identity).toMatchObject({ name: 'web', gaps: [{ reason: 'denied' }] });
  });
});

describe('nspawn', () => {
  it('has its directory in the notes of machined', () => {
    const identity = identify({
      ...aProcess(7, { cgroup: '/machine.slice/systemd-nspawn@web.service/payload' }),
      '/run/systemd/machines/web': 'NAME=web\nSCOPE=machine-web.scope\nROOT=/var/lib/machines/web\n',
    });
    expect(identity).toMatchObject({ engine: 'nspawn', name: 'web', image: '/var/lib/machines/web' });
  });

  it('without a unit of its own is told by its mounts', () => {
    const mounts =
      '7377 7375 254:0 /run/systemd/nspawn/propagate/web /run/host/incoming ro master:18 - ext4 /dev/vda rw\n';
    const identity = identify({
      ...aProcess(7, { cgroup: '/payload', mounts }),
      '/run/systemd/nspawn/propagate/web': '',
    });
    expect(identity).toMatchObject({ engine: 'nspawn', name: 'web', evidence: 'mounts' });
  });
});

describe('a process outside of the cgroup', () => {
  it('that entered the mount namespace is told by its mounts, and keeps its own unit', () => {
    const identity = identify({
      ...aProcess(7, { cgroup: '/system.slice/ssh.service', mounts: mounted('/var/lib/docker', A) }),
      ...dockerFiles('/var/lib/docker', A, 'web'),
    });
    expect(identity).toMatchObject({ name: 'web', role: 'payload', evidence: 'mounts', unit: 'ssh.service' });
  });

  it('that mounts files of its own like an engine does is that of its user, not the container', () => {
    const identity = identify({
      ...aProcess(7, {
        cgroup: '/user.slice/user-1000.slice/session-1.scope',
        mounts: mounted('/home/eve/x', A),
        uid: 1000,
      }),
      ...dockerFiles('/var/lib/docker', A, 'theirs'),
      [`/home/eve/x/containers/${A}/hostname`]: { text: '', uid: 1000 },
      [`/home/eve/x/containers/${A}/config.v2.json`]: { text: dockerConfig(A, 'theirs'), uid: 0 },
    });
    expect(identity).toMatchObject({ name: null, uid: 1000 });
  });

  it('that is a monitor is told by its command line', () => {
    const commands: readonly (readonly [readonly string[], Partial<Identity>])[] = [
      [['/usr/bin/containerd-shim-runc-v2', '-namespace', 'moby', '-id', A], { engine: 'docker', id: A }],
      [['containerd-shim-kata-v2', '-namespace', 'k8s.io', '-id', A], { engine: 'containerd', id: A, sandbox: 'kata' }],
      [['conmon', '--cid', A, '-n', 'web', '--exit-command', '/usr/bin/podman'], { engine: 'podman', name: 'web' }],
      [['conmon', '-c', A, '-n', 'k8s_app', '--exit-dir=/var/run/crio/exits'], { engine: 'cri-o', id: A }],
      [['[lxc monitor] /var/lib/lxc web'], { engine: 'lxc', name: 'web' }],
      [['systemd-nspawn', '-D', '/var/lib/machines/web/', '/bin/sh'], { engine: 'nspawn', name: 'web' }],
      [['runsc-sandbox', '--root=/run/runsc', 'boot', A], { engine: null, id: A, sandbox: 'gvisor' }],
      [['/usr/bin/qemu-system-x86_64', '-name', `sandbox-${A}`], { engine: 'cri', id: A, sandbox: 'kata' }],
      [['virtiofsd', `--shared-dir=/run/kata-containers/shared/sandboxes/${A}/shared`], { id: A, sandbox: 'kata' }],
    ];
    for (const [cmdline, told] of commands) {
      const identity = identify(aProcess(7, { cgroup: '/system.slice/x.service', cmdline }));
      expect(identity).toMatchObject({ ...told, role: 'monitor', evidence: 'cmdline', unit: 'x.service' });
      expect(displayName(identity)).toBe('unit:x.service');
    }
  });

  it.each([
    ['containerd-shim'],
    ['conmon'],
    ['qemu-system-x86_64', '-name', 'vm'],
    ['systemd-nspawn'],
    [''],
    ['bash', '-c', 'conmon'],
  ])('is none by a command line like %s', (...cmdline) => {
    expect(identify(aProcess(7, { cgroup: '/', cmdline })).role).toBe('none');
  });

  it('cannot lead anywhere by an id that is a path', () => {
    const cmdline = ['containerd-shim', '-namespace', 'x', '-id', '../../../../etc'];
    const identity = identify({ ...aProcess(7, { cgroup: '/', cmdline }), '/etc/config.json': '{}' });
    expect(identity).toMatchObject({ id: '../../../../etc', role: 'monitor', gaps: [] });
  });

  it('belongs to a unit, or to nobody', () => {
    const service = identify(aProcess(7, { cgroup: '/system.slice/nginx.service' }));
    expect(service).toEqual({ ...nobody, unit: 'nginx.service' });
    expect(displayName(service)).toBe('unit:nginx.service');
    expect(displayName(identify(aProcess(7, { cgroup: '/' })))).toBeNull();
  });

  it('that may be in a container which we may not look at is a gap, but where its unit tells or it is the kernel', () => {
    const at = (cgroup: string, cmdline: readonly string[]): Identity =>
      identify({ ...aProcess(7, { cgroup, cmdline }), '/proc/7/ns/mnt': { errno: 'EACCES' } });
    expect(at('/', ['sleep'])).toEqual({
      ...nobody,
      gaps: [{ reason: 'denied', what: '/proc/7/ns/mnt', errno: 'EACCES' }],
    });
    expect(at('/', []).gaps).toEqual([]);
    expect(at('/system.slice/ssh.service', ['sshd']).gaps).toEqual([]);
  });

  it('that is gone, or whose cgroup is not readable, is a gap', () => {
    expect(identifyProcess(fakeFiles({}), 7)).toMatchObject({ ok: false, gap: { reason: 'gone' } });
    const broken = fakeFiles({ '/proc/7/cgroup': 'x' });
    expect(identifyProcess(broken, 7)).toMatchObject({ ok: false, gap: { reason: 'malformed', line: 1, text: 'x' } });
  });
});

describe('many processes', () => {
  it('of a container read its files once, and have one identity', () => {
    const entries = { ...OWN_MOUNTS, ...dockerFiles('/var/lib/docker', A, 'web') };
    const pids = [10, 11, 12, 13, 14];
    for (const pid of pids) Object.assign(entries, aProcess(pid, { cgroup: `/docker/${A}` }));
    const files = fakeFiles(entries);
    const resolver = new IdentityResolver(files);
    const identities = pids.map((pid) => resolver.identify(pid));
    expect(new Set(identities.map((identity) => identity.ok && identity.value)).size).toBe(1);
    expect(files.reads.get(`/var/lib/docker/containers/${A}/config.v2.json`)).toBe(1);
    expect(files.reads.get('/proc/11/cmdline')).toBeUndefined();
  });

  it('in a container that runs systemd have a unit each', () => {
    const entries = {
      ...OWN_MOUNTS,
      ...dockerFiles('/var/lib/docker', A, 'web'),
      ...aProcess(10, { cgroup: `/docker/${A}/init.scope` }),
      ...aProcess(11, { cgroup: `/docker/${A}/system.slice/cron.service` }),
    };
    const resolver = new IdentityResolver(fakeFiles(entries));
    expect(resolver.identify(10)).toMatchObject({ value: { name: 'web', unit: 'init.scope' } });
    expect(resolver.identify(11)).toMatchObject({ value: { name: 'web', unit: 'cron.service' } });
  });
});

it('a container of docker that no process is in is found by its name', () => {
  const files = fakeFiles({ ...dockerFiles('/var/lib/docker', A, 'web'), ...dockerFiles('/data/docker', B, 'dead') });
  expect(dockerContainersNamed(files, 'web')).toEqual([A]);
  expect(dockerContainersNamed(files, 'dead')).toEqual([]);
  const moved = {
    ...dockerFiles('/data/docker', B, 'dead'),
    '/etc/docker/daemon.json': '{"data-root":"/data/docker"}',
  };
  expect(dockerContainersNamed(fakeFiles(moved), 'dead')).toEqual([B]);
});
