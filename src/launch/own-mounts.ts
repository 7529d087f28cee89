// What the command finds mounted where it does not enter the target's mount namespace: how names are resolved in the
// network that it enters, a /proc of the pid namespace, a /sys of the network, a root with other programs. All of it is
// mounted for it alone.
//
// With CAP_SYS_ADMIN in our own user namespace it is done before anything is joined, as a user namespace of the target
// may lack our ids, and so could write no file; else after the user namespace, which gives that right, was joined.

import type { Subject } from '../capabilities/capable.ts';
import { CAPABILITY } from '../kernel/abi/capability.ts';
import { NsError } from '../kernel/error.ts';
import type { GapTally } from '../kernel/gap-tally.ts';
import { valueOf, type Host } from '../kernel/host.ts';
import type { Step } from '../kernel/program.ts';
import { processDoors, type Door } from './doors.ts';
import type { EnterQuery } from './enter-query.ts';
import { mountProc } from './own-proc.ts';
import { mountSys, SHOW_SYS } from './own-sys.ts';
import { privately, unshareMounts, type Fallback } from './private-mounts.ts';
import { resolverFiles, resolverSource } from './resolver-files.ts';
import { showFiles } from './show-files.ts';
import { NAMES_MARK } from './step.ts';
import { openTargetRoot, tools } from './tools.ts';

export interface OwnMounts {
  /** The target's mount namespace, where it is not entered but its mounts are copied. */
  readonly mounts: Door | undefined;
  readonly open: readonly Step[];
  /** Before the namespaces are joined, or after: one of them is empty. */
  readonly before: readonly Step[];
  readonly after: readonly Step[];
  readonly afterFork: readonly Step[];
}

const keepsOurs: Fallback = { what: "use the target's way of resolving names", instead: 'names are resolved as here' };

/** Errors: USAGE, NO_FILE, DENIED. What could not be read is added to `gaps`. */
export function ownMounts(
  host: Host,
  us: Subject | undefined,
  query: EnterQuery,
  doors: readonly Door[],
  gaps: GapTally,
): OwnMounts {
  const stays = !doors.some(({ kind }) => kind === 'mnt') && query.root === undefined;
  const mounts = query.tools === undefined ? undefined : targetMounts(host, query);
  const names = resolverSteps(host, query, doors, stays, gaps);
  const sys = query.ownSys === true ? mountSys(host) : [];
  const made = madeSteps(host, query, mounts !== undefined, names);
  const isEarly = us === undefined ? host.self.uid === 0 : (us.effective & CAPABILITY.SYS_ADMIN) !== 0n;
  const joinsPid = doors.some(({ kind, ours }) => kind === 'pid' && !ours);
  return {
    mounts,
    open: mounts === undefined || query.pid === undefined ? [] : [openTargetRoot(query.pid)],
    before: isEarly ? made : [],
    // sysfs shows the network of who mounts it.
    after: [...(isEarly ? [] : made), ...sys],
    afterFork: query.ownProc === true && query.fork && stays && joinsPid ? mountProc() : [],
  };
}

function madeSteps(host: Host, query: EnterQuery, isCopied: boolean, names: readonly Step[]): readonly Step[] {
  if (isCopied) return [...tools(host, programsOf(query)), ...names];
  if (query.ownSys === true) return [...unshareMounts(SHOW_SYS), ...names];
  return names.length === 0 ? [] : privately(names, NAMES_MARK, keepsOurs);
}

function programsOf({ tools: programs }: EnterQuery): string | undefined {
  return typeof programs === 'string' ? programs : undefined;
}

function targetMounts(host: Host, { pid }: EnterQuery): Door | undefined {
  if (pid === undefined) {
    throw new NsError('USAGE', {
      what: '--tools needs a process',
      why: 'its file system is shown at /target, and no pid was given',
      tryThis: 'nstool enter -t PID --tools COMMAND',
    });
  }
  return processDoors(host, { pid, kinds: ['mnt'] }, [])[0];
}

function resolverSteps(
  host: Host,
  query: EnterQuery,
  doors: readonly Door[],
  stays: boolean,
  gaps: GapTally,
): readonly Step[] {
  if (query.resolver === false) return [];
  const explicit = query.resolver === true;
  const net = doors.find(({ kind }) => kind === 'net');
  if (explicit && !stays) {
    throw new NsError('USAGE', {
      what: '--dns does not go with --mount or --root',
      why: 'in the file system of the target its own resolv.conf is there already',
    });
  }
  if (!stays || (!explicit && (net === undefined || net.ours))) return [];
  const source = resolverSource(host, query, net);
  const programs = programsOf(query);
  const found = source === undefined ? undefined : resolverFiles(host, source, programs, explicit);
  for (const gap of found?.gaps ?? []) gaps.add("file of the target's resolver", gap);
  if (found === undefined || found.files.length === 0) return noneFound(explicit, source === undefined);
  if (programs === undefined && !host.stat('/etc').ok) {
    gaps.add("file of the target's resolver", { reason: 'unsupported', what: 'this host has no /etc for it' });
    return [];
  }
  return showFiles(host, found.files, programs ?? '', (path) => exists(host, programs, path));
}

function exists(host: Host, programs: string | undefined, path: string): boolean {
  if (programs === undefined) return host.stat(path).ok;
  return valueOf(host.readFileInRoot({ root: programs, path })) !== undefined;
}

function noneFound(explicit: boolean, isUnknown: boolean): readonly Step[] {
  if (!explicit) return [];
  throw new NsError('NO_FILE', {
    what: 'nothing tells how names are resolved in that network',
    why: isUnknown
      ? 'no process was named that is in it, and it has no name in /run/netns'
      : 'it has no files in /etc/netns',
    tryThis: 'nstool enter PID --net --dns COMMAND',
  });
}
