// What we changed or made on a machine, as data: enough to undo it after a crash. On disk: host/linux/journal.ts, a file
// an entry. It is written before the first change, and removed when nothing is left to undo.

import type { CgroupPlace } from './cgroup-plan.ts';
import { gap, value, type Reading } from './host.ts';
import { settingUndoOf, type SettingUndo } from './setting-undo.ts';
import { decodeText, parseUnsigned64 } from './text/text.ts';

/** How to take one change back. */
export type Undo = CgroupUndo | NetworkUndo;

export type CgroupUndo =
  /** `text` was written, `previous` brings the old value back: if the file still says what came of `text`. */
  | {
      readonly op: 'cgroup file';
      readonly place: CgroupPlace;
      readonly file: string;
      readonly text: string;
      readonly previous: string;
    }
  /** A cgroup that was made. `kill`: for a command, and what that left in it is killed. */
  | { readonly op: 'cgroup'; readonly place: CgroupPlace; readonly kill?: true }
  /** Controllers that a cgroup of v2 hands on to those below it: for as long as one of another entry is there. */
  | { readonly op: 'cgroup controllers'; readonly place: CgroupPlace; readonly controllers: readonly string[] };

export type NetworkUndo =
  /** A network namespace's name, a file in /run/netns. `id`: of the namespace; null before Linux 6.18. */
  | { readonly op: 'network name'; readonly path: string; readonly inode: bigint; readonly id: bigint | null }
  /** A link, in the network namespace with the inode `network`, which `door` leads to (null: ours did). Its address is told from all others. */
  | {
      readonly op: 'network link';
      readonly name: string;
      readonly kind: MadeLinkKind;
      readonly mac: string;
      readonly network: bigint;
      readonly door: string | null;
    }
  /**
   * A link of our own network that was taken: by its address found again, where `door` leads to (null: our own), or in ours
   * where the kernel put it when that namespace ended. It is called `name` again, has no master, its size, and is up if it was.
   */
  | {
      readonly op: 'network move';
      readonly name: string;
      readonly mac: string;
      /** Unit: bytes. null: not told. */
      readonly mtu: number | null;
      readonly isUp: boolean;
      readonly network: bigint;
      readonly home: bigint;
      readonly door: string | null;
    }
  /** A command that was started, with all of its session. `what`: for people. */
  | {
      readonly op: 'process';
      readonly pid: number;
      /** When it was started. Unit: clock ticks since boot. */
      readonly start: bigint;
      /** The inode of the pid namespace that numbers it. */
      readonly pidNamespace: bigint;
      readonly what: string;
    }
  /** A directory that was made, unless something is in it. */
  | { readonly op: 'folder'; readonly path: string }
  /** A file that was made, if it still says so. */
  | { readonly op: 'file'; readonly path: string; readonly text: string }
  | SettingUndo;

export type MadeLinkKind = (typeof MADE_LINK_KINDS)[number];

const MADE_LINK_KINDS = ['bridge', 'veth', 'macvlan', 'vxlan', 'tun', 'tap'] as const;

export function isNetworkUndo(undo: Undo): undo is NetworkUndo {
  return !undo.op.startsWith('cgroup');
}

export function isCgroupUndo(undo: Undo): undo is CgroupUndo {
  return !isNetworkUndo(undo);
}

/** A process, for as long as the system runs. */
export interface Maker {
  readonly pid: number;
  /** When it was started. Unit: clock ticks since boot. */
  readonly start: bigint;
  /** The inode of the pid namespace that numbers it. */
  readonly pidNamespace: bigint;
}

export interface JournalEntry {
  /** The name of its file. */
  readonly id: string;
  /** /proc/sys/kernel/random/boot_id. */
  readonly boot: string;
  readonly maker: Maker;
  /** Unit: milliseconds since 1970. */
  readonly made: number;
  /** For people: `cgroup set container:web`. */
  readonly what: string;
  /** What its maker wants to find again, in a form of its own. */
  readonly note?: string;
  /** It is finished, and meant to stay: only its own undo takes it back. Else it is garbage once its maker is gone. */
  readonly kept: boolean;
  /** In the order in which it was done: undone backwards. */
  readonly undo: readonly Undo[];
}

