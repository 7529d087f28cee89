// Wraps a host and notes every question with its answer: the archive is then exactly what was asked.
//
// A question that comes again gets the answer that it got before, as it will from the archive: what is said during the
// recording is what the archive will say.

import type {
  FileStatus,
  Folders,
  FoundAttributes,
  FoundFile,
  Gap,
  Host,
  ListedMountNamespace,
  LoggedRecords,
  MessageQueueFile,
  NetworkSettings,
  Reading,
  Tree,
} from '../../kernel/host.ts';
import {
  askedIn,
  LONG_ANSWER,
  questions,
  toHex,
  TREE_NUMBERS,
  type Answer,
  type Entry,
  type StatusAnswer,
} from './archive.ts';

export interface Recorder {
  readonly host: Host;
  /** What was asked so far, each question once. */
  entries(): readonly Entry[];
}

/** An answer, as it is given and as it is written. */
interface Noted<T> {
  readonly reading: Reading<T>;
  readonly answer: Answer;
}

export function recording(host: Host): Recorder {
  const answers = new Map<string, Answer>();
  const noting = noter(answers);
  const file = noting(encodeBytes, sharing());
  const fileInside = noting(encodeBytes);
  const fileInRoot = noting(encodeBytes);
  const foundFile = noting(encodeFound);
  const attribute = noting((bytes: Uint8Array | null) => ({ attribute: bytes === null ? null : toHex(bytes) }));
  const search = noting(encodeSearch);
  const mount = noting((id: number) => ({ number: String(id) }));
  const link = noting((text: string) => ({ text }));
  const directory = noting((names: readonly string[]) => ({ names }));
  const status = noting(encodeStatus);
  const tree = noting(encodeTree);
  const folders = noting((folders: Folders) => ({ folders }));
  const namespace = noting((number: bigint) => ({ number: String(number) }));
  const netlink = noting((datagrams: readonly Uint8Array[]) => ({ datagrams: datagrams.map(toHex) }));
  const settings = noting((settings: NetworkSettings) => ({ settings }));
  const legacyTable = noting((bytes: Uint8Array) => ({ hex: toHex(bytes) }));
  const messageQueues = noting(encodeQueues);
  const sharesFiles = noting((shared: boolean) => ({ shared }));
  const processNumber = noting((inode: bigint) => ({ number: String(inode) }));
  const securebits = noting((bits: number) => ({ number: String(bits) }));
  const kernelLog = noting((log: LoggedRecords) => ({ log }));
  const mountNamespaces = noting(encodeMountNamespaces);
  const mounts = noting((structs: readonly Uint8Array[]) => ({ structs: structs.map(toHex) }));
  const list = noting((ids: readonly bigint[]) => ({ numbers: ids.map(String) }));
  return {
    host: {
      self: host.self,
      readFile: (path) => file(questions.file(path), () => host.readFile(path)),
      readFileInside: (query) => fileInside(questions.fileInside(query), () => host.readFileInside(query)),
      readFileInRoot: (query) => fileInRoot(questions.fileInRoot(query), () => host.readFileInRoot(query)),
      findInRoot: (query) => foundFile(questions.foundInRoot(query), () => host.findInRoot(query)),
      attribute: (query) => attribute(questions.attribute(query), () => host.attribute(query)),
      findAttributes: (query, progress) =>
        search(questions.findAttributes(query), () => host.findAttributes(query, progress)),
      mountOf: (query) => mount(questions.mountOf(query), () => host.mountOf(query)),
      readLink: (path) => link(questions.link(path), () => host.readLink(path)),
      readDirectory: (path) => directory(questions.directory(path), () => host.readDirectory(path)),
      stat: (path) => status(questions.stat(path), () => host.stat(path)),
      tree: (query) => tree(questions.tree(query), () => host.tree(query)),
      folders: (query) => folders(questions.folders(query), () => host.folders(query)),
      askNamespace: (door, asked) => namespace(questions.namespace(door, asked), () => host.askNamespace(door, asked)),
      netlink: (request) => netlink(questions.netlink(request), () => host.netlink(request)),
      networkSettings: (of) => settings(questions.networkSettings(of), () => host.networkSettings(of)),
      legacyTable: (query) => legacyTable(questions.legacyTable(query), () => host.legacyTable(query)),
      messageQueues: (door) => messageQueues(questions.messageQueues(door), () => host.messageQueues(door)),
      sharesFiles: (pid, tid) => sharesFiles(questions.sharesFiles(pid, tid), () => host.sharesFiles(pid, tid)),
      processNumber: (pid) => processNumber(questions.processNumber(pid), () => host.processNumber(pid)),
      securebits: () => securebits(questions.securebits(), () => host.securebits()),
      kernelLog: (topic) => kernelLog(questions.kernelLog(topic), () => host.kernelLog(topic)),
      mountNamespaces: () => mountNamespaces(questions.mountNamespaces(), () => host.mountNamespaces()),
      mounts: (query) => mounts(questions.mounts(query), () => host.mounts(query)),
      listNamespaces: (query) => list(questions.listNamespaces(query), () => host.listNamespaces(query)),
    },
    entries: () => [...answers].map(([question, answer]) => ({ question, answer })),
  };
}

/** For the answers of one question of the port: what was asked before is not asked again. */
function noter(answers: Map<string, Answer>) {
  return <T>(encode: (value: T) => Answer, share: (fresh: Noted<T>) => Noted<T> = (fresh) => fresh) => {
    const known = new Map<string, Reading<T>>();
    return (question: string, ask: () => Reading<T>): Reading<T> => {
      const before = known.get(question);
      if (before !== undefined) return before;
      const fresh = ask();
      const { reading, answer } = share({
        reading: fresh,
        answer: fresh.ok ? encode(fresh.value) : { gap: gapWithout(question, fresh.gap) },
      });
      known.set(question, reading);
      answers.set(question, answer);
      return reading;
    };
  };
}

/** Of files that are alike one is kept: a thousand processes can have the same mount table. */
function sharing(): (fresh: Noted<Uint8Array>) => Noted<Uint8Array> {
  const known = new Map<string, Noted<Uint8Array>>();
  return (fresh) => {
    const { answer } = fresh;
    if (!('text' in answer) || answer.text.length < LONG_ANSWER) return fresh;
    const before = known.get(answer.text);
    if (before === undefined) known.set(answer.text, fresh);
    return before ?? fresh;
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

function encodeFound({ status, mount, head }: FoundFile): Answer {
  const { noSetuid, noExecute, readOnly } = mount;
  const forbids = [noSetuid && 'nosuid', noExecute && 'noexec', readOnly && 'ro'].filter((word) => word !== false);
  return { status: statusTexts(status), mount: forbids.join(','), head: head === null ? null : toHex(head) };
}

function encodeStatus(status: FileStatus): Answer {
  return { status: statusTexts(status) };
}

function statusTexts({ dev, ino, mode, uid, gid, changed, rdev }: FileStatus): StatusAnswer {
  const known = {
    ...(changed === undefined ? {} : { changed: `${changed}` }),
    ...(rdev === undefined ? {} : { rdev: `${rdev}` }),
  };
  return { dev: `${dev}`, ino: `${ino}`, mode: `${mode}`, uid: `${uid}`, gid: `${gid}`, ...known };
}

function encodeSearch({ files, found, skipped, gaps }: FoundAttributes): Answer {
  const rows = found.map(({ path, bytes, mount }) => [path, bytes.ok ? toHex(bytes.value) : bytes.gap, mount] as const);
  return { search: { files, found: rows, skipped, gaps } };
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
