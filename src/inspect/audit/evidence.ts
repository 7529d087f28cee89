// What the checks are made on, as types: what is read of one process, and how it is asked for.

import type { Credentials } from '../../capabilities/credentials.ts';
import type { FileCapabilities } from '../../capabilities/file-capabilities.ts';
import type { CapabilitySets } from '../../capabilities/sets.ts';
import type { DevicePolicy } from '../../cgroups/devices.ts';
import type { Groups } from '../../cgroups/groups.ts';
import type { Identity } from '../../containers/identity.ts';
import type { NamespaceKind } from '../../kernel/abi/namespace-kinds.ts';
import type { FileStatus, Gap, Host, Reading, TreeEntry } from '../../kernel/host.ts';
import type { CgroupMembership } from '../../kernel/text/cgroup.ts';
import type { Mount } from '../../kernel/text/mountinfo.ts';
import type { UserIds } from '../user-ids.ts';
import type { Surroundings } from './surroundings.ts';

/**
 * Whose a namespace is. host: the initial one. perhaps: ours, and it can't be told whether that is the host's. together:
 * the same, and the target is in one container with nstool, which tells nothing of the host. ours: that of nstool, which
 * is in a container itself. own: none of these.
 */
export type Share = 'host' | 'perhaps' | 'together' | 'ours' | 'own';

/** Whose root a process is, and what its capabilities weigh. */
export interface Standing {
  /** In the initial user namespace, as far as it can be told. */
  readonly initialUser: boolean;
  /** A user namespace of its own, in which uid 0 of the host has an id. */
  readonly mapsHostRoot: boolean;
  /** Its effective uid is the host's uid 0: what files and settings go by, whatever its user namespace maps. */
  readonly hostRoot: boolean;
  /** Its effective uid in its user namespace. null: it has none there, or none is told. */
  readonly uidInside: number | null;
  /**
   * host: its capabilities count against the host. service: they do too, but it is a process of the host's own root, kept
   * from nothing. namespace: they count in its user namespace only.
   */
  readonly scope: 'host' | 'service' | 'namespace';
}

export interface Evidence {
  readonly pid: number;
  readonly around: Surroundings;
  /** A container's, or in a pid or user namespace of its own. */
  readonly contained: boolean;
  readonly identity: Identity;
  readonly links: (kind: NamespaceKind) => Reading<string>;
  readonly share_pid: Share;
  readonly share_net: Share;
  /** Is its network the host's? null: it can't be told. */
  readonly hostNetwork: boolean | null;
  readonly share_ipc: Share;
  readonly share_uts: Share;
  readonly share_mnt: Share;
  readonly share_cgroup: Share;
  readonly share_user: Share;
  readonly credentials: Credentials;
  readonly sets: CapabilitySets;
  /** As a mask. */
  readonly all: bigint;
  readonly noNewPrivileges: boolean;
  /** 0: off. */
  readonly seccomp: number;
  readonly user: UserIds;
  readonly standing: Standing;
  readonly mounts: readonly Mount[];
  readonly hostMounts: readonly Mount[];
  readonly threads: DifferingThreads;
  /** null: no security module labels processes. */
  readonly label: string | null;
  /** Name to gid, as the host has them. */
  readonly hostGroups: ReadonlyMap<string, number>;
  /** The same in the target's own root; empty for what is not contained. */
  readonly insideGroups: ReadonlyMap<string, number>;
  readonly tracer: number;
  readonly oomScoreAdj: number;
  readonly memberships: readonly CgroupMembership[];
  readonly cgroups: Groups;
  readonly devicePolicy: DevicePolicy;
  /** What stands in its /dev. */
  readonly devices: readonly TreeEntry[];
  /** The names of the unix sockets that are listened on in its network namespace. */
  readonly listeners: readonly string[];
  /** null: it has none, as the threads of the kernel. */
  readonly executable: Executable | null;
  /** On all file systems that it sees and that no target before it has shown. */
  readonly filesWithCapabilities: CapableFiles;
}

/** The evidence on one target, each piece read at most once. */
export type Ask = <Key extends keyof Evidence>(key: Key) => Reading<Evidence[Key]>;

/** One process, as it is looked at. */
export interface Looked {
  readonly around: Surroundings;
  readonly pid: number;
  /** The host, asked for each file and each link once. */
  readonly host: Host;
  readonly ask: Ask;
}

export interface Executable {
  /** As the process names it. */
  readonly path: string;
  readonly file: FileStatus;
  /** As read from our user namespace. null: it has none. */
  readonly capabilities: FileCapabilities | null;
  /** The mount that it lies on. null: not told. */
  readonly mount: Mount | null;
}

export interface DifferingThreads {
  readonly tids: readonly number[];
  /** What differs: `effective`, `uids`, `seccomp`. */
  readonly what: readonly string[];
  /** The capabilities that one of them holds and the first one does not, as a mask. */
  readonly more: bigint;
}

export interface CapableFile {
  /** As the process names it. */
  readonly path: string;
  readonly capabilities: FileCapabilities;
}

export interface CapableFiles {
  readonly files: readonly CapableFile[];
  /** What could not be looked through. */
  readonly gaps: readonly Gap[];
}
