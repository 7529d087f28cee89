// Rules are read and written as nft does: its text, and its JSON.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { linuxHost } from '../../src/host/linux/linux-host.ts';
import { readRuleset } from '../../src/network/firewall/read-ruleset.ts';
import { ruleText } from '../../src/network/firewall/rule-text.ts';
import { hookName } from '../../src/network/firewall/hooks.ts';
import type { Ruleset } from '../../src/network/firewall/ruleset.ts';
import { DOCKER_RULES, legacy } from '../support/firewall-cases.ts';
import { FirewallLab } from '../support/firewall-lab.ts';
import { FIREWALL_RULES } from '../support/firewall-rules.ts';
import { lacks } from '../support/requires.ts';

/** The lines of rules, chain by chain. */
function rulesIn(listing: string): readonly string[] {
  let isInChain = false;
  return listing.split('\n').flatMap((line) => {
    const text = line.trim();
    if (text.startsWith('chain ')) isInChain = true;
    else if (text === '}') isInChain = false;
    else if (isInChain && text !== '' && !text.startsWith('type ')) return [text];
    return [];
  });
}

function textsOf(ruleset: Ruleset): readonly string[] {
  const links = new Map(ruleset.links.map(({ ifindex, name }) => [ifindex, name]));
  return ruleset.tables.flatMap((table) =>
    [...table.chains.keys()].flatMap((chain) =>
      (table.rules.get(chain) ?? []).map((rule) => ruleText(rule, table, links)),
    ),
  );
}

interface NftJson {
  readonly nftables: readonly Readonly<Record<string, Readonly<Record<string, string | number>>>>[];
}

/** What both tell of tables, chains, rules and sets. */
function outline(ruleset: Ruleset): readonly string[] {
  return ruleset.tables.flatMap((table) => [
    `table ${table.family} ${table.name} ${table.handle}`,
    ...[...table.chains.values()].map(({ name, handle, base }) =>
      base === null
        ? `chain ${name} ${handle}`
        : `chain ${name} ${handle} ${base.type} ${hookName(table, base)} ${base.priority} ${base.policy}`,
    ),
    ...[...table.rules.values()].flat().map(({ chain, handle }) => `rule ${chain} ${handle}`),
    ...[...table.sets.values()]
      .filter(({ isAnonymous }) => !isAnonymous)
      .map(({ name, handle }) => `set ${name} ${handle}`),
  ]);
}

function outlineOfJson(text: string): readonly string[] {
  return (JSON.parse(text) as NftJson).nftables.flatMap((entry) => {
    const { table, chain, rule, set, map } = entry;
    if (table !== undefined) return [`table ${table['family']} ${table['name']} ${table['handle']}`];
    if (chain !== undefined) {
      const { name, handle, type, hook, prio, policy } = chain;
      return [
        type === undefined ? `chain ${name} ${handle}` : `chain ${name} ${handle} ${type} ${hook} ${prio} ${policy}`,
      ];
    }
    if (rule !== undefined) return [`rule ${rule['chain']} ${rule['handle']}`];
    const named = set ?? map;
    return named === undefined ? [] : [`set ${named['name']} ${named['handle']}`];
  });
}

