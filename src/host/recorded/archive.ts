// A recorded host as text: a header and then a line of JSON for each question and its answer, so that an archive can
// be read, compared and edited by hand.

import { doorText, insideText } from '../../kernel/door.ts';
import type {
  AttributeQuery,
  AttributeSearch,
  FileStatus,
  FolderQuery,
  Folders,
  FoundAttributes,
  Gap,
  InsideQuery,
  LegacyTableQuery,
  LoggedRecords,
  LogTopic,
  MountQuery,
  NamespaceDoor,
  NamespaceListQuery,
  NamespaceQuestion,
  NetlinkRequest,
  NetworkSettings,
  RootQuery,
  TreeEntry,
  TreeQuery,
} from '../../kernel/host.ts';

/** Where a recording comes from. */
export interface ArchiveHeader {
  /** The version of this format. */
  readonly nstool_recording: 1;
  readonly date: string;
  readonly kernel: string;
  readonly distribution: string;
  /** The command or the hands that made it. */
  readonly made_by: string;
  readonly anonymised: boolean;
  /** How many answers follow: fewer are a file that was cut. Absent: not told. */
  readonly answers?: number;
  /** The process that asked. */
  readonly self: { readonly pid: number; readonly uid: number };
}

/** Answers as JSON holds them: bytes as text where they are UTF-8, else in hex; 64-bit numbers as strings. */
export type Answer =
  | { readonly text: string }
  | { readonly hex: string }
  /** An extended attribute in hex; null: there is none. */
  | { readonly attribute: string | null }
  | { readonly search: ArchivedSearch }
  | { readonly names: readonly string[] }
  | { readonly status: StatusAnswer }
  /** Of a file with its mount: `nosuid,noexec,ro`, as far as they hold. */
  | { readonly status: StatusAnswer; readonly mount: string; readonly head: string | null }
  | { readonly tree: ArchivedTree }
  | { readonly folders: Folders }
  | { readonly number: string }
  | { readonly numbers: readonly string[] }
  | { readonly datagrams: readonly string[] }
  | { readonly structs: readonly string[] }
  | { readonly shared: boolean }
  | { readonly log: LoggedRecords }
  | { readonly settings: NetworkSettings }
  | {
      readonly queues: readonly {
        readonly name: string;
        readonly status: StatusAnswer;
        readonly hex: string | null;
      }[];
    }
  /** Id, inode and number of mounts of each. */
  | { readonly mount_namespaces: readonly (readonly string[])[] }
  | { readonly gap: Omit<Gap, 'what'> & Partial<Gap> };

/** Of each file that was found its path, the attribute in hex or why it is not told, and its mount. */
export interface ArchivedSearch {
  readonly files: number;
  readonly found: readonly (readonly [string, string | Gap, number | null])[];
  readonly skipped: FoundAttributes['skipped'];
  readonly gaps: readonly Gap[];
}

/** An entry is its path, its numbers in the order of TREE_NUMBERS, and its attributes. */
export interface ArchivedTree {
  readonly entries: readonly (readonly [string, string, TreeEntry['attributes']])[];
  readonly cut: boolean;
  readonly gaps: readonly Gap[];
}

type TreeNumber = Exclude<keyof TreeEntry, 'path' | 'attributes'>;

export const TREE_NUMBERS: readonly TreeNumber[] = [
  'dev',
  'ino',
  'mode',
  'uid',
  'gid',
  'links',
  'size',
  'blocks',
  'rdev',
  'modified',
];

/** Recordings of the first format have no `changed`; `rdev` is of devices. */
export type StatusAnswer = Record<Exclude<keyof FileStatus, 'changed' | 'rdev'>, string> & {
  readonly changed?: string;
  readonly rdev?: string;
};

export interface Entry {
  readonly question: string;
  readonly answer: Answer;
}

