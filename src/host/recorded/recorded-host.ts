// A captured host, read as if it were live. A question that it was never asked is a gap.

import { readFileSync, statSync } from 'node:fs';
import { errorOfGap, NsError } from '../../kernel/error.ts';
import {
  gap,
  value,
  type FileStatus,
  type Folders,
  type FoundAttributes,
  type FoundFile,
  type Gap,
  type GapReason,
  type Host,
  type ListedMountNamespace,
  type LoggedRecords,
  type MessageQueueFile,
  type NetworkSettings,
  type Reading,
  type Tree,
  type TreeAttribute,
  type TreeEntry,
} from '../../kernel/host.ts';
import { malformed } from '../../kernel/text/text.ts';
import { gapOfError } from '../gap-of-error.ts';
import { askedIn, fromHex, questions, TREE_NUMBERS, type ArchiveHeader } from './archive.ts';

type Fields = Readonly<Record<string, unknown>>;
type Answers = ReadonlyMap<string, Fields>;

function isFields(parsed: unknown): parsed is Fields {
  return typeof parsed === 'object' && parsed !== null;
}

/** Errors: NO_FILE, DENIED, BAD_VALUE. */
export function readRecordedHost(path: string): Host {
  const host = recordedHost(textOf(path), path);
  if (host.ok) return host.value;
  // Whoever named the file is wrong, not the reader.
  const { line, text = '' } = host.gap;
  throw new NsError('BAD_VALUE', {
    what: `${path} is not a recorded host`,
    why: line === undefined ? text : `line ${line}: ${text}`,
    tryThis: 'nstool capture -o FILE',
  });
}

/** Node makes no longer text. Unit: bytes. */
const LARGEST = 512 * 1024 * 1024 - 1;

function textOf(path: string): string {
  try {
    const status = statSync(path);
    // A device may never end. A pipe is read: its writer is who gave us its name.
    if (status.isCharacterDevice()) return '';
    if (status.size <= LARGEST) return readFileSync(path, 'utf8');
  } catch (error) {
    const reading = gapOfError(path, error);
    if (!reading.ok) throw errorOfGap(reading.gap, `cannot read the recorded host ${path}`);
    throw error;
  }
  throw new NsError('BAD_VALUE', { what: `${path} is not a recorded host`, why: 'it is larger than 512 MiB' });
}

/** The host that the text of an archive holds. Errors: malformed. */
export function recordedHost(text: string, file: string): Reading<Host> {
  const answers = new Map<string, Fields>();
  let header: ArchiveHeader | undefined;
  let count = 0;
  let number = 0;
  for (let start = 0; start < text.length;) {
    const newline = text.indexOf('\n', start);
    const end = newline < 0 ? text.length : newline;
    const line = text.slice(start, end);
    start = end + 1;
    number += 1;
    if (line.trim() === '') continue;
    const entry = parseObject(line);
    if (entry === undefined) return malformed(file, number, line);
    if (header === undefined) {
      if (isOtherFormat(entry))
        return whole(file, `its format is ${String(entry['nstool_recording'])}, this nstool reads 1`);
      if (!isHeader(entry)) return malformed(file, number, line);
      header = entry;
      continue;
    }
    const { q: question, same } = entry;
    const answer = typeof same === 'string' ? answers.get(same) : entry;
    if (typeof question !== 'string' || answer === undefined) return malformed(file, number, line);
    answers.set(question, answer);
    count += 1;
  }
  if (header === undefined) return whole(file, 'it is empty, or no file');
  const { answers: told = 0 } = header;
  if (count < told) return whole(file, `it was cut: ${count} of ${told} answers are there`);
  return value(answering(header, answers));
}

/** What is wrong with the file as a whole, not with one line of it. */
function whole(file: string, text: string): Reading<never> {
  return gap({ reason: 'malformed', what: file, text });
}

