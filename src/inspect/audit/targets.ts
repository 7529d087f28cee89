// Whom to audit: of thousands of processes one for each security context. A container is its first process, and those
// of it that may something else; services of the host that may the same are one.

import { containerName, displayName } from '../../containers/display-name.ts';
import { containerKey, nobody, type Identity } from '../../containers/identity.ts';
import { valueOf } from '../../kernel/host.ts';
import { decodeText } from '../../kernel/text/text.ts';
import type { Surroundings } from './surroundings.ts';

export interface AuditTarget {
  /** What it is called in findings; the same in the next run, as far as that can be. Any characters. */
  readonly target: string;
  /** The process that is looked at; null: the host. */
  readonly pid: number | null;
  /** How many are alike, with this one. */
  readonly processes: number;
  /** What else they are called. */
  readonly alike: readonly string[];
  /** Of a container. */
  readonly container: boolean;
}

/** A process, as far as its group needs it. */
interface Member {
  readonly pid: number;
  readonly identity: Identity;
  /** Ids, capabilities, no_new_privs, seccomp, label. */
  readonly credentials: string;
  /** By kind, the links that it has. */
  readonly links: ReadonlyMap<string, string>;
  readonly isInit: boolean;
}

export function oneProcess(pid: number, target: string): AuditTarget {
  return { target, pid, processes: 1, alike: [], container: false };
}

/** The containers, or all. */
export function distinctTargets(around: Surroundings, which: 'containers' | 'all'): readonly AuditTarget[] {
  const inside: Member[] = [];
  const others: Member[] = [];
  for (const member of members(around)) (member.identity.role === 'payload' ? inside : others).push(member);
  const containers = [...groupBy(inside, ({ identity }) => containerKey(identity)).values()].flatMap((group) =>
    ofContainer(around, group),
  );
  return which === 'containers' ? containers : [...containers, ...ofHost(around, others)];
}

/** The container that a process is in, with `target` for its name. */
export function containerTargets(around: Surroundings, pid: number, target: string): readonly AuditTarget[] {
  const identity = valueOf(around.resolver.identify(pid));
  if (identity?.role !== 'payload') return [oneProcess(pid, target)];
  const key = containerKey(identity);
  const group = members(around).filter(
    (each) => each.identity.role === 'payload' && containerKey(each.identity) === key,
  );
  return group.length === 0 ? [oneProcess(pid, target)] : ofContainer(around, group, target);
}

function members(around: Surroundings): readonly Member[] {
  const { scan, resolver } = around.crowd;
  const links = linksByPid(around);
  const isLabelled = (valueOf(around.host.readFile('/proc/self/attr/current'))?.length ?? 0) > 0;
  const pids = [...scan.processes, ...scan.closed].toSorted((a, b) => a - b);
  return pids.flatMap((pid): Member[] => {
    const bytes = valueOf(around.host.readFile(`/proc/${pid}/status`));
    const status = bytes === undefined ? undefined : decodeText(bytes);
    // Threads of the kernel and zombies have no memory, and nothing to be kept from.
    if (status === undefined || !status.includes('\nVmSize:')) return [];
    const label = isLabelled ? valueOf(around.host.readFile(`/proc/${pid}/attr/current`)) : undefined;
    const credentials = `${linesOf(status)} ${label === undefined ? '' : decodeText(label)}`;
    const identity = valueOf(resolver.identify(pid)) ?? nobody;
    const isInit = /^NSpid:.*\t1$/m.test(status);
    return [{ pid, identity, credentials, links: links.get(pid) ?? new Map(), isInit }];
  });
}

const CREDENTIALS = /^(?:Uid|Gid|Groups|Cap[A-Z][a-z]{2}|NoNewPrivs|Seccomp):.*$/gm;

function linesOf(status: string): string {
  return (status.match(CREDENTIALS) ?? []).join(' ');
}

function linksByPid({ crowd }: Surroundings): ReadonlyMap<number, ReadonlyMap<string, string>> {
  const found = new Map<number, Map<string, string>>();
  for (const [text, { kind, pids }] of crowd.scan.namespaces) {
    for (const pid of pids) {
      const links = found.get(pid);
      if (links === undefined) found.set(pid, new Map([[kind, text]]));
      else links.set(kind, text);
    }
  }
  return found;
}

function groupBy<T>(all: readonly T[], key: (one: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const one of all) {
    const name = key(one);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [one]);
    else group.push(one);
  }
  return groups;
}

/** Its first process first. */
function ofContainer(around: Surroundings, group: readonly Member[], target?: string): readonly AuditTarget[] {
  const [lowest] = group;
  if (lowest === undefined) return [];
  const first = group.find(({ isInit }) => isInit) ?? lowest;
  const called = target ?? nameOf(first.identity);
  const context = (member: Member): string =>
    `${member.credentials} ${[...member.links.values()].toSorted().join(' ')}`;
  const contexts = groupBy([first, ...group.filter((member) => member !== first)], context);
  return [...contexts.values()].flatMap((alike): AuditTarget[] => {
    const [one] = alike;
    if (one === undefined) return [];
    const name = one === first ? called : `${called} ${commOf(around, one.pid)}`;
    return [{ target: name, pid: one.pid, processes: alike.length, alike: [], container: true }];
  });
}

/** The containers of a pod have its name. */
function nameOf(identity: Identity): string {
  const { pod, name } = identity;
  return `${containerName(identity) ?? 'container:-'}${pod !== null && name !== null ? ` ${name}` : ''}`;
}

/** By what they may, and whether what surrounds them is the host's. What is in a sandbox is looked at in each. */
function ofHost(around: Surroundings, others: readonly Member[]): readonly AuditTarget[] {
  const isHosts = (link: string): boolean => {
    const namespace = around.crowd.scan.namespaces.get(link);
    return namespace !== undefined && around.isInitial(namespace.kind, namespace.inode) !== false;
  };
  const context = ({ credentials, links }: Member): string => {
    const kinds = [...links].map(([kind, link]) => `${kind} ${isHosts(link)}`);
    const isSandbox = ['pid', 'user'].some((kind) => links.has(kind) && !isHosts(links.get(kind) ?? ''));
    return `${credentials} ${kinds.toSorted().join(' ')} ${isSandbox ? (links.get('mnt') ?? '') : ''}`;
  };
  return [...groupBy(others, context).values()].flatMap((alike): AuditTarget[] => {
    const [one] = alike;
    if (one === undefined) return [];
    const names = new Set(alike.map(({ pid, identity }) => displayName(identity) ?? commOf(around, pid)));
    const [target = '', ...rest] = [...names].toSorted();
    return [{ target, pid: one.pid, processes: alike.length, alike: rest, container: false }];
  });
}

function commOf(around: Surroundings, pid: number): string {
  const bytes = valueOf(around.host.readFile(`/proc/${pid}/comm`));
  return `comm:${bytes === undefined ? '-' : decodeText(bytes).replace(/\n$/, '')}`;
}
