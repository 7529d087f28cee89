import { describe, expect, it } from 'vitest';
import { errorText } from '../../../src/cli/error-text.ts';
import { NsError } from '../../../src/kernel/error.ts';
import { parseIpNet } from '../../../src/network/ip-net.ts';
import { labOfFile, type Surroundings } from '../../../src/network/lab-file/lab-of-file.ts';
import { endsOf, type Lab } from '../../../src/network/lab.ts';
import { hostileNames, labFile, rightFiles, wrongFiles } from '../../support/lab-files.ts';

const nets = (...texts: readonly string[]): Surroundings['taken'] => texts.flatMap((text) => parseIpNet(text) ?? []);

async function labOf(text: string, taken: Surroundings['taken'] = []): Promise<Lab> {
  const file = await labFile(text);
  return labOfFile(file, file.name?.text ?? 'x', {
    taken,
    attach: ({ text: word }) => ({ path: `/proc/${word.length}/ns/net`, inode: 7n, links: new Set(['eth0']) }),
  });
}

/** `web:eth0 10.0.0.1/24`. */
function ends(lab: Lab): readonly string[] {
  return lab.links
    .flatMap(endsOf)
    .map(({ node, link, addresses }) =>
      [`${node}:${link}`, ...addresses.map(({ address, prefixLength }) => `${address}/${prefixLength}`)].join(' '),
    );
}

