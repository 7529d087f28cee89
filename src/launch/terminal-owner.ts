// The terminal that was made for the command is the user's that the command becomes, as login(1) and container engines
// have it: else /dev/stderr and all that opens the terminal by a name would be closed to it.

import type { Subject } from '../capabilities/capable.ts';
import { CAPABILITY } from '../kernel/abi/capability.ts';
import { valueOf, type Host } from '../kernel/host.ts';
import type { Step } from '../kernel/program.ts';
import type { IdRange } from '../kernel/text/id-map.ts';
import { parseStatus } from '../kernel/text/status.ts';
import type { Door } from './doors.ts';
import type { EnterQuery } from './enter-query.ts';
import { readMaps } from './ids.ts';
import { SIDE_SLOT } from './pty.ts';
import { step } from './step.ts';

export interface TerminalOwner {
  /** Before anything is joined, or after all of it: one of them is empty. */
  readonly before: readonly Step[];
  readonly after: readonly Step[];
}

/** `inside`: the steps that change the ids. Nothing where the user stays who we are, or is not known before. */
export function ownTerminal(
  host: Host,
  us: Subject | undefined,
  query: EnterQuery,
  joined: readonly Door[],
  inside: readonly Step[],
): TerminalOwner {
  const change = inside.map(({ operation }) => operation).findLast(({ op }) => op === 'setuid' || op === 'uid_of');
  if (change === undefined) return { before: [], after: [] };
  const user = joined.find(({ kind }) => kind === 'user');
  const map = user === undefined ? undefined : mapOf(host, query, user);
  const named = change.op === 'setuid' ? change.uid : undefined;
  const outside = named === undefined ? ownerOf(host, query.pid) : user === undefined ? named : outsideOf(map, named);
  if (outside === undefined || outside === host.self.uid) return { before: [], after: [] };
  const mayOutside = ((us?.effective ?? 0n) & CAPABILITY.CHOWN) !== 0n;
  if (mayOutside) return { before: [give(outside)], after: [] };
  // Who owns the user namespace may in it.
  return { before: [], after: named === undefined || user === undefined ? [] : [give(named)] };
}

/** Refused, the terminal stays ours, as it is with su(1). */
function give(uid: number): Step {
  return step(
    `give the terminal to uid ${uid}`,
    'the user that the command becomes: it can open it again, as /dev/stderr',
    { op: 'chown', slot: SIDE_SLOT, uid },
    { try: true },
  );
}

function mapOf(host: Host, { pid }: EnterQuery, user: Door): readonly IdRange[] | undefined {
  const process = user.ofProcess ? pid : /^\/proc\/([0-9]+)\/ns\/user$/.exec(user.path)?.[1];
  return process === undefined ? undefined : readMaps(host, Number(process)).uids;
}

function outsideOf(map: readonly IdRange[] | undefined, id: number): number | undefined {
  const range = map?.find(({ inside, count }) => id >= inside && id < inside + count);
  return range?.outside == null ? undefined : range.outside + (id - range.inside);
}

/** The effective uid of the target, as it is called here. */
function ownerOf(host: Host, pid: number | undefined): number | undefined {
  const path = `/proc/${pid}/status`;
  const bytes = pid === undefined ? undefined : valueOf(host.readFile(path));
  return bytes === undefined ? undefined : valueOf(parseStatus(bytes, path))?.uids[1];
}
