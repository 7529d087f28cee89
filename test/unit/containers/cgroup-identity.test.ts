// Every shape of path that engines make. Sources: as in src/containers/segment-rules.ts.

import { describe, expect, it } from 'vitest';
import { identifyMemberships, identifyPath, type PathLevel } from '../../../src/containers/cgroup-identity.ts';

const A = 'a'.repeat(64);
const B = '0123456789abcdef'.repeat(4);
const UID = '5ad6a7c1-0a2b-4c3d-8e4f-001122334455';
const UID_ = UID.replaceAll('-', '_');
const STATIC_POD = '0123456789abcdef0123456789abcdef';
const TASK = 'fedcba9876543210fedcba9876543210';

const nothing: PathLevel = {
  engine: null,
  id: null,
  name: null,
  podUid: null,
  qos: null,
  unit: null,
  uid: null,
  role: 'payload',
  sandbox: null,
};

const docker = { engine: 'docker', id: A } as const;
const containerd = { engine: 'containerd', id: A } as const;
const crio = { engine: 'cri-o', id: A } as const;
const podman = { engine: 'podman', id: A } as const;
const lxc = { engine: 'lxc', id: 'web', name: 'web' } as const;
const nspawn = { engine: 'nspawn', id: 'web', name: 'web' } as const;
const burstable = { podUid: UID, qos: 'burstable' } as const;
const slices = `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${UID_}.slice`;
const user = '/user.slice/user-1000.slice/user@1000.service';

