// K: findings that are worse together. Each makes one of them critical.

import type { Args, Finding } from './findings.ts';

export interface Correlation {
  readonly code: string;
  /** Which finding is made critical. */
  readonly raises: string;
  /** Of `args` of that finding only those where this holds. Absent: all. */
  readonly only?: (args: Args) => boolean;
  readonly holds: (facts: Facts) => boolean;
}

/** What was found of one target. */
export class Facts {
  private readonly findings: readonly Finding[];
  readonly netNames: readonly string[];

  /** `netNames`: of the unix sockets that are listened on in its network namespace. */
  constructor(findings: readonly Finding[], netNames: readonly string[]) {
    this.findings = findings;
    this.netNames = netNames;
  }

  some(code: string, holds: (args: Args) => boolean = () => true): boolean {
    return this.findings.some((each) => each.code === code && each.severity !== 'unknown' && holds(each.args));
  }

  /** A capability that counts against the host. */
  counts(code: string): boolean {
    return this.some(code, ({ scope }) => scope === 'host');
  }

  /** A namespace of the host, or of an observer who may be the host. */
  shares(code: string): boolean {
    return this.some(code, ({ with: whose, observer_may_be_host: perhaps }) => whose === 'host' || perhaps === true);
  }
}

export const correlations: readonly Correlation[] = [
  { code: 'K1', raises: 'C5', holds: (facts) => facts.shares('N1') && facts.counts('C5') },
  { code: 'K2', raises: 'C2', holds: (facts) => facts.shares('N1') && facts.counts('C2') },
  {
    code: 'K3',
    raises: 'M6',
    only: ({ hierarchy_root: root }) => root === true,
    // Root in a user namespace of its own is refused. Since: Linux 5.17, and what distributions have taken over.
    holds: (facts) => facts.some('N7'),
  },
  {
    code: 'K4',
    raises: 'M3',
    only: ({ host_root: root, writable }) => root === true && Array.isArray(writable) && writable.length > 0,
    holds: (facts) => facts.some('N7'),
  },
  { code: 'K5', raises: 'C6', holds: (facts) => facts.counts('C6') && facts.some('S2') },
  {
    code: 'K6',
    raises: 'N2',
    holds: (facts) => facts.shares('N2') && facts.some('N7') && facts.netNames.some((name) => SHIM.test(name)),
  },
  {
    code: 'K7',
    raises: 'M8',
    only: ({ block, devtmpfs }) => isFull(block) || isFull(devtmpfs),
    holds: (facts) => facts.counts('C11'),
  },
  { code: 'K8', raises: 'M1', only: ({ writable }) => writable === true, holds: (facts) => facts.some('M1') },
];

/** containerd's shims before 1.3.9 and 1.4.3. */
const SHIM = /^@\/?containerd-shim\//;

function isFull(list: Args[string] | undefined): boolean {
  return Array.isArray(list) && list.length > 0;
}

export function correlate(findings: readonly Finding[], netNames: readonly string[]): readonly Finding[] {
  const facts = new Facts(findings, netNames);
  const holding = correlations.filter(({ holds }) => holds(facts));
  return findings.map((finding) => {
    const raised = holding
      .filter(
        ({ raises, only }) =>
          raises === finding.code && finding.severity !== 'unknown' && (only?.(finding.args) ?? true),
      )
      .map(({ code }) => code);
    return raised.length === 0 ? finding : { ...finding, severity: 'critical', raised };
  });
}
