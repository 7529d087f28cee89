// Who a cgroup path belongs to, from the path alone. Paths nest: docker in docker, a pod in kind, a service in a
// container that runs systemd. So a path is read as levels, from the outermost container in.

import type { CgroupMembership } from '../kernel/text/cgroup.ts';
import { parseDecimal } from '../kernel/text/text.ts';
import type { Engine, QosClass, Role, Sandbox } from './identity.ts';
import { matchSegment, podOfSegment, type Around, type SegmentMatch } from './segment-rules.ts';
import { unitOfSegment } from './systemd-name.ts';

/** One container (or pod) in a path. null: the path does not tell, or there is none. */
export interface PathLevel {
  readonly engine: Engine | null;
  /** null: in a pod, but in none of its containers. */
  readonly id: string | null;
  readonly name: string | null;
  readonly podUid: string | null;
  readonly qos: QosClass | null;
  /** The innermost systemd unit up to this level; of the last level: up to the end of the path. */
  readonly unit: string | null;
  /** The user whose own systemd (`user@UID.service`) it is below: he may make any cgroup there. */
  readonly uid: number | null;
  readonly role: Role;
  readonly sandbox: Sandbox | null;
}

/** A path taken apart. */
export interface PathIdentity {
  /** From the outermost container in; empty: no container. */
  readonly levels: readonly PathLevel[];
  /** Of the whole path, as in a level. */
  readonly unit: string | null;
  readonly uid: number | null;
}

/** What was passed on the way to a container. */
interface Passed {
  podUid: string | null;
  kubernetes: boolean;
  qos: 'burstable' | 'besteffort' | null;
  unit: string | null;
  uid: number | null;
}

/** Never fails: a path that fits nothing is nobody's. `..`, what lies outside our cgroup namespace, is passed over. */
export function identifyPath(path: string): PathIdentity {
  const segments = path.split('/').filter((segment) => segment !== '' && segment !== '.' && segment !== '..');
  const levels: PathLevel[] = [];
  let unit: string | null = null;
  let uid: number | null = null;
  let passed = nothingPassed();
  for (const [index, segment] of segments.entries()) {
    const around = { before: segments.slice(0, index), after: segments.slice(index + 1, index + 2) };
    pass(passed, segment, around);
    unit = passed.unit ?? unit;
    const match = matchSegment(segment, around);
    if (match === undefined) continue;
    levels.push(levelOf(match, passed));
    uid ??= passed.uid;
    passed = nothingPassed();
  }
  uid ??= passed.uid;
  // In a pod's cgroup, beside its containers: what the engine needs to run them.
  if (passed.podUid !== null) levels.push(levelOf({ role: 'monitor' }, passed));
  const last = levels.at(-1);
  return { levels: last === undefined ? [] : [...levels.slice(0, -1), { ...last, unit }], unit, uid };
}

/**
 * Of the hierarchies of a process that which tells most: an engine may have been given some of them only, and in others
 * the process is where it started. The unified one goes first, then systemd's own.
 */
export function identifyMemberships(memberships: readonly CgroupMembership[]): PathIdentity {
  const paths = new Set(memberships.toSorted((a, b) => rank(a) - rank(b)).map((membership) => membership.path));
  let best: PathIdentity = { levels: [], unit: null, uid: null };
  for (const path of paths) {
    const identity = identifyPath(path);
    if (richness(identity) > richness(best)) best = identity;
  }
  return best;
}

function rank({ hierarchy, controllers }: CgroupMembership): number {
  if (hierarchy === 0) return 0;
  return controllers.includes('name=systemd') ? 1 : 2;
}

function richness({ levels, unit }: PathIdentity): number {
  return 2 * levels.length + (unit === null ? 0 : 1);
}

function nothingPassed(): Passed {
  return { podUid: null, kubernetes: false, qos: null, unit: null, uid: null };
}

function pass(passed: Passed, segment: string, around: Around): void {
  passed.podUid = podOfSegment(segment, around) ?? passed.podUid;
  // With kubelet's --cgroup-root, as in kind, kubepods is a part of a name anywhere in the path.
  passed.kubernetes ||= /(?:^|-)kubepods(?:[-.]|$)/.test(segment);
  const qos = /(?:^|-)(burstable|besteffort)(?:[-.]|$)/.exec(segment)?.[1];
  if (qos === 'burstable' || qos === 'besteffort') passed.qos = qos;
  passed.unit = unitOfSegment(segment) ?? passed.unit;
  const uid = /^user@([0-9]+)\.service$/.exec(segment)?.[1];
  passed.uid = parseDecimal(uid) ?? passed.uid;
}

function levelOf(match: SegmentMatch, passed: Passed): PathLevel {
  return {
    engine: match.engine ?? null,
    id: match.id ?? null,
    name: match.name ?? null,
    podUid: match.podUid ?? passed.podUid,
    qos: passed.kubernetes ? (passed.qos ?? 'guaranteed') : null,
    unit: passed.unit,
    uid: passed.uid,
    role: match.role ?? 'payload',
    sandbox: match.sandbox ?? null,
  };
}
