// What a report about this host needs: the kernel, its cgroups, its limits on namespaces, what it lacks.

import { cgroupMode, type CgroupMode } from '../cgroups/mode.ts';
import { namespaceKinds, type NamespaceKindFacts } from '../kernel/abi/namespace-kinds.ts';
import { valueOf, type Host } from '../kernel/host.ts';
import { parseMountinfo } from '../kernel/text/mountinfo.ts';
import { decodeText, parseDecimal } from '../kernel/text/text.ts';

export interface KindReport extends NamespaceKindFacts {
  /** Does this kernel have it? */
  readonly present: boolean;
  /** How many of them a user may create; null: not told. */
  readonly maximum: number | null;
}

export interface KernelReport {
  readonly release: string | null;
  readonly cgroups: CgroupMode | null;
  /** Names and values of the sysctls that restrict user namespaces; null: this kernel has no such sysctl. */
  readonly userNamespaceSysctls: readonly { readonly name: string; readonly value: string | null }[];
  readonly lastCapability: number | null;
  readonly kinds: readonly KindReport[];
  /** What nstool cannot do here, a sentence each. */
  readonly lacks: readonly string[];
}

/** Debian's, Ubuntu's and Yama's names; each is absent where the kernel lacks the patch or module. */
const SYSCTLS = [
  'user.max_user_namespaces',
  'kernel.unprivileged_userns_clone',
  'kernel.apparmor_restrict_unprivileged_userns',
  'kernel.yama.ptrace_scope',
];

export function kernelReport(host: Host): KernelReport {
  const sysctl = (name: string): string | null => {
    const bytes = valueOf(host.readFile(`/proc/sys/${name.replaceAll('.', '/')}`));
    return bytes === undefined ? null : decodeText(bytes).trim();
  };
  const mountinfo = valueOf(host.readFile('/proc/self/mountinfo'));
  const mounts = mountinfo === undefined ? undefined : valueOf(parseMountinfo(mountinfo, '/proc/self/mountinfo'));
  const kinds = namespaceKinds.map((facts) => ({
    ...facts,
    present: host.readLink(`/proc/self/ns/${facts.kind}`).ok,
    maximum: parseDecimal(sysctl(`user.${facts.limit}`) ?? undefined) ?? null,
  }));
  const userNamespaceSysctls = SYSCTLS.map((name) => ({ name, value: sysctl(name) }));
  return {
    release: sysctl('kernel.osrelease'),
    cgroups: mounts === undefined ? null : cgroupMode(mounts),
    userNamespaceSysctls,
    lastCapability: parseDecimal(sysctl('kernel.cap_last_cap') ?? undefined) ?? null,
    kinds,
    lacks: [...missingKinds(kinds), ...refusedUserNamespaces(userNamespaceSysctls)],
  };
}

function missingKinds(kinds: readonly KindReport[]): readonly string[] {
  return kinds.filter((kind) => !kind.present).map((kind) => `${kind.kind} namespaces: this kernel has none`);
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