export const questions = {
  file: (path: string): string => `file ${path}`,
  fileInside: (query: InsideQuery): string => `file-inside ${insideText(query)}`,
  fileInRoot: ({ root, path }: RootQuery): string => `file-in-root ${root} ${path}`,
  foundInRoot: ({ root, path }: RootQuery): string => `found-in-root ${root} ${path}`,
  attribute: ({ root, path, name, follow }: AttributeQuery): string =>
    `attribute ${name} ${follow ? 'follow' : 'last'} ${JSON.stringify([root ?? '', path])}`,
  findAttributes: ({ root, path, name, oneFileSystem }: AttributeSearch): string =>
    `find-attributes ${name}${oneFileSystem === true ? ' one' : ''} ${JSON.stringify([root ?? '', path])}`,
  mountOf: ({ root, path, follow }: Omit<AttributeQuery, 'name'>): string =>
    `mount-of ${follow ? 'follow' : 'last'} ${JSON.stringify([root ?? '', path])}`,
  link: (path: string): string => `link ${path}`,
  directory: (path: string): string => `directory ${path}`,
  stat: (path: string): string => `stat ${path}`,
  tree: ({ base, root, path, deep, limit }: TreeQuery): string =>
    `tree ${JSON.stringify([base ?? '', root, path])} ${deep ? 'deep' : 'flat'} ${limit}`,
  folders: ({ path, limit }: FolderQuery): string => `folders ${JSON.stringify(path)} ${limit}`,
  namespace: (door: NamespaceDoor, asked: readonly NamespaceQuestion[]): string =>
    `namespace ${doorText(door)} ${asked.join(' ')}`,
  netlink: ({ protocol, message, descriptor, namespace }: NetlinkRequest): string =>
    `netlink ${protocol} ${toHex(message)} ${descriptor === undefined ? '' : doorText(descriptor.door)}` +
    (namespace === undefined ? '' : ` in ${doorText(namespace)}`),
  networkSettings: (of: NamespaceDoor | null): string =>
    `network-settings ${of === null ? 'new' : `in ${doorText(of)}`}`,
  legacyTable: ({ family, table, namespace }: LegacyTableQuery): string =>
    `legacy-table ${family} ${JSON.stringify(table)}${namespace === undefined ? '' : ` in ${doorText(namespace)}`}`,
  messageQueues: (door?: NamespaceDoor): string => `message-queues${door === undefined ? '' : ` in ${doorText(door)}`}`,
  sharesFiles: (pid: number, tid: number): string => `shares-files ${pid} ${tid}`,
  processNumber: (pid: number): string => `process-number ${pid}`,
  securebits: (): string => 'securebits',
  kernelLog: (topic: LogTopic): string => `kernel-log ${topic}`,
  mountNamespaces: (): string => 'mount-namespaces',
  mounts: ({ namespace, mask, magics }: MountQuery): string =>
    `mounts ${namespace} 0x${mask.toString(16)} ${magics.map((magic) => `0x${magic.toString(16)}`).join(' ')}`,
  listNamespaces: ({ types, owner }: NamespaceListQuery): string => `list-namespaces 0x${types.toString(16)} ${owner}`,
};

/** A question without its verb: usually a path. */
export function askedIn(question: string): string {
  return question.slice(question.indexOf(' ') + 1);
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

export function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, 'hex'));
}

/** A long answer that was given before is written as `same`, with the question that it was given to. */
export function formatArchive(header: ArchiveHeader, entries: readonly Entry[]): string {
  const questionOf = new Map<string, string>();
  const lines = entries.map(({ question, answer }) => {
    const text = JSON.stringify(answer);
    const same = questionOf.get(text);
    if (same !== undefined) return JSON.stringify({ q: question, same });
    if (text.length > LONG_ANSWER) questionOf.set(text, question);
    return JSON.stringify({ q: question, ...answer });
  });
  return [JSON.stringify({ ...header, answers: entries.length }), ...lines, ''].join('\n');
}

/** Shorter answers are easier to read than what they are the same as. */
export const LONG_ANSWER = 100;