const table: readonly (readonly [name: string, path: string, level: Partial<PathLevel>])[] = [
  ['docker, cgroupfs', `/docker/${A}`, docker],
  ['docker, --cgroup-parent', `/X/${A}`, { id: A }],
  ['docker, systemd', `/system.slice/docker-${A}.scope`, { ...docker, unit: `docker-${A}.scope` }],
  ['docker, rootless', `${user}/user.slice/docker-${A}.scope`, { ...docker, uid: 1000, unit: `docker-${A}.scope` }],
  ['GitHub Actions', `/actions_job/${A}`, docker],
  [
    'containerd CRI, systemd',
    `${slices}/cri-containerd-${A}.scope`,
    { ...containerd, ...burstable, unit: `cri-containerd-${A}.scope` },
  ],
  [
    'containerd CRI, systemd parent but no SystemdCgroup',
    `/system.slice/containerd.service/kubepods-besteffort-pod${UID_}.slice:cri-containerd:${A}`,
    { ...containerd, podUid: UID, qos: 'besteffort', unit: 'containerd.service' },
  ],
  [
    'containerd CRI, cgroupfs, guaranteed',
    `/kubepods/pod${UID}/${A}`,
    { engine: 'cri', id: A, podUid: UID, qos: 'guaranteed' },
  ],
  ['containerd CRI, cgroupfs, burstable', `/kubepods/burstable/pod${UID}/${A}`, { engine: 'cri', id: A, ...burstable }],
  [
    'containerd CRI, cgroupfs, besteffort',
    `/kubepods/besteffort/pod${UID}/${A}`,
    { engine: 'cri', id: A, podUid: UID, qos: 'besteffort' },
  ],
  [
    'a static pod',
    `/kubepods/burstable/pod${STATIC_POD}/${A}`,
    { engine: 'cri', id: A, podUid: STATIC_POD, qos: 'burstable' },
  ],
  [
    'a guaranteed pod, systemd',
    `/kubepods.slice/kubepods-pod${UID_}.slice/crio-${A}.scope`,
    { ...crio, podUid: UID, qos: 'guaranteed', unit: `crio-${A}.scope` },
  ],
  [
    'kubelet --cgroup-root, as in kind',
    `/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/kubelet-kubepods-burstable-pod${UID_}.slice/cri-containerd-${A}.scope`,
    { ...containerd, ...burstable, unit: `cri-containerd-${A}.scope` },
  ],
  ['ctr, nerdctl, cgroupfs', `/default/${A}`, { id: A }],
  ['nerdctl, systemd', `/system.slice/nerdctl-${A}.scope`, { ...containerd, unit: `nerdctl-${A}.scope` }],
  ['CRI-O, systemd, crun', `${slices}/crio-${A}.scope/container`, { ...crio, ...burstable, unit: `crio-${A}.scope` }],
  [
    'CRI-O, conmon',
    `${slices}/crio-conmon-${A}.scope`,
    { ...crio, ...burstable, role: 'monitor', unit: `crio-conmon-${A}.scope` },
  ],
  ['CRI-O, cgroupfs', `/kubepods/burstable/pod${UID}/crio-${A}`, { ...crio, ...burstable }],
  [
    'CRI-O, cgroupfs, conmon',
    `/kubepods/burstable/pod${UID}/crio-conmon-${A}`,
    { ...crio, ...burstable, role: 'monitor' },
  ],
  ['podman, systemd', `/machine.slice/libpod-${A}.scope`, { ...podman, unit: `libpod-${A}.scope` }],
  ['podman, systemd, crun', `/machine.slice/libpod-${A}.scope/container`, { ...podman, unit: `libpod-${A}.scope` }],
  [
    'podman, conmon',
    `/machine.slice/libpod-conmon-${A}.scope`,
    { ...podman, role: 'monitor', unit: `libpod-conmon-${A}.scope` },
  ],
  [
    'podman, pod',
    `/machine.slice/machine-libpod_pod_${B}.slice/libpod-${A}.scope/container`,
    { ...podman, podUid: B, unit: `libpod-${A}.scope` },
  ],
  [
    'podman, rootless',
    `${user}/user.slice/libpod-${A}.scope/container`,
    { ...podman, uid: 1000, unit: `libpod-${A}.scope` },
  ],
  [
    'podman, rootless, pod',
    `${user}/user.slice/user-libpod_pod_${B}.slice/libpod-${A}.scope`,
    { ...podman, uid: 1000, podUid: B, unit: `libpod-${A}.scope` },
  ],
  ['podman, cgroupfs', `/libpod_parent/libpod-${A}`, podman],
  ['podman, cgroupfs, pod', `/libpod_parent/${B}/libpod-${A}`, { ...podman, podUid: B }],
  ['podman, cgroupfs, pod, --cgroup-parent', `/X/${B}/libpod-${A}`, { ...podman, podUid: B }],
  ['podman, --cgroups=split', `/system.slice/web.service/libpod-payload-${A}`, { ...podman, unit: 'web.service' }],
  ['LXC 4', '/lxc.payload.web', lxc],
  ['LXC 4, monitor', '/lxc.monitor.web', { ...lxc, role: 'monitor' }],
  ['LXC 4, a name with dots', '/lxc.payload.web.example', { engine: 'lxc', id: 'web.example', name: 'web.example' }],
  ['LXC, configured folder', '/dir/lxc.payload.web', lxc],
  ['LXC, folders', '/lxc.payload/web', lxc],
  ['LXC, folders, monitor', '/lxc.monitor/web', { ...lxc, role: 'monitor' }],
  ['LXC, pattern', '/lxc/web/payload', lxc],
  ['LXC, pattern, monitor', '/lxc/web/monitor', { ...lxc, role: 'monitor' }],
  ['LXC 3', '/lxc/web', lxc],
  ['LXD, project', '/lxc.payload.dev_web', { engine: 'lxc', id: 'dev_web', name: 'dev_web' }],
  [
    'nspawn, template',
    '/machine.slice/systemd-nspawn@web.service/payload',
    { ...nspawn, unit: 'systemd-nspawn@web.service' },
  ],
  [
    'nspawn, supervisor',
    '/machine.slice/systemd-nspawn@web.service/supervisor',
    { ...nspawn, role: 'monitor', unit: 'systemd-nspawn@web.service' },
  ],
  ['nspawn, scope', '/machine.slice/machine-web.scope', { ...nspawn, unit: 'machine-web.scope' }],
  [
    'nspawn, scope, escaped',
    String.raw`/machine.slice/machine-my\x2dweb\xc3\xa4.scope/payload`,
    { engine: 'nspawn', id: 'my-webä', name: 'my-webä', unit: String.raw`machine-my\x2dweb\xc3\xa4.scope` },
  ],
  [
    'libvirt',
    String.raw`/machine.slice/machine-qemu\x2d3\x2dbuild\x2dvm.scope/libvirt/emulator`,
    { engine: 'libvirt', id: 'build-vm', name: 'build-vm', unit: String.raw`machine-qemu\x2d3\x2dbuild\x2dvm.scope` },
  ],
  [
    'libvirt, no systemd',
    '/machine/qemu-3-build.libvirt-qemu/emulator',
    { engine: 'libvirt', id: 'build', name: 'build' },
  ],
  [
    'rkt',
    String.raw`/machine.slice/machine-rkt\x2d12ab.scope`,
    { engine: 'rkt', id: '12ab', unit: String.raw`machine-rkt\x2d12ab.scope` },
  ],
  ['Garden', '/garden/0a1b2c3d-1111-2222-3333-4444', { engine: 'garden', id: '0a1b2c3d-1111-2222-3333-4444' }],
  ['ECS, v1', `/ecs/${TASK}/${A}`, { ...docker, podUid: TASK }],
  [
    'ECS, v2',
    `/ecstasks.slice/ecstasks-${TASK}.slice/docker-${A}.scope`,
    { ...docker, podUid: TASK, unit: `docker-${A}.scope` },
  ],
  ['Fargate', `/ecs/${TASK}/${TASK}-1234567890`, { engine: 'ecs', id: `${TASK}-1234567890`, podUid: TASK }],
  [
    'Nomad, v2',
    `/nomad.slice/share.slice/${UID}.web.scope`,
    { engine: 'nomad', id: UID, name: 'web', unit: `${UID}.web.scope` },
  ],
  ['Nomad, v1', `/nomad/reserve/${UID}.web`, { engine: 'nomad', id: UID, name: 'web' }],
  ['Talos', '/podruntime/kubelet', { engine: 'talos', id: 'kubelet', name: 'kubelet' }],
  ['Talos, system', '/system/apid', { engine: 'talos', id: 'apid', name: 'apid' }],
  ['BuildKit', '/docker/buildkit/n4ikl4vhksyoxwn1vv9cgwfc0', { engine: 'buildkit', id: 'n4ikl4vhksyoxwn1vv9cgwfc0' }],
  ['Kata, cgroupfs', `/kata_overhead/${A}`, { engine: 'cri', id: A, role: 'monitor', sandbox: 'kata' }],
  [
    'Kata, in the pod',
    `/kubepods/burstable/pod${UID}/kata_${A}`,
    { engine: 'cri', id: A, ...burstable, role: 'monitor', sandbox: 'kata' },
  ],
  ['a pod, and none of its containers', `/kubepods/burstable/pod${UID}`, { ...burstable, role: 'monitor' }],
  ['outside of our cgroup namespace', `/../../docker/${A}`, docker],
  ['systemd inside', `/docker/${A}/system.slice/nginx.service`, { ...docker, unit: 'nginx.service' }],
];

