// A process as execve(2) sees it, with what the rules ask of its user namespace.

import { powerIn } from '../../capabilities/capable.ts';
import { allCapabilities } from '../../capabilities/all-capabilities.ts';
import { credentialsOf } from '../../capabilities/credentials.ts';
import type { ExecCaller, ExecRules } from '../../capabilities/exec.ts';
import { CAPABILITY } from '../../kernel/abi/capability.ts';
import { errorOfGap } from '../../kernel/error.ts';
import type { GapTally } from '../../kernel/gap-tally.ts';
import { valueOf, type Host } from '../../kernel/host.ts';
import { tracerOf } from '../../kernel/process-tracer.ts';
import { pathDoor } from '../../namespaces/discover/door.ts';
import { isKernelSince } from '../kernel-version.ts';
import { subjectOf } from '../subject.ts';
import { idHere, readUserIds, type UserIds } from '../user-ids.ts';

/** What is taken for granted, as nothing tells it. */
export type Assumption =
  /** PR_GET_SECUREBITS tells them of the caller only. */
  | 'securebits'
  /** By CLONE_FS: nothing but kcmp(2) with every process would tell. */
  | 'shared_fs'
  /** The tracer's capabilities count as they were when it began. */
  | 'tracer'
  | 'kernel_version'
  | 'mount_owner'
  | 'path'
  | 'no_new_privileges';

export interface CallerLook {
  readonly pid: number;
  readonly caller: ExecCaller;
  readonly rules: ExecRules;
  readonly user: UserIds;
  readonly assumptions: readonly Assumption[];
}

/** What is asked instead of what is there. */
export interface Changes {
  readonly securebits?: number;
  readonly noNewPrivileges?: boolean;
}

/** Errors: as of reading its status; UNSUPPORTED before Linux 4.3. */
export function callerOf(host: Host, pid: number, changes: Changes, gaps: GapTally): CallerLook {
  const credentials = credentialsOf(host, pid);
  if (!credentials.ok) throw errorOfGap(credentials.gap, `cannot read the credentials of process ${pid}`);
  const user = readUserIds(host, pid, gaps);
  const assumptions: Assumption[] = ['shared_fs'];
  const { uids, gids, groups, sets } = credentials.value;
  const own = pid === host.self.pid ? valueOf(host.securebits()) : undefined;
  const securebits = changes.securebits ?? own;
  if (securebits === undefined) assumptions.push('securebits');
  const noNewPrivileges = changes.noNewPrivileges ?? credentials.value.noNewPrivileges;
  if (noNewPrivileges === null) assumptions.push('no_new_privileges');
  const tracer = tracerOf(host, pid);
  const traced = tracer !== null && !mayTrace(host, tracer, pid);
  if (tracer !== null) assumptions.push('tracer');
  const root = user.uids === null ? undefined : idHere(user.uids, 0);
  const caller = {
    uids,
    gids,
    groups,
    sets,
    securebits: securebits ?? 0,
    noNewPrivileges: noNewPrivileges ?? false,
    traced,
    sharesFs: false,
    root: root ?? null,
  };
  return { pid, caller, rules: rulesOf(host, assumptions, gaps), user, assumptions };
}

function rulesOf(host: Host, assumptions: Assumption[], gaps: GapTally): ExecRules {
  const all = allCapabilities(host);
  if (!all.ok) gaps.add('last capability', all.gap);
  const isNewer = isKernelSince(host, 6, 16);
  if (isNewer === null) assumptions.push('kernel_version');
  return { all: all.ok ? all.value : (1n << 64n) - 1n, comparesEffective: isNewer !== false };
}

function mayTrace(host: Host, tracer: number, pid: number): boolean {
  const credentials = valueOf(credentialsOf(host, tracer));
  const subject = credentials === undefined ? undefined : valueOf(subjectOf(host, tracer, credentials));
  if (subject === undefined) return false;
  const power = powerIn(host, subject, pathDoor(`/proc/${pid}/ns/user`));
  return 'capabilities' in power && (power.capabilities & CAPABILITY.SYS_PTRACE) !== 0n;
}