describe('a lab file', () => {
  it.each(Object.entries(rightFiles))('is a lab: %s', async (_, text) => {
    await expect(labOf(text)).resolves.toMatchObject({ name: /\w+/ });
  });

  it.each(Object.entries(wrongFiles))(
    'that is wrong is told with its place: %s',
    async (_, { text, at, what, write }) => {
      const error: unknown = await labOf(text).catch((thrown: unknown) => thrown);
      if (!(error instanceof NsError)) throw new Error(`no error: ${String(error)}`);
      expect(error.code).toBe('BAD_VALUE');
      const lines = errorText(error).trimEnd().split('\n');
      expect(lines[0]).toContain(`nstool: lab.yaml:${at}:`);
      expect(lines[0]).toMatch(what);
      expect(lines.slice(1).join('\n')).toMatch(write);
      expect(lines.length).toBeLessThanOrEqual(5);
    },
  );

  it.each([
    ['brackets', '[', /nests too deep/],
    ['braces', '{', /nests too deep/],
    ['items', '- ', /nests too deep/],
    ['keys', '? ', /nests too deep/],
    ['colons', ': ', /nests too deep/],
    ['quotes', '"', /more than 50000 parts/],
    ['lines', 'a:\n', /more than 50000 parts|there twice/],
    ['documents', '---\n', /no YAML/],
    ['spaces', ' ', /nests too deep/],
  ])('that the parser would die of is refused before: %s', async (_, piece, what) => {
    const text = piece.repeat(Math.floor(2 ** 18 / piece.length) - 1);
    await expect(labFile(text)).rejects.toMatchObject({
      code: 'BAD_VALUE',
      facts: { what: expect.stringMatching(what) as unknown },
    });
    await expect(labFile(`${text}${text}`)).rejects.toMatchObject({ facts: { why: 'it has more than 262144 bytes' } });
  });

  it('takes no name that could do harm, wherever it is written', async () => {
    const quoted = (name: string): string => JSON.stringify(name);
    const places = [
      (name: string) => `name: ${quoted(name)}\nnodes: [a]\n`,
      (name: string) => `name: x\nnodes: [${quoted(name)}]\n`,
      (name: string) => `name: x\nnodes: { ${quoted(name)}: bridge }\n`,
      (name: string) => `name: x\nnodes: [a, b]\nlinks: [{ ends: [{ node: a, name: ${quoted(name)} }, b] }]\n`,
      (name: string) => `name: x\nnodes: [a]\nlinks: [{ physical: a, from: ${quoted(name)} }]\n`,
      (name: string) => `name: x\nnodes: [a]\nnat: [{ source: 10.0.0.0/8, out: ${quoted(name)} }]\n`,
      (name: string) => `name: x\nnodes: { a: { routes: [{ to: default, dev: ${quoted(name)} }] } }\n`,
      (name: string) => `name: x\nnodes: { a: { sysctls: { ${quoted(`net.ipv4.${name}/`)}: 1 } } }\n`,
      (name: string) => `name: x\nnodes: { a: { hosts: { ${quoted(name)}: 10.0.0.1 } } }\n`,
      (name: string) => `name: x\nnodes: { a: { search: [${quoted(name)}] } }\n`,
    ];
    for (const name of hostileNames)
      for (const [at, place] of places.entries())
        await expect(labOf(place(name)), `${at}: ${JSON.stringify(name)}`).rejects.toThrow('BAD_VALUE');
  });

  it('takes names of 16 letters for namespaces, and not for links', async () => {
    const long = 'x'.repeat(16);
    await expect(labOf(`name: ${long}\nnodes: [${long}, b]\nlinks: [${long}-b]\n`)).resolves.toBeDefined();
    for (const text of [`nodes: { ${long}: bridge }`, `nodes: [a, b]\nlinks: ['a:${long}-b']`])
      await expect(labOf(`name: x\n${text}\n`)).rejects.toThrow(/cannot be the name/);
  });

  it('writes no value that would be two lines', async () => {
    const texts = [
      'nodes: { a: { sysctls: { net.ipv4.ip_forward: "1\\n2" } } }',
      'nodes: { a: { dns: "10.0.0.1\\nnameserver 10.0.0.2" } }',
      'nodes: { a: { hosts: { b: "10.0.0.1 evil" } } }',
    ];
    for (const text of texts) await expect(labOf(`name: x\n${text}\n`), text).rejects.toThrow('BAD_VALUE');
  });

  it('gives links names, and addresses in the order of the file', async () => {
    const lab = await labOf(`
name: shop
pool: [10.99.0.0/16, fd99::/48]
nodes: { br0: bridge, web: , db: , far: }
links: [web-br0, db-br0, web-far, host-far]
`);
    expect(ends(lab)).toEqual([
      'web:eth0 10.99.0.2/24 fd99::2/64',
      'br0:veth-web',
      'db:eth0 10.99.0.3/24 fd99::3/64',
      'br0:veth-db',
      'web:eth1 10.99.1.1/30 fd99:0:0:1::1/64',
      'far:eth0 10.99.1.2/30 fd99:0:0:1::2/64',
      'host:veth-far 10.99.1.5/30 fd99:0:0:2::1/64',
      'far:eth1 10.99.1.6/30 fd99:0:0:2::2/64',
    ]);
    expect(lab.nodes[1]).toMatchObject({ name: 'br0', in: 'host', addresses: nets('10.99.0.1/24', 'fd99::1/64') });
  });

  it('fills up a net that somebody in it has', async () => {
    const lab = await labOf(`
name: x
nodes: { br0: { kind: bridge, address: 192.0.2.2/28 }, a: , b: , c: }
links: [a-br0, { ends: [b 192.0.2.1/28, br0] }, c-br0]
`);
    expect(ends(lab).filter((end) => !end.startsWith('br0'))).toEqual([
      'a:eth0 192.0.2.3/28',
      'b:eth0 192.0.2.1/28',
      'c:eth0 192.0.2.4/28',
    ]);
  });

  it('gives none where none are wanted', async () => {
    const lab = await labOf(`
name: x
nodes: { br0: { kind: bridge, address: [] }, a: , b: }
links: [{ ends: [{ node: a, address: [] }, br0] }, { ends: [{ node: b, address: [] }, br0] }, { tap: a }]
`);
    expect(ends(lab)).toEqual(['a:eth0', 'br0:veth-a', 'b:eth0', 'br0:veth-b', 'a:tap0']);
    expect(lab.nodes[1]).toMatchObject({ addresses: [] });
  });

  it('takes its pool where nobody is, and always the same', async () => {
    const text = 'name: shop\nnodes: [a, b]\nlinks: [a-b]\n';
    const [first = ''] = ends(await labOf(text));
    expect(ends(await labOf(text))[0]).toBe(first);
    const net = /10\.\d+\./.exec(first)?.[0] ?? '';
    const [moved = ''] = ends(await labOf(text, nets(`${net}0.0/16`)));
    expect(moved).not.toBe(first);
    expect(ends(await labOf(text, nets('10.0.0.0/9', '10.128.0.0/10', '10.192.0.0/11')))[0]).toMatch(/10\.2[2-5]\d\./);
    // What the file itself says is taken, too.
    const routed = text.replace('[a, b]', `{ a: { routes: [${net}0.0/16 via 192.0.2.1] }, b: }`);
    expect(ends(await labOf(routed))[0]).toBe(moved);
    await expect(labOf(text, nets('10.0.0.0/8'))).rejects.toThrow(/no net of 10\.0\.0\.0\/8 is free/);
  });

  it('has room at a bridge for as many as there are', async () => {
    const names = Array.from({ length: 400 }, (_, at) => `n${at}`);
    const lab = await labOf(`
name: x
pool: 10.9.0.0/16
nodes: { br0: bridge, ${names.map((name) => `${name}: `).join(', ')} }
links: [${names.map((name) => `${name}-br0`).join(', ')}]
`);
    expect(ends(lab).at(-2)).toBe('n399:eth0 10.9.1.145/23');
    expect(new Set(ends(lab).map((end) => end.split(' ')[1])).size).toBe(401);
  });

  it('looks names of nodes up in routes, resolvers and what leads in', async () => {
    const lab = await labOf(rightFiles['a bridge'] ?? '');
    const node = (name: string): unknown => lab.nodes.find((each) => each.name === name);
    expect(node('web')).toMatchObject({
      path: '/run/netns/web',
      routes: [
        { destination: 'default', gateway: '10.99.0.1' },
        { destination: 'default', gateway: 'fd99::1' },
      ],
      dns: ['10.99.0.1'],
      search: ['lab.test'],
      hosts: new Map([
        ['db.lab.test', '10.99.0.3'],
        ['far', '192.0.2.1'],
      ]),
      sysctls: new Map([['net.ipv4.tcp_keepalive_time', '60']]),
      start: [
        ['/bin/sh', '-c', 'echo "$HOME" > /dev/null'],
        ['sleep', '10'],
      ],
    });
    expect(node('host')).toMatchObject({ routes: [{ destination: '10.77.0.0/16', gateway: '10.99.0.3' }] });
    expect(lab.nat).toEqual(
      nets('10.99.0.0/24', 'fd99::/64').map((source) => ({ node: 'host', source, outLink: null })),
    );
    expect(lab.publish).toEqual([
      { node: 'host', protocol: 'tcp', address: null, port: 8080, toAddress: '10.99.0.2', toPort: 80 },
      { node: 'host', protocol: 'udp', address: '127.0.0.1', port: 5353, toAddress: '10.99.0.3', toPort: 53 },
    ]);
  });

  it('takes the long form of everything', async () => {
    const lab = await labOf(rightFiles['everything long'] ?? '');
    expect(lab.links.map(({ kind }) => kind)).toEqual(
      ['veth', 'veth', 'veth', 'veth', 'veth'].concat(['macvlan', 'vxlan', 'tun', 'tap', 'physical']),
    );
    expect(ends(lab)).toEqual(expect.arrayContaining(['a:up0 192.0.2.7/24 2001:db8::7/64', 'br0:to-a', 'r:wan']));
    expect(lab.links[6]).toMatchObject({
      kind: 'vxlan',
      under: { node: 'r', link: 'eth0' },
      id: 42,
      local: '192.0.2.2',
      remote: '192.0.2.9',
      port: 8472,
    });
    // Its own eth0 is not touched.
    expect(ends(lab)).toContain('app:eth1 203.0.113.2/30');
    expect(lab.nodes.find(({ name }) => name === 'app')).toMatchObject({ kind: 'attached', inode: 7n });
    expect(lab.nodes.find(({ name }) => name === 'br1')).toMatchObject({ in: 'r', addresses: [] });
  });

  it('has what becomes of what each end sends', async () => {
    const lab = await labOf(rightFiles['links that are worse than they are'] ?? '');
    const none = { delay: 0, jitter: 0, loss: 0, duplicate: 0, reorder: 0, rate: 0 };
    const all = { delay: 20e6, jitter: 1.5e6, loss: 0.1, duplicate: 1, reorder: 25, rate: 10e6 };
    expect(lab.links.flatMap(endsOf).map(({ node, impair }) => [node, impair])).toEqual([
      ['a', all],
      ['b', all],
      ['b', { ...none, rate: 512e3 }],
      ['c', undefined],
      ['c', { ...none, delay: 1.5e9 }],
      ['a', { ...none, delay: 150e3 }],
      ['a', { ...none, loss: 100 }],
      ['a', { ...none, rate: 1e9 }],
    ]);
  });
});
