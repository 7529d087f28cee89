// What was set in a network, as the journal has it.

import { describe, expect, it, test } from 'vitest';
import { decodeEntry, encodeEntry, type JournalEntry } from '../../../src/kernel/journal.ts';
import { undoText } from '../../../src/kernel/network-plan.ts';
import { keyWord, settingPath, type SettingUndo } from '../../../src/kernel/setting-undo.ts';

const undo: readonly SettingUndo[] = [
  {
    op: 'sysctl',
    key: 'net.ipv4.ip_forward',
    value: '1',
    previous: '0',
    along: [{ key: 'net.ipv4.conf.eth0/1.forwarding', value: '1' }],
    network: 4_026_531_840n,
    door: null,
  },
  { op: 'nft table', family: 'inet', table: 'nstool_ns1', mark: 'nstool:lab=ns1', network: 7n, door: '/proc/7/ns/net' },
  {
    op: 'nft rules',
    family: 'ip',
    table: 'filter',
    chain: 'DOCKER-USER',
    mark: 'nstool:lab=ns1',
    network: 7n,
    door: '/run/netns/a',
  },
  {
    op: 'route',
    destination: '10.9.0.0/16',
    gateway: '10.1.0.1',
    link: null,
    metric: 5,
    table: null,
    network: 7n,
    door: null,
  },
];

const entry: JournalEntry = {
  id: 'net-ns1',
  boot: 'b',
  maker: { pid: 1, start: 2n, pidNamespace: 3n },
  made: 4,
  what: 'net up ns1 --nat',
  kept: true,
  undo,
};

describe('settings in the journal', () => {
  it('are read as they were written', () => {
    expect(decodeEntry('net-ns1', encodeEntry(entry))).toEqual({ ok: true, value: entry });
    expect(undo.map(undoText)).toEqual([
      'net.ipv4.ip_forward',
      'table inet nstool_ns1',
      "rules 'nstool:lab=ns1' of table ip filter, chain DOCKER-USER",
      'route to 10.9.0.0/16',
    ]);
  });

  it('are files below /proc/sys/net, with the dots of a link', () => {
    expect(settingPath(`net.ipv4.conf.${keyWord('eth0.1')}.forwarding`)).toBe(
      '/proc/sys/net/ipv4/conf/eth0.1/forwarding',
    );
  });

  const [sysctl, table, rules, route] = undo.map((each) => ({ ...each, network: '7' }));
  test.each([
    { ...route, destination: 5 },
    { ...route, metric: '5' },
    { ...sysctl, key: 'kernel.core_pattern' },
    { ...sysctl, key: 'net.ipv4.//.//.//.kernel.core_pattern' },
    { ...sysctl, key: 'net.ipv4.a b' },
    { ...sysctl, previous: 1 },
    { ...sysctl, along: [{ key: 'vm.swappiness', value: '0' }] },
    { ...sysctl, along: null },
    { ...sysctl, door: '/etc/passwd' },
    { ...table, family: 'netdev' },
    { ...table, table: null },
    { ...rules, chain: 5 },
    { ...rules, mark: undefined },
  ])('%j is none', (odd) => {
    const bytes = encodeEntry({ ...entry, undo: [] });
    const text = new TextDecoder().decode(bytes).replace('"undo":[]', `"undo":[${JSON.stringify(odd)}]`);
    expect(decodeEntry('net-ns1', new TextEncoder().encode(text))).toMatchObject({ ok: false });
  });
});
