// Faults made one by one in a lab: the doctor names each first, and nothing else as certain; before and after it is silent.

import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { linuxHost } from '../../src/host/linux/linux-host.ts';
import { diagnose, type DoctorReport } from '../../src/inspect/doctor/doctor.ts';
import { faults, type Fault } from '../support/doctor-faults.ts';
import { DoctorLab, OUTSIDE, PORT } from '../support/doctor-lab.ts';
import { lacks } from '../support/requires.ts';

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

  it('is silent in a network that is routed, without NAT', () => {
    lab.sh('nft delete table ip lab; ip -n inet route add 10.97.0.0/24 via 203.0.113.2');
    expect(said(doctor('c1', `inet:${PORT.outside}`))).toEqual([]);
    expect(said(doctor('inet', `c2:${PORT.open}`))).toEqual([]);
    lab.sh(
      `ip -n inet route del 10.97.0.0/24; nft 'table ip lab { chain out { type nat hook postrouting priority srcnat; ip saddr 10.97.0.0/24 oifname != "br0" masquerade; }; }'`,
    );
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
      const report = doctor(from, to);
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
      const healed = make === '' || from === 'bare' || fault.stays === true ? [] : said(doctor(from, to));
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

  async function waitFor(condition: string): Promise<void> {
    for (let attempt = 0; attempt < 300; attempt += 1) {
      if (works(condition)) return;
      await new Promise((next) => setTimeout(next, 50));
    }
    throw new Error(`waited in vain: ${condition}`);
  }
});
