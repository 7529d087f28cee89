// The names that engines give their cgroups, a rule a line. Each is asked of one segment of a path. The sources of the
// shapes: moby daemon/oci_linux.go, containerd internal/cri, cri-o internal/config/cgmgr, podman libpod, lxc
// src/lxc/cgroups, systemd src/nspawn/nspawn-cgroup.c, kubelet cgroup_manager_linux.go, amazon-ecs-agent, nomad, kata
// pkg/resourcecontrol.

import type { Engine, Role, Sandbox } from './identity.ts';
import { unescapeUnit } from './systemd-name.ts';

/** What a segment tells. A key that is absent: nothing told. */
export interface SegmentMatch {
  /** Absent: a container, and the path does not tell whose. */
  readonly engine?: Engine;
  readonly id?: string;
  readonly name?: string;
  readonly podUid?: string;
  readonly role?: Role;
  readonly sandbox?: Sandbox;
}

/** The segments around the one that is asked about. */
export interface Around {
  readonly before: readonly string[];
  readonly after: readonly string[];
}

interface Rule {
  readonly pattern: RegExp;
  /** undefined: it looks so, but is none. */
  readonly read: (groups: Readonly<Record<string, string>>, around: Around) => SegmentMatch | undefined;
}

/** The container that a segment is the cgroup of; undefined: of none. */
export function matchSegment(segment: string, around: Around): SegmentMatch | undefined {
  for (const { pattern, read } of rules) {
    const groups = pattern.exec(segment)?.groups;
    const match = groups === undefined ? undefined : read(groups, around);
    if (match !== undefined) return match;
  }
  return undefined;
}

const ENGINE_OF_PREFIX: Readonly<Record<string, Engine>> = {
  docker: 'docker',
  'cri-containerd': 'containerd',
  crio: 'cri-o',
  libpod: 'podman',
  podman: 'podman',
  nerdctl: 'containerd',
  buildkit: 'buildkit',
};

const PREFIX = '(?<prefix>docker|cri-containerd|crio|libpod|nerdctl|podman|buildkit)';
const ID = '(?<id>[0-9a-f]{64})';
const UUID = uuid('-');

const rules: readonly Rule[] = [
  // docker-ID.scope, cri-containerd-ID.scope, crio-ID, libpod-ID.scope, nerdctl-ID.scope ...
  { pattern: new RegExp(`^${PREFIX}-${ID}(?:\\.scope)?$`), read: ({ prefix = '', id = '' }) => prefixed(prefix, id) },
  // A runtime that was given systemd's form (slice:prefix:id) and took it for a path.
  { pattern: new RegExp(`:${PREFIX}:${ID}$`), read: ({ prefix = '', id = '' }) => prefixed(prefix, id) },
  {
    pattern: new RegExp(`^(?<prefix>crio|libpod)-conmon-${ID}(?:\\.scope)?$`),
    read: ({ prefix = '', id = '' }) => ({ ...prefixed(prefix, id), role: 'monitor' }),
  },
  // podman run --cgroups=split
  { pattern: new RegExp(`^libpod-payload-${ID}$`), read: ({ id = '' }) => prefixed('libpod', id) },
  {
    pattern: new RegExp(`^kata_${ID}(?:\\.scope)?$`),
    read: ({ id = '' }) => ({ id, engine: 'cri', role: 'monitor', sandbox: 'kata' }),
  },
  { pattern: new RegExp(`^${ID}$`), read: ({ id = '' }, around) => bareId(id, around) },
  { pattern: /^(?<id>[0-9a-z]{25})$/, read: ({ id = '' }, { before }) => buildStep(id, before) },
  { pattern: /^lxc\.(?<role>payload|monitor)\.(?<name>.+)$/s, read: ({ role, name = '' }) => lxc(name, role) },
  { pattern: /^(?<name>.+)$/s, read: ({ name = '' }, around) => below(name, around) },
  {
    pattern: /^systemd-nspawn@(?<name>.+)\.service$/s,
    read: ({ name = '' }, { after }) => ({ ...nspawn(unescapeUnit(name)), ...roleOfSubgroup(after[0]) }),
  },
  {
    pattern: /^machine-(?<name>.+)\.scope$/s,
    read: ({ name = '' }, { after }) => ({ ...machine(unescapeUnit(name)), ...roleOfSubgroup(after[0]) }),
  },
  {
    pattern: /^(?:qemu|lxc)-[0-9]+-(?<name>.+)\.libvirt-(?:qemu|lxc)$/s,
    read: ({ name = '' }) => ({ engine: 'libvirt', id: name, name }),
  },
  { pattern: /^(?<id>[0-9a-f]{8}(?:-[0-9a-f]{4}){4})$/, read: ({ id = '' }) => ({ engine: 'garden', id }) },
  {
    // Fargate: the task is both the folder and the first half of the name.
    pattern: /^(?<id>(?<task>[0-9a-f]{32})-[0-9]+)$/,
    read: ({ id = '', task = '' }) => ({ engine: 'ecs', id, podUid: task }),
  },
  {
    pattern: new RegExp(`^(?<id>${UUID})\\.(?<name>.+?)(?:\\.scope)?$`, 's'),
    read: ({ id = '', name = '' }, { before }) =>
      before.some((segment) => /^nomad(?:\.slice)?$/.test(segment)) ? { engine: 'nomad', id, name } : undefined,
  },
];

