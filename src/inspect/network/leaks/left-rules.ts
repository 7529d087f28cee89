// Rules of containers that are no more, where a comment says whose they are: as CNI's plugins write them through
// iptables-nft. Source: containernetworking/plugins, pkg/utils/utils.go FormatComment(). iptables-legacy is not read here.

import type { GapTally } from '../../../kernel/gap-tally.ts';
import type { Host } from '../../../kernel/host.ts';
import type { NftRule } from '../../../kernel/nftables/objects.ts';
import { textOf } from '../../../kernel/netlink/message.ts';
import { readRuleset } from '../../../network/firewall/read-ruleset.ts';
import { ENGINES_ID, type Living } from './cni.ts';
import type { Leak } from './leak.ts';

const OF_CONTAINER = /name: "([^"]*)" id: "([^"]+)"/;

/** Of our own network namespace. */
export function leftRules(host: Host, living: Living, gaps: GapTally): readonly Leak[] {
  const ruleset = readRuleset(host);
  for (const gap of ruleset.gaps) gaps.add('ruleset of a firewall', gap);
  const rules = ruleset.tables.flatMap((table) => [...table.rules.values()].flat());
  return rules.flatMap((rule): readonly Leak[] => {
    const comment = commentOf(rule);
    const [, network = '', container] = OF_CONTAINER.exec(comment ?? '') ?? [];
    if (container === undefined || living.containers.has(container)) return [];
    const { family, table, chain, handle } = rule;
    const isCertain = living.isComplete && ENGINES_ID.test(container);
    const evidence = [
      `its comment says that it is of container ${container} in the network ${network}`,
      'no process of such a container was found',
    ];
    const remove = ['nft', 'delete', 'rule', family, table, chain, 'handle', String(handle)];
    const of = { network, container, link: null };
    return [{ kind: 'rule', what: `${family} ${table} ${chain} handle ${handle}`, of, isCertain, evidence, remove }];
  });
}

/** That of nft(8), or the match that iptables(8) has for it. Source: linux/netfilter/xt_comment.h. */
function commentOf({ comment, expressions }: NftRule): string | null {
  if (comment !== null) return comment;
  for (const expression of expressions)
    if (expression.kind === 'match' && expression.name === 'comment') return textOf(expression.info);
  return null;
}
