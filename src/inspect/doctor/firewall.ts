// The firewall of a network namespace, as the doctor asks it.

import type { GapTally } from '../../kernel/gap-tally.ts';
import type { Host } from '../../kernel/host.ts';
import type { Ruleset } from '../../network/firewall/ruleset.ts';
import type { NetworkNamespace } from '../../network/network-namespace.ts';

export function readRulesetOf(_host: Host, _place: NetworkNamespace, _gaps: GapTally): Ruleset | null {
  return null;
}
