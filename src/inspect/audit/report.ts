// The audit: each target judged by each check, findings that are worse together raised.

import { GapTally, type CountedGap } from '../../kernel/gap-tally.ts';
import { valueOf, type GapReason, type Host } from '../../kernel/host.ts';
import { isKernelSince } from '../kernel-version.ts';
import { AuditLook } from './audit-look.ts';
import { hostChecks, processChecks, SLOW } from './checks.ts';
import { correlate } from './correlations.ts';
import { rank, unknownFinding, type Finding } from './findings.ts';
import { Surroundings } from './surroundings.ts';
import { containerTargets, distinctTargets, oneProcess, type AuditTarget } from './targets.ts';

/** Whom to audit, resolved. */
export type Audited =
  | { readonly type: 'containers' | 'all' | 'host' }
  /** `whole`: with the others of its container. */
  | { readonly type: 'process'; readonly pid: number; readonly word: string; readonly whole: boolean };

export interface TargetFinding extends Finding {
  readonly target: string;
  /** null: the host. */
  readonly pid: number | null;
}

export interface AuditReport {
  /** observer: nstool runs in a container itself, and what is the host's cannot be told. */
  readonly against: 'host' | 'observer';
  readonly targets: readonly AuditTarget[];
  /** By target, the worst first. */
  readonly findings: readonly TargetFinding[];
  /** Those that a baseline has accepted. */
  readonly known: readonly TargetFinding[];
  /** What a baseline accepts and is no more. */
  readonly stale: readonly { readonly code: string; readonly target: string }[];
  readonly gaps: readonly CountedGap[];
}

export interface AuditOptions {
  /** Look for files with capabilities on whole file systems. */
  readonly files: boolean;
}

export function audit(host: Host, asked: readonly Audited[], options: AuditOptions): AuditReport {
  const around = new Surroundings(host);
  const gaps = new GapTally();
  const judged: Judged[] = [];
  for (const target of asked.flatMap((each) => targetsOf(around, each))) {
    const findings = target.pid === null ? ofHost(around) : ofProcess(around, target.pid, options);
    if (findings === undefined) gaps.add('process', { reason: 'gone', what: `/proc/${target.pid}` });
    else judged.push({ target, findings });
  }
  const all = merged(judged);
  const findings = all.flatMap(({ target, findings }) =>
    findings.map((finding) => ({ ...finding, target: target.target, pid: target.pid })),
  );
  for (const finding of findings) addUnknown(gaps, finding);
  for (const gap of asked.some(({ type }) => type !== 'process' && type !== 'host')
    ? around.crowd.scan.gaps.list()
    : [])
    gaps.addUncounted(gap);
  return {
    against: against(around),
    targets: all.map(({ target }) => target),
    findings,
    known: [],
    stale: [],
    gaps: gaps.list(),
  };
}

interface Judged {
  readonly target: AuditTarget;
  readonly findings: readonly Finding[];
}

const HOST: AuditTarget = { target: 'host', pid: null, processes: 0, alike: [], container: false };

function targetsOf(around: Surroundings, asked: Audited): readonly AuditTarget[] {
  switch (asked.type) {
    case 'host':
      return [HOST];
    case 'containers':
    case 'all':
      return [...distinctTargets(around, asked.type), HOST];
    case 'process':
      return asked.whole ? containerTargets(around, asked.pid, asked.word) : [oneProcess(asked.pid, asked.word)];
  }
}

function ofHost(around: Surroundings): readonly Finding[] {
  const look = new AuditLook(around, around.host.self.pid);
  return sorted(hostChecks.flatMap(({ findings }) => findings(look.ask)));
}

/** undefined: it has ended. */
function ofProcess(around: Surroundings, pid: number, { files }: AuditOptions): readonly Finding[] | undefined {
  const look = new AuditLook(around, pid);
  const credentials = look.ask('credentials');
  if (!credentials.ok && credentials.gap.reason === 'gone') return undefined;
  const contained = look.ask('contained');
  const findings = processChecks.flatMap((check) => {
    if (check.code === SLOW && !files) return [];
    if (check.of === 'all') return check.findings(look.ask);
    if (!contained.ok) return [unknownFinding(check.code, contained.gap)];
    return contained.value ? check.findings(look.ask) : [];
  });
  const netNames = contained.ok && contained.value ? (valueOf(look.ask('listeners')) ?? []) : [];
  const guardsReleaseAgent = isKernelSince(around.host, 5, 17) === true;
  return sorted(correlate(findings, { netNames, guardsReleaseAgent }));
}

/** The worst first; what is equal as the checks have it. */
function sorted(findings: readonly Finding[]): readonly Finding[] {
  return findings.toSorted((a, b) => rank(b.severity) - rank(a.severity));
}

/** What is in no container and was found alike is told once. */
function merged(all: readonly Judged[]): readonly Judged[] {
  const groups = new Map<string, Judged>();
  for (const judged of all) {
    const { target, findings } = judged;
    const same = findings.map(({ code, severity, args, raised }) => [code, severity, args, raised]);
    const isAlone = target.container || target.pid === null;
    const key = isAlone ? `${target.pid} ${target.target}` : JSON.stringify(same);
    const before = groups.get(key);
    groups.set(key, before === undefined ? judged : { ...before, target: both(before.target, target) });
  }
  return [...groups.values()];
}

function both(one: AuditTarget, other: AuditTarget): AuditTarget {
  const names = new Set([one.target, ...one.alike, other.target, ...other.alike]);
  const [target = '', ...alike] = [...names].toSorted();
  return { ...one, target, alike, processes: one.processes + other.processes };
}

const REASONS: readonly GapReason[] = ['gone', 'denied', 'unsupported', 'malformed', 'unrecorded'];

function addUnknown(gaps: GapTally, { severity, args }: Finding): void {
  const reason = REASONS.find((each) => each === args['reason']);
  if (severity !== 'unknown' || reason === undefined) return;
  const { what, errno } = args;
  gaps.add('check', { reason, what: String(what), ...(typeof errno === 'string' ? { errno } : {}) });
}

function against(around: Surroundings): AuditReport['against'] {
  const isHosts = (['pid', 'mnt', 'user'] as const).every((kind) => {
    const own = around.own(kind);
    return own !== undefined && around.isInitial(kind, own) === true;
  });
  return isHosts ? 'host' : 'observer';
}
