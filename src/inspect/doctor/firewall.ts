// The firewall of a network namespace, as the doctor asks it.

import type { GapTally } from '../../kernel/gap-tally.ts';
import type { Host } from '../../kernel/host.ts';
import { readRuleset } from '../../network/firewall/read-ruleset.ts';
import type { Ruleset } from '../../network/firewall/ruleset.ts';
import type { NetworkNamespace } from '../../network/network-namespace.ts';

/** null: nothing leads to that namespace. */
export function readRulesetOf(host: Host, { door, way }: NetworkNamespace, gaps: GapTally): Ruleset | null {
  if (door === undefined && way === undefined) return null;
  const ruleset = readRuleset(host, door);
  for (const gap of ruleset.gaps) gaps.add('firewall', gap);
  return ruleset;
}
