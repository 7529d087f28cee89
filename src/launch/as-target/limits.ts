// The resource limits of the target. Raising a hard one needs a right that may be gone later, so that is done early; the
// limits themselves come late, as they hold for nsexec, too. Source: getrlimit(2), proc_pid_limits(5).

import { RESOURCE_LIMITS, RLIMIT_NOFILE } from '../../kernel/abi/process.ts';
import { valueOf, type Host } from '../../kernel/host.ts';
import type { Step } from '../../kernel/program.ts';
import { parseLimit } from '../../kernel/text/limits.ts';
import { CAPABILITY } from '../../kernel/abi/capability.ts';
import { FIRST_LIMIT_MARK, step } from '../step.ts';
import { hasInitially, type Facts } from './facts.ts';
import { remarks, type Uncopied } from './part.ts';

export interface LimitSteps {
  readonly outside: readonly Step[];
  readonly inside: readonly Step[];
  readonly uncopied: readonly Uncopied[];
}

/** -1: unlimited. */
interface Limit {
  readonly soft: bigint;
  readonly hard: bigint;
}

const UNLIMITED = -1n;

/** `openFiles`: what Node raised, as it was before. */
export function copyLimits(host: Host, facts: Facts, openFiles: Limit | undefined): LimitSteps {
  const all: { outside: Step[]; inside: Step[]; uncopied: Uncopied[] } = { outside: [], inside: [], uncopied: [] };
  for (const [resource, name] of RESOURCE_LIMITS.entries()) {
    const theirs = limitOf(host, facts.pid, name);
    const ours = resource === RLIMIT_NOFILE ? (openFiles ?? limitOf(host, 'self', name)) : limitOf(host, 'self', name);
    if (theirs === undefined || ours === undefined) {
      all.uncopied.push({ what: limitName(name), why: '/proc/PID/limits does not tell it' });
    } else if (theirs.soft !== ours.soft || theirs.hard !== ours.hard) {
      const one = copyLimit(facts, { resource, name: limitName(name) }, theirs, ours);
      all.outside.push(...one.outside);
      all.inside.push(...one.inside);
      all.uncopied.push(...one.uncopied);
    }
  }
  return all;
}

/** As `limit of open files`. */
function limitName(name: string): string {
  return `limit of ${name.slice('Max '.length)}`;
}

const NEEDS = 'to raise the hard limit needs CAP_SYS_RESOURCE in the initial user namespace';

function copyLimit(
  facts: Facts,
  { resource, name }: { readonly resource: number; readonly name: string },
  theirs: Limit,
  ours: Limit,
): LimitSteps {
  const set = ({ soft, hard }: Limit, more: Partial<Step>, reason = 'that of the target'): Step =>
    step(`set the ${name} to ${text(soft)}, hard ${text(hard)}`, reason, { op: 'rlimit', resource, soft, hard }, more);
  if (!isMore(theirs.hard, ours.hard)) {
    const explanations = remarks(name, { EPERM: NEEDS, EINVAL: 'this kernel does not take it' });
    return { outside: [], inside: [set(theirs, { try: true, explanations })], uncopied: [] };
  }
  const most = { soft: isMore(theirs.soft, ours.hard) ? ours.hard : theirs.soft, hard: ours.hard };
  if (!hasInitially(facts, CAPABILITY.SYS_RESOURCE)) {
    const why = `${NEEDS}; the command gets ${text(most.soft)}, hard ${text(most.hard)}`;
    return { outside: [], inside: [set(most, { try: true })], uncopied: [{ what: name, why }] };
  }
  const mark = FIRST_LIMIT_MARK + resource;
  const raised = { soft: ours.soft, hard: theirs.hard };
  const more = { try: true, mark, explanations: remarks(name, { EPERM: NEEDS }) };
  return {
    outside: [set(raised, more, 'raising the hard limit needs a right that is gone inside')],
    inside: [
      step('skip 1 step if that worked', 'it takes what can be had without', { op: 'skip', mark, count: 1 }),
      set(most, { try: true }, 'as much as our hard limit allows'),
      set(theirs, { try: true }),
    ],
    uncopied: [],
  };
}

function isMore(limit: bigint, other: bigint): boolean {
  if (other === UNLIMITED) return false;
  return limit === UNLIMITED || limit > other;
}

function text(limit: bigint): string {
  return limit === UNLIMITED ? 'unlimited' : String(limit);
}

function limitOf(host: Host, process: number | 'self', name: string): Limit | undefined {
  const path = `/proc/${process}/limits`;
  const bytes = valueOf(host.readFile(path));
  const limit = bytes === undefined ? undefined : valueOf(parseLimit(bytes, path, name));
  return limit === undefined ? undefined : { soft: limit.soft ?? UNLIMITED, hard: limit.hard ?? UNLIMITED };
}
