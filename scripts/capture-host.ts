// Writes a recorded host to standard output: everything that the reading commands ask of this machine, and per process
// some files more, for commands to come. Never environment variables.
//
//   npx tsx scripts/capture-host.ts [--anonymise] [--below PID] [--kernel-threads N] [--note TEXT] > FILE
//
//   --anonymise         replace what names a person, a machine, a program that is not the distribution's, or a folder,
//                       and all arguments of commands; see anonymise.ts
//   --below PID         of the processes only PID (or `self`), what descends from it, and process 1
//   --kernel-threads N  of the kernel's threads only the first N
//   --note TEXT         what kind of host this is: goes into the header

import { release } from 'node:os';
import { parseArgs } from 'node:util';
import { formatArchive, type ArchiveHeader } from '../src/host/recorded/archive.ts';
import { recording } from '../src/host/recorded/recorder.ts';
import { linuxHost } from '../src/host/linux/linux-host.ts';
import { kernelReport } from '../src/inspect/kernel-report.ts';
import { namespaceKinds } from '../src/kernel/abi/namespace-kinds.ts';
import { NsError } from '../src/kernel/error.ts';
import { valueOf, type Host } from '../src/kernel/host.ts';
import { parseStat } from '../src/kernel/text/stat.ts';
import { decodeText, parseDecimal } from '../src/kernel/text/text.ts';
import { planEnter } from '../src/launch/enter.ts';
import { discoverNamespaces } from '../src/namespaces/discover/discover.ts';
import { requireOwnProc } from '../src/namespaces/discover/own-proc.ts';
import { namespaceRows, processRows, type Fact } from '../src/namespaces/rows.ts';
import { anonymise, withoutLocalVersion } from './anonymise.ts';

const FACTS: ReadonlySet<Fact> = new Set(['ppid', 'command', 'uid', 'user', 'netnsid', 'pns', 'ons']);
const PROCESS_FILES = ['stat', 'status', 'cmdline', 'cgroup', 'mountinfo', 'uid_map', 'gid_map', 'setgroups', 'limits'];
const KTHREADD = 2;

const { values: options } = parseArgs({
  options: {
    anonymise: { type: 'boolean', default: false },
    below: { type: 'string' },
    'kernel-threads': { type: 'string' },
    note: { type: 'string' },
  },
});

/** The host with fewer processes in its /proc. */
function narrowed(host: Host): Host {
  const { below, 'kernel-threads': most } = options;
  if (below === undefined && most === undefined) return host;
  const parents = new Map(pidsOf(host).map((pid) => [pid, parentOf(host, pid)]));
  const isKernelThread = (pid: number): boolean => pid === KTHREADD || parents.get(pid) === KTHREADD;
  const threads = new Set(
    [...parents.keys()].filter(isKernelThread).slice(0, most === undefined ? Infinity : Number(most)),
  );
  const top = below === undefined ? undefined : below === 'self' ? host.self.pid : Number(below);
  const descends = (pid: number | undefined): boolean =>
    pid !== undefined && (pid === top || descends(parents.get(pid)));
  const keeps = (pid: number): boolean =>
    isKernelThread(pid) ? threads.has(pid) : top === undefined || pid === 1 || pid === host.self.pid || descends(pid);
  return {
    ...host,
    readDirectory(path) {
      const names = host.readDirectory(path);
      if (path !== '/proc' || !names.ok) return names;
      // What is no process is of no interest, and differs from machine to machine.
      return { ok: true, value: names.value.filter((name) => /^[0-9]+$/.test(name) && keeps(Number(name))) };
    },
  };
}

function pidsOf(host: Host): readonly number[] {
  const pids = (valueOf(host.readDirectory('/proc')) ?? []).flatMap((name) => parseDecimal(name) ?? []);
  return pids.toSorted((a, b) => a - b);
}

function parentOf(host: Host, pid: number): number | undefined {
  const stat = valueOf(host.readFile(`/proc/${pid}/stat`));
  return stat === undefined ? undefined : valueOf(parseStat(stat, ''))?.ppid;
}

/** All that `nstool ls`, `nstool ls NAMESPACE`, `nstool version -v` and `nstool enter --dry-run` ask. */
function askAsCommandsDo(host: Host): void {
  requireOwnProc(host);
  const kinds = namespaceKinds.map((entry) => entry.kind);
  const scan = discoverNamespaces(host, new Set(kinds));
  namespaceRows(scan, FACTS);
  for (const namespace of scan.namespaces.values()) {
    processRows(scan, namespace, FACTS);
    for (const path of [...namespace.mounts, ...namespace.foreignMounts]) {
      host.askNamespace(path, []);
      host.askNamespace(path, ['NS_GET_NSTYPE']);
    }
  }
  kernelReport(host);
  for (const pid of ['self', ...pidsOf(host)]) {
    host.stat(`/proc/${pid}`);
    for (const kind of [...kinds, 'pid_for_children', 'time_for_children']) host.readLink(`/proc/${pid}/ns/${kind}`);
    for (const file of PROCESS_FILES) host.readFile(`/proc/${pid}/${file}`);
    if (typeof pid === 'number') planToEnter(host, pid);
  }
}

function planToEnter(host: Host, pid: number): void {
  const query = {
    pid,
    kinds: 'all',
    given: [],
    preserveCredentials: false,
    fork: true,
    command: [],
    trace: false,
  } as const;
  try {
    planEnter(host, query, { env: [] });
  } catch (error) {
    // A process that is closed to us, or has ended: what was asked until then is what the command would ask.
    if (!(error instanceof NsError)) throw error;
  }
}

function distribution(host: Host): string {
  const file = valueOf(host.readFile('/etc/os-release'));
  return /^PRETTY_NAME="?([^"\n]*)/m.exec(file === undefined ? '' : decodeText(file))?.[1] ?? 'unknown';
}

const live = linuxHost();
const recorder = recording(narrowed(live));
askAsCommandsDo(recorder.host);
const header: ArchiveHeader = {
  nstool_recording: 1,
  date: new Date().toISOString().slice(0, 10),
  kernel: options.anonymise ? withoutLocalVersion(release()) : release(),
  distribution: distribution(live),
  made_by: [
    'scripts/capture-host.ts',
    ...process.argv.slice(2).map((word) => (/[^\w-]/.test(word) ? `'${word}'` : word)),
  ].join(' '),
  anonymised: options.anonymise,
  self: live.self,
};
const entries = options.anonymise ? anonymise(recorder.entries()) : recorder.entries();
process.stdout.write(formatArchive(header, entries));
