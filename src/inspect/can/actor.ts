// The process that is asked about, with what every act asks of it.

import { walkTo, walkToInitial, type Subject, type Walk } from '../../capabilities/capable.ts';
import { credentialsOf, type Credentials } from '../../capabilities/credentials.ts';
import { bitsOf } from '../../capabilities/mask.ts';
import { libcapName } from '../../capabilities/spelling.ts';
import { errorOfGap } from '../../kernel/error.ts';
import { GapTally } from '../../kernel/gap-tally.ts';
import { valueOf, type Host, type NamespaceQuestion } from '../../kernel/host.ts';
import type { NamespaceKind } from '../../kernel/abi/namespace-kinds.ts';
import { pathDoor, type Door } from '../../namespaces/discover/door.ts';
import { subjectOf } from '../subject.ts';
import { readUserIds, type UserIds } from '../user-ids.ts';
import type { Check } from './check.ts';

export interface Actor {
  readonly host: Host;
  readonly pid: number;
  readonly credentials: Credentials;
  readonly subject: Subject;
  readonly user: UserIds;
  readonly gaps: GapTally;
}

/** Errors: as of reading its status and its user namespace. */
export function actorOf(host: Host, pid: number): Actor {
  const credentials = credentialsOf(host, pid);
  if (!credentials.ok) throw errorOfGap(credentials.gap, `cannot read the credentials of process ${pid}`);
  const subject = subjectOf(host, pid, credentials.value);
  if (!subject.ok) throw errorOfGap(subject.gap, `cannot tell the user namespace of process ${pid}`);
  const gaps = new GapTally();
  return {
    host,
    pid,
    credentials: credentials.value,
    subject: subject.value,
    user: readUserIds(host, pid, gaps),
    gaps,
  };
}

/** To the namespace of a kind that a process is in. */
export function doorTo(pid: number, kind: NamespaceKind): Door {
  return pathDoor(`/proc/${pid}/ns/${kind}`);
}

/** To the user namespace that owns the one behind the door. */
export function ownerOf({ at, through }: Door): Door {
  return { at, through: [...through, 'NS_GET_USERNS'] };
}

export function inodeBehind({ host }: Actor, { at, through }: Door): bigint | null {
  return valueOf(host.askNamespace(at, through)) ?? null;
}

/** Has it the capability in the user namespace behind the door? `where` says what that one owns. */
export function capableIn(actor: Actor, capability: bigint, door: Door, where = '', errno = 'EPERM'): Check {
  return checkOf(actor, capability, walkTo(actor.host, actor.subject, capability, door), where, errno);
}

/** In its own user namespace. */
export function capableHere(actor: Actor, capability: bigint, where = '', errno = 'EPERM'): Check {
  return capableIn(actor, capability, doorTo(actor.pid, 'user'), where, errno);
}

/** In the initial one, which is all that counts for what is not namespaced. */
export function capableInitial(actor: Actor, capability: bigint, where: string, errno = 'EPERM'): Check {
  return checkOf(actor, capability, walkToInitial(actor.subject, capability), where, errno);
}

function nameOf(capability: bigint): string {
  return bitsOf(capability)
    .map((bit) => libcapName(bit).toUpperCase())
    .join(', ');
}

function checkOf(actor: Actor, capability: bigint, walk: Walk, where: string, errno: string): Check {
  const { subject, credentials } = actor;
  const name = nameOf(capability);
  const there = `user:[${walk.inode ?? '?'}]${where === '' ? '' : `, ${where}`}`;
  const own = `user:[${subject.inode}]`;
  const base = { by: walk.by === 'owner' ? 'owner' : 'capability', holds: walk.holds, errno } as const;
  const raisable = (credentials.sets.permitted & capability) === capability ? ' (permitted: it could raise it)' : '';
  switch (walk.by) {
    case 'own':
      if (walk.holds === true) return { ...base, text: `${name} is effective in ${there}` };
      return { ...base, text: `${name} is not in its effective set${raisable}; asked for in ${there}` };
    case 'owner':
      return { ...base, text: `its euid made ${there}, right below its own: there it has every capability` };
    case 'below': {
      if (walk.holds === true)
        return { ...base, text: `${name} is effective in ${own}, and so counts in ${there}, below that` };
      const maker = walk.owner === null ? '' : `, made by uid ${walk.owner}`;
      return { ...base, text: `${name} is not in its effective set${raisable}, nor did it make ${there}${maker}` };
    }
    case 'beyond':
      return {
        ...base,
        text: `${name} of its own ${own} does not count in ${there}: that is neither its own nor below it`,
      };
    case 'unknown':
      return { ...base, text: `we are not shown how ${there} lies to its own ${own}` };
  }
}

/** Pid namespaces nest no deeper. Source: MAX_PID_NS_LEVEL. */
const LEVELS = 34;

/** Is the pid namespace behind the door its own, or below it? null: that is hidden from us. */
export function isBelowOwnPids(actor: Actor, { at, through }: Door): boolean | null {
  const own = inodeBehind(actor, doorTo(actor.pid, 'pid'));
  if (own === null) return null;
  const up: NamespaceQuestion[] = [...through];
  while (up.length < through.length + LEVELS) {
    const found = actor.host.askNamespace(at, up);
    if (found.ok && found.value === own) return true;
    // The kernel shows nothing above our own pid namespace: it was not met on the way.
    if (!found.ok) return found.gap.errno === 'EPERM' && up.length > through.length ? false : null;
    up.push('NS_GET_PARENT');
  }
  return false;
}
