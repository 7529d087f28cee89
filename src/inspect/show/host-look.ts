// The host as if it were a process: its initial namespaces, the root cgroups and every capability; what else a process
// has is that of its first one.

import type { NamespaceKind } from '../../kernel/abi/namespace-kinds.ts';
import type { GapTally } from '../../kernel/gap-tally.ts';
import { value, valueOf, type Host, type Reading } from '../../kernel/host.ts';
import type { CgroupMembership } from '../../kernel/text/cgroup.ts';
import { formatNamespaceLink } from '../../kernel/text/namespace-link.ts';
import type { StatusMasks } from '../../kernel/text/status-masks.ts';
import { allCapabilities } from '../../capabilities/all-capabilities.ts';
import { isOwn } from '../../namespaces/own.ts';
import { firstProcess, initialNamespace } from '../initial-namespace.ts';
import { NOBODY, ProcessLook } from './process-look.ts';

export class HostLook extends ProcessLook {
  constructor(host: Host, gaps: GapTally) {
    const first = firstProcess(host);
    if (!first.ok) gaps.add('first process of the host', first.gap);
    super(host, first.ok ? first.value : NOBODY, gaps);
  }

  override namespaceLink(kind: NamespaceKind): Reading<string> {
    const { inode } = initialNamespace(this.host, kind);
    return inode.ok ? value(formatNamespaceLink({ kind, inode: inode.value })) : inode;
  }

  override get masks(): StatusMasks | null {
    const all = valueOf(allCapabilities(this.host)) ?? null;
    // Nothing is handed on to who is not root.
    const sets = { effective: all, permitted: all, inheritable: 0n, bounding: all, ambient: 0n };
    return { ...(super.masks ?? UNTOLD), ...sets };
  }

  override get memberships(): readonly CgroupMembership[] | null {
    const told = super.memberships;
    const { inode } = initialNamespace(this.host, 'cgroup');
    // From a cgroup namespace below the root has another name, which only the kernel could tell.
    const isOurs = inode.ok && isOwn(this.host, 'cgroup', inode.value);
    return isOurs ? (told?.map((each) => ({ ...each, path: '/' })) ?? null) : told;
  }
}

const UNTOLD: StatusMasks = {
  blocked: null,
  ignored: null,
  caught: null,
  inheritable: null,
  permitted: null,
  effective: null,
  bounding: null,
  ambient: null,
  noNewPrivileges: null,
  seccomp: null,
  seccompFilters: null,
  umask: null,
  speculativeStoreBypass: null,
};