describe('a cgroup path', () => {
  it.each(table)('%s', (_, path, level) => {
    expect(identifyPath(path).levels).toEqual([{ ...nothing, ...level }]);
  });

  it.each([
    ['a service', '/system.slice/nginx.service', 'nginx.service'],
    ['a template', '/system.slice/system-getty.slice/getty@tty1.service', 'getty@tty1.service'],
    ['a subgroup of a service', '/system.slice/nginx.service/workers', 'nginx.service'],
    ['a session', '/user.slice/user-1000.slice/session-3.scope', 'session-3.scope'],
    ["a user's service", `${user}/app.slice/app-editor.service`, 'app-editor.service'],
    ['a mount of docker', `/system.slice/var-lib-docker-containers-${A}.mount`, `var-lib-docker-containers-${A}.mount`],
    ['an escaped name', String.raw`/system.slice/dev-disk\x2dby.swap`, String.raw`dev-disk\x2dby.swap`],
    ['a name of a controller', '/system.slice/_cpu.service', 'cpu.service'],
    ['the first process', '/init.scope', 'init.scope'],
  ])('is a unit, and no container: %s', (_, path, unit) => {
    expect(identifyPath(path)).toMatchObject({ levels: [], unit });
  });

  it.each([
    '/',
    '/..',
    '/../..',
    '',
    '/init',
    '/process/0123456789abcdef0123456789abcdef',
    '/docker',
    '/user.slice',
    `/docker/${A}x`,
  ])('is nobody: %s', (path) => {
    expect(identifyPath(path)).toEqual({ levels: [], unit: null, uid: null });
  });

  it('nests: the innermost container, and those around it', () => {
    expect(identifyPath(`/docker/${A}/docker/${B}/init.scope`).levels).toMatchObject([
      { engine: 'docker', id: A, unit: null },
      { engine: 'docker', id: B, unit: 'init.scope' },
    ]);
    const kind = `/system.slice/docker-${A}.scope/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod${UID_}.slice/cri-containerd-${B}.scope`;
    expect(identifyPath(kind).levels).toMatchObject([
      { engine: 'docker', id: A, podUid: null, qos: null },
      { engine: 'containerd', id: B, podUid: UID, qos: 'guaranteed' },
    ]);
    expect(identifyPath('/lxc/outer/lxc/inner').levels).toMatchObject([{ name: 'outer' }, { name: 'inner' }]);
  });

  it('of several hierarchies is that which tells most', () => {
    const memberships = [`/`, `/docker/${A}`, '/user.slice/session-1.scope'].map((path, index) => ({
      hierarchy: index,
      controllers: index === 0 ? [] : ['cpu'],
      path,
      deleted: false,
    }));
    expect(identifyMemberships(memberships).levels).toMatchObject([docker]);
    expect(identifyMemberships([])).toEqual({ levels: [], unit: null, uid: null });
  });
});