function uuid(separator: string): string {
  return [8, 4, 4, 4, 12].map((count) => `[0-9a-f]{${count}}`).join(separator);
}

function prefixed(prefix: string, id: string): SegmentMatch {
  const engine = ENGINE_OF_PREFIX[prefix];
  return engine === undefined ? { id } : { engine, id };
}

const POD = new RegExp(`^(?:.*-)?pod(?<uid>${uuid('[-_]')}|[0-9a-f]{32})(?:\\.slice)?$`, 's');
const PODMAN_POD = /libpod_pod_(?<uid>[0-9a-f]{64})\.slice$/;
const ECS_TASK = /^ecstasks-(?<uid>[0-9a-f]{32})\.slice$/;
const HEX_64 = /^[0-9a-f]{64}$/;

/** The pod (or task) whose cgroup this segment is; undefined: of none. systemd's `_` in a uid is a dash again. */
export function podOfSegment(segment: string, { before, after }: Around): string | undefined {
  const kubernetes = POD.exec(segment.replace(/:.*$/s, ''))?.groups?.['uid'];
  if (kubernetes !== undefined) return kubernetes.replaceAll('_', '-');
  const uid = (PODMAN_POD.exec(segment) ?? ECS_TASK.exec(segment))?.groups?.['uid'];
  if (uid !== undefined) return uid;
  return isPodmanPod(segment, before.at(-1), after[0]) ? segment : undefined;
}

/** Without systemd podman's pod is a folder named by its id, in libpod_parent or where --cgroup-parent says. */
function isPodmanPod(segment: string, parent: string | undefined, child: string | undefined): boolean {
  return HEX_64.test(segment) && (parent === 'libpod_parent' || /^libpod-[0-9a-f]{64}/.test(child ?? ''));
}

function bareId(id: string, { before, after }: Around): SegmentMatch | undefined {
  const parent = before.at(-1) ?? '';
  if (isPodmanPod(id, parent, after[0])) return undefined;
  if (parent === 'docker' || parent === 'actions_job') return { engine: 'docker', id };
  if (parent === 'kata_overhead' || parent === 'vc') return { engine: 'cri', id, role: 'monitor', sandbox: 'kata' };
  if (before.at(-2) === 'ecs' && /^[0-9a-f]{32}$/.test(parent)) return { engine: 'docker', id, podUid: parent };
  if (POD.test(parent)) return { engine: 'cri', id };
  return { id };
}

function buildStep(id: string, before: readonly string[]): SegmentMatch | undefined {
  return before.at(-1) === 'buildkit' ? { engine: 'buildkit', id } : undefined;
}

/** The services that Talos Linux runs as containers of its own. */
const TALOS_SYSTEM = /^(?:apid|trustd|udevd|containerd|runtime|dashboard|auditd|syslogd|machined|extensions)$/;

/** What the name of the folder above says of a segment. */
function below(name: string, { before, after }: Around): SegmentMatch | undefined {
  const parent = before.at(-1);
  if (parent === 'lxc' || parent === 'lxc.payload') return lxc(name, after[0]);
  if (parent === 'lxc.monitor') return lxc(name, 'monitor');
  if (before.length !== 1) return undefined;
  if (parent === 'podruntime') return { engine: 'talos', id: name, name };
  return parent === 'system' && TALOS_SYSTEM.test(name) ? { engine: 'talos', id: name, name } : undefined;
}

function lxc(name: string, role: string | undefined): SegmentMatch {
  return { engine: 'lxc', id: name, name, role: role === 'monitor' ? 'monitor' : 'payload' };
}

function nspawn(name: string): SegmentMatch {
  return { engine: 'nspawn', id: name, name };
}

function machine(name: string): SegmentMatch {
  const [, kind, rest] = /^(qemu-[0-9]+|lxc-[0-9]+|rkt)-(.+)$/s.exec(name) ?? [];
  if (kind === undefined || rest === undefined) return nspawn(name);
  return kind === 'rkt' ? { engine: 'rkt', id: rest } : { engine: 'libvirt', id: rest, name: rest };
}

/** nspawn itself sits beside its payload. */
function roleOfSubgroup(subgroup: string | undefined): SegmentMatch {
  return subgroup === 'supervisor' ? { role: 'monitor' } : {};
}
