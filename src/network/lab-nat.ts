// The steps by which a lab's nodes translate addresses: forwarding switched on, and a table of nftables of the lab's own.

import { NsError } from '../kernel/error.ts';
import { valueOf, type Host } from '../kernel/host.ts';
import { decodeLinkConditions } from '../kernel/netlink/link-conditions.ts';
import { encodeLinkDump } from '../kernel/netlink/links.ts';
import { keyWord } from '../kernel/setting-undo.ts';
import { readRuleset } from './firewall/read-ruleset.ts';
import { netText } from './ip-net.ts';
import type { LabQuestion } from './lab-question.ts';
import { nftSight, type NftSight } from './lab-nft.ts';
import { requireFreePort, requireUntranslated } from './lab-ports.ts';
import type { Sight, Sights } from './lab-sight.ts';
import { step, type PlannedStep } from './lab-step.ts';
import { settingNow, sysctlStep } from './lab-sysctls.ts';
import {
  cannotPublish,
  IPV6_FORWARDING,
  settingsOf,
  translatingPlaces,
  translationOf,
  type Translation,
} from './lab-translation.ts';
import type { LabNat, LabPublish } from './lab.ts';
import { natTable, tableMessages, type NatTable, type PublishedPort } from './nat.ts';
import { isSameRule } from './same-rule.ts';

/** Errors: BAD_VALUE, for what is somebody else's or in use; UNSUPPORTED, where the kernel has no nftables. */
export function natSteps(host: Host, question: LabQuestion, sights: Sights): readonly PlannedStep[] {
  return translatingPlaces(question.lab).flatMap(({ name }) => {
    const sight = sights.get(name);
    return sight === undefined ? [] : nodeSteps(host, question, sight);
  });
}

function nodeSteps(host: Host, question: LabQuestion, sight: Sight): readonly PlannedStep[] {
  const translation = translationOf(question.lab, sight.node);
  requireDistinct(translation.published);
  const settings = settingsOf(translation);
  if (settings.some(({ key }) => key === IPV6_FORWARDING)) requireNoAdvertised(host, sight);
  return [
    ...settings.map((setting) => sysctlStep(host, question, sight, setting, setting.reason)),
    tableStep(host, question, sight, translation),
    ...hairpinSteps(host, sight, translation.published),
  ];
}

/**
 * Where the firewall sees what crosses a bridge (br_netfilter), who asks for a published port of its own is led back to it
 * by the bridge itself, which else sends nothing out where it came in.
 */
function hairpinSteps(host: Host, sight: Sight, published: readonly PublishedPort[]): readonly PlannedStep[] {
  const seen = published.filter((each) => {
    const key = `net.bridge.bridge-nf-call-${isIpv6(each) ? 'ip6tables' : 'iptables'}`;
    return settingNow(host, sight, key) === '1';
  });
  const ports = new Set(seen.flatMap(({ bridgePort }) => bridgePort ?? []));
  if (ports.size === 0) return [];
  const answer = host.netlink(encodeLinkDump(sight.at ?? undefined));
  const conditions = (answer.ok ? valueOf(decodeLinkConditions(answer.value, 'netlink')) : undefined) ?? [];
  return Array.from(ports, (link) => {
    const ifindex = sight.links.get(link)?.ifindex;
    const isRight = conditions.some((each) => each.ifindex === ifindex && each.port?.hairpin === true);
    const reason =
      'the firewall sees what crosses bridges (bridge-nf-call-iptables): else its own port is closed to who has it';
    return step({ op: 'hairpin', at: sight.at, link }, `hairpin on ${link}`, reason, { isRight });
  });
}

function requireDistinct(published: readonly PublishedPort[]): void {
  for (const [at, a] of published.entries()) {
    const isSame = (b: PublishedPort): boolean =>
      a.protocol === b.protocol && a.port === b.port && a.address === b.address && isIpv6(a) === isIpv6(b);
    if (published.findIndex(isSame) !== at) throw cannotPublish(a, 'that port is published already');
  }
}

function isIpv6({ toAddress }: LabPublish): boolean {
  return toAddress.includes(':');
}

const RTPROT_RA = 9;

