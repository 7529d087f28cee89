// Takes the names out of a recorded host: each is replaced by the same word wherever it occurs. Numbers (pids, inodes,
// ids) and what Linux itself names stay, so that the recording still means the same.
//
// Of what is recorded only the questions are kept whose answers are known to this file: those about network devices,
// mounts in statmount's form, descriptors and engines' files are left out.
//
// Kept are: folders and files that every Linux has, the names of the distribution's programs, users that every Debian
// has, container ids, the kernel's own words. Everything else is replaced, arguments of commands in particular.

import { readdirSync } from 'node:fs';
import type { Answer, Entry } from '../src/host/recorded/archive.ts';

/** Parts of paths that name nobody. Numbers stay as well. */
const COMMON_PARTS = new Set(
  `bin boot bpf cgroup cpu cpu,cpuacct cpuacct cpuset blkio debug dev devices etc fd freezer fs fuse group home hostname
  hosts hugepages hugetlb init.scope ipc kernel lib lib64 lock media memory misc mnt mqueue net net_cls net_prio netns ns
  opt passwd perf_event pid pids proc pts rdma resolv.conf root run sbin security self shm srv sys sysfs system.slice
  systemd time tmp tmpfs tracing unified user user.slice usr uts var none overlay devtmpfs devpts cgroup2 blue green red
  empty`.split(/\s+/),
);
const DEVICE = /^(?:[a-z]{2,4}[0-9]*|nvme[0-9]n[0-9](?:p[0-9]+)?|loop[0-9]+|dm-[0-9]+)$/;
const CONTAINER_PART = /^(?:(?:docker|libpod|crio|cri-containerd)-)?[0-9a-f]{64}(?:\.scope)?$/;
const UNIT_SUFFIX = /\.(?:scope|slice|service|socket|mount)$/;
/** Debian's base-passwd has them on every system. */
const LAST_COMMON_UID = 99;
const NOBODY = 65534;

/** 6.1.0-18-amd64-mycloud → 6.1.0 */
export function withoutLocalVersion(release: string): string {
  return /^[0-9]+(?:\.[0-9]+)*/.exec(release)?.[0] ?? release;
}

export function anonymise(entries: readonly Entry[]): readonly Entry[] {
  const names = new Names();
  return entries.filter(isKnown).map(({ question, answer }) => ({
    question: anonymousQuestion(question, names),
    answer: anonymousAnswer(question, answer, names),
  }));
}

const PROCESS_FILES = 'stat|status|cmdline|cgroup|mountinfo|uid_map|gid_map|setgroups|limits|timens_offsets';
const KERNEL_FILES =
  'loadavg|sys/kernel/(?:osrelease|cap_last_cap|overflow[ug]id|unprivileged_userns_clone)|sys/user/[a-z_]+';
const KNOWN = [
  new RegExp(`^file /proc/(?:[0-9]+|self|thread-self)/(?:${PROCESS_FILES})$`),
  new RegExp(`^file /proc/(?:${KERNEL_FILES}|sys/kernel/(?:apparmor_restrict_unprivileged_userns|yama/ptrace_scope))$`),
  /^file \/etc\/passwd$/,
  /^link \/proc\/(?:[0-9]+|self)\/ns\/[a-z_]+$/,
  /^link \/proc\/(?:thread-)?self$/,
  /^directory \/proc$/,
  /^stat \/(?:proc(?:\/[0-9]+|\/self)?)?$/,
  /^namespace \/[^ ]/,
  // The id of a network namespace, given by its path.
  /^netlink 0 [0-9a-f]+ \/(?!.* in )/s,
];

/** What the questions of these forms are answered with has no names, or is made anonymous below. */
function isKnown({ question }: Entry): boolean {
  return KNOWN.some((form) => form.test(question));
}

/** One word for each name, the same each time. */
class Names {
  private readonly words = new Map<string, string>();
  private readonly counts = new Map<string, number>();
  private readonly programs: ReadonlySet<string> = new Set(
    ['/usr/bin', '/usr/sbin'].flatMap((folder) => readdirSync(folder)),
  );

  word(sort: string, name: string): string {
    const key = `${sort} ${name}`;
    const known = this.words.get(key);
    if (known !== undefined) return known;
    const count = (this.counts.get(sort) ?? 0) + 1;
    this.counts.set(sort, count);
    this.words.set(key, `${sort}-${count}`);
    return `${sort}-${count}`;
  }

  /** The name of a program, or of a process: at most 15 bytes of it. */
  program(name: string): string {
    return this.programs.has(name) ? name : this.word('program', name.slice(0, 15));
  }

  path(path: string): string {
    return path
      .split('/')
      .map((part) => this.part(part))
      .join('/');
  }

  private part(part: string): string {
    if (part === '' || /^[0-9]+$/.test(part) || COMMON_PARTS.has(part) || CONTAINER_PART.test(part)) return part;
    if (/^[a-z]+:\[[0-9]+\]$/.test(part) || /^user-[0-9]+\.slice$/.test(part)) return part;
    return this.word('name', part) + (UNIT_SUFFIX.exec(part)?.[0] ?? '');
  }
}

