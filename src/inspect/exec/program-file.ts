// The file that execve(2) will look at: found in the target's root as the target would find it, of a script the
// interpreter's.

import { decodeFileCapabilities, CAPABILITY_ATTRIBUTE } from '../../capabilities/file-capabilities.ts';
import type { ExecFile, ExecFileCapabilities } from '../../capabilities/exec.ts';
import type { GapTally } from '../../kernel/gap-tally.ts';
import { valueOf, type FoundFile, type Gap, type Host } from '../../kernel/host.ts';
import { splitWords } from '../../kernel/text/cmdline.ts';
import { decodeName } from '../../kernel/text/file-name.ts';
import { parseElfHead } from '../../kernel/text/elf-head.ts';
import { parseScriptLine } from '../../kernel/text/script-line.ts';
import { discoverNamespaces } from '../../namespaces/discover/discover.ts';
import { closedFolder, isFileMapped, mayExecute } from '../file-access.ts';
import { idInside, readUserIds } from '../user-ids.ts';
import { inodeOf } from '../initial-namespace.ts';
import type { ExecCaller } from '../../capabilities/exec.ts';
import type { Assumption, CallerLook } from './caller.ts';

/** Why execve(2) fails before it looks at credentials. */
export interface ExecFailure {
  readonly errno: 'ENOENT' | 'EACCES' | 'ENOEXEC' | 'ELOOP' | 'EINVAL';
  readonly why: string;
}

export interface ProgramFile {
  /** As the target names it: absolute, or below its working directory. */
  readonly path: string;
  /** The scripts before it, the first one that was asked for. */
  readonly scripts: readonly string[];
  readonly file: ExecFile;
}

export type FoundProgram = ProgramFile | ExecFailure | { readonly gap: Gap };

/** Source: BINPRM_BUF_SIZE, linux/binfmts.h. */
const SCRIPT_LINE = 256;

/** A script of a script of a script …  Source: exec_binprm(). */
const DEEPEST = 5;

export interface Look {
  readonly host: Host;
  readonly look: CallerLook;
  readonly gaps: GapTally;
  readonly assume: (assumption: Assumption) => void;
}

/** `word` as execvp(3) takes it: with a slash a path, else a name in a directory of PATH. */
export function findProgram(at: Look, caller: ExecCaller, word: string): FoundProgram {
  if (word === '') return { errno: 'ENOENT', why: 'it has no name' };
  if (word.includes('/')) return followScripts(at, caller, pathFrom(at, word), []);
  for (const folder of searchPath(at)) {
    const path = pathFrom(at, `${folder === '' ? '.' : folder}/${word}`);
    const found = find(at, path);
    if (!found.ok) {
      // As execvp(3): what is not there, or closed, is passed over.
      if (found.gap.reason === 'gone' || found.gap.reason === 'denied') continue;
      return { gap: found.gap };
    }
    if (refusal(caller, at, found.value, path) === null) return followScripts(at, caller, path, []);
  }
  return { errno: 'ENOENT', why: `no directory of its PATH has an executable file '${word}'` };
}

function find({ host, look }: Look, path: string): ReturnType<Host['findInRoot']> {
  return host.findInRoot({ root: `/proc/${look.pid}/root`, path });
}

function followScripts(at: Look, caller: ExecCaller, path: string, scripts: readonly string[]): FoundProgram {
  const found = find(at, path);
  if (!found.ok) {
    if (found.gap.reason === 'gone') return { errno: 'ENOENT', why: `there is no ${path} in its root` };
    return { gap: found.gap };
  }
  const closed = refusal(caller, at, found.value, path);
  if (closed !== null) return closed;
  const { head } = found.value;
  if (head === null) at.gaps.add('beginning of a file', { reason: 'denied', what: path });
  const isScript = head !== null && head[0] === 0x23 && head[1] === 0x21;
  if (isScript) {
    const line = parseScriptLine(head.subarray(0, SCRIPT_LINE));
    if (line === undefined) return { errno: 'ENOEXEC', why: `the first line of ${path} names no interpreter` };
    if (scripts.length >= DEEPEST) return { errno: 'ELOOP', why: 'scripts of scripts, too many' };
    return followScripts(at, caller, pathFrom(at, line.interpreter), [...scripts, path]);
  }
  if (head !== null && !isElf(head)) {
    return { errno: 'ENOEXEC', why: `${path} is neither ELF nor a script; a shell would read it as one of its own` };
  }
  const unloadable = head === null ? null : loadFailure(at, caller, path, head);
  if (unloadable !== null) return unloadable;
  const file = execFileOf(at, found.value, path);
  return 'errno' in file ? file : { path, scripts, file };
}

/** As far as the head of the program tells, and what loader it names: a C library that is not there is "not found". */
function loadFailure(at: Look, caller: ExecCaller, path: string, head: Uint8Array): ExecFailure | null {
  const elf = parseElfHead(head);
  if (!elf.ok) return { errno: 'ENOEXEC', why: `${path}: ${elf.problem}` };
  if (elf.loader === null) return null;
  if (elf.loader === undefined) {
    at.gaps.add('loader of a program', { reason: 'unsupported', what: path });
    return null;
  }
  const loader = pathFrom(at, elf.loader);
  const found = find(at, loader);
  if (found.ok) return refusal(caller, at, found.value, loader);
  if (found.gap.reason === 'gone')
    return { errno: 'ENOENT', why: `there is no ${loader} in its root, the loader that ${path} names` };
  at.gaps.add('loader of a program', found.gap);
  return null;
}

