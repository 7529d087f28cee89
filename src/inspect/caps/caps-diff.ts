// Capability sets side by side: of processes, of files, of masks and baselines.

import { allCapabilities } from '../../capabilities/all-capabilities.ts';
import { setWords } from '../../capabilities/baselines.ts';
import { collapse, parseCapabilities } from '../../capabilities/expression.ts';
import { CAPABILITY_ATTRIBUTE, decodeFileCapabilities } from '../../capabilities/file-capabilities.ts';
import { parseMask } from '../../capabilities/mask.ts';
import { credentialsOf } from '../../capabilities/credentials.ts';
import type { CapabilitySets } from '../../capabilities/sets.ts';
import { libcapNames } from '../../capabilities/spelling.ts';
import { errorOfGap, NsError } from '../../kernel/error.ts';
import { GapTally, type CountedGap } from '../../kernel/gap-tally.ts';
import { gap, value, valueOf, type Host, type Reading } from '../../kernel/host.ts';
import { firstProcess, initialNamespace, inodeOf } from '../initial-namespace.ts';
import { resolveTarget } from '../resolve-target.ts';
import { requireSameProcess } from '../start-ticks.ts';

export interface CapsSide {
  readonly host: Host;
  readonly all: bigint | undefined;
  /** `one`: a mask or a baseline, which is compared with what a process has and may have: not what it hands on. */
  readonly sets: Readonly<Partial<Record<keyof CapabilitySets, bigint>>> | { readonly one: bigint };
  /** Of a process. Absent: of none. */
  readonly facts: Readonly<Record<string, Reading<string>>>;
}

export interface CapsDifference {
  readonly what: string;
  /** The shortest list, or the text of what is no set. */
  readonly a: string;
  readonly b: string;
  /** The names; null: it is no set. */
  readonly onlyA: readonly string[] | null;
  readonly onlyB: readonly string[] | null;
}

export interface CapsDiff {
  readonly differences: readonly CapsDifference[];
  /** What was compared. */
  readonly compared: readonly string[];
  /** Of what it is unknown whether they differ. */
  readonly gaps: readonly CountedGap[];
}

/** `mask:HEX`, `baseline:docker`, `file:PATH`; else a target. Errors: BAD_VALUE; as of resolveTarget; of reading. */
export function capsSide(host: Host, word: string): CapsSide {
  const all = valueOf(allCapabilities(host));
  const colon = word.indexOf(':');
  const [scheme, rest] = [word.slice(0, Math.max(colon, 0)), word.slice(colon + 1)];
  if (scheme === 'mask') return { host, all, sets: { one: maskOf(word, rest) }, facts: {} };
  if (scheme === 'baseline') return { host, all, sets: { one: baselineOf(word, rest, all) }, facts: {} };
  if (scheme === 'file') return { host, all, sets: fileSets(host, rest), facts: {} };
  return targetSide(host, word, all);
}

function maskOf(word: string, digits: string): bigint {
  const parsed = parseMask(digits);
  if (parsed.ok) return parsed.mask;
  const why = parsed.problem === 'not-hex' ? 'it is not a hexadecimal number' : 'it has more than 64 bits';
  throw new NsError('BAD_VALUE', { what: `'${word.slice(0, 60)}' is no mask`, why, tryThis: 'mask:a80425fb' });
}

function baselineOf(word: string, list: string, all: bigint | undefined): bigint {
  const [first = ''] = list.toLowerCase().split(',');
  const parsed = parseCapabilities(list, all ?? 0n, 'capability');
  const isBaseline = setWords.includes(first) && (all !== undefined || (first !== 'full' && first !== 'all'));
  if (parsed.ok && isBaseline) return parsed.mask;
  throw new NsError('BAD_VALUE', {
    what: `'${word.slice(0, 60)}' is no baseline`,
    why: isBaseline && !parsed.ok ? parsed.problem : `the baselines are ${setWords.join(', ')}`,
    tryThis: 'baseline:docker,+net_admin',
  });
}

/** Of a file without any they are empty. */
function fileSets(host: Host, path: string): CapsSide['sets'] {
  const bytes = host.attribute({ name: CAPABILITY_ATTRIBUTE, path, follow: true });
  if (!bytes.ok) throw errorOfGap(bytes.gap, `cannot read the capabilities of ${path}`);
  if (bytes.value === null) return { effective: 0n, permitted: 0n, inheritable: 0n };
  const decoded = decodeFileCapabilities(bytes.value);
  if (!decoded.ok) throw new NsError('BAD_VALUE', { what: `${path} has malformed capabilities`, why: decoded.problem });
  const { effective, permitted, inheritable } = decoded.capabilities;
  return { effective: effective ? permitted | inheritable : 0n, permitted, inheritable };
}

