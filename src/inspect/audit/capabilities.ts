// C: capabilities. They count against the host only in the initial user namespace; in another one, and of a process of
// the host's own root, they are only told.

import { formatMask } from '../../capabilities/mask.ts';
import { libcapNames } from '../../capabilities/spelling.ts';
import { CAPABILITY } from '../../kernel/abi/capability.ts';
import { valueOf } from '../../kernel/host.ts';
import type { Evidence, Standing } from './evidence.ts';
import { baselineFor } from './container-baseline.ts';
import { check, type Check } from './check.ts';
import type { Args, Found, Severity } from './findings.ts';
import { sysctl } from './sysctl.ts';

type Held = Pick<Evidence, 'standing' | 'sets' | 'pid'>;

const HELD = ['standing', 'sets', 'pid'] as const;

/** One capability, in the effective or the permitted set. */
function holding(
  code: string,
  severity: Severity,
  mask: bigint,
  weigh: (evidence: Held) => Severity = () => severity,
): Check {
  return check(code, severity, 'all', HELD, (evidence) => heldAmong(evidence, mask, weigh(evidence)));
}

function heldAmong(
  { standing, sets, pid }: Held,
  wanted: bigint,
  severity: Severity,
  more: Args = {},
): readonly Found[] {
  const held = (sets.effective | sets.permitted) & wanted;
  if (held === 0n) return [];
  const args = {
    capabilities: libcapNames(held),
    effective: (sets.effective & held) !== 0n,
    ...scopeOf(standing),
    ...more,
  };
  return [{ severity: weighed(standing, severity), args, evidence: [setsLine(pid, sets)] }];
}

function setsLine(pid: number, { effective, permitted }: Evidence['sets']): string {
  return `/proc/${pid}/status: CapEff ${formatMask(effective)} CapPrm ${formatMask(permitted)}`;
}

function scopeOf({ scope }: Standing): { readonly scope: string } {
  return { scope };
}

function weighed({ scope }: Standing, severity: Severity): Severity {
  return scope === 'host' ? severity : 'info';
}

/** Those of C13, each with what it weighs. */
const MINOR: readonly (readonly [bigint, Severity])[] = [
  [CAPABILITY.SYSLOG, 'low'],
  [CAPABILITY.AUDIT_CONTROL, 'medium'],
  [CAPABILITY.SYS_TIME, 'medium'],
  [CAPABILITY.SYS_TTY_CONFIG, 'low'],
  [CAPABILITY.CHECKPOINT_RESTORE, 'low'],
];

/** Of many threads the first ones. */
const SHOWN = 5;