function isElf(head: Uint8Array): boolean {
  return head[0] === 0x7f && head[1] === 0x45 && head[2] === 0x4c && head[3] === 0x46;
}

const [FILE_TYPE, REGULAR] = [0o170_000, 0o100_000];

/** As far as owners and modes tell. */
function refusal(
  caller: ExecCaller,
  { host, look }: Look,
  { status, mount }: FoundFile,
  path: string,
): ExecFailure | null {
  const closed = closedFolder(host, `/proc/${look.pid}/root`, path, caller, look.user);
  if (closed !== null) return { errno: 'EACCES', why: `${closed}, on the way to ${path}, is closed to it` };
  if ((status.mode & FILE_TYPE) !== REGULAR) return { errno: 'EACCES', why: `${path} is no regular file` };
  if (mount.noExecute) return { errno: 'EACCES', why: `${path} is on a mount with noexec` };
  if (mayExecute(caller, look.user, status)) return null;
  return { errno: 'EACCES', why: `${path} has mode ${(status.mode & 0o7777).toString(8)}: not executable for it` };
}

function execFileOf(at: Look, { status, mount }: FoundFile, path: string): ExecFile | ExecFailure {
  const { host, look, gaps } = at;
  const { mode, uid, gid } = status;
  if (!isOwnerAround(host, look.pid)) at.assume('mount_owner');
  const root = `/proc/${look.pid}/root`;
  const attribute = host.attribute({ name: CAPABILITY_ATTRIBUTE, path, root, follow: true });
  let capabilities: ExecFileCapabilities | null = null;
  if (attribute.ok && attribute.value !== null) {
    const decoded = decodeFileCapabilities(attribute.value);
    if (!decoded.ok) return { errno: 'EINVAL', why: `security.capability of ${path}: ${decoded.problem}` };
    const { permitted, inheritable, effective, rootid } = decoded.capabilities;
    capabilities = { permitted, inheritable, effective, ofRoot: isRootOf(at, rootid) };
  }
  // A file system without attributes has no capabilities either.
  if (!attribute.ok && attribute.gap.errno !== 'EOPNOTSUPP') gaps.add('file capabilities', attribute.gap);
  const untrusted = mount.noSetuid ? 'nosuid' : null;
  return { mode, uid, gid, ownersMapped: isFileMapped(look.user, status), untrusted, capabilities };
}

/** User namespaces nest no deeper. Source: create_user_ns(). */
const LEVELS = 34;

/** Is the owner of its mount namespace its user namespace, or one around that? Then it trusts what is mounted there. */
function isOwnerAround(host: Host, pid: number): boolean {
  const owner = valueOf(host.askNamespace(`/proc/${pid}/ns/mnt`, ['NS_GET_USERNS']));
  return owner === undefined || userNamespacesAround(host, pid).includes(owner);
}

/** Its user namespace and those above, as far as the kernel shows them. */
function userNamespacesAround(host: Host, pid: number): readonly bigint[] {
  const door = `/proc/${pid}/ns/user`;
  const first = valueOf(inodeOf(host, door));
  const found = first === undefined ? [] : [first];
  while (found.length < LEVELS) {
    const up = Array.from(found, () => 'NS_GET_PARENT' as const);
    const parent = host.askNamespace(door, up);
    if (!parent.ok) break;
    found.push(parent.value);
  }
  return found;
}

/** Is this uid root of its user namespace, or of one around it? Source: rootid_owns_currentns(). */
function isRootOf({ host, look, gaps }: Look, rootid: number): boolean {
  const { uids, relation } = look.user;
  if (uids !== null && idInside(uids, rootid) === 0) return true;
  // Root here is root of a namespace around it.
  if (rootid === 0 && (relation === 'same' || relation === 'below')) return true;
  const [, ...outer] = userNamespacesAround(host, look.pid);
  const scan = outer.length === 0 ? undefined : discoverNamespaces(host, new Set(['user']));
  for (const inode of outer) {
    const pid = scan?.namespaces.get(`user:[${inode}]`)?.pids[0];
    const map = pid === undefined ? null : readUserIds(host, pid, gaps).uids;
    if (map === null) gaps.add('uid map of an outer namespace', { reason: 'unsupported', what: `user:[${inode}]` });
    else if (idInside(map, rootid) === 0) return true;
  }
  return false;
}

/** Without PATH in its environment. Source: execvp(3), confstr(3) _CS_PATH. */
const DEFAULT_PATH = '/bin:/usr/bin';

/** The environment that it was started with: a shell may have changed its PATH since. */
function searchPath({ host, look, assume }: Look): readonly string[] {
  const environment = host.readFile(`/proc/${look.pid}/environ`);
  assume('path');
  const words = environment.ok ? splitWords(environment.value).map(decodeName) : [];
  const path = words.find((word) => word.startsWith('PATH='));
  return (path?.slice('PATH='.length) ?? DEFAULT_PATH).split(':');
}

/** An absolute path as it is, another one from its working directory, as seen from its root. */
function pathFrom({ host, look, gaps }: Look, path: string): string {
  if (path.startsWith('/')) return path;
  const [root, folder] = ['root', 'cwd'].map((name) => host.readLink(`/proc/${look.pid}/${name}`));
  if (root?.ok !== true || folder?.ok !== true) {
    gaps.add('working directory', { reason: 'denied', what: `/proc/${look.pid}/cwd` });
    return `/${path}`;
  }
  const isBelow = root.value !== '/' && folder.value.startsWith(`${root.value}/`);
  const from = isBelow ? folder.value.slice(root.value.length) : folder.value;
  return `${from === '/' ? '' : from}/${path}`;
}
