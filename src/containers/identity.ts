// What a process belongs to, as data.

import type { Gap } from '../kernel/host.ts';
import type { Root } from './files.ts';

/**
 * Who runs a container. `cri`: some engine of Kubernetes, and nothing tells which. libvirt's are machines, and Talos's
 * services of the host that it runs as containers.
 */
export type Engine =
  | 'docker'
  | 'containerd'
  | 'cri-o'
  | 'cri'
  | 'podman'
  | 'buildkit'
  | 'lxc'
  | 'lxd'
  | 'incus'
  | 'nspawn'
  | 'garden'
  | 'ecs'
  | 'nomad'
  | 'libvirt'
  | 'rkt'
  | 'talos';

/**
 * payload: runs inside. monitor: looks after a container from outside (conmon, a shim, the machine monitor of a
 * sandbox). none: has to do with no container.
 */
export type Role = 'payload' | 'monitor' | 'none';

/** Kubernetes' class of service. Source: kubelet's cgroup_manager_linux.go. */
export type QosClass = 'guaranteed' | 'burstable' | 'besteffort';

/** A second kernel between the container and this one. */
export type Sandbox = 'kata' | 'runv' | 'gvisor';

/**
 * What told of the container: its cgroup; only the mounts of its mount namespace (the process was moved, or entered it,
 * or we cannot see cgroups from here); only its command line, which any process can choose (monitors alone).
 */
export type Evidence = 'cgroup' | 'mounts' | 'cmdline';

/** null: there is none, or nothing told. All names are data of others: any characters, never unique. */
export interface Identity {
  readonly engine: Engine | null;
  /** As the engine has it. Absent for a process in a pod but in none of its containers. */
  readonly id: string | null;
  readonly name: string | null;
  /** As the container was asked for: `nginx:1.25`; for nspawn the directory. */
  readonly image: string | null;
  readonly pod: string | null;
  readonly podNamespace: string | null;
  /** The uid of Kubernetes' pod, the id of podman's, the task of ECS. */
  readonly podUid: string | null;
  readonly qos: QosClass | null;
  /** The innermost systemd unit; in a container that runs systemd, that of the container's. */
  readonly unit: string | null;
  /** Whose engine it is, where it is a plain user's. */
  readonly uid: number | null;
  readonly role: Role;
  readonly sandbox: Sandbox | null;
  readonly evidence: Evidence | null;
  /** The engine's folder that knows it, as we reach it: docker's data root, podman's storage. */
  readonly folder: Root | null;
  /** The containers around this one, from the outermost in. */
  readonly outer: readonly Identity[];
  /** Files that should have told more. */
  readonly gaps: readonly Gap[];
}

/** Of nothing at all. */
export const nobody: Identity = {
  engine: null,
  id: null,
  name: null,
  image: null,
  pod: null,
  podNamespace: null,
  podUid: null,
  qos: null,
  unit: null,
  uid: null,
  role: 'none',
  sandbox: null,
  evidence: null,
  folder: null,
  outer: [],
  gaps: [],
};

/** The same text is the same container, or the same unit for what is in none. */
export function containerKey({ role, engine, id, name, podUid, unit, uid, outer }: Identity): string {
  if (role !== 'payload') return JSON.stringify([unit, uid]);
  // A container's units are its own affair; a plain user may call his as root's is called.
  return JSON.stringify([engine, id, name, podUid, uid, outer.map(containerKey)]);
}