export const capabilityChecks: readonly Check[] = [
  check('C1', 'critical', 'all', [...HELD, 'all'], ({ standing, sets, pid, all }, severity) => {
    if ((sets.effective & all) !== all) return [];
    return [{ severity: weighed(standing, severity), args: scopeOf(standing), evidence: [setsLine(pid, sets)] }];
  }),
  holding('C2', 'critical', CAPABILITY.SYS_ADMIN),
  check('C3', 'critical', 'all', [...HELD, 'around'], (evidence, severity) => {
    // Once set it stays so until the next boot. A kernel without modules has no such file.
    const disabled = valueOf(sysctl(evidence.around, 'kernel/modules_disabled'));
    return disabled === '1' ? [] : heldAmong(evidence, CAPABILITY.SYS_MODULE, severity);
  }),
  holding('C4', 'critical', CAPABILITY.SYS_RAWIO),
  holding('C5', 'high', CAPABILITY.SYS_PTRACE),
  check('C6', 'high', 'all', HELD, (evidence, severity) => {
    const write = ((evidence.sets.effective | evidence.sets.permitted) & CAPABILITY.DAC_OVERRIDE) !== 0n;
    return heldAmong(evidence, CAPABILITY.DAC_READ_SEARCH, severity, { write });
  }),
  holding('C7', 'high', CAPABILITY.BPF | CAPABILITY.PERFMON, ({ sets }) => {
    return ((sets.effective | sets.permitted) & CAPABILITY.BPF) === 0n ? 'medium' : 'high';
  }),
  holding('C8', 'high', CAPABILITY.SYS_BOOT),
  holding('C9', 'high', CAPABILITY.MAC_ADMIN | CAPABILITY.MAC_OVERRIDE),
  check('C10', 'medium', 'all', [...HELD, 'hostNetwork'], (evidence, severity) => {
    const { hostNetwork } = evidence;
    const weight = hostNetwork === true ? 'high' : severity;
    return heldAmong(evidence, CAPABILITY.NET_ADMIN, weight, { host_network: hostNetwork });
  }),
  check('C11', 'low', 'all', [...HELD, 'devicePolicy'], (evidence, severity) => {
    const { allows, file } = evidence.devicePolicy;
    const found = heldAmong(evidence, CAPABILITY.MKNOD, allows === 'open' ? 'high' : severity, { devices: allows });
    return found.map((each) => ({
      ...each,
      evidence: [...each.evidence, ...(file === null ? [] : [`${file}: ${allows}`])],
    }));
  }),
  holding('C12', 'low', CAPABILITY.NET_RAW),
  holding(
    'C13',
    'medium',
    MINOR.reduce((mask, [one]) => mask | one, 0n),
    ({ sets }) => {
      const held = sets.effective | sets.permitted;
      return MINOR.some(([one, severity]) => (held & one) !== 0n && severity === 'medium') ? 'medium' : 'low';
    },
  ),
  check('C14', 'info', 'contained', ['identity', 'sets', 'all', 'pid'], ({ identity, sets, all, pid }, severity) => {
    const baseline = baselineFor(identity);
    const may = (sets.permitted | sets.bounding) & all;
    const added = may & ~baseline.mask;
    if (added === 0n) return [];
    const dropped = libcapNames(baseline.mask & ~may);
    const args = {
      baseline: baseline.name,
      added: added === (all & ~baseline.mask) ? ['all'] : libcapNames(added),
      dropped,
    };
    return [{ severity, args, evidence: [`/proc/${pid}/status: CapBnd ${formatMask(sets.bounding)}`] }];
  }),
  check('C15', 'medium', 'all', HELD, ({ standing, sets, pid }, severity) => {
    if (sets.ambient === 0n) return [];
    const args = { capabilities: libcapNames(sets.ambient), ...scopeOf(standing) };
    return [
      {
        severity: weighed(standing, severity),
        args,
        evidence: [`/proc/${pid}/status: CapAmb ${formatMask(sets.ambient)}`],
      },
    ];
  }),
  check('C16', 'low', 'all', HELD, ({ standing, sets, pid }, severity) => {
    if (sets.inheritable === 0n || sets.ambient !== 0n) return [];
    const args = { capabilities: libcapNames(sets.inheritable), ...scopeOf(standing) };
    return [
      {
        severity: weighed(standing, severity),
        args,
        evidence: [`/proc/${pid}/status: CapInh ${formatMask(sets.inheritable)}`],
      },
    ];
  }),
  check('C17', 'info', 'all', HELD, ({ sets, pid }, severity) => {
    const dormant = sets.permitted & ~sets.effective;
    return dormant === 0n
      ? []
      : [{ severity, args: { capabilities: libcapNames(dormant) }, evidence: [setsLine(pid, sets)] }];
  }),
  check('C18', 'low', 'all', [...HELD, 'noNewPrivileges', 'contained', 'all'], (evidence, severity) => {
    const { standing, sets, pid, noNewPrivileges, contained, all } = evidence;
    const reachable = sets.bounding & all & ~sets.permitted;
    if (noNewPrivileges || reachable === 0n) return [];
    // Any program of the host can call sudo(8): that is no news.
    const weight = contained ? weighed(standing, severity) : 'info';
    const args = { capabilities: reachable === all ? ['all'] : libcapNames(reachable), ...scopeOf(standing) };
    return [
      { severity: weight, args, evidence: [`/proc/${pid}/status: CapBnd ${formatMask(sets.bounding)}, NoNewPrivs 0`] },
    ];
  }),
  check('C19', 'medium', 'all', ['threads', 'standing', 'pid'], ({ threads, standing, pid }, severity) => {
    const { tids, what, more } = threads;
    if (tids.length === 0) return [];
    const evidence = tids.slice(0, SHOWN).map((tid) => `/proc/${pid}/task/${tid}/status`);
    // One memory: whoever has the first thread has these too, and the other checks look at the first alone.
    const weight = more !== 0n && standing.scope === 'host' ? 'high' : severity;
    return [{ severity: weight, args: { differs: what, more: libcapNames(more) }, evidence }];
  }),
];
