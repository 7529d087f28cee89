// What the judge says becomes of a packet is what becomes of it: rule sets on a real router, real packets through it.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { linuxHost } from '../../src/host/linux/linux-host.ts';
import { addressType } from '../../src/network/firewall/address-type.ts';
import { bridgeFilter } from '../../src/network/firewall/bridge-filter.ts';
import { judge } from '../../src/network/firewall/judge.ts';
import { newPacket, type Hook, type Packet } from '../../src/network/firewall/packet.ts';
import { readRuleset } from '../../src/network/firewall/read-ruleset.ts';
import type { Ruleset } from '../../src/network/firewall/ruleset.ts';
import type { Outcome } from '../../src/network/firewall/verdict.ts';
import { FirewallLab, type Probe, type Seen } from '../support/firewall-lab.ts';
import { firewallCases } from '../support/firewall-cases.ts';
import { lacks } from '../support/requires.ts';

const RTN_LOCAL = 2;

function isLocal(ruleset: Ruleset, { destination }: Packet): boolean {
  return addressType(ruleset, destination, null).bytes[0] === RTN_LOCAL;
}

/** The hooks of the router that it meets, one after the other, until one ends it: every way that it can go. */
function ways(ruleset: Ruleset, probe: Probe): { readonly all: readonly Outcome[]; readonly certain: boolean } {
  const first = newPacket({
    family: probe.source.includes(':') ? 'ip6' : 'ip',
    protocol: probe.protocol,
    source: probe.source,
    destination: probe.destination,
    sport: probe.sport ?? null,
    dport: probe.dport ?? null,
    iif: probe.from === 'left' ? 'l0' : 'r0',
  });
  return probe.link === 'b0' ? bridged(ruleset, probe, first) : routed(ruleset, first);
}

function routed(ruleset: Ruleset, packet: Packet): ReturnType<typeof ways> {
  const steps = (now: Packet): readonly Hook[] => (isLocal(ruleset, now) ? ['input'] : ['forward', 'postrouting']);
  const out = (now: Packet): Packet =>
    isLocal(ruleset, now) ? now : { ...now, oif: /^(?:10\.1\.|fd01:)/.test(now.destination) ? 'l0' : 'r0' };
  const early = along(ruleset, ['ingress', 'prerouting'], [packet]);
  return mapped(early, (passed) => along(ruleset, steps(passed), [out(passed)]));
}

function bridged(ruleset: Ruleset, probe: Probe, first: Packet): ReturnType<typeof ways> {
  const [inside, outside] = probe.from === 'left' ? (['bl', 'brr'] as const) : (['brr', 'bl'] as const);
  const frame = { ...first, iif: inside, oif: outside };
  const asIp = { ...first, iif: 'br0', oif: 'br0', ports: { in: inside, out: outside } };
  const isOn = bridgeFilter(ruleset, 'br0', first.family).isOn === true;
  const frames = along(ruleset, ['bridge prerouting', 'bridge forward', 'bridge postrouting'], [frame]);
  return mapped(frames, () =>
    isOn ? along(ruleset, ['prerouting', 'forward', 'postrouting'], [asIp]) : { all: passedOf(frames), certain: true },
  );
}

const passedOf = ({ all }: ReturnType<typeof ways>): readonly Outcome[] =>
  all.filter(({ verdict }) => verdict === 'accept');

function mapped(
  before: ReturnType<typeof ways>,
  next: (packet: Packet) => ReturnType<typeof ways>,
): ReturnType<typeof ways> {
  const ended = before.all.filter(({ verdict }) => verdict !== 'accept');
  const rest = passedOf(before).map(({ packet }) => next(packet));
  const all = [...ended, ...rest.flatMap((one) => one.all)];
  return { all, certain: before.certain && rest.every(({ certain }) => certain) };
}

function along(ruleset: Ruleset, hooks: readonly Hook[], packets: readonly Packet[]): ReturnType<typeof ways> {
  const [hook, ...later] = hooks;
  if (hook === undefined)
    return { all: packets.map((packet) => ({ verdict: 'accept', by: null, nat: null, packet })), certain: true };
  const verdicts = packets.map((packet) => judge(ruleset, hook, packet));
  const here = {
    all: verdicts.flatMap(({ others, ...own }) => [own, ...others]),
    certain: verdicts.every(({ certain }) => certain),
  };
  return mapped(here, (packet) => along(ruleset, later, [packet]));
}

let port = 20_000;

