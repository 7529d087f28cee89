// Faults made one by one in a lab: the doctor names each first, and nothing else as certain; before and after it is silent.

import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { linuxHost } from '../../src/host/linux/linux-host.ts';
import { formatArchive } from '../../src/host/recorded/archive.ts';
import { recordedHost } from '../../src/host/recorded/recorded-host.ts';
import { recording } from '../../src/host/recorded/recorder.ts';
import { askForDoctor } from '../../src/inspect/doctor/ask.ts';
import { diagnose, type DoctorReport } from '../../src/inspect/doctor/doctor.ts';
import { Sight } from '../../src/inspect/doctor/sight.ts';
import { resolveNetwork } from '../../src/inspect/network-names.ts';
import { GapTally } from '../../src/kernel/gap-tally.ts';
import { readTopology } from '../../src/network/topology.ts';
import { faults, type Fault } from '../support/doctor-faults.ts';
import { C1, C2, DoctorLab, OUTSIDE, PORT, ROUTER } from '../support/doctor-lab.ts';
import { lacks } from '../support/requires.ts';

const NAT = `nft 'table ip lab { chain out { type nat hook postrouting priority srcnat; ip saddr 10.97.0.0/24 oifname != "br0" masquerade; }; }'`;
const ARCHIVE = {
  nstool_recording: 1,
  date: '2026-01-01',
  kernel: '6.1.0',
  distribution: 'test',
  made_by: 'test',
  anonymised: false,
  self: linuxHost().self,
} as const;

const needs = ['root', 'ip', 'nft', 'unshare', 'nsenter', 'python'] as const;

