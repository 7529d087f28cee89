// What a process has besides its namespaces: ids, privileges, cgroups, directories.

import { libcapNames } from '../../capabilities/spelling.ts';
import { gap, value, type Host, type Reading } from '../../kernel/host.ts';
import { parseCgroup, type CgroupMembership } from '../../kernel/text/cgroup.ts';
import { parseStatusMasks, type StatusMasks } from '../../kernel/text/status-masks.ts';
import { parseStatus, type ProcessStatus } from '../../kernel/text/status.ts';
import { allCapabilities } from '../../capabilities/all-capabilities.ts';
import { isInitial } from '../../namespaces/initial.ts';
import { ownInode } from '../../namespaces/own.ts';
import type { Fact, FactValue, Section } from './fact.ts';

/** Whose fields they are. */
export interface Subject {
  readonly host: Host;
  /** A gap: which one it is cannot be seen. */
  readonly process: Reading<number>;
  /** The host itself, of which process 1 is only the first part: it has all capabilities and the root cgroups. */
  readonly isHost: boolean;
}

/** Source: proc_pid_status(5), credentials(7). `pidInside`: the two are in pid namespaces of their own. */
export function processSections(subject: Subject, pidInside: boolean): readonly Section[] {
  const status = parsed(subject, 'status', parseStatus);
  const masks = parsed(subject, 'status', parseStatusMasks);
  return [
    ...(pidInside ? [pidSection(status)] : []),
    ...idSections(status),
    ...(subject.isHost ? hostCapabilities(subject) : capabilitySections(masks)),
    maskSection(masks, 'no_new_privs', ({ noNewPrivileges }) => yesNo(noNewPrivileges)),
    maskSection(masks, 'seccomp', ({ seccomp }) => (seccomp === null ? null : seccompName(seccomp))),
    subject.isHost ? hostCgroups(subject) : cgroupSection(subject),
    linkSection(subject, 'root'),
    linkSection(subject, 'cwd'),
  ];
}

function parsed<T>(
  { host, process }: Subject,
  name: string,
  parse: (bytes: Uint8Array, file: string) => Reading<T>,
): Reading<T> {
  if (!process.ok) return process;
  const path = `/proc/${process.value}/${name}`;
  const bytes = host.readFile(path);
  return bytes.ok ? parse(bytes.value, path) : bytes;
}

/** One fact of what was read; null: this kernel does not tell it. */
function single<T>(
  reading: Reading<T>,
  what: string,
  name: string | null,
  get: (read: T) => FactValue | null,
): Reading<readonly Fact[]> {
  if (!reading.ok) return reading;
  const found = get(reading.value);
  if (found === null) return gap({ reason: 'unsupported', what: '/proc/PID/status has no such line' });
  return value([{ what, name, value: found }]);
}

function pidSection(status: Reading<ProcessStatus>): Section {
  const facts = single(status, 'pid inside', null, ({ namespacePids }) => namespacePids.at(-1) ?? null);
  return { subject: 'pid inside', facts };
}

function idSections(status: Reading<ProcessStatus>): readonly Section[] {
  if (!status.ok) return [{ subject: 'process status', facts: status }];
  const { uids, gids, groups } = status.value;
  const facts: readonly Fact[] = [
    { what: 'uid', name: null, value: idText(uids) },
    { what: 'gid', name: null, value: idText(gids) },
    { what: 'groups', name: null, value: groups.map(String) },
  ];
  return [{ subject: 'process status', facts: value(facts) }];
}

const ID_NAMES = ['real', 'effective', 'saved', 'filesystem'];

/** Most processes have one id, four times. */
function idText(ids: readonly number[]): string {
  const [first] = ids;
  if (first !== undefined && ids.every((id) => id === first)) return String(first);
  return ids.map((id, index) => `${ID_NAMES[index] ?? ''} ${id}`).join(', ');
}

const SETS = ['effective', 'permitted', 'inheritable', 'bounding', 'ambient'] as const;

/** The five sets of the process, as names. Source: capabilities(7). */
function capabilitySections(masks: Reading<StatusMasks>): readonly Section[] {
  return SETS.map((set) => {
    const facts = single(masks, 'capabilities', set, (read) => namesIn(read[set]));
    return { subject: `${set} capability set`, facts };
  });
}

/** All that this kernel knows may be used there, and nothing is handed on to who is not root. */
function hostCapabilities({ host }: Subject): readonly Section[] {
  const all = allCapabilities(host);
  return SETS.map((set) => {
    const isEmpty = set === 'inheritable' || set === 'ambient';
    const facts = all.ok
      ? value([{ what: 'capabilities', name: set, value: isEmpty ? [] : (namesIn(all.value) ?? []) }])
      : all;
    return { subject: `${set} capability set`, facts };
  });
}

function namesIn(mask: bigint | null): readonly string[] | null {
  return mask === null ? null : libcapNames(mask);
}

function maskSection(masks: Reading<StatusMasks>, what: string, get: (masks: StatusMasks) => string | null): Section {
  return { subject: `${what} flag`, facts: single(masks, what, null, get) };
}

function yesNo(flag: boolean | null): string | null {
  if (flag === null) return null;
  return flag ? 'yes' : 'no';
}

/** Source: seccomp(2). */
const SECCOMP = ['disabled', 'strict', 'filter'];

function seccompName(mode: number): string {
  return SECCOMP[mode] ?? String(mode);
}

function cgroupSection(subject: Subject): Section {
  const memberships = parsed(subject, 'cgroup', parseCgroup);
  if (!memberships.ok) return { subject: 'cgroup', facts: memberships };
  const facts = memberships.value.map((membership) => {
    const { path, deleted } = membership;
    return cgroupFact(membership, deleted ? `${path} (deleted)` : path);
  });
  return { subject: 'cgroup', facts: value(facts) };
}

function cgroupFact({ controllers }: CgroupMembership, path: string): Fact {
  return { what: 'cgroup', name: controllers.length === 0 ? null : controllers.join(','), value: path };
}

/** The top of each hierarchy, if that is what we see as `/`. */
function hostCgroups({ host }: Subject): Section {
  const subject = 'cgroup';
  const file = '/proc/self/cgroup';
  const bytes = host.readFile(file);
  const own = bytes.ok ? parseCgroup(bytes.value, file) : bytes;
  if (!own.ok) return { subject, facts: own };
  const namespace = ownInode(host, 'cgroup');
  if (namespace !== undefined && isInitial(host, 'cgroup', namespace) !== true) {
    const what = "the host's root cgroups lie beyond the root of our own cgroup namespace";
    return { subject, facts: gap({ reason: 'unsupported', what }) };
  }
  return { subject, facts: value(own.value.map((membership) => cgroupFact(membership, '/'))) };
}

function linkSection({ host, process }: Subject, what: 'root' | 'cwd'): Section {
  const link = process.ok ? host.readLink(`/proc/${process.value}/${what}`) : process;
  return { subject: `${what} link`, facts: link.ok ? value([{ what, name: null, value: link.value }]) : link };
}