const VERSION = 1;

export function encodeEntry({ boot, maker, made, what, note, kept, undo }: JournalEntry): Uint8Array {
  const { pid, start, pidNamespace } = maker;
  const by = { pid, start: String(start), pid_namespace: String(pidNamespace) };
  const noted = note === undefined ? {} : { note };
  const entry = { version: VERSION, boot, maker: by, made, what, ...noted, kept, undo: undo.map(undoJson) };
  return new TextEncoder().encode(`${JSON.stringify(entry)}\n`);
}

function undoJson(undo: Undo): unknown {
  return isNetworkUndo(undo) ? networkUndoJson(undo) : cgroupUndoJson(undo);
}

function networkUndoJson(undo: NetworkUndo): unknown {
  if (undo.op === 'process') {
    const { op, pid, start, pidNamespace, what } = undo;
    return { op, pid, start: String(start), pid_namespace: String(pidNamespace), what };
  }
  if (undo.op === 'network move') return { ...undo, network: String(undo.network), home: String(undo.home) };
  if ('network' in undo) return { ...undo, network: String(undo.network) };
  if (undo.op !== 'network name') return undo;
  return { ...undo, inode: String(undo.inode), id: undo.id === null ? null : String(undo.id) };
}

function cgroupUndoJson({ place, ...rest }: CgroupUndo): unknown {
  return { ...rest, ...place, inode: place.inode === null ? null : String(place.inode) };
}

/** `id`: the name of the file. Errors: malformed; unsupported, where a later version of us wrote it. */
export function decodeEntry(id: string, bytes: Uint8Array): Reading<JournalEntry> {
  const fields = fieldsOf(bytes);
  if (fields !== undefined && typeof fields['version'] === 'number' && fields['version'] > VERSION)
    return gap({ reason: 'unsupported', what: `${id}: of a later version of nstool` });
  const entry = fields === undefined ? undefined : entryOf(id, fields);
  return entry === undefined ? gap({ reason: 'malformed', what: id, line: 1, text: cut(bytes) }) : value(entry);
}

function cut(bytes: Uint8Array): string {
  return decodeText(bytes.subarray(0, 200));
}

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(bytes: Uint8Array): Fields | undefined {
  try {
    return asFields(JSON.parse(decodeText(bytes)));
  } catch {
    return undefined;
  }
}

function asFields(json: unknown): Fields | undefined {
  return typeof json === 'object' && json !== null && !Array.isArray(json) ? { ...json } : undefined;
}

function entryOf(id: string, fields: Fields): JournalEntry | undefined {
  const { version, boot, made, what, kept, undo } = fields;
  const maker = makerOf(fields['maker']);
  if (version !== VERSION || typeof boot !== 'string' || typeof made !== 'number' || typeof what !== 'string')
    return undefined;
  if (maker === undefined || typeof kept !== 'boolean' || !Array.isArray(undo)) return undefined;
  const operations = undo.map(undoOf);
  const noted = typeof fields['note'] === 'string' ? { note: fields['note'] } : {};
  return operations.every((each) => each !== undefined)
    ? { id, boot, maker, made, what, ...noted, kept, undo: operations }
    : undefined;
}

function makerOf(json: unknown): Maker | undefined {
  const fields = asFields(json);
  const pid = fields?.['pid'];
  const [start, pidNamespace] = [unsigned(fields?.['start']), unsigned(fields?.['pid_namespace'])];
  if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid < 1) return undefined;
  return start === undefined || pidNamespace === undefined ? undefined : { pid, start, pidNamespace };
}

function unsigned(json: unknown): bigint | undefined {
  return typeof json === 'string' ? parseUnsigned64(json) : undefined;
}

function undoOf(json: unknown): Undo | undefined {
  const fields = asFields(json);
  return String(fields?.['op']).startsWith('cgroup') ? cgroupUndoOf(fields) : networkUndoOf(fields ?? {});
}

