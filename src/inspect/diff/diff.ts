// What differs between two targets: their namespaces, then what is in those that differ, then the processes.

import { namespaceKinds, type NamespaceKind } from '../../kernel/abi/namespace-kinds.ts';
import { NsError } from '../../kernel/error.ts';
import { value, type Reading } from '../../kernel/host.ts';
import { cgroupSections, inSameCgroups } from './cgroups.ts';
import { clockSections } from './clocks.ts';
import { compareSections, joined, type Comparison } from './compare.ts';
import { environmentSection } from './environment.ts';
import type { Section } from './fact.ts';
import { idMapSections } from './id-maps.ts';
import { cgroupRootSections, ipcSections, nameSections } from './inside.ts';
import { mountSections } from './mounts.ts';
import { networkSections } from './network.ts';
import { processCountSections } from './process-count.ts';
import { processSections } from './process.ts';
import { requireLasting, type SeenNamespace, type Side } from './side.ts';

/** How two targets differ. */
export interface TargetDiff extends Comparison {
  /** Are both on one host? Numbers of namespaces mean nothing between two, so there only what is in them counts. */
  readonly sameHost: boolean;
}

/** What a namespace of each kind holds. */
const contents: Record<NamespaceKind, (side: Side, namespace: SeenNamespace) => readonly Section[]> = {
  net: networkSections,
  mnt: mountSections,
  user: idMapSections,
  pid: processCountSections,
  uts: nameSections,
  ipc: ipcSections,
  cgroup: cgroupRootSections,
  time: clockSections,
};

/** What is compared beyond the usual. */
export interface DiffOptions {
  /** Compare the values in the environment too, not only the names. */
  readonly env?: boolean;
}

/** All that differs between two targets. Errors: BAD_VALUE (nothing can be compared), NO_PROCESS. */
export function diffTargets(a: Side, b: Side, { env = false }: DiffOptions = {}): TargetDiff {
  const sameHost = a.host === b.host;
  const apart = pairsOf(a, b).filter((pair) => !isSame(pair, sameHost));
  const comparison = joined([
    ...(sameHost ? apart.map(numbers) : []),
    ...apart.map(({ kind, left, right }) => compareSections(contents[kind](a, left), contents[kind](b, right))),
    compareProcesses(a, b, { env, pidInside: apart.some(({ kind }) => kind === 'pid') }),
  ]);
  requireLasting(a);
  requireLasting(b);
  return { ...comparison, sameHost };
}

interface Pair {
  readonly kind: NamespaceKind;
  readonly left: SeenNamespace;
  readonly right: SeenNamespace;
}

/** The kinds that both have. */
function pairsOf(a: Side, b: Side): readonly Pair[] {
  const pairs = namespaceKinds.flatMap(({ kind }): Pair[] => {
    const left = a.namespaces.get(kind);
    const right = b.namespaces.get(kind);
    return left === undefined || right === undefined ? [] : [{ kind, left, right }];
  });
  if (pairs.length > 0) return pairs;
  throw new NsError('BAD_VALUE', {
    what: 'the two have nothing in common that could be compared',
    why: `one has ${kindsIn(a)}, the other ${kindsIn(b)}`,
  });
}

function kindsIn({ namespaces }: Side): string {
  return `a namespace of kind ${[...namespaces.keys()].join(', ') || 'unknown'}`;
}

function isSame({ left, right }: Pair, sameHost: boolean): boolean {
  if (!sameHost) return false;
  if (left.door !== null && left.door === right.door) return true;
  return left.inode.ok && right.inode.ok && left.inode.value === right.inode.value;
}

function numbers({ kind, left, right }: Pair): Comparison {
  const section = ({ inode }: SeenNamespace): Section => ({
    subject: `${kind} namespace`,
    facts: inode.ok ? value([{ what: 'namespace', name: kind, value: inode.value }]) : inode,
  });
  return compareSections([section(left)], [section(right)]);
}

interface ProcessOptions {
  readonly env: boolean;
  readonly pidInside: boolean;
}

function compareProcesses(a: Side, b: Side, options: ProcessOptions): Comparison {
  if (a.process === null || b.process === null || isSameProcess(a, b)) return { differences: [], unknowns: [] };
  const { env, pidInside } = options;
  const apart = !inSameCgroups(a, b);
  const fieldsOf = ({ host, isHost }: Side, process: Reading<number>): readonly Section[] => [
    ...processSections({ host, process, isHost }, pidInside),
    ...(apart ? cgroupSections({ host, process, isHost }) : []),
    environmentSection(host, process, env),
  ];
  return compareSections(fieldsOf(a, a.process), fieldsOf(b, b.process));
}

/** It is the same as itself, however little of it we may read. */
function isSameProcess(a: Side, b: Side): boolean {
  return (
    a.isHost === b.isHost &&
    a.host === b.host &&
    a.process?.ok === true &&
    b.process?.ok === true &&
    a.process.value === b.process.value
  );
}
