// Which capabilities a process has where. Those of its user namespace count in it and in all below it; who made it, from
// the one right above, has all of them in it. Source: user_namespaces(7), security/commoncap.c cap_capable().

import { INITIAL_USER_INODE } from '../kernel/abi/nsfs.ts';
import { valueOf, type Gap, type Host, type NamespaceQuestion } from '../kernel/host.ts';
import type { Door } from '../namespaces/discover/door.ts';

/** Whose capabilities. */
export interface Subject {
  /** Its user namespace. */
  readonly inode: bigint;
  /** The effective one, as the reader's user namespace maps it. */
  readonly uid: number;
  readonly effective: bigint;
}

/** What a subject may in a user namespace. */
export interface Power {
  readonly inode: bigint;
  readonly capabilities: bigint;
  /** The subject's own, below that, or neither: then it has nothing there. */
  readonly place: 'ours' | 'below' | 'beyond';
  /** Who made it. Absent (undefined): not told. */
  readonly owner: number | undefined;
  /** It and those above it, up to the subject's, or as far as the kernel shows. */
  readonly chain: readonly bigint[];
}

/** How it was decided whether a capability counts in a user namespace. */
export interface Walk {
  /** null: the kernel does not show us the namespaces in between. */
  readonly holds: boolean | null;
  /** own: by its effective set, there. below: by the same, from above. owner: it made the one right below its own. */
  readonly by: 'own' | 'below' | 'owner' | 'beyond' | 'unknown';
  /** The namespace that was asked about. Absent (null): not told. */
  readonly inode: bigint | null;
  /** Who made it. Absent (null): not told. */
  readonly owner: number | null;
}

const ALL_CAPABILITIES = (1n << 64n) - 1n;

/** User namespaces nest no deeper. Source: create_user_ns(). */
const DEEPEST = 34;

/** `way` leads to a user namespace. A gap: the kernel does not tell, and nothing can be foreseen. */
export function powerIn(host: Host, subject: Subject, { at, through }: Door): Power | Gap {
  const chain: bigint[] = [];
  const steps: NamespaceQuestion[] = [...through];
  while (chain.length < DEEPEST) {
    const inode = host.askNamespace(at, steps);
    if (!inode.ok && inode.gap.errno !== 'EPERM') return inode.gap;
    // The kernel shows nothing beyond our own.
    if (!inode.ok) return beyond(host, { at, through }, chain);
    chain.push(inode.value);
    if (inode.value === subject.inode) return within(host, subject, { at, through }, chain);
    steps.push('NS_GET_PARENT');
  }
  return beyond(host, { at, through }, chain);
}

function within(host: Host, subject: Subject, { at, through }: Door, chain: readonly bigint[]): Power {
  const [inode = subject.inode] = chain;
  const owner = ownerOf(host, { at, through });
  if (chain.length === 1) return { inode, capabilities: subject.effective, place: 'ours', owner, chain };
  // Who made the one right below ours has all in it, and in what is below that.
  const up = Array.from({ length: chain.length - 2 }, () => 'NS_GET_PARENT' as const);
  const isMaker = ownerOf(host, { at, through: [...through, ...up] }) === subject.uid;
  return { inode, capabilities: isMaker ? ALL_CAPABILITIES : subject.effective, place: 'below', owner, chain };
}

function beyond(host: Host, door: Door, chain: readonly bigint[]): Power {
  return { inode: chain[0] ?? 0n, capabilities: 0n, place: 'beyond', owner: ownerOf(host, door), chain };
}

function ownerOf(host: Host, { at, through }: Door): number | undefined {
  const uid = valueOf(host.askNamespace(at, [...through, 'NS_GET_OWNER_UID']));
  return uid === undefined ? undefined : Number(uid);
}

/** Shown in place of a uid that the reader's user namespace has none for. Source: DEFAULT_OVERFLOWUID. */
const OVERFLOW = 65_534;

/**
 * Has the subject a capability in the user namespace behind the door? The subject may be any process. We see no further
 * up than our own namespace, and who is above it is unknown to us.
 */
export function walkTo(host: Host, subject: Subject, capability: bigint, door: Door): Walk {
  const power = powerIn(host, subject, door);
  if (!('capabilities' in power)) return { holds: null, by: 'unknown', inode: null, owner: null };
  const found = { inode: power.inode, owner: power.owner ?? null };
  const isHeld = (subject.effective & capability) === capability;
  if (power.place === 'ours') return { ...found, holds: isHeld, by: 'own' };
  if (power.place === 'beyond') {
    // Our own namespace is the last of what is shown: the subject may be around it.
    const isSure = subject.inode === INITIAL_USER_INODE ? false : power.chain.includes(INITIAL_USER_INODE);
    return isSure ? { ...found, holds: false, by: 'beyond' } : { ...found, holds: null, by: 'unknown' };
  }
  const isOwner = power.capabilities === ALL_CAPABILITIES;
  if (isOwner && subject.uid === OVERFLOW && !power.chain.includes(INITIAL_USER_INODE) && !isHeld)
    return { ...found, holds: null, by: 'unknown' };
  return isOwner ? { ...found, holds: true, by: 'owner' } : { ...found, holds: isHeld, by: 'below' };
}

/** The same in the initial user namespace, which needs no way to it: nothing lies above it. */
export function walkToInitial(subject: Subject, capability: bigint): Walk {
  const found = { inode: INITIAL_USER_INODE, owner: 0 };
  if (subject.inode !== INITIAL_USER_INODE) return { ...found, holds: false, by: 'beyond' };
  return { ...found, holds: (subject.effective & capability) === capability, by: 'own' };
}
