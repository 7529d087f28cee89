// The shell that runs when no command was given: $SHELL, else what passwd(5) says of the user that the command will be,
// else sh. As nsenter(1) since util-linux 2.42, which asks when it is inside: so passwd is that of the root that the
// command has, and the user is the one that it is called there. No other name service is asked. Unlike with nsenter(1),
// one that is not in that root is passed over: $SHELL is a program of this host.

import { valueOf, type Host } from '../kernel/host.ts';
import type { KernelText, Operation, Step } from '../kernel/program.ts';
import { insideOf } from '../kernel/text/id-map.ts';
import { parsePasswdShells } from '../kernel/text/passwd.ts';
import { parseStatus } from '../kernel/text/status.ts';
import { decodeText } from '../kernel/text/text.ts';
import type { Door } from './doors.ts';
import type { EnterQuery } from './enter-query.ts';
import { readMaps } from './ids.ts';
import { OURS, rootAfter } from './root-after.ts';

const PASSWD = '/etc/passwd';
export const DEFAULT_SHELL = '/bin/sh';

/** `wanted`: $SHELL. `doors`: all that are entered; `steps`: those that come before. */
export function loginShell(
  host: Host,
  query: EnterQuery,
  doors: readonly Door[],
  steps: readonly Step[],
  wanted: Uint8Array | undefined,
): KernelText {
  const root = rootAfter(query, doors);
  if (wanted !== undefined && !isMissing(host, root, decodeText(wanted))) return wanted;
  const uid = uidAfter(host, query, doors, steps);
  const bytes = uid === undefined ? undefined : passwdOf(host, root);
  const shell = uid === undefined || bytes === undefined ? undefined : parsePasswdShells(bytes).get(uid);
  // Who fills the file may be the target: what is no path is not started, and not printed.
  const isPath = shell !== undefined && /^\/[\u0021-\u007E]+$/.test(shell);
  return isPath && !isMissing(host, root, shell) ? shell : DEFAULT_SHELL;
}

/** Only what is known not to be there: of our own root, and of one that is closed to us, the attempt tells. */
function isMissing(host: Host, root: string | undefined, shell: string): boolean {
  if (root === undefined || root === OURS || !shell.startsWith('/')) return false;
  const found = host.findInRoot({ root, path: shell });
  return !found.ok && found.gap.reason === 'gone';
}

/** The last change of the uid decides. undefined: it has no name there, or the target does not tell it. */
function uidAfter(host: Host, query: EnterQuery, doors: readonly Door[], steps: readonly Step[]): number | undefined {
  const last = steps.map(({ operation }) => operation).findLast(changesUid);
  if (last?.op === 'setuid') return last.uid;
  const uid = last === undefined ? host.self.uid : effectiveUid(host, query.pid);
  const user = doors.filter(({ ours }) => !ours).find(({ kind }) => kind === 'user');
  if (uid === undefined || user === undefined) return uid;
  const maps = user.ofProcess && query.pid !== undefined ? readMaps(host, query.pid).uids : undefined;
  return maps === undefined ? undefined : insideOf(maps, uid);
}

function changesUid(operation: Operation): operation is Extract<Operation, { op: 'setuid' | 'uid_of' }> {
  return operation.op === 'setuid' || operation.op === 'uid_of';
}

/** As the kernel tells it here. */
function effectiveUid(host: Host, pid: number | undefined): number | undefined {
  const path = `/proc/${pid}/status`;
  const bytes = pid === undefined ? undefined : valueOf(host.readFile(path));
  return bytes === undefined ? undefined : valueOf(parseStatus(bytes, path))?.uids[1];
}

/** That of the root in which the command will be. undefined: nobody is known who has that root. */
function passwdOf(host: Host, root: string | undefined): Uint8Array | undefined {
  if (root === undefined) return undefined;
  return valueOf(root === OURS ? host.readFile(PASSWD) : host.readFileInRoot({ root, path: PASSWD }));
}
