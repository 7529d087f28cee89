// Which capabilities we have where. A user namespace's capabilities count in it and in all below it; who made it, from
// the one right above, has all of them in it. Source: user_namespaces(7), security/commoncap.c cap_capable().

import { decodeMask } from '../capabilities/mask.ts';
import { valueOf, type Gap, type Host, type NamespaceQuestion } from '../kernel/host.ts';
import { parseNamespaceLink } from '../kernel/text/namespace-link.ts';
import { parseStatus } from '../kernel/text/status.ts';
import type { Door as Way } from '../namespaces/discover/door.ts';

/** Who we are. */
export interface Standing {
  /** Our user namespace. */
  readonly inode: bigint;
  readonly uid: number;
  readonly effective: bigint;
}

/** What we may in a user namespace. */
export interface Power {
  readonly inode: bigint;
  readonly capabilities: bigint;
  /** Ours, below ours, or neither: then we have nothing there. */
  readonly place: 'ours' | 'below' | 'beyond';
  /** Who made it. Absent (undefined): not told. */
  readonly owner: number | undefined;
  /** It and those above it, up to ours. */
  readonly chain: readonly bigint[];
}

const ALL_CAPABILITIES = (1n << 64n) - 1n;

/** Source: include/uapi/linux/capability.h. */
export const CAPABILITY: Readonly<
  Record<'SETGID' | 'SETUID' | 'SETPCAP' | 'SYS_CHROOT' | 'SYS_ADMIN' | 'SYS_RESOURCE', bigint>
> = {
  SETGID: 1n << 6n,
  SETUID: 1n << 7n,
  SETPCAP: 1n << 8n,
  SYS_CHROOT: 1n << 18n,
  SYS_ADMIN: 1n << 21n,
  SYS_RESOURCE: 1n << 24n,
};

/** undefined: a host that does not tell. */
export function standingOf(host: Host): Standing | undefined {
  const path = '/proc/self/ns/user';
  const link = valueOf(host.readLink(path));
  const id = link === undefined ? undefined : valueOf(parseNamespaceLink(link, path));
  const bytes = valueOf(host.readFile('/proc/self/status'));
  const status = bytes === undefined ? undefined : valueOf(parseStatus(bytes, '/proc/self/status'));
  if (id === undefined || status === undefined) return undefined;
  return { inode: id.inode, uid: host.self.uid, effective: status.effectiveCapabilities };
}

/** User namespaces nest no deeper. Source: create_user_ns(). */
const DEEPEST = 34;

/** `way` leads to a user namespace. A gap: the kernel does not tell, and nothing can be foreseen. */
export function powerIn(host: Host, us: Standing, { at, through }: Way): Power | Gap {
  const chain: bigint[] = [];
  const owner = valueOf(host.askNamespace(at, [...through, 'NS_GET_OWNER_UID']));
  const steps: NamespaceQuestion[] = [...through];
  while (chain.length < DEEPEST) {
    const inode = host.askNamespace(at, steps);
    if (!inode.ok && inode.gap.errno !== 'EPERM') return inode.gap;
    // The kernel shows nothing beyond our own.
    if (!inode.ok) return { inode: chain[0] ?? 0n, capabilities: 0n, place: 'beyond', owner: Number(owner), chain };
    chain.push(inode.value);
    if (inode.value === us.inode) return within(host, us, { at, through }, chain);
    steps.push('NS_GET_PARENT');
  }
  return { inode: chain[0] ?? 0n, capabilities: 0n, place: 'beyond', owner: undefined, chain };
}

function within(host: Host, us: Standing, { at, through }: Way, chain: readonly bigint[]): Power {
  const [inode = us.inode] = chain;
  const ask = (levels: number): number | undefined => {
    const up = Array.from({ length: levels }, () => 'NS_GET_PARENT' as const);
    const uid = valueOf(host.askNamespace(at, [...through, ...up, 'NS_GET_OWNER_UID']));
    return uid === undefined ? undefined : Number(uid);
  };
  const owner = ask(0);
  if (chain.length === 1) return { inode, capabilities: us.effective, place: 'ours', owner, chain };
  // Who made the one right below ours has all in it, and in what is below that.
  const isMaker = ask(chain.length - 2) === us.uid;
  return { inode, capabilities: isMaker ? ALL_CAPABILITIES : us.effective, place: 'below', owner, chain };
}

/** Why a capability is missing there, in one clause. */
export function lackOf(name: string, power: Power, us: Standing): string {
  const where = `user:[${power.inode}]`;
  switch (power.place) {
    case 'ours':
      return `${name} in ${where}, our own, is missing: we have ${named(us.effective)}`;
    case 'below': {
      const owner = power.owner === undefined ? '' : ` (that is uid ${power.owner}, we are uid ${us.uid})`;
      return `not the owner of ${where}${owner}, and without ${name}: in our own user namespace we have ${named(us.effective)}`;
    }
    case 'beyond':
      return `${where} is neither ours nor below ours: no capability of ours counts there`;
  }
}

/** So many are named. */
const FEW = 6;

function named(mask: bigint): string {
  const { names, unknown } = decodeMask(mask);
  const all = [...names, ...unknown.map(String)];
  if (all.length === 0) return 'no capabilities';
  return all.length <= FEW ? all.join(', ') : `${all.length} capabilities, not this one`;
}