function parseObject(line: string): Fields | undefined {
  try {
    const parsed: unknown = JSON.parse(line);
    return isFields(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

function isOtherFormat(entry: Fields): boolean {
  const format = entry['nstool_recording'];
  return Number.isSafeInteger(format) && format !== 1;
}

function isHeader(entry: object): entry is ArchiveHeader {
  if (!('nstool_recording' in entry) || entry.nstool_recording !== 1 || !('self' in entry)) return false;
  const self = entry.self;
  if (typeof self !== 'object' || self === null || !('pid' in self) || !('uid' in self)) return false;
  if ('answers' in entry && !Number.isSafeInteger(entry.answers)) return false;
  return Number.isSafeInteger(self.pid) && Number.isSafeInteger(self.uid);
}

function answering(header: ArchiveHeader, answers: Answers): Host {
  /** Looks the question up and turns its answer back into a value; what does not fit is a malformed answer. */
  const answer = <T>(question: string, decode: (entry: Fields) => T | undefined, path = ''): Reading<T> => {
    const entry = answers.get(question);
    if (entry === undefined)
      return gap(isMissing(answers, path) ? { ...MISSING, what: path } : { reason: 'unrecorded', what: question });
    const recorded = entry['gap'];
    if (isGap(recorded)) return gap({ what: askedIn(question), ...recorded });
    const decoded = decode(entry);
    return decoded === undefined ? malformed(question, 1, Object.keys(entry).join(' ')) : value(decoded);
  };
  return {
    self: header.self,
    readFile: (path) => answer(questions.file(path), bytesOf, path),
    readFileInside: (query) => answer(questions.fileInside(query), bytesOf),
    readFileInRoot: (query) => answer(questions.fileInRoot(query), bytesOf),
    findInRoot: (query) => answer(questions.foundInRoot(query), foundOf),
    attribute: (query) => answer(questions.attribute(query), attributeOf),
    findAttributes: (search) => answer(questions.findAttributes(search), searchOf),
    mountOf: (query) => answer(questions.mountOf(query), (entry) => numberOf(entry['number'])),
    readLink: (path) => answer(questions.link(path), (entry) => stringOf(entry['text']), path),
    readDirectory: (path) => answer(questions.directory(path), (entry) => stringsOf(entry['names']), path),
    stat: (path) => answer(questions.stat(path), statusOf, path),
    tree: (query) => answer(questions.tree(query), treeOf),
    folders: (query) => answer(questions.folders(query), foldersOf),
    askNamespace: (door, asked) =>
      answer(
        questions.namespace(door, asked),
        (entry) => bigintOf(entry['number']),
        typeof door === 'string' ? door : '',
      ),
    netlink: (request) => answer(questions.netlink(request), (entry) => stringsOf(entry['datagrams'])?.map(fromHex)),
    networkSettings: (of) => answer(questions.networkSettings(of), settingsOf),
    legacyTable: (query) => answer(questions.legacyTable(query), bytesOf),
    messageQueues: (door) => answer(questions.messageQueues(door), queuesOf),
    sharesFiles: (pid, tid) => answer(questions.sharesFiles(pid, tid), (entry) => booleanOf(entry['shared'])),
    processNumber: (pid) => answer(questions.processNumber(pid), (entry) => bigintOf(entry['number'])),
    securebits: () => answer(questions.securebits(), (entry) => securebitsOf(entry['number'])),
    kernelLog: (topic) => answer(questions.kernelLog(topic), logOf),
    mountNamespaces: () => answer(questions.mountNamespaces(), mountNamespacesOf),
    mounts: (query) => answer(questions.mounts(query), (entry) => stringsOf(entry['structs'])?.map(fromHex)),
    listNamespaces: (query) => answer(questions.listNamespaces(query), (entry) => bigintsOf(entry['numbers'])),
  };
}

const MISSING = { reason: 'gone', errno: 'ENOENT' } as const;

/**
 * Was the folder that it would be in, or one above, listed without it? Then it was not there. Of /proc a recording may
 * list the processes only.
 */
function isMissing(answers: Answers, path: string): boolean {
  for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) {
    const folder = path.slice(0, at);
    const [name = ''] = path.slice(at + 1).split('/', 1);
    const names = stringsOf(answers.get(questions.directory(folder))?.['names']);
    if (names !== undefined) return !names.includes(name) && (folder !== '/proc' || /^[0-9]+$/.test(name));
  }
  return false;
}

const REASONS: readonly string[] = ['gone', 'denied', 'unsupported', 'malformed'] satisfies GapReason[];

function isGap(recorded: unknown): recorded is Omit<Gap, 'what'> {
  if (typeof recorded !== 'object' || recorded === null || !('reason' in recorded)) return false;
  return REASONS.includes(String(recorded.reason));
}

function stringOf(field: unknown): string | undefined {
  return typeof field === 'string' ? field : undefined;
}

function stringsOf(field: unknown): readonly string[] | undefined {
  return Array.isArray(field) && field.every((name) => typeof name === 'string') ? field : undefined;
}

function bigintOf(field: unknown): bigint | undefined {
  return typeof field === 'string' && /^[0-9]{1,20}$/.test(field) ? BigInt(field) : undefined;
}

/** A C int. */
function securebitsOf(field: unknown): number | undefined {
  const bits = bigintOf(field);
  return bits === undefined || bits > 0x7fff_ffffn ? undefined : Number(bits);
}

function booleanOf(field: unknown): boolean | undefined {
  return typeof field === 'boolean' ? field : undefined;
}

function bigintsOf(field: unknown): readonly bigint[] | undefined {
  const numbers = stringsOf(field)?.map(bigintOf);
  return numbers?.every((number) => number !== undefined) === true ? numbers : undefined;
}

function logOf({ log }: Fields): LoggedRecords | undefined {
  if (!isFields(log)) return undefined;
  const { oldest } = log;
  const records = stringsOf(log['records']);
  if (records === undefined || (oldest !== null && typeof oldest !== 'string')) return undefined;
  return { oldest, records };
}

function mountNamespacesOf(entry: Fields): readonly ListedMountNamespace[] | undefined {
  const rows: unknown = entry['mount_namespaces'];
  if (!Array.isArray(rows)) return undefined;
  const listed: ListedMountNamespace[] = [];
  for (const row of rows) {
    const [id, inode, mounts] = bigintsOf(row) ?? [];
    if (id === undefined || inode === undefined || mounts === undefined) return undefined;
    listed.push({ id, inode, mounts: Number(mounts) });
  }
  return listed;
}

function settingsOf({ settings }: Fields): NetworkSettings | undefined {
  if (!isFields(settings) || !isFields(settings['values'])) return undefined;
  const entries = Object.entries(settings['values']).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  );
  const gaps = Array.isArray(settings['gaps']) ? settings['gaps'].filter(isWholeGap) : [];
  return { values: Object.fromEntries(entries), gaps };
}

function queuesOf(entry: Fields): readonly MessageQueueFile[] | undefined {
  const rows: unknown = entry['queues'];
  if (!Array.isArray(rows)) return undefined;
  const queues: MessageQueueFile[] = [];
  for (const row of rows) {
    if (!isFields(row)) return undefined;
    const [name, status] = [stringOf(row['name']), statusOf(row)];
    const bytes = row['hex'] === null ? null : bytesOf(row);
    if (name === undefined || status === undefined || bytes === undefined) return undefined;
    queues.push({ name, status, bytes });
  }
  return queues;
}

function bytesOf(entry: Fields): Uint8Array | undefined {
  const { text, hex } = entry;
  if (typeof text === 'string') return new TextEncoder().encode(text);
  return typeof hex === 'string' ? fromHex(hex) : undefined;
}

function attributeOf({ attribute }: Fields): Uint8Array | null | undefined {
  if (attribute === null) return null;
  return typeof attribute === 'string' ? fromHex(attribute) : undefined;
}

function searchOf({ search }: Fields): FoundAttributes | undefined {
  if (!isFields(search) || !Array.isArray(search['found'])) return undefined;
  const { files, skipped, gaps } = search;
  const found = search['found'].map(foundRowOf);
  if (typeof files !== 'number' || !found.every((each) => each !== undefined)) return undefined;
  return {
    files,
    found,
    skipped: Array.isArray(skipped) ? skipped.filter(isSkipped) : [],
    gaps: Array.isArray(gaps) ? gaps.filter(isWholeGap) : [],
  };
}

function foundRowOf(row: unknown): FoundAttributes['found'][number] | undefined {
  if (!Array.isArray(row)) return undefined;
  const [path, bytes, mount]: readonly unknown[] = row;
  const read = typeof bytes === 'string' ? value(fromHex(bytes)) : isWholeGap(bytes) ? gap(bytes) : undefined;
  if (typeof path !== 'string' || read === undefined) return undefined;
  return { path, bytes: read, mount: typeof mount === 'number' ? mount : null };
}

function isSkipped(entry: unknown): entry is FoundAttributes['skipped'][number] {
  return isFields(entry) && typeof entry['path'] === 'string' && typeof entry['fileSystem'] === 'string';
}

function numberOf(field: unknown): number | undefined {
  const number = bigintOf(field);
  return number === undefined ? undefined : Number(number);
}

function foundOf(entry: Fields): FoundFile | undefined {
  const { mount, head } = entry;
  const status = statusOf(entry);
  if (status === undefined || typeof mount !== 'string' || (head !== null && typeof head !== 'string'))
    return undefined;
  const words = mount.split(',');
  const forbids = {
    noSetuid: words.includes('nosuid'),
    noExecute: words.includes('noexec'),
    readOnly: words.includes('ro'),
  };
  return { status, mount: forbids, head: head === null ? null : fromHex(head) };
}

function statusOf(entry: Fields): FileStatus | undefined {
  const status = entry['status'];
  if (!isFields(status)) return undefined;
  const [dev, ino, mode, uid, gid] = ['dev', 'ino', 'mode', 'uid', 'gid'].map((name) => bigintOf(status[name]));
  if (dev === undefined || ino === undefined || mode === undefined || uid === undefined || gid === undefined) {
    return undefined;
  }
  const [changed, rdev] = [bigintOf(status['changed']), bigintOf(status['rdev'])];
  const known = { ...(changed === undefined ? {} : { changed }), ...(rdev === undefined ? {} : { rdev }) };
  return { dev, ino, mode: Number(mode), uid: Number(uid), gid: Number(gid), ...known };
}

function treeOf(entry: Fields): Tree | undefined {
  const tree = entry['tree'];
  if (!isFields(tree) || !Array.isArray(tree['entries']) || typeof tree['cut'] !== 'boolean') return undefined;
  const entries = tree['entries'].map(treeEntryOf);
  const gaps = Array.isArray(tree['gaps']) ? tree['gaps'].filter(isWholeGap) : [];
  if (!entries.every((each) => each !== undefined)) return undefined;
  const [top, ...rest] = entries;
  return top === undefined ? undefined : { top, entries: rest, cut: tree['cut'], gaps };
}

function foldersOf({ folders }: Fields): Folders | undefined {
  if (!isFields(folders) || typeof folders['cut'] !== 'boolean') return undefined;
  const paths = stringsOf(folders['paths']);
  const gaps = Array.isArray(folders['gaps']) ? folders['gaps'].filter(isWholeGap) : [];
  return paths === undefined ? undefined : { paths, cut: folders['cut'], gaps };
}

function isWholeGap(recorded: unknown): recorded is Gap {
  return isGap(recorded) && 'what' in recorded && typeof recorded.what === 'string';
}

function treeEntryOf(row: unknown): TreeEntry | undefined {
  if (!Array.isArray(row)) return undefined;
  const [path, numbers, attributes]: readonly unknown[] = row;
  const read = typeof numbers === 'string' ? bigintsOf(numbers.split(' ')) : undefined;
  if (typeof path !== 'string' || read?.length !== TREE_NUMBERS.length || !isFields(attributes)) return undefined;
  const number = (key: keyof TreeEntry): bigint => read[TREE_NUMBERS.findIndex((each) => each === key)] ?? 0n;
  return {
    path,
    dev: number('dev'),
    ino: number('ino'),
    mode: Number(number('mode')),
    uid: Number(number('uid')),
    gid: Number(number('gid')),
    links: Number(number('links')),
    size: number('size'),
    blocks: number('blocks'),
    rdev: number('rdev'),
    modified: BigInt.asIntN(64, number('modified')),
    attributes: attributesOf(attributes),
  };
}

function attributesOf(fields: Fields): TreeEntry['attributes'] {
  const names: readonly TreeAttribute[] = ['capability', 'opaque', 'whiteout', 'redirect'];
  return Object.fromEntries(names.flatMap((name) => (typeof fields[name] === 'string' ? [[name, fields[name]]] : [])));
}
