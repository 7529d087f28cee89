// Acts on namespaces. Source: setns(2), kernel/nsproxy.c and the install function of each kind; mount(2), fs/namespace.c
// may_mount(), fs/super.c mount_capable().

import { CAPABILITY } from '../../kernel/abi/capability.ts';
import type { NamespaceKind } from '../../kernel/abi/namespace-kinds.ts';
import type { Door } from '../../namespaces/discover/door.ts';
import { capableHere, capableIn, doorTo, isBelowOwnPids, ownerOf, type Actor } from './actor.ts';
import { allOf, type Check, type Verdict } from './check.ts';

/** May it mount a file system that user namespaces may mount, as tmpfs? A bind mount asks for the first of it only. */
export function canMount(actor: Actor): Verdict {
  const owner = ownerOf(doorTo(actor.pid, 'mnt'));
  return allOf([
    capableIn(actor, CAPABILITY.SYS_ADMIN, owner, 'which owns its mount namespace'),
    capableHere(actor, CAPABILITY.SYS_ADMIN, 'its own, as a new file system asks'),
  ]);
}

export interface NamespaceAt {
  readonly kind: NamespaceKind;
  readonly inode: bigint;
  readonly door: Door;
}

/** May it join the namespace, given a descriptor of it? */
export function canJoin(actor: Actor, { kind, inode, door }: NamespaceAt): Verdict {
  const { threads } = actor.credentials;
  const alone = (errno: string): Check => ({
    by: 'process',
    holds: threads <= 1,
    errno,
    text: threads <= 1 ? 'it has one thread' : `it has ${threads} threads, and joins no ${kind} namespace with several`,
  });
  if (kind === 'user') {
    const isOwn = inode === actor.subject.inode;
    const text = isOwn ? 'it is in it already, which user namespaces forbid' : 'it is in another one';
    return allOf([
      { by: 'namespace', holds: !isOwn, errno: 'EINVAL', text },
      alone('EINVAL'),
      capableIn(actor, CAPABILITY.SYS_ADMIN, door, 'that one'),
    ]);
  }
  const there = capableIn(actor, CAPABILITY.SYS_ADMIN, ownerOf(door), `which owns ${kind}:[${inode}]`);
  const here = capableHere(actor, CAPABILITY.SYS_ADMIN, 'its own');
  switch (kind) {
    case 'mnt':
      return allOf([there, capableHere(actor, CAPABILITY.SYS_CHROOT, 'its own'), here, alone('EINVAL')]);
    case 'pid':
      return allOf([there, here, belowOwn(actor, door)]);
    case 'time':
      return allOf([alone('EUSERS'), there, here]);
    case 'cgroup':
    case 'ipc':
    case 'net':
    case 'uts':
      return allOf([there, here]);
  }
}

function belowOwn(actor: Actor, door: Door): Check {
  const holds = isBelowOwnPids(actor, door);
  const texts = {
    true: 'it is its own pid namespace, or below it',
    false: 'it is neither its own pid namespace nor below it',
    null: 'how that pid namespace lies to its own is hidden from us',
  };
  return { by: 'namespace', errno: 'EINVAL', holds, text: texts[`${holds}`] };
}
