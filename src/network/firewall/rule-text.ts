import type { NftRule } from '../../kernel/nftables/objects.ts';
import type { FirewallTable } from './ruleset.ts';

export function ruleText(rule: NftRule, _table: FirewallTable): string {
  return rule.expressions.map(({ kind }) => kind).join(' ');
}
