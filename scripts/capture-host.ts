// Writes a recorded host to standard output, as `nstool capture` does, for the fixtures: of fewer processes, and without
// the names. Never environment variables.
//
//   npx tsx scripts/capture-host.ts [--anonymise] [--below PID] [--kernel-threads N] [--note TEXT] > FILE
//
//   --anonymise         replace what names a person, a machine, a program that is not the distribution's, or a folder,
//                       and all arguments of commands; see anonymise.ts
//   --below PID         of the processes only PID (or `self`), what descends from it, and process 1
//   --kernel-threads N  of the kernel's threads only the first N
//   --cgroups           also every file of every cgroup, also of those without processes
//   --note TEXT         what kind of host this is: goes into the header

import { release } from 'node:os';
import { parseArgs } from 'node:util';
import { captureHost } from '../src/cli/capture/capture-host.ts';
import { formatArchive, type ArchiveHeader, type Entry } from '../src/host/recorded/archive.ts';
import { recording } from '../src/host/recorded/recorder.ts';
import { linuxHost } from '../src/host/linux/linux-host.ts';
import { valueOf, type Host } from '../src/kernel/host.ts';
import { parseMountinfo } from '../src/kernel/text/mountinfo.ts';
import { parseStat } from '../src/kernel/text/stat.ts';
import { decodeText, parseDecimal } from '../src/kernel/text/text.ts';
import { anonymise, withoutLocalVersion } from './anonymise.ts';

const KTHREADD = 2;

const { values: options } = parseArgs({
  options: {
    anonymise: { type: 'boolean', default: false },
    below: { type: 'string' },
    cgroups: { type: 'boolean', default: false },
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

function distribution(host: Host): string {
  const file = valueOf(host.readFile('/etc/os-release'));
  return /^PRETTY_NAME="?([^"\n]*)/m.exec(file === undefined ? '' : decodeText(file))?.[1] ?? 'unknown';
}

/** What nobody asks for: the same once more by node or by processor. */
const DETAIL = /numa_stat$|^cpuacct\.usage_/;

/** Whose these are says to whom a cgroup was handed. */
const HANDED_ON = /^cgroup\.(?:procs|threads|subtree_control)$/;

/** The answers about all files in the mounts of cgroups. Source: inode(7), S_IFMT. */
function captureCgroups(host: Host): readonly Entry[] {
  const recorder = recording(host);
  const table = valueOf(host.readFile('/proc/self/mountinfo'));
  const mounts = table === undefined ? [] : (valueOf(parseMountinfo(table, '')) ?? []);
  const ask = (folder: string): void => {
    for (const name of valueOf(recorder.host.readDirectory(folder)) ?? []) {
      const path = `${folder}/${name}`;
      const mode = valueOf(host.stat(path))?.mode ?? 0;
      if ((mode & 0o170_000) === 0o040_000) {
        recorder.host.stat(path);
        ask(path);
        continue;
      }
      if (HANDED_ON.test(name)) recorder.host.stat(path);
      if ((mode & 0o444) !== 0 && !DETAIL.test(name)) recorder.host.readFile(path);
    }
  };
  for (const { fsType, mountPoint } of mounts) if (/^cgroup2?$/.test(fsType)) ask(mountPoint);
  return recorder.entries();
}

/** What was asked first stays. */
function together(entries: readonly Entry[], more: readonly Entry[]): readonly Entry[] {
  const asked = new Set(entries.map(({ question }) => question));
  return [...entries, ...more.filter(({ question }) => !asked.has(question))];
}

const live = linuxHost();
const asked = await captureHost(narrowed(live), { environments: false });
const captured = options.cgroups ? together(asked, captureCgroups(live)) : asked;
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
const entries = options.anonymise ? anonymise(captured) : captured;
process.stdout.write(formatArchive(header, entries));