/** Paths below /proc are the kernel's, but for what lies in the root of a process. */
function anonymousQuestion(question: string, names: Names): string {
  const inside = /^(file-inside .*? in [a-z]+ )(\/.*)$/s.exec(question);
  if (inside !== null) return `${inside[1]}${anonymousQuestion(` ${inside[2]}`, names).slice(1)}`;
  const match = /^(.*? )(\/proc\/[0-9]+\/root)?(\/.*?)((?: NS_[A-Z_]+)*| ?)$/s.exec(question);
  if (match === null) return question;
  const [, verb = '', root = '', path = '', rest = ''] = match;
  const isKernels = root === '' && (path.startsWith('/proc') || path === '/etc/passwd');
  return `${verb}${root}${isKernels ? path : names.path(path)}${rest}`;
}

function anonymousAnswer(question: string, answer: Answer, names: Names): Answer {
  if ('gap' in answer) {
    const { reason, errno } = answer.gap;
    return { gap: { reason, ...(errno === undefined ? {} : { errno }) } };
  }
  if ('queues' in answer) {
    return { queues: answer.queues.map((queue) => ({ ...queue, name: names.word('queue', queue.name) })) };
  }
  // Names of programs and cgroups stand in every line.
  if ('log' in answer) return { log: { ...answer.log, records: [] } };
  const bytes = 'hex' in answer ? Buffer.from(answer.hex, 'hex').toString('utf8') : undefined;
  const text = 'text' in answer ? answer.text : bytes;
  if (text === undefined) return answer;
  const file = (/^file (.*)$/s.exec(question) ?? /^file-inside (.*?) in [a-z]+ /s.exec(question))?.[1];
  if (file === undefined) return answer;
  return { text: anonymousFile(file, text, names) };
}

function anonymousFile(file: string, text: string, names: Names): string {
  if (file === '/etc/passwd') return anonymousPasswd(text, names);
  if (file === '/proc/sys/kernel/osrelease') return `${withoutLocalVersion(text)}\n`;
  if (/^\/proc\/sys\/kernel\/(?:host|domain)name$/.test(file)) return `${names.word('host', text.trim())}\n`;
  switch (/^\/proc\/(?:[0-9]+|self|thread-self)\/(\w+)$/.exec(file)?.[1] ?? '') {
    case 'cmdline':
      return anonymousCommand(text, names);
    case 'stat':
      return isKernelThread(text) ? text : text.replace(/\((.*)\)/s, (_, name: string) => `(${names.program(name)})`);
    case 'status':
      // A kernel thread has no memory.
      return text.includes('\nVmSize:') || text.includes('\nState:\tZ')
        ? text.replace(/^Name:\t(.*)$/m, (_, name: string) => `Name:\t${names.program(name)}`)
        : text;
    case 'cgroup':
      return text.replaceAll(
        /^([0-9]+:[^:]*):(.*)$/gm,
        (_, head: string, path: string) => `${head}:${names.path(path)}`,
      );
    case 'mountinfo':
      return text
        .split('\n')
        .map((line) => anonymousMount(line, names))
        .join('\n');
    default:
      return text;
  }
}

/** Its parent is kthreadd, or it is that. */
function isKernelThread(stat: string): boolean {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[1] === '2' || (fields[1] === '0' && stat.startsWith('2 '));
}

function anonymousCommand(text: string, names: Names): string {
  const [first = '', ...rest] = text.split('\0');
  // A title, as servers write over their arguments, is one long word.
  const [program = '', ...title] = first.split(' ');
  const folder = program.slice(0, program.lastIndexOf('/') + 1);
  const shown = names.path(folder) + (program === '' ? '' : names.program(program.slice(folder.length)));
  const words = [[shown, ...title.map((word) => anonymousWord(word, names))].join(' ')];
  return [...words, ...rest.map((word) => anonymousWord(word, names))].join('\0');
}

function anonymousWord(word: string, names: Names): string {
  return word === '' ? '' : names.word('word', word);
}

/** Users beyond those that every system has, in the order of their lines; no real names, no home folders. */
function anonymousPasswd(text: string, names: Names): string {
  const lines = text.split('\n').filter((line) => line.includes(':'));
  return lines
    .map((line) => {
      const [name = '', , uid = '', gid = ''] = line.split(':');
      const isCommon = Number(uid) <= LAST_COMMON_UID || Number(uid) === NOBODY;
      return `${isCommon ? name : names.word('user', name)}:x:${uid}:${gid}:::\n`;
    })
    .join('');
}

/** Device numbers, options and types stay; root, mount point, source and paths in options are paths. */
function anonymousMount(line: string, names: Names): string {
  const words = line.split(' ');
  const separator = words.indexOf('-', 6);
  if (separator < 0) return line;
  const type = words[separator + 1] ?? '';
  return words
    .map((word, index) => {
      if (index === 3 || index === 4) return names.path(word);
      if (index === separator + 2) return anonymousSource(word, type, names);
      if (index === separator + 3)
        return word
          .split(',')
          .map((option) => anonymousOption(option, names))
          .join(',');
      return word;
    })
    .join(' ');
}

function anonymousSource(source: string, type: string, names: Names): string {
  if (source === type || source === 'none' || source === '') return source;
  const device = /^\/dev\/(.*)$/.exec(source)?.[1];
  return device !== undefined && DEVICE.test(device) ? source : names.path(source);
}

function anonymousOption(option: string, names: Names): string {
  const [key = '', ...values] = option.split('=');
  const value = values.join('=');
  return values.length === 0 || !/[/A-Z]/.test(value) ? option : `${key}=${names.path(value)}`;
}