/** A baseline stands behind its scheme: a process may be called docker. */
function targetOf(host: Host, word: string): ReturnType<typeof resolveTarget> {
  try {
    return resolveTarget(host, word);
  } catch (error) {
    const [first = ''] = word.toLowerCase().split(',');
    if (error instanceof NsError && setWords.includes(first))
      throw new NsError(error.code, { ...error.facts, tryThis: `baseline:${word}` });
    throw error;
  }
}

function targetSide(host: Host, word: string, all: bigint | undefined): CapsSide {
  const target = targetOf(host, word);
  if (target.type === 'namespace') {
    throw new NsError('BAD_VALUE', {
      what: `'${word}' is a namespace, and only processes have capabilities`,
      tryThis: 'nstool caps diff --help',
    });
  }
  if (target.type === 'host') return hostSide(host, all);
  const credentials = credentialsOf(host, target.pid);
  if (!credentials.ok) throw errorOfGap(credentials.gap, `cannot read the capabilities of '${word}'`);
  const { sets, noNewPrivileges, seccomp } = credentials.value;
  const user = inodeOf(host, `/proc/${target.pid}/ns/user`);
  requireSameProcess(host, target.pid, target.startTicks);
  return { host, all, sets, facts: { ...factsOf(noNewPrivileges, seccomp), user_namespace: userText(user) } };
}

function hostSide(host: Host, all: bigint | undefined): CapsSide {
  if (all === undefined)
    throw new NsError('UNSUPPORTED', { what: 'this kernel does not tell which capabilities it knows' });
  const sets = { effective: all, permitted: all, inheritable: 0n, bounding: all, ambient: 0n };
  const first = firstProcess(host);
  const credentials = first.ok ? valueOf(credentialsOf(host, first.value)) : undefined;
  const user = initialNamespace(host, 'user').inode;
  const facts = factsOf(credentials?.noNewPrivileges ?? null, credentials?.seccomp ?? null);
  return { host, all, sets, facts: { ...facts, user_namespace: userText(user) } };
}

const SECCOMP = ['disabled', 'strict', 'filter'];

function factsOf(noNewPrivileges: boolean | null, seccomp: number | null): CapsSide['facts'] {
  const told = (text: string | null, line: string): Reading<string> =>
    text === null ? gap({ reason: 'unsupported', what: `${line} in /proc/PID/status` }) : value(text);
  return {
    no_new_privs: told(noNewPrivileges === null ? null : noNewPrivileges ? 'yes' : 'no', 'NoNewPrivs'),
    seccomp: told(seccomp === null ? null : (SECCOMP[seccomp] ?? String(seccomp)), 'Seccomp'),
  };
}

function userText(inode: Reading<bigint>): Reading<string> {
  return inode.ok ? value(String(inode.value)) : inode;
}

const SETS = ['effective', 'permitted', 'inheritable', 'bounding', 'ambient'] as const;

/** What a process has and may have. */
const SPOKEN_OF: readonly string[] = ['effective', 'permitted', 'bounding'] satisfies (typeof SETS)[number][];

/** Both sides may be of one host or of two; numbers of namespaces mean nothing between two. */
export function diffCapabilities(a: CapsSide, b: CapsSide): CapsDiff {
  const sets = setPairs(a.sets, b.sets);
  const differences: CapsDifference[] = sets
    .filter(([, left, right]) => left !== right)
    .map(([what, left, right]) => ({
      what,
      a: collapse(left, a.all),
      b: collapse(right, b.all),
      onlyA: libcapNames(left & ~right),
      onlyB: libcapNames(right & ~left),
    }));
  const facts = Object.entries(a.facts).flatMap(([what, left]) => {
    const right = b.facts[what];
    const isOfOneHost = what === 'user_namespace';
    return right === undefined || (isOfOneHost && a.host !== b.host) ? [] : [{ what, left, right }];
  });
  const gaps = new GapTally();
  for (const { what, left, right } of facts) {
    if (!left.ok) gaps.add(`${what} of A`, left.gap);
    if (!right.ok) gaps.add(`${what} of B`, right.gap);
    if (left.ok && right.ok && left.value !== right.value)
      differences.push({ what, a: left.value, b: right.value, onlyA: null, onlyB: null });
  }
  const compared = [...sets.map(([what]) => what), ...facts.map(({ what }) => what)];
  return { differences, compared, gaps: gaps.list() };
}

function setPairs(a: CapsSide['sets'], b: CapsSide['sets']): readonly (readonly [string, bigint, bigint])[] {
  if ('one' in a && 'one' in b) return [['set', a.one, b.one]];
  return SETS.flatMap((set) => {
    const of = (side: CapsSide['sets']): bigint | undefined =>
      'one' in side ? (SPOKEN_OF.includes(set) ? side.one : undefined) : side[set];
    const [left, right] = [of(a), of(b)];
    return left === undefined || right === undefined ? [] : [[set, left, right] as const];
  });
}