function probes(): readonly Probe[] {
  const one = (rest: Omit<Probe, 'sport'>): Probe => {
    port += 1;
    return { ...rest, sport: port };
  };
  const left = { from: 'left', source: '10.1.0.2' } as const;
  const to = (destination: string): readonly Probe[] => [
    one({ ...left, destination, protocol: 'tcp', dport: 80 }),
    one({ ...left, destination, protocol: 'tcp', dport: 8080 }),
    one({ ...left, destination, protocol: 'udp', dport: 53 }),
    one({ ...left, destination, protocol: 'icmp' }),
  ];
  const six = { from: 'left', source: 'fd01::2', destination: 'fd02::2' } as const;
  const bridge = { from: 'left', link: 'b0', source: '10.3.0.2', destination: '10.3.0.3' } as const;
  return [
    ...to('10.2.0.2'),
    ...to('10.2.0.3').slice(0, 3),
    ...to('10.1.0.1').slice(0, 3),
    one({ ...left, destination: '10.2.0.2', protocol: 'tcp', dport: 443 }),
    one({ ...left, destination: '10.1.0.1', protocol: 'tcp', dport: 30_080 }),
    one({ ...left, destination: '10.96.0.10', protocol: 'tcp', dport: 80 }),
    one({ ...left, destination: '10.96.0.11', protocol: 'tcp', dport: 80 }),
    one({ from: 'right', source: '10.2.0.2', destination: '10.1.0.2', protocol: 'udp', dport: 53 }),
    one({ from: 'right', source: '10.2.0.2', destination: '10.1.0.2', protocol: 'tcp', dport: 80 }),
    one({ ...six, protocol: 'tcp', dport: 80 }),
    one({ ...six, protocol: 'udp', dport: 53 }),
    one({ ...six, protocol: 'icmp' }),
    one({ ...bridge, protocol: 'tcp', dport: 80 }),
    one({ ...bridge, protocol: 'udp', dport: 53 }),
  ];
}

function verdictOf(seen: Seen): string {
  if (seen.arrived !== undefined || seen.local === true) return 'accept';
  return seen.rejected === true ? 'reject' : 'drop';
}

const RESET = `
nft flush ruleset
for c in iptables-legacy ip6tables-legacy; do
  while read -r t; do $c -t $t -F; $c -t $t -X; done < /proc/net/$(echo $c | cut -c1-3 | sed 's/ipt/ip/')_tables_names
  $c -P FORWARD ACCEPT
done
ip link set br0 type bridge nf_call_iptables 0
for f in /proc/sys/net/bridge/bridge-nf-call-*tables; do echo 0 > $f; done
`;

/** What comes back to who asked the other machine for port 53, and was let through as he was. */
function answers(
  ruleset: Ruleset,
  sent: readonly { readonly probe: Probe; readonly all: readonly Outcome[] }[],
  seen: readonly Seen[],
): readonly { readonly probe: Probe; readonly all: readonly Outcome[]; readonly certain: boolean }[] {
  return sent.flatMap(({ probe, all }, at) => {
    const { arrived } = seen[at] ?? {};
    const isPlain = arrived?.source === '10.1.0.2' && arrived.destination === '10.2.0.2' && arrived.dport === 53;
    const isTracked = all.every(({ packet }) => packet.ctState === 'new');
    if (!isPlain || !isTracked || probe.sport === undefined) return [];
    const { source, destination, sport, protocol } = probe;
    const back: Probe = { from: 'right', protocol, source: destination, destination: source, sport: 53, dport: sport };
    const mark = all.every(({ packet }) => packet.ctMark === 0) ? 0 : null;
    const packet = newPacket({
      family: 'ip',
      protocol,
      source: destination,
      destination: source,
      sport: 53,
      dport: sport,
      iif: 'r0',
      ctState: 'established',
      isReply: true,
      ctMark: mark,
    });
    return [{ probe: back, ...routed(ruleset, packet) }];
  });
}

describe.skipIf(lacks('root', 'ip', 'nft', 'iptables', 'python', 'unshare'))('the judge', () => {
  let lab: FirewallLab;

  beforeAll(async () => {
    lab = await FirewallLab.start();
  });
  afterAll(() => lab.end());

  it.each(firewallCases)('says what happens: $name', async ({ rules, uncertain }) => {
    await lab.script(RESET + rules);
    const ruleset = readRuleset(linuxHost(), lab.door);
    expect(ruleset.gaps).toEqual([]);
    const sent = probes().map((probe) => ({ probe, ...ways(ruleset, probe) }));
    const seen = await lab.send(sent.map(({ probe, all }) => ({ ...probe, expect: all[0]?.verdict ?? 'accept' })));
    const back = answers(ruleset, sent, seen);
    const seenBack = await lab.send(back.map(({ probe, all }) => ({ ...probe, expect: all[0]?.verdict ?? 'accept' })));
    for (const [at, { probe, all, certain }] of [...sent, ...back].entries()) {
      const real = [...seen, ...seenBack][at] ?? {};
      const said = all.map(({ verdict }) => verdict);
      const what = `${probe.protocol} ${probe.dport ?? ''} to ${probe.destination} by ${all[0]?.by?.text}`;
      expect(new Set(said), what).toContain(verdictOf(real));
      if (uncertain !== true) expect(certain && new Set(said).size === 1, `${what}: ${said.join()}`).toBe(true);
      if (real.arrived === undefined || uncertain === true) continue;
      const { source, destination, dport } = real.arrived;
      const told = all.map(
        ({ packet }) => `${packet.source} ${packet.destination} ${probe.dport === undefined ? '' : packet.dport}`,
      );
      expect(told, what).toContain(`${source} ${destination} ${probe.dport === undefined ? '' : dport}`);
    }
  });
});
