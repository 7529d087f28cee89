// The process around a command. Nothing else reads the real `process`.

import { fstatSync, readSync } from 'node:fs';
import type { Journal } from '../host/linux/journal.ts';
import { wholeFile } from '../host/linux/whole-file.ts';
import { NsError } from '../kernel/error.ts';
import type { Host } from '../kernel/host.ts';
import { splitWords } from '../kernel/text/cmdline.ts';
import type { Context, Stream } from './define-command.ts';
import { nsexecPath } from './installation.ts';
import { nearest } from './nearest.ts';
import { say } from './output.ts';

const DEFAULT_COLUMNS = 80;
const COLOR_WHEN = ['auto', 'always', 'never'];

/** `colorWhen` and `recording` are the values of --color and --from. Errors: BAD_VALUE. */
export function makeContext(colorWhen: string | undefined, recording: string | undefined): Context {
  const { env } = process;
  const stderr = stream(2, colorWhen);
  return {
    stdin: {
      get isTerminal() {
        return isTerminal(0);
      },
    },
    stdout: stream(1, colorWhen),
    stderr,
    host: (file = recording) => openHost(file),
    processEvents: async (wake) => (await import('../host/linux/process-event-socket.ts')).openProcessEvents(wake),
    networkEvents: async (door, wake) =>
      (await import('../host/linux/network-event-socket.ts')).openNetworkEvents(door, wake),
    folderEvents: async (folders, wake) =>
      (await import('../host/linux/folder-events.ts')).openFolderEvents(folders, wake),
    release: async (plan) => (await import('../host/linux/release.ts')).applyRelease(plan),
    changeNetwork: async (request) => (await import('../host/linux/netlink-socket.ts')).askNetlink(request),
    nameNetwork: async (naming) => (await import('../host/linux/name-network.ts')).nameNetwork(naming),
    changeAttributes: async (plan) => (await import('../host/linux/change-attributes.ts')).changeAttributes(plan),
    changeCgroups: async (writes, options) =>
      (await import('../host/linux/change-cgroups.ts')).changeCgroups(writes, options),
    removeCgroup: async (place) => (await import('../host/linux/change-cgroups.ts')).removeCgroup(place),
    emptyCgroup: async (place) => (await import('../host/linux/empty-cgroup.ts')).emptyCgroup(place),
    leaveCgroup: async (place) =>
      (await import('../host/linux/empty-cgroup.ts')).leaveCgroup(place, new Set([process.pid, process.ppid])),
    takeControllersBack: async (enabling, ours) =>
      (await import('../host/linux/make-cgroups.ts')).takeControllersBack(enabling, ours),
    makeCgroups: async (making) =>
      (await import('../host/linux/make-cgroups.ts')).makeCgroups(making, await openJournal()),
    buildNetwork: async (building) =>
      (await import('../host/linux/build-network.ts')).buildNetwork(building, await openJournal()),
    startDetached: async (program) =>
      (await import('../host/linux/start-detached.ts')).startDetached(nsexecPath(), program),
    undoNetworks: async (undo, options) => (await import('../host/linux/undo-network.ts')).undoNetworks(undo, options),
    replayNetwork: async (replaying) =>
      (await import('../host/linux/replay-network.ts')).replayNetwork(replaying, await openJournal()),
    probe: async (probes) => (await import('../host/linux/probe.ts')).probe(probes),
    journal: openJournal,
    traceLeftovers: async (options) => (await import('../host/linux/trace-instance.ts')).traceLeftovers(options),
    progress: async () => (await import('./progress.ts')).progressOn(stderr, say, () => performance.now()),
    children: async () => new (await import('../host/linux/nsexec-children.ts')).NsexecChildren(nsexecPath()),
    trace: async () => (await import('../host/linux/trace.ts')).CapabilityTrace.open(nsexecPath()),
    traceDrops: async () => (await import('../host/linux/trace-drops.ts')).DropTrace.open(nsexecPath()),
    kernelLog: async () => (await import('../host/linux/kernel-log.ts')).openKernelLog(),
    gated: async (program) => (await import('../host/linux/gated-child.ts')).startGated(nsexecPath(), program),
    keptFiles: async (onRenewed) => new (await import('../host/linux/kept-files.ts')).KeptFiles(onRenewed),
    screen: async (events) => (await import('./terminal-screen.ts')).openScreen(events),
    processors: () => process.getBuiltinModule('node:os').availableParallelism(),
    readStdin,
    readInput: async (path) => (await import('../host/linux/linux-host.ts')).linuxHost().readFile(path),
    output,
    environment,
    variable: (name) => env[name],
    theme: async ({ color }) => (await import('../render/theme.ts')).theme(color),
  };
}

