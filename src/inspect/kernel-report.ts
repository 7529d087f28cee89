// What a report about this host needs: the kernel, its cgroups, its limits on namespaces, what it lacks.

import { cgroupMode, type CgroupMode } from '../cgroups/mode.ts';
import { namespaceKinds, type NamespaceKind, type NamespaceKindFacts } from '../kernel/abi/namespace-kinds.ts';
import { GapTally, type CountedGap } from '../kernel/gap-tally.ts';
import type { Host, Reading } from '../kernel/host.ts';
import { parseMountinfo } from '../kernel/text/mountinfo.ts';
import { decodeText, parseDecimal } from '../kernel/text/text.ts';

export interface KindReport extends NamespaceKindFacts {
  /** Does this kernel have it? Absent (null): not told. */
  readonly present: boolean | null;
  /** How many of them a user may create; null: not told. */
  readonly maximum: number | null;
}

export interface KernelReport {
  /** Absent (null) when unreadable, as the two below. */
  readonly release: string | null;
  readonly cgroups: CgroupMode | null;
  /** Names and values of the sysctls that restrict user namespaces; null: this kernel has none, or it is unreadable. */
  readonly userNamespaceSysctls: readonly { readonly name: string; readonly value: string | null }[];
  readonly lastCapability: number | null;
  readonly kinds: readonly KindReport[];
  /** What nstool cannot do here, a sentence each. */
  readonly lacks: readonly string[];
  readonly gaps: readonly CountedGap[];
}

/** Debian's, Ubuntu's and Yama's names; each is absent where the kernel lacks the patch or module. */
const SYSCTLS = [
  'user.max_user_namespaces',
  'kernel.unprivileged_userns_clone',
  'kernel.apparmor_restrict_unprivileged_userns',
  'kernel.yama.ptrace_scope',
];

export function kernelReport(host: Host): KernelReport {
  const gaps = new GapTally();
  /** null: not there, or, which is a gap, unreadable. */
  const known = <T>(subject: string, reading: Reading<T>): T | null => {
    if (reading.ok) return reading.value;
    if (reading.gap.reason !== 'gone') gaps.add(subject, reading.gap);
    return null;
  };
  const sysctl = (name: string): string | null => {
    const bytes = known('sysctl', host.readFile(`/proc/sys/${name.replaceAll('.', '/')}`));
    return bytes === null ? null : decodeText(bytes).trim();
  };
  const isPresent = (kind: NamespaceKind): boolean | null => {
    const link = host.readLink(`/proc/self/ns/${kind}`);
    if (!link.ok && link.gap.reason === 'gone') return false;
    return known('namespace link', link) === null ? null : true;
  };
  const mountinfo = known('mount table', host.readFile('/proc/self/mountinfo'));
  const mounts = mountinfo === null ? null : known('mount table', parseMountinfo(mountinfo, '/proc/self/mountinfo'));
  const kinds = namespaceKinds.map((facts) => ({
    ...facts,
    present: isPresent(facts.kind),
    maximum: parseDecimal(sysctl(`user.${facts.limit}`) ?? undefined) ?? null,
  }));
  const userNamespaceSysctls = SYSCTLS.map((name) => ({ name, value: sysctl(name) }));
  return {
    release: sysctl('kernel.osrelease'),
    cgroups: mounts === null ? null : cgroupMode(mounts),
    userNamespaceSysctls,
    lastCapability: parseDecimal(sysctl('kernel.cap_last_cap') ?? undefined) ?? null,
    kinds,
    lacks: [...missingKinds(kinds), ...refusedUserNamespaces(userNamespaceSysctls)],
    gaps: gaps.list(),
  };
}

function missingKinds(kinds: readonly KindReport[]): readonly string[] {
  return kinds.filter((kind) => kind.present === false).map((kind) => `${kind.kind} namespaces: this kernel has none`);
}

function refusedUserNamespaces(sysctls: KernelReport['userNamespaceSysctls']): readonly string[] {
  const is = (name: string, text: string): boolean =>
    sysctls.some((entry) => entry.name === name && entry.value === text);
  return [
    ...(is('user.max_user_namespaces', '0') ? ['new user namespaces: user.max_user_namespaces is 0'] : []),
    ...(is('kernel.unprivileged_userns_clone', '0')
      ? ['user namespaces for plain users: kernel.unprivileged_userns_clone is 0']
      : []),
    ...(is('kernel.apparmor_restrict_unprivileged_userns', '1')
      ? ['capabilities in user namespaces of plain users: kernel.apparmor_restrict_unprivileged_userns is 1']
      : []),
  ];
}
