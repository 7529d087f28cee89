// What a test must not leave behind. Compared before and after each integration and e2e file.

import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';

const checkout = fileURLToPath(new URL('../../', import.meta.url));

export interface Belongings {
  readonly processes: readonly string[];
  readonly mounts: readonly string[];
  readonly netns: readonly string[];
  readonly links: readonly string[];
  readonly descriptors: readonly string[];
  readonly journal: readonly string[];
}

function list(path: string): string[] {
  try {
    return readdirSync(path).toSorted();
  } catch {
    return [];
  }
}

/** Descendants of this process, by command: what a test started and did not end. */
function children(): string[] {
  return list('/proc/self/task').flatMap((tid) => {
    const pids = readFileSync(`/proc/self/task/${tid}/children`, 'utf8').trim().split(' ').filter(Boolean);
    return pids.map((pid) => `${pid} ${commandOf(pid)}`);
  });
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return '';
  }
}

/** Helpers of this checkout (and of the copy that plain users run), whoever is their parent by now. Another checkout's tests may run at the same time. */
function helpers(): string[] {
  return list('/proc')
    .filter((name) => /^[0-9]+$/.test(name) && isOurHelper(name))
    .map((pid) => `${pid} ${commandOf(pid)}`);
}

function isOurHelper(pid: string): boolean {
  try {
    // nsexec runs as a copy in memory, which is named for its file.
    const program = readlinkSync(`/proc/${pid}/exe`).replace(/^\/memfd:/, '');
    return program.startsWith(`${checkout}dist/`) || program.startsWith(`${tmpdir()}/nstool-test-${process.pid}-`);
  } catch {
    return false;
  }
}

/** Not one of an nstool at work: another checkout's tests may run at the same time. */
function isOver(id: string): boolean {
  try {
    const pid = /"pid":(\d+)/.exec(readFileSync(`/run/nstool/${id}`, 'utf8'))?.[1];
    return pid === undefined || !existsSync(`/proc/${pid}`);
  } catch {
    return false;
  }
}

function descriptors(): string[] {
  return list('/proc/self/fd').flatMap((fd) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`);
      // The runner's own pipes and events come and go; namespaces, terminals and memfds are a test's.
      return /^(?:[a-z]+:\[|\/dev\/pts|\/memfd)/.test(target) &&
        !target.startsWith('pipe:') &&
        !target.startsWith('socket:')
        ? [`${fd} ${target}`]
        : [];
    } catch {
      return [];
    }
  });
}

export function belongings(): Belongings {
  return {
    processes: [...children(), ...helpers()],
    mounts: readFileSync('/proc/self/mountinfo', 'utf8').split('\n'),
    netns: list('/run/netns'),
    links: list('/sys/class/net'),
    descriptors: descriptors(),
    journal: list('/run/nstool').filter(isOver),
  };
}
