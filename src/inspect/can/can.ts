// May a process do something, and what decides.

import type { Gap, Host } from '../../kernel/host.ts';
import { bitsOf } from '../../capabilities/mask.ts';
import { NsError } from '../../kernel/error.ts';
import { isComplete, type CountedGap } from '../../kernel/gap-tally.ts';
import { decodeText } from '../../kernel/text/text.ts';
import { resolveTarget, type NamespaceTarget } from '../resolve-target.ts';
import { initialNamespace } from '../initial-namespace.ts';
import { pathDoor, type Door } from '../../namespaces/discover/door.ts';
import type { Act } from './act.ts';
import { actorOf, capableIn, doorTo, ownerOf, type Actor } from './actor.ts';
import { allOf, type Verdict } from './check.ts';
import { canChown, canLoadModule, canSetId } from './ids.ts';
import { canWriteMaps, type MapVerdict } from './id-maps.ts';
import { canJoin, canMount } from './namespaces.ts';
import { canKill, canTrace } from './processes.ts';
import { canBind, canOpenRaw } from './sockets.ts';

export interface CanAnswer {
  readonly pid: number;
  /** Of map:PID for any ids in both maps. */
  readonly verdict: Verdict;
  /** Of map:PID each map and content; else none. */
  readonly maps: readonly MapVerdict[];
  /** What may refuse it all the same, a clause each. */
  readonly unseen: readonly string[];
  readonly gaps: readonly CountedGap[];
  readonly complete: boolean;
}

/** `place` is where a capability is asked for: any target that has a user namespace. Errors: as of resolving targets. */
export function can(host: Host, pid: number, act: Act, place?: string): CanAnswer {
  const actor = actorOf(host, pid);
  const maps = act.type === 'map' ? canWriteMaps(actor, processOf(host, act.process)) : [];
  const verdict = act.type === 'map' ? both(maps) : verdictOf(actor, act, place);
  const gaps = actor.gaps.list();
  return { pid, verdict, maps, unseen: unseenBy(actor), gaps, complete: isComplete(gaps) };
}

function verdictOf(actor: Actor, act: Exclude<Act, { type: 'map' }>, place: string | undefined): Verdict {
  const { host } = actor;
  switch (act.type) {
    case 'capability':
      return allOf(inEach(actor, act.capabilities, place));
    case 'bind':
      return canBind(actor, act.port);
    case 'ptrace':
      return canTrace(actor, processOf(host, act.process));
    case 'kill':
      return canKill(actor, processOf(host, act.process));
    case 'mount':
      return canMount(actor);
    case 'setns':
      return canJoin(actor, namespaceOf(host, act.namespace));
    case 'chown':
      return canChown(actor, act.path);
    case 'setuid':
      return canSetId(actor, 'uid', act.id);
    case 'setgid':
      return canSetId(actor, 'gid', act.id);
    case 'raw-socket':
      return canOpenRaw(actor);
    case 'module':
      return canLoadModule(actor);
  }
}

function inEach(actor: Actor, capabilities: bigint, place: string | undefined): ReturnType<typeof capableIn>[] {
  const { door, where } =
    place === undefined ? { door: doorTo(actor.pid, 'user'), where: 'its own' } : asked(actor, place);
  return bitsOf(capabilities).map((bit) => capableIn(actor, 1n << BigInt(bit), door, where));
}

/** The user namespace that decides there. */
function asked({ host }: Actor, place: string): { readonly door: Door; readonly where: string } {
  const target = resolveTarget(host, place);
  if (target.type === 'process') return { door: doorTo(target.pid, 'user'), where: `of process ${target.pid}` };
  if (target.type === 'host') {
    const { door } = initialNamespace(host, 'user');
    if (door === null) throw new NsError('DENIED', { what: "cannot see the host's user namespace" });
    return { door: pathDoor(door), where: 'that of the host' };
  }
  if (target.kind === 'user') return { door: target.door, where: '' };
  return { door: ownerOf(target.door), where: `which owns ${target.kind}:[${target.inode}]` };
}

function namespaceOf(host: Host, word: string): NamespaceTarget {
  const target = resolveTarget(host, word);
  if (target.type === 'namespace') return target;
  throw new NsError('BAD_VALUE', {
    what: `'${word}' is ${target.type === 'host' ? 'the host' : 'a process'}, which has eight namespaces`,
    tryThis: `setns:net:${word}`,
  });
}

function processOf(host: Host, word: string): number {
  const target = resolveTarget(host, word);
  if (target.type === 'process') return target.pid;
  throw new NsError('BAD_VALUE', { what: `'${word}' is no process` });
}

/** Any ids in both maps is what makes a user namespace useful; the rest is told beside it. */
function both(maps: readonly MapVerdict[]): Verdict {
  const verdicts = maps.filter(({ content }) => content === 'any').map(({ verdict }) => verdict);
  return (
    verdicts.find(({ answer }) => answer === false) ??
    verdicts.find(({ answer }) => answer === null) ??
    allOf(verdicts.flatMap(({ checks }) => checks))
  );
}

/** What else the kernel asks, and does not tell us. */
function unseenBy({ host, pid, credentials }: Actor): readonly string[] {
  const { seccomp, seccompFilters } = credentials;
  const filters = seccompFilters === null ? 'a seccomp filter' : `${seccompFilters} seccomp filters`;
  return [
    ...(seccomp === 2 ? [`${filters}: what it refuses is not readable`] : []),
    ...(seccomp === 1 ? ['strict seccomp: it may only read, write and exit'] : []),
    ...securityModules(host, pid),
  ];
}

/** They decide by policies of their own; these three have none, or are looked at. */
const WITHOUT_POLICY = new Set(['capability', 'yama', 'lockdown']);

function securityModules(host: Host, pid: number): readonly string[] {
  // Its context, as the module that confines processes tells it; EINVAL: there is none.
  const context = host.readFile(`/proc/${pid}/attr/current`);
  const bytes = host.readFile('/sys/kernel/security/lsm');
  if (context.ok) {
    const name = decodeText(context.value).replaceAll('\0', '').trim();
    if (name !== '' && name !== 'unconfined') return [`a security module confines it: its context is ${name}`];
  }
  if (!bytes.ok) return !context.ok && context.gap.errno === 'EINVAL' ? [] : [modulesHidden(bytes.gap)];
  const active = decodeText(bytes.value).trim().split(',');
  const names = active.filter((name) => name !== '' && !WITHOUT_POLICY.has(name));
  return names.length === 0 ? [] : [`security modules: ${names.join(', ')}`];
}

function modulesHidden(gap: Gap): string {
  return `security modules: which are active is not told here (/sys/kernel/security/lsm: ${gap.errno ?? gap.reason})`;
}
