// Wraps a host and notes every question with its answer: the archive is then exactly what a command asked.

import type {
  FileStatus,
  Gap,
  Host,
  ListedMountNamespace,
  MessageQueueFile,
  Reading,
  Tree,
} from '../../kernel/host.ts';
import { askedIn, questions, toHex, TREE_NUMBERS, type Answer, type Entry, type StatusAnswer } from './archive.ts';

export interface Recorder {
  readonly host: Host;
  /** What was asked so far, each question once, with its first answer: what follows was asked because of it. */
  entries(): readonly Entry[];
}

export function recording(host: Host): Recorder {
  const answers = new Map<string, Answer>();
  const note = <T>(question: string, reading: Reading<T>, encode: (value: T) => Answer): Reading<T> => {
    if (!answers.has(question)) {
      answers.set(question, reading.ok ? encode(reading.value) : { gap: gapWithout(question, reading.gap) });
    }
    return reading;
  };
  return {
    host: {
      self: host.self,
      readFile: (path) => note(questions.file(path), host.readFile(path), encodeBytes),
      readFileInside: (query) => note(questions.fileInside(query), host.readFileInside(query), encodeBytes),
      readFileInRoot: (query) => note(questions.fileInRoot(query), host.readFileInRoot(query), encodeBytes),
      readLink: (path) => note(questions.link(path), host.readLink(path), (text) => ({ text })),
      readDirectory: (path) => note(questions.directory(path), host.readDirectory(path), (names) => ({ names })),
      stat: (path) => note(questions.stat(path), host.stat(path), encodeStatus),
      tree: (query) => note(questions.tree(query), host.tree(query), encodeTree),
      askNamespace: (door, asked) =>
        note(questions.namespace(door, asked), host.askNamespace(door, asked), (number) => ({
          number: String(number),
        })),
      netlink: (request) =>
        note(questions.netlink(request), host.netlink(request), (datagrams) => ({ datagrams: datagrams.map(toHex) })),
      messageQueues: (door) => note(questions.messageQueues(door), host.messageQueues(door), encodeQueues),
      sharesFiles: (pid, tid) =>
        note(questions.sharesFiles(pid, tid), host.sharesFiles(pid, tid), (shared) => ({ shared })),
      mountNamespaces: () => note(questions.mountNamespaces(), host.mountNamespaces(), encodeMountNamespaces),
      mounts: (query) =>
        note(questions.mounts(query), host.mounts(query), (structs) => ({ structs: structs.map(toHex) })),
      listNamespaces: (query) =>
        note(questions.listNamespaces(query), host.listNamespaces(query), (ids) => ({ numbers: ids.map(String) })),
    },
    entries: () => [...answers].map(([question, answer]) => ({ question, answer })),
  };
}

/** What was asked is in the question already, but where the gap has other words for it. */
function gapWithout(question: string, gap: Gap): Omit<Gap, 'what'> & Partial<Gap> {
  const { what, ...rest } = gap;
  return what === askedIn(question) ? rest : gap;
}

function encodeBytes(bytes: Uint8Array): Answer {
  try {
    return { text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch {
    return { hex: toHex(bytes) };
  }
}

function encodeStatus(status: FileStatus): Answer {
  return { status: statusTexts(status) };
}

function statusTexts({ dev, ino, mode, uid, gid, changed }: FileStatus): StatusAnswer {
  const known = changed === undefined ? {} : { changed: `${changed}` };
  return { dev: `${dev}`, ino: `${ino}`, mode: `${mode}`, uid: `${uid}`, gid: `${gid}`, ...known };
}

function encodeQueues(queues: readonly MessageQueueFile[]): Answer {
  const hex = (bytes: Uint8Array | null): string | null => (bytes === null ? null : toHex(bytes));
  return {
    queues: queues.map(({ name, status, bytes }) => ({ name, status: statusTexts(status), hex: hex(bytes) })),
  };
}

/** The directory itself comes first; times before 1970 are negative, and stand as the kernel's 64 bits. */
function encodeTree({ top, entries, cut, gaps }: Tree): Answer {
  const rows = [top, ...entries].map(
    (entry) =>
      [
        entry.path,
        TREE_NUMBERS.map((key) => String(BigInt.asUintN(64, BigInt(entry[key])))).join(' '),
        entry.attributes,
      ] as const,
  );
  return { tree: { entries: rows, cut, gaps } };
}

function encodeMountNamespaces(listed: readonly ListedMountNamespace[]): Answer {
  return { mount_namespaces: listed.map(({ id, inode, mounts }) => [`${id}`, `${inode}`, `${mounts}`]) };
}