describe.skipIf(lacks(...needs))('net doctor in a lab of four', { timeout: 60_000 }, () => {
  const host = linuxHost();
  let lab: DoctorLab;

  beforeAll(async () => {
    lab = await DoctorLab.start();
  }, 60_000);

  afterAll(() => lab.end());

  /** `c2:8080`: with the node as a target. */
  function aimed(to: string | null): string | null {
    const [, node, port] = /^(c1|c2|inet|router)(:\d+)?$/.exec(to ?? '') ?? [];
    return node === undefined ? to : `${lab.node(node)}${port ?? ''}`;
  }

  const doctor = (from: string, to: string | null): DoctorReport =>
    diagnose(host, { from: lab.node(from), to: aimed(to) });

  const said = ({ findings, sight }: DoctorReport): readonly string[] =>
    findings.map(
      ({ code, certainty, what, place, link }) =>
        `${code} ${certainty} ${nodeOf(sight.of(place).place.inode)} ${link}: ${what}`,
    );

  function nodeOf(inode: bigint): string {
    const found = ['c1', 'c2', 'inet', 'bare'].find(
      (name) => lab.sh(`stat -Lc %i /run/netns/${name} 2>&1 || true`).trim() === String(inode),
    );
    return found ?? 'router';
  }

  it.each([
    ['c1', 'c2'],
    ['c1', `c2:${PORT.open}`],
    ['c2', 'c1'],
    ['c1', 'router'],
    ['router', 'c1'],
    ['c1', OUTSIDE],
    ['c1', `inet:${PORT.outside}`],
    ['c2', `${OUTSIDE}:${PORT.outside}`],
    ['c1', null],
    ['router', 'inet'],
    ['c2', `127.0.0.1:${PORT.loopback}`],
  ])('is silent where nothing is wrong: %s to %s', (from, to) => {
    const report = doctor(from, to);
    expect(said(report)).toEqual([]);
    expect(report.courses.every(({ path }) => path.hops.at(-1)?.end.is === 'delivered')).toBe(true);
  });

  it('reads what ip(8) and bridge(8) tell', () => {
    lab.sh(
      `ip neigh replace 10.97.0.77 lladdr 02:00:00:00:00:77 dev br0; ip route add 198.51.100.0/24 via ${OUTSIDE} mtu 1400`,
    );
    const topology = readTopology(host, { deep: 'never' });
    const { inode } = resolveNetwork(host, lab.node('router'));
    const place = topology.namespaces.find((one) => one.inode === inode);
    if (place === undefined) throw new Error('no router');
    const seen = new Sight(host, topology, new GapTally()).of(place);
    type Told = Readonly<Record<string, unknown>>;
    const json = (command: string): readonly Told[] => JSON.parse(lab.sh(command)) as Told[];
    const name = (ifindex: number | null): string | null => place.byIndex.get(ifindex ?? 0)?.name ?? null;
    const neighbours = (seen.neighbours() ?? []).filter(({ state }) => state !== 'NOARP' && state !== 'NONE');
    expect(
      neighbours
        .map(({ address, linkAddress, ifindex, state }) => [address, name(ifindex), linkAddress, state].join(' '))
        .toSorted(),
    ).toEqual(
      json('ip -j neigh')
        .map(({ dst, dev, lladdr, state }) => [dst, dev, lladdr ?? null, (state as string[])[0]].join(' '))
        .toSorted(),
    );
    const ports = json('bridge -j -d link');
    for (const port of ports) {
      const ifindex = place.links?.find((link) => link.name === port['ifname'])?.ifindex ?? 0;
      const { port: told } = seen.conditions()?.get(ifindex) ?? {};
      const { hairpin, learning, flood, isolated, locked, bcast_flood: broadcast } = port;
      expect(told).toEqual({ hairpin, learning, isolated, locked, floodsUnknown: flood, floodsBroadcast: broadcast });
    }
    expect(ports.length).toBe(2);
    for (const [destination, iif] of [
      ['198.51.100.7', 'br0'],
      [C2, null],
      [OUTSIDE, 'br0'],
      [ROUTER, 'br0'],
      ['198.51.100.9', null],
    ] as const) {
      const index = place.links?.find((link) => link.name === iif)?.ifindex ?? null;
      const source = iif === null ? null : C1;
      const answer = seen.route({ destination, source, protocol: 'icmp', port: null }, index);
      const [told = {}] = json(`ip -j route get ${destination}${iif === null ? '' : ` from ${C1} iif ${iif}`}`);
      if (answer.is !== 'found') throw new Error(`${destination}: ${answer.is}`);
      const { type, oif, gateway, mtu } = answer.route;
      const { type: kind, dev, gateway: via, metrics } = told;
      expect([destination, type, name(oif), gateway, mtu]).toEqual([
        destination,
        kind ?? 'unicast',
        dev,
        via ?? null,
        (metrics as readonly { readonly mtu: number }[] | undefined)?.[0]?.mtu ?? null,
      ]);
    }
    lab.sh('ip neigh del 10.97.0.77 dev br0; ip route del 198.51.100.0/24');
  });

  it('is silent in a network that is routed, without NAT', () => {
    lab.sh('nft delete table ip lab; ip -n inet route add 10.97.0.0/24 via 203.0.113.2');
    expect(said(doctor('c1', `inet:${PORT.outside}`))).toEqual([]);
    expect(said(doctor('inet', `c2:${PORT.open}`))).toEqual([]);
    lab.sh(
      `ip -n inet route del 10.97.0.0/24; nft 'table ip lab { chain out { type nat hook postrouting priority srcnat; ip saddr 10.97.0.0/24 oifname != "br0" masquerade; }; }'`,
    );
  });

  it('is silent where who publishes a port reaches it by the address of the host', () => {
    lab.sh(
      `nft 'table ip pub { chain pre { type nat hook prerouting priority dstnat; tcp dport 8088 dnat to ${C2}:${PORT.open}; }; chain post { type nat hook postrouting priority srcnat; ip saddr 10.97.0.0/24 ip daddr 10.97.0.0/24 ct status dnat masquerade; }; }'`,
    );
    expect(said(doctor('c2', '203.0.113.2:8088'))).toEqual([]);
    expect(said(doctor('c1', '203.0.113.2:8088'))).toEqual([]);
    lab.sh('nft delete table ip pub');
  });

  it('says what was not looked at where no fault is found', () => {
    expect(doctor('c1', 'c2').unseen.join('\n')).toMatch(/xfrm.*\n.*bridge fdb/);
  });

  it('FORWARD that drops is no fault on a bridge without br_netfilter', () => {
    lab.sh(`nft 'table ip filter { chain FORWARD { type filter hook forward priority filter; policy drop; }; }'`);
    expect(said(doctor('c1', 'c2'))).toEqual([]);
    lab.sh('nft delete table ip filter');
  });

  const isLacking = ({ code }: Fault): boolean => code === 'D15' && !existsSync('/proc/sys/net/bridge');

  it.each(faults.filter((fault) => !isLacking(fault)))('$name', async (fault) => {
    const { before, make, mend, after, until, from, to, code, at, needs } = fault;
    if (needs !== undefined && !works(needs)) return;
    if (before !== undefined) lab.sh(before);
    if (make !== '') lab.sh(make);
    try {
      if (until !== undefined) await waitFor(until);
      // The kernel tells carriers and the states of ports a moment later.
      const report = await settled(from, to, ({ findings: [one] }) => one?.code === code);
      const [first, ...others] = report.findings;
      expect({ said: said(report), code: first?.code, certainty: first?.certainty }).toMatchObject({
        code,
        certainty: 'certain',
      });
      expect([nodeOf(first?.place.inode ?? 0n), first?.link]).toEqual(at);
      expect(
        others.filter(({ certainty }) => certainty === 'certain').map(({ code: other, what }) => `${other} ${what}`),
      ).toEqual([]);
      expect(first?.evidence.length).toBeGreaterThan(0);
    } finally {
      if (mend !== '') lab.sh(mend);
      const isHealed = make === '' || from === 'bare' || fault.stays === true;
      const healed = isHealed ? [] : said(await settled(from, to, ({ findings }) => findings.length === 0));
      if (after !== undefined) lab.sh(after);
      expect(healed).toEqual([]);
    }
  });

  function works(script: string): boolean {
    try {
      lab.sh(script);
      return true;
    } catch {
      return false;
    }
  }

  it('says the same of a recording, by its tables', () => {
    const broken = [
      ['nft delete table ip lab', NAT, 'c1', `${OUTSIDE}:${PORT.outside}`, 'D12'],
      ['ip -n c1 route del default', `ip -n c1 route add default via ${ROUTER}`, 'c1', OUTSIDE, 'D7'],
      ['echo 0 > /proc/sys/net/ipv4/ip_forward', 'echo 1 > /proc/sys/net/ipv4/ip_forward', 'c1', OUTSIDE, 'D9'],
      [`ip route add prohibit ${OUTSIDE}/32`, `ip route del prohibit ${OUTSIDE}/32`, 'c2', OUTSIDE, 'D8'],
      ['ip link set v2 nomaster', 'ip link set v2 master br0', 'c1', C2, 'D2'],
      ['', '', 'c1', `${C2}:${PORT.loopback}`, 'D25'],
      ['', '', 'c2', C1, undefined],
    ] as const;
    for (const [make, mend, from, to, code] of broken) {
      if (make !== '') lab.sh(make);
      const recorder = recording(host);
      const topology = readTopology(recorder.host, { deep: 'never' });
      const sight = new Sight(recorder.host, topology, new GapTally());
      const inodes = ['router', 'c1', 'c2', 'inet'].map((name) => resolveNetwork(host, lab.node(name)).inode);
      for (const place of topology.namespaces.filter(({ inode }) => inodes.includes(inode))) askForDoctor(sight, place);
      const inode = resolveNetwork(recorder.host, `net:${resolveNetwork(host, lab.node(from)).inode}`).inode;
      if (mend !== '') lab.sh(mend);
      const replayed = recordedHost(formatArchive(ARCHIVE, recorder.entries()), 'test');
      if (!replayed.ok) throw new Error(replayed.gap.what);
      const report = diagnose(replayed.value, { from: `net:${inode}`, to });
      expect({ to, said: said(report), code: report.findings[0]?.code }).toMatchObject({ code });
      expect(report.findings.length).toBe(code === undefined ? 0 : 1);
      expect(report.unseen.some((text) => text.includes('its tables were read in its place'))).toBe(true);
    }
  });

  /** What is said once it is so, or at last. */
  async function settled(
    from: string,
    to: string | null,
    is: (report: DoctorReport) => boolean,
  ): Promise<DoctorReport> {
    let report = doctor(from, to);
    for (let attempt = 0; attempt < 100 && !is(report); attempt += 1) {
      await new Promise((next) => setTimeout(next, 50));
      report = doctor(from, to);
    }
    return report;
  }

  async function waitFor(condition: string): Promise<void> {
    for (let attempt = 0; attempt < 300; attempt += 1) {
      if (works(condition)) return;
      await new Promise((next) => setTimeout(next, 50));
    }
    throw new Error(`waited in vain: ${condition}`);
  }
});
