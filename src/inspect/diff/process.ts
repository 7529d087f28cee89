// What a process has besides its namespaces: ids, privileges, cgroups, directories.

import { decodeMask } from '../../capabilities/mask.ts';
import { gap, value, type Host, type Reading } from '../../kernel/host.ts';
import { parseCgroup } from '../../kernel/text/cgroup.ts';
import { parseStatusMasks, type StatusMasks } from '../../kernel/text/status-masks.ts';
import { parseStatus, type ProcessStatus } from '../../kernel/text/status.ts';
import type { Fact, FactValue, Section } from './fact.ts';

/** Source: proc_pid_status(5), credentials(7). `pidInside`: the two are in pid namespaces of their own. */
export function processSections(host: Host, pid: number, pidInside: boolean): readonly Section[] {
  const status = parsed(host, pid, 'status', parseStatus);
  const masks = parsed(host, pid, 'status', parseStatusMasks);
  return [
    ...(pidInside ? [pidSection(status, pid)] : []),
    ...idSections(status),
    ...capabilitySections(masks, pid),
    maskSection(masks, pid, 'no_new_privs', ({ noNewPrivileges }) => yesNo(noNewPrivileges)),
    maskSection(masks, pid, 'seccomp', ({ seccomp }) => (seccomp === null ? null : seccompName(seccomp))),
    cgroupSection(host, pid),
    linkSection(host, pid, 'root'),
    linkSection(host, pid, 'cwd'),
  ];
}

function parsed<T>(
  host: Host,
  pid: number,
  name: string,
  parse: (bytes: Uint8Array, file: string) => Reading<T>,
): Reading<T> {
  const path = `/proc/${pid}/${name}`;
  const bytes = host.readFile(path);
  return bytes.ok ? parse(bytes.value, path) : bytes;
}

/** One fact of what was read; null: this kernel does not tell it. */
function single<T>(
  reading: Reading<T>,
  pid: number,
  what: string,
  name: string | null,
  get: (read: T) => FactValue | null,
): Reading<readonly Fact[]> {
  if (!reading.ok) return reading;
  const found = get(reading.value);
  if (found === null) return gap({ reason: 'unsupported', what: `/proc/${pid}/status has no such line` });
  return value([{ what, name, value: found }]);
}

function pidSection(status: Reading<ProcessStatus>, pid: number): Section {
  const facts = single(status, pid, 'pid inside', null, ({ namespacePids }) => namespacePids.at(-1) ?? null);
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
function capabilitySections(masks: Reading<StatusMasks>, pid: number): readonly Section[] {
  return SETS.map((set) => {
    const facts = single(masks, pid, 'capabilities', set, (read) => namesIn(read[set]));
    return { subject: `${set} capability set`, facts };
  });
}

function namesIn(mask: bigint | null): readonly string[] | null {
  if (mask === null) return null;
  const { names, unknown } = decodeMask(mask);
  return [...names, ...unknown.map(String)];
}

function maskSection(
  masks: Reading<StatusMasks>,
  pid: number,
  what: string,
  get: (masks: StatusMasks) => string | null,
): Section {
  return { subject: `${what} flag`, facts: single(masks, pid, what, null, get) };
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

function cgroupSection(host: Host, pid: number): Section {
  const memberships = parsed(host, pid, 'cgroup', parseCgroup);
  if (!memberships.ok) return { subject: 'cgroup', facts: memberships };
  const facts = memberships.value.map(({ controllers, path, deleted }): Fact => {
    const name = controllers.length === 0 ? null : controllers.join(',');
    return { what: 'cgroup', name, value: deleted ? `${path} (deleted)` : path };
  });
  return { subject: 'cgroup', facts: value(facts) };
}

function linkSection(host: Host, pid: number, what: 'root' | 'cwd'): Section {
  const link = host.readLink(`/proc/${pid}/${what}`);
  return { subject: `${what} link`, facts: link.ok ? value([{ what, name: null, value: link.value }]) : link };
}