/** The kernel forgets what routers advertised when it becomes one itself, unless it is told not to. */
function requireNoAdvertised(host: Host, sight: Sight): void {
  if (settingNow(host, sight, IPV6_FORWARDING) === '1') return;
  const routes = sight.routes.filter(
    ({ family, destination, protocol }) => family === 'inet6' && destination === 'default' && protocol === RTPROT_RA,
  );
  for (const hop of routes.flatMap(({ nextHops }) => nextHops)) {
    const link = [...sight.links.values()].find(({ ifindex }) => ifindex === hop.ifindex)?.name;
    if (link === undefined) continue;
    const key = `net.ipv6.conf.${keyWord(link)}.accept_ra`;
    if (settingNow(host, sight, key) === '2') continue;
    throw new NsError('BAD_VALUE', {
      what: `with IPv6 forwarding ${link} would lose its default route`,
      why: `a router advertised it, and ${key} is not 2`,
      tryThis: `sysctl ${key}=2`,
    });
  }
}

/** Errors: BAD_VALUE, UNSUPPORTED. */
function tableStep(host: Host, question: LabQuestion, sight: Sight, translation: Translation): PlannedStep {
  const { nat, published } = translation;
  const table = natTable(question.lab, nat, published);
  const { family, name, comment: mark } = table;
  const { at, node, inode } = sight;
  const seen = inode === null ? undefined : nftSight(host, at);
  const found = seen?.tables.find((each) => each.family === family && each.name === name);
  if (found !== undefined && found.comment !== mark)
    throw new NsError('BAD_VALUE', {
      what: `there is a table ${family} ${name} already`,
      why: found.comment === null ? 'it is not of this nstool net up' : `its comment is '${found.comment}'`,
      tryThis: 'another NAME',
    });
  const isJournalled = question.standing?.undo.some((each) => each.op === 'nft table' && each.table === name) === true;
  const isShared = node.kind !== 'namespace';
  const isSame = found !== undefined && seen !== undefined && isTable(table, seen);
  if (!isSame) requireFreePorts(host, sight, published, table);
  const where = node.kind === 'host' ? '' : ` in ${node.name}`;
  const undo = { op: 'nft table', family, table: name, mark, network: 0n, door: at } as const;
  const messages = tableMessages(table, found !== undefined);
  return step({ op: 'nft', at, messages }, `table ${family} ${name}${where}`, tableReason(nat, published), {
    isRight: isSame && (isJournalled || !isShared),
    undo: isShared && !isJournalled ? undo : null,
  });
}

/** Errors: BAD_VALUE. */
function requireFreePorts(
  host: Host,
  sight: Sight,
  published: readonly PublishedPort[],
  { family, name }: NatTable,
): void {
  for (const each of published) requireFreePort(host, sight, each);
  if (published.length === 0 || sight.inode === null) return;
  const whole = readRuleset(host, sight.at ?? undefined);
  const tables = whole.tables.filter((each) => each.isLegacy || each.family !== family || each.name !== name);
  for (const each of published) requireUntranslated({ ...whole, tables }, sight, each);
}

function tableReason(nat: readonly LabNat[], published: readonly PublishedPort[]): string {
  return [
    ...nat.map(({ source, outLink }) => {
      const by = outLink === null ? '' : ` by ${outLink}`;
      return `what ${netText(source)} sends to others${by} goes by our own address`;
    }),
    ...published.map(
      ({ address, port, protocol, toAddress, toPort }) =>
        `port ${address === null ? '' : `${address} `}${port}/${protocol} leads to ${toAddress} ${toPort}`,
    ),
  ].join('; ');
}

/** As we would make it: nothing less, nothing more, nothing else. */
function isTable({ family, name, comment, chains }: NatTable, { chains: found, rules }: NftSight): boolean {
  const ours = found.filter((each) => each.family === family && each.table === name);
  return (
    ours.length === chains.length &&
    chains.every((chain) => {
      const base = ours.find((each) => each.name === chain.name)?.base;
      const isHooked = base?.hook === chain.hook && base.priority === chain.priority && base.type === chain.type;
      if (!isHooked || base.policy !== 'accept') return false;
      const there = rules.filter((each) => each.family === family && each.table === name && each.chain === chain.name);
      return (
        there.length === chain.rules.length &&
        there.every((rule, at) => rule.comment === comment && isSameRule(rule.expressions, chain.rules[at] ?? []))
      );
    })
  );
}