function networkUndoOf(fields: Fields): NetworkUndo | undefined {
  const { op, path, text, name, kind, mac } = fields;
  if (op === 'network move') return moveOf(fields);
  if (op === 'process') return processOf(fields);
  if ('network' in fields) {
    const network = unsigned(fields['network']);
    const door = doorOf(fields['door']);
    if (network === undefined || door === undefined) return undefined;
    if (op !== 'network link') return settingUndoOf(fields, { network, door });
    const known = MADE_LINK_KINDS.find((each) => each === kind);
    if (typeof name !== 'string' || typeof mac !== 'string' || known === undefined) return undefined;
    return { op, name, kind: known, mac, network, door };
  }
  if (typeof path !== 'string' || !isNetworkPath(path)) return undefined;
  if (op === 'folder') return { op, path };
  if (op === 'file') return typeof text === 'string' ? { op, path, text } : undefined;
  const inode = unsigned(fields['inode']);
  const id = fields['id'] === null ? null : unsigned(fields['id']);
  return op === 'network name' && inode !== undefined && id !== undefined ? { op, path, inode, id } : undefined;
}

function processOf(fields: Fields): NetworkUndo | undefined {
  const { what } = fields;
  const maker = makerOf(fields);
  return typeof what === 'string' && maker !== undefined ? { op: 'process', ...maker, what } : undefined;
}

function moveOf(fields: Fields): NetworkUndo | undefined {
  const { name, mac, mtu, isUp } = fields;
  const [network, home, door] = [unsigned(fields['network']), unsigned(fields['home']), doorOf(fields['door'])];
  if (typeof name !== 'string' || typeof mac !== 'string' || typeof isUp !== 'boolean') return undefined;
  if (network === undefined || home === undefined || door === undefined) return undefined;
  if (mtu !== null && typeof mtu !== 'number') return undefined;
  return { op: 'network move', name, mac, mtu, isUp, network, home, door };
}

/** null: our own. */
function doorOf(json: unknown): string | null | undefined {
  if (json === null) return null;
  const isDoor =
    typeof json === 'string' && /^\/(?:proc\/\d+|run|var\/run)\//.test(json) && !json.split('/').includes('..');
  return isDoor ? json : undefined;
}

/** In the two directories that names of networks have. */
function isNetworkPath(path: string): boolean {
  return /^\/(?:run|etc)\/netns(?:\/|$)/.test(path) && !path.split('/').includes('..');
}

function cgroupUndoOf(fields: Fields | undefined): CgroupUndo | undefined {
  const place = fields === undefined ? undefined : placeOf(fields);
  if (fields === undefined || place === undefined) return undefined;
  const { op, file, text, previous } = fields;
  if (op === 'cgroup') return fields['kill'] === true ? { op, place, kill: true } : { op, place };
  if (op === 'cgroup controllers') return controllersOf(fields['controllers'], place);
  if (op !== 'cgroup file' || !isFileName(file) || typeof text !== 'string' || typeof previous !== 'string')
    return undefined;
  return { op, place, file, text, previous };
}

function controllersOf(json: unknown, place: CgroupPlace): CgroupUndo | undefined {
  if (!Array.isArray(json)) return undefined;
  const controllers = json.filter((each) => typeof each === 'string' && /^[a-z_]+$/.test(each));
  return controllers.length === json.length ? { op: 'cgroup controllers', place, controllers } : undefined;
}

function placeOf({ mount, below, inode }: Fields): CgroupPlace | undefined {
  if (typeof mount !== 'string' || !mount.startsWith('/') || typeof below !== 'string') return undefined;
  const number = inode === null ? null : unsigned(inode);
  return number === undefined ? undefined : { mount, below, inode: number };
}

/** As all files of cgroups are called. */
function isFileName(name: unknown): name is string {
  return typeof name === 'string' && /^[A-Za-z0-9][\w.-]*$/.test(name) && !name.includes('..');
}