async function openJournal(): Promise<Journal> {
  return (await import('../host/linux/journal.ts')).Journal.open((name) => process.env[name]);
}

async function openHost(recording: string | undefined): Promise<Host> {
  if (recording !== undefined) return (await import('../host/recorded/recorded-host.ts')).readRecordedHost(recording);
  return (await import('../host/linux/linux-host.ts')).linuxHost();
}

function stream(fd: 1 | 2, colorWhen: string | undefined): Stream {
  const color = colorWish(colorWhen);
  return {
    get isTerminal() {
      return isTerminal(fd);
    },
    get color() {
      return color ?? isTerminal(fd);
    },
    columns: () => (isTerminal(fd) ? columns(fd) : undefined),
  };
}

/** node:tty brings all of node:net along (4 ms), so it is asked when a command wants to know, of what can be a terminal. */
function isTerminal(fd: 0 | 1 | 2): boolean {
  const status = fstatSync(fd);
  if (!status.isCharacterDevice() || status.rdev >> 8 === MEMORY_MAJOR) return false;
  return process.getBuiltinModule('node:tty').isatty(fd);
}

/** Of /dev/null and its kin. Source: linux/major.h MEM_MAJOR. */
const MEMORY_MAJOR = 1;

/** --color, then FORCE_COLOR, then NO_COLOR, then TERM=dumb; undefined: whether the stream is a terminal decides. */
function colorWish(when: string | undefined): boolean | undefined {
  if (when === 'always') return true;
  if (when === 'never') return false;
  if (when !== undefined && when !== 'auto') {
    const meant = nearest(when, COLOR_WHEN);
    throw new NsError('BAD_VALUE', {
      what: `--color takes auto, always or never, not '${when}'`,
      ...(meant === undefined ? {} : { why: `did you mean ${meant}?` }),
    });
  }
  const { FORCE_COLOR: force, NO_COLOR: no, TERM: term } = process.env;
  if (force !== undefined && force !== '') return force !== '0' && force !== 'false';
  if (no !== undefined && no !== '') return false;
  return term === 'dumb' ? false : undefined;
}

/** Opens the stream in Node's way, so only for commands that print and end (see output.ts). */
function columns(fd: 1 | 2): number {
  const wished = Number(process.env['COLUMNS']);
  if (Number.isSafeInteger(wished) && wished > 0) return wished;
  return (fd === 1 ? process.stdout : process.stderr).columns || DEFAULT_COLUMNS;
}

async function output(path: string): Promise<(text: string) => void> {
  const { requireWritable, saveArchive } = await import('../host/recorded/save-archive.ts');
  requireWritable(path);
  return (text) => saveArchive(path, text);
}

const CHUNK = 64 * 1024;
const RETRY_MS = 5;

function readStdin(): string {
  const chunks: Buffer[] = [];
  for (;;) {
    const chunk = Buffer.allocUnsafe(CHUNK);
    const length = readChunk(chunk);
    if (length === 0) return Buffer.concat(chunks).toString('utf8');
    chunks.push(chunk.subarray(0, length));
  }
}

function readChunk(chunk: Buffer): number {
  for (;;) {
    try {
      return readSync(0, chunk);
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : '';
      // Somebody made the pipe non-blocking, and nothing has come yet.
      if (code !== 'EAGAIN') throw new NsError('NO_FILE', { what: `cannot read standard input: ${code}` });
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
    }
  }
}

/** As bytes: what is not UTF-8 would not survive process.env. */
function environment(): readonly Uint8Array[] {
  const words = wordsOf('/proc/self/environ');
  return words ?? Object.entries(process.env).map(([name, text]) => Buffer.from(`${name}=${text ?? ''}`));
}

/** undefined where there is no /proc: then UTF-8 has to do. */
function wordsOf(path: string): readonly Uint8Array[] | undefined {
  try {
    return splitWords(wholeFile(path));
  } catch {
    return undefined;
  }
}

/** The last `count` words of our command line, as bytes. */
export function commandLineBytes(count: number): readonly Uint8Array[] {
  const words = wordsOf('/proc/self/cmdline') ?? process.argv.map((word) => Buffer.from(word));
  return words.slice(words.length - count);
}