/** A match and a target of each sort that is read. */
const IPTABLES_RULES = `
iptables -A FORWARD -p tcp -m multiport --dports 22,79:81 -m comment --comment 'no web' -j REJECT --reject-with tcp-reset
iptables -A FORWARD -p udp -m multiport ! --sports 53 -j REJECT --reject-with icmp-host-prohibited
iptables -A FORWARD -m conntrack --ctstate INVALID,NEW,UNTRACKED,SNAT,DNAT -j LOG --log-prefix "odd: "
iptables -A FORWARD -m conntrack ! --ctstate RELATED -m conntrack --ctproto 6 --ctorigsrc 10.0.0.0/8 --ctorigdstport 80:90 --ctdir REPLY -j ACCEPT
iptables -A FORWARD -m addrtype --src-type UNICAST ! --dst-type LOCAL,BROADCAST --limit-iface-in -j ACCEPT
iptables -A FORWARD -m iprange --src-range 10.0.0.1-10.0.0.9 ! --dst-range 10.1.0.0-10.1.0.4 -j ACCEPT
iptables -A FORWARD -m connmark ! --mark 0x1/0xf -j MARK --set-xmark 0x4000/0x4000
iptables -A FORWARD -m physdev --physdev-in veth+ ! --physdev-out v1 --physdev-is-bridged -j ACCEPT
iptables -A FORWARD -m statistic --mode random --probability 0.33333333349 -j ACCEPT
iptables -A FORWARD -m statistic --mode nth --every 3 --packet 1 -j ACCEPT
iptables -A FORWARD -p icmp -m icmp --icmp-type 3/1 -j ACCEPT
iptables -t mangle -A FORWARD -j CONNMARK --save-mark --nfmask 0xf --ctmask 0xff
iptables -t mangle -A FORWARD -j CONNMARK --restore-mark
iptables -t raw -A PREROUTING -j CT --notrack
iptables -t nat -A PREROUTING -p tcp -j DNAT --to-destination 10.0.0.1-10.0.0.9:80-90
iptables -t nat -A PREROUTING -p udp -j REDIRECT --to-ports 53
iptables -t nat -A POSTROUTING -p tcp -j SNAT --to-source 10.0.0.1:1024-2000 --random
iptables -t nat -A POSTROUTING -p tcp -j MASQUERADE --to-ports 1024-65535 --random-fully
`;

describe.skipIf(lacks('root', 'ip', 'nft', 'iptables', 'python', 'unshare'))('rules as text', () => {
  let lab: FirewallLab;

  beforeAll(async () => {
    lab = await FirewallLab.start();
  });
  afterAll(() => lab.end());

  it('are those of nft list ruleset', async () => {
    await lab.script(`nft flush ruleset; nft -f - <<'EOF'\n${FIREWALL_RULES}\nEOF\n`);
    const ruleset = readRuleset(linuxHost(), lab.door);
    expect(ruleset.gaps).toEqual([]);
    expect(textsOf(ruleset)).toEqual(rulesIn(await lab.script('nft list ruleset')));
    expect(rulesIn(FIREWALL_RULES).length).toBeGreaterThan(140);
    expect(outline(ruleset).toSorted()).toEqual(outlineOfJson(await lab.script('nft -j list ruleset')).toSorted());
  });

  it("are those of iptables-save, for what is iptables'", async () => {
    await lab.script(`nft flush ruleset\n${DOCKER_RULES}${IPTABLES_RULES}`);
    const ruleset = readRuleset(linuxHost(), lab.door);
    const saved = await lab.script('iptables-save');
    const words = textsOf(ruleset).flatMap((text) => text.match(/(?<=^| )-[mj] .*?(?= counter|$)/g) ?? []);
    expect(words.length).toBeGreaterThan(25);
    for (const word of words) expect(saved).toContain(word);
    expect(outline(ruleset).toSorted()).toEqual(outlineOfJson(await lab.script('nft -j list ruleset')).toSorted());
  });

  it('are exactly those of iptables-save for iptables-legacy, with their numbers', async () => {
    await lab.script(`nft flush ruleset\n${legacy(`${DOCKER_RULES}${IPTABLES_RULES}`)}`);
    const ruleset = readRuleset(linuxHost(), lab.door);
    expect(ruleset.gaps).toEqual([]);
    for (const table of ['filter', 'nat', 'mangle', 'raw']) {
      const saved = await lab.script(`iptables-legacy-save -t ${table}`);
      const of = ruleset.tables.find(({ family, name, isLegacy }) => isLegacy && family === 'ip' && name === table);
      expect(of).toBeDefined();
      const ours = [...(of?.rules.values() ?? [])].flat().map(({ chain, saved: text }) => `-A ${chain} ${text}`);
      expect(ours.toSorted()).toEqual(
        saved
          .split('\n')
          .filter((line) => line.startsWith('-A '))
          .toSorted(),
      );
      const chains = [...(of?.chains.values() ?? [])].map(
        ({ name, base }) => `:${name} ${base?.policy.toUpperCase() ?? '-'}`,
      );
      const theirs = saved
        .split('\n')
        .filter((line) => line.startsWith(':'))
        .map((line) => line.replace(/ \[.*/, ''));
      expect(chains.toSorted()).toEqual(theirs.toSorted());
    }
  });
});
