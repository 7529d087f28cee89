// K: findings that are worse together. Each makes one of them critical.

import type { Args, Finding } from './findings.ts';

export interface Correlation {
  readonly code: string;
  /** Which findings are made critical. */
  readonly raises: readonly string[];
  /** Of `args` of such a finding only those where this holds. Absent: all. */
  readonly only?: (args: Args, facts: Facts) => boolean;
  readonly holds: (facts: Facts) => boolean;
}

/** What no finding tells. */
export interface Circumstances {
  /** Of the unix sockets that are listened on in its network namespace. */
  readonly netNames: readonly string[];
  readonly guardsReleaseAgent: boolean;
}

/** What was found of one target. */
export class Facts {
  private readonly findings: readonly Finding[];
  readonly netNames: readonly string[];

  /** Does release_agent ask for CAP_SYS_ADMIN? Since: Linux 5.17, and what distributions have taken over. */
  readonly guardsReleaseAgent: boolean;

  constructor(findings: readonly Finding[], { netNames, guardsReleaseAgent }: Circumstances) {
    this.findings = findings;
    this.netNames = netNames;
    this.guardsReleaseAgent = guardsReleaseAgent;
  }

  some(code: string, holds: (args: Args) => boolean = () => true): boolean {
    return this.findings.some((each) => each.code === code && each.severity !== 'unknown' && holds(each.args));
  }

  /** A capability that counts against the host. */
  counts(code: string): boolean {
    return this.some(code, ({ scope }) => scope === 'host');
  }

  /** A namespace of the host, or of an observer who may be the host and is not in the same container. */
  shares(code: string): boolean {
    return this.findings.some((each) => {
      const { with: whose, observer_may_be_host: perhaps } = each.args;
      return each.code === code && each.severity !== 'info' && (whose === 'host' || perhaps === true);
    });
  }
}

export const correlations: readonly Correlation[] = [
  { code: 'K1', raises: ['C5'], holds: (facts) => facts.shares('N1') && facts.counts('C5') },
  { code: 'K2', raises: ['C2'], holds: (facts) => facts.shares('N1') && facts.counts('C2') },
  {
    code: 'K3',
    raises: ['M6'],
    only: ({ hierarchy_root: root }) => root === true,
    // Root in a user namespace of its own is refused, too. Source: kernel/cgroup/cgroup-v1.c cgroup_release_agent_write().
    holds: (facts) => facts.some('N7') && (facts.counts('C2') || !facts.guardsReleaseAgent),
  },
  {
    code: 'K4',
    raises: ['M3', 'M4'],
    // Settings ask who writes by his uid alone. Source: fs/proc/proc_sysctl.c test_perm().
    only: ({ host_root: root, writable }) => root === true && (writable === true || isFull(writable)),
    holds: () => true,
  },
  { code: 'K5', raises: ['C6'], holds: (facts) => facts.counts('C6') && facts.some('S2') },
  {
    code: 'K6',
    raises: ['N2'],
    holds: (facts) => facts.shares('N2') && facts.some('N7') && facts.netNames.some((name) => SHIM.test(name)),
  },
  {
    code: 'K7',
    raises: ['M8'],
    only: ({ block, devtmpfs, disks_open: open }, facts) =>
      (isFull(block) || isFull(devtmpfs)) && (open !== false || leavesDeviceCgroup(facts)),
    holds: (facts) => facts.counts('C11'),
  },
  { code: 'K8', raises: ['M1'], only: ({ writable }) => writable === true, holds: (facts) => facts.some('M1') },
];

/** containerd's shims before 1.3.9 and 1.4.3. */
const SHIM = /^@\/?containerd-shim\//;

/** Who may write to the hierarchy's root moves into it, where all devices are allowed. */
function leavesDeviceCgroup(facts: Facts): boolean {
  const isDevices = ({ paths, hierarchy_root: root }: Args): boolean =>
    root === true && Array.isArray(paths) && paths.some((path) => DEVICES.test(path));
  return facts.some('N7') && facts.some('M6', isDevices);
}

const DEVICES = /[/,]devices(?:,|$)/;

function isFull(list: Args[string] | undefined): boolean {
  return Array.isArray(list) && list.length > 0;
}

export function correlate(findings: readonly Finding[], circumstances: Circumstances): readonly Finding[] {
  const facts = new Facts(findings, circumstances);
  const holding = correlations.filter(({ holds }) => holds(facts));
  return findings.map((finding) => {
    const raised = holding
      .filter(
        ({ raises, only }) =>
          raises.includes(finding.code) && finding.severity !== 'unknown' && (only?.(finding.args, facts) ?? true),
      )
      .map(({ code }) => code);
    return raised.length === 0 ? finding : { ...finding, severity: 'critical', raised };
  });
}
