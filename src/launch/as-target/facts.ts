// What is known of the target and of us before anything is copied.

import { errorOfGap } from '../../kernel/error.ts';
import type { Host } from '../../kernel/host.ts';
import { parseStatusMasks, type StatusMasks } from '../../kernel/text/status-masks.ts';
import { parseStatus, type ProcessStatus } from '../../kernel/text/status.ts';
import { isInitial } from '../../namespaces/initial.ts';
import { ownInode } from '../../namespaces/own.ts';

export interface ProcessFacts {
  readonly status: ProcessStatus;
  readonly masks: StatusMasks;
}

export interface Facts {
  readonly pid: number;
  readonly theirs: ProcessFacts;
  readonly ours: ProcessFacts;
  /** A user namespace is entered: there we have all capabilities, and nothing of ours from outside. */
  readonly joinsUser: boolean;
  /** Our user namespace is the initial one, in which some rights count only. null: it cannot be told. */
  readonly isInitial: boolean | null;
}

/** Errors: NO_FILE, DENIED, PARSE. */
export function readFacts(host: Host, pid: number, joinsUser: boolean): Facts {
  const user = ownInode(host, 'user');
  return {
    pid,
    theirs: readProcess(host, pid),
    ours: readProcess(host, 'self'),
    joinsUser,
    isInitial: user === undefined ? null : isInitial(host, 'user', user),
  };
}

function readProcess(host: Host, process: number | 'self'): ProcessFacts {
  const path = `/proc/${process}/status`;
  const what = `cannot read the status of process ${process}`;
  const bytes = host.readFile(path);
  if (!bytes.ok) throw errorOfGap(bytes.gap, what);
  const status = parseStatus(bytes.value, path);
  if (!status.ok) throw errorOfGap(status.gap, what);
  const masks = parseStatusMasks(bytes.value, path);
  if (!masks.ok) throw errorOfGap(masks.gap, what);
  return { status: status.value, masks: masks.value };
}

/** Do we have this capability where we are now, before anything is entered? */
export function hasOutside({ ours }: Facts, capability: bigint): boolean {
  return (ours.status.effectiveCapabilities & capability) === capability;
}

/** Do we have it once everything is entered? */
export function hasInside(facts: Facts, capability: bigint): boolean {
  return facts.joinsUser || hasOutside(facts, capability);
}

/** Do we have it before that, and where the kernel asks for it in the initial user namespace? */
export function hasInitially(facts: Facts, capability: bigint): boolean {
  return facts.isInitial !== false && hasOutside(facts, capability);
}
