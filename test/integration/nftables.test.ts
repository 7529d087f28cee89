// What is written to the kernel's nftables is what nft(8) would have written.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sendNftables } from '../../src/host/linux/send-nftables.ts';
import { deleteTable, newBaseChain, newRule, newTable } from '../../src/kernel/nftables/encode.ts';
import type { Expression } from '../../src/kernel/nftables/expression.ts';
import { PrivateNetwork } from '../support/private-network.ts';
import { lacks } from '../support/requires.ts';

const masquerade: readonly Expression[] = [{ kind: 'masquerade', port: null, portEnd: null, flags: 0 }];
const chain = { name: 'post', type: 'nat', hook: 4, priority: 100 } as const;

describe.skipIf(lacks('root', 'ip', 'unshare', 'nsenter', 'nft'))('a batch of changes to nftables', () => {
  let network: PrivateNetwork;
  let door: string;

  beforeEach(async () => {
    network = await PrivateNetwork.start();
    door = `/proc/${network.pid}/ns/net`;
  });

  afterEach(async () => {
    await network.end();
  });

  function ruleset(): string {
    return network.run('nft', 'list', 'ruleset').stdout;
  }

  it('is carried out in another network namespace', () => {
    const sent = sendNftables(
      [
        newTable('inet', 'a', 'of mine'),
        newBaseChain('inet', 'a', chain),
        newRule({ family: 'inet', table: 'a', chain: 'post', expressions: masquerade, comment: 'all of it' }),
      ],
      door,
    );
    expect(sent).toStrictEqual({ ok: true });
    const listed = ruleset();
    expect(network.run('nft', 'flush', 'ruleset').status).toBe(0);
    const text = `table inet a {
      comment "of mine"
      chain post {
        type nat hook postrouting priority srcnat; policy accept;
        masquerade comment "all of it"
      }
    }`;
    expect(network.run('nft', text).status).toBe(0);
    expect(listed).toBe(ruleset());
  });

  it('is carried out whole or not at all, and says which of it was refused', () => {
    const sent = sendNftables(
      [newTable('inet', 'a', ''), deleteTable('inet', 'b'), newTable('inet', 'a', ''), newTable('inet', 'c', '')],
      door,
    );
    expect(sent.ok ? [] : sent.refused.map(({ index, gap }) => [index, gap.errno])).toStrictEqual([
      [1, 'ENOENT'],
      [2, 'EEXIST'],
    ]);
    expect(ruleset()).toBe('');
  });

  it('may be longer than a socket takes without being asked', () => {
    const rules = Array.from({ length: 4000 }, (_, index) =>
      newRule({ family: 'inet', table: 'a', chain: 'post', expressions: masquerade, comment: `rule ${index}` }),
    );
    expect(sendNftables([newTable('inet', 'a', ''), newBaseChain('inet', 'a', chain), ...rules], door)).toStrictEqual({
      ok: true,
    });
    expect(ruleset().match(/comment "rule/g)).toHaveLength(4000);
  });

  it('is refused as a whole where there is no right to it, or nothing to ask', () => {
    expect(sendNftables([newTable('inet', 'a', '')], '/proc/0/ns/net')).toMatchObject({
      ok: false,
      refused: [{ index: null, gap: { reason: 'gone' } }],
    });
  });
});
