// Lab files for tests: right ones, and wrong ones with what is said of each.

import { value } from '../../src/kernel/host.ts';
import { readLabFile } from '../../src/cli/lab-file.ts';
import type { Context } from '../../src/cli/define-command.ts';
import type { LabFile } from '../../src/network/lab-file/lab-file.ts';

export function labFile(text: string, file = 'lab.yaml'): Promise<LabFile> {
  const context = { readInput: () => Promise.resolve(value(new TextEncoder().encode(text))) };
  return readLabFile(file, context as unknown as Context);
}

/** Each is taken. */
export const rightFiles: Readonly<Record<string, string>> = {
  'two namespaces': `
name: pair
nodes: [a, b]
links: [a-b]
expect: [a reach b, b reach a, a mtu 1500 to b, a not port b:22]
`,
  'a bridge': `
name: shop
pool: [10.99.0.0/16, fd99::/48]
nodes:
  br0: bridge
  web:
    routes: [default via br0]
    dns: br0
    search: lab.test
    hosts: { db.lab.test: db, far: 192.0.2.1 }
    sysctls: { net.ipv4.tcp_keepalive_time: 60 }
    start:
      - echo "$HOME" > /dev/null
      - [sleep, 10]
  db: { kind: namespace }
  host: { sysctls: { net.ipv4.ip_forward: 1 }, routes: [10.77.0.0/16 via db] }
links: [web-br0, db-br0]
nat: [br0]
publish: [8080:web:80, 127.0.0.1:5353:db:53/udp]
expect:
  - host port web:80
  - web name db.lab.test is db
  - web not name no.such.test
`,
  'everything long': `
name: long
nodes:
  br0: { kind: bridge, address: [192.0.2.1/24, 2001:db8::1/64], mtu: 1400, stp: true }
  br1: { kind: bridge, in: r, address: [] }
  lan0: { kind: bridge, use: true }
  r:
    routes:
      - { to: 198.51.100.0/24, dev: eth0, metric: 5, table: 100 }
      - to: default
        via: 192.0.2.1
      - 2001:db8:9::/48 via 2001:db8::9
  a: {}
  app: { attach: container:web, sysctls: { net.ipv4.conf.eth0/1.forwarding: 1 } }
links:
  - ends: [r, br0]
    mtu: 1400
  - ends:
      - { node: a, name: up0, mac: '02:00:00:00:00:01', address: [192.0.2.7/24, 2001:db8::7/64] }
      - br0:to-a
  - a:e5-br1
  - ends: [app 203.0.113.2/30, host:to-app 203.0.113.1/30]
  - { ends: [a 10.0.0.9/24, lan0] }
  - { macvlan: a:mv0 10.1.0.2/24, parent: host:eth0, mode: private }
  - { vxlan: r, id: 42, local: 192.0.2.2, remote: 192.0.2.9, port: 8472, under: r:eth0 }
  - { tun: a:tun7 }
  - { tap: { node: a, address: 10.2.0.1/24 }, mtu: 1300 }
  - { physical: r:wan, from: eth1 }
nat:
  - { source: 192.0.2.0/24, node: r, out: eth1 }
publish:
  - { port: 80, to: a, to_port: 8080, protocol: udp, address: 192.0.2.1, node: r }
  - { port: 81, to: 192.0.2.7 }
`,
  'links that are worse than they are': `
name: far
nodes: [a, b, c]
links:
  - ends: [a, b]
    impair: { delay: 20ms, jitter: 1.5ms, loss: 0.1%, duplicate: 1%, reorder: 25%, rate: 10mbit }
  - ends: [{ node: b, impair: { rate: 512kbit } }, c]
  - { ends: [c, { node: a, impair: { delay: 150us } }], impair: { delay: 1.5s } }
  - { tap: a, impair: { loss: 100% } }
  - { physical: a, from: eth1, impair: { rate: 1gbit } }
`,
  'aliases, used a little': `
name: alias
nodes:
  a: &ns { dns: 192.0.2.53 }
  b: *ns
links: [a-b]
`,
  'a name with dashes': `
name: dashes
nodes: [a-b, c]
links: [a-b-c]
`,
};

export interface WrongFile {
  readonly text: string;
  /** Line and column. */
  readonly at: string;
  readonly what: RegExp;
  /** What is said to write, or what was meant. */
  readonly write: RegExp;
  /** The form is right, and what it says is not: a schema takes it. */
  readonly isForm?: true;
}

const NODES = 'name: x\nnodes: [web, db]\n';
const impaired = (words: string): string => `${NODES}links:\n  - ends: [web, db]\n    impair: { ${words} }\n`;

const bomb = ['a: &a [x, x, x, x, x, x, x, x, x, x]'];
for (let index = 1; index < 9; index += 1) {
  const [before, name] = ['abcdefghi'[index - 1], 'abcdefghi'[index]];
  bomb.push(`${name}: &${name} [${Array.from({ length: 10 }, () => `*${before}`).join(', ')}]`);
}

export const wrongFiles: Readonly<Record<string, WrongFile>> = {
  'no map': { text: '- a\n- b\n', at: '1:1', what: /a lab is a list/, write: /nodes:/ },
  nothing: { text: '', at: '1:1', what: /a lab is empty/, write: /nodes:/ },
  'a tab': {
    text: 'name: x\nnodes:\n\tweb:\n',
    at: '3:1',
    what: /no YAML: Tabs are not allowed/,
    write: /spaces, no tabs/,
  },
  'a bracket that does not end': {
    text: 'name: x\nnodes: [web, db\nlinks: []\n',
    at: '3:1',
    what: /no YAML/,
    write: /bracket|line/,
  },
  'a key twice': {
    text: `${NODES}name: y\n`,
    at: '3:1',
    what: /'name' is there twice/,
    write: /one of them/,
  },
  'a node twice': {
    text: 'name: x\nnodes: [web, web]\n',
    at: '2:14',
    what: /two nodes 'web'/,
    write: /another name/,
    isForm: true,
  },
  'a node twice, as a number': {
    text: 'name: x\nnodes:\n  1:\n  "1":\n',
    at: '4:3',
    what: /'1' is there twice/,
    write: /one of them/,
    isForm: true,
  },
  'two labs': { text: `${NODES}---\n${NODES}`, at: '3:1', what: /no YAML/, write: /one lab a file/ },
  'no nodes': { text: 'name: x\nlinks: []\n', at: '1:1', what: /a lab has nodes/, write: /nodes: \{ web/ },
  'a wrong key': { text: `${NODES}lniks: [web-db]\n`, at: '3:1', what: /a lab has no 'lniks'/, write: /links/ },
  'a wrong key of a node': {
    text: 'name: x\nnodes:\n  web: { sysctl: { a: 1 } }\n',
    at: '3:10',
    what: /node web has no 'sysctl'/,
    write: /sysctls/,
  },
  'a kind': {
    text: 'name: x\nnodes:\n  br0: brigde\n',
    at: '3:8',
    what: /kind of br0 cannot be 'brigde'/,
    write: /bridge/,
  },
  'a node that is not there': {
    text: `${NODES}links:\n  - web-dd\n`,
    at: '4:5',
    what: /no node 'dd'/,
    write: /db/,
    isForm: true,
  },
  'a link that is none': { text: `${NODES}links: [web]\n`, at: '3:9', what: /'web' is no link/, write: /web-br0/ },
  'one end': {
    text: `${NODES}links:\n  - ends: [web]\n`,
    at: '4:11',
    what: /a link has two ends/,
    write: /ends: \[web, br0\]/,
  },
  'a link with itself': {
    text: `${NODES}links: [web-web]\n`,
    at: '3:9',
    what: /both ends are in web/,
    write: /two nodes/,
    isForm: true,
  },
  'two ways to read it': {
    text: 'name: x\nnodes: [a, b, a-b, b-a]\nlinks: [a-b-a]\n',
    at: '3:9',
    what: /more than one way/,
    write: /ends: \[a, b-c\]/,
    isForm: true,
  },
  'an address without its net': {
    text: `${NODES}links:\n  - ends: [web 10.0.0.1, db]\n`,
    at: '4:12',
    what: /'10.0.0.1' is no address with the length/,
    write: /10\.0\.0\.1\/24/,
    isForm: true,
  },
  'an octal address': {
    text: `${NODES}links:\n  - ends: [web 010.0.0.1/24, db]\n`,
    at: '4:12',
    what: /'010.0.0.1\/24' is no address/,
    write: /10\.0\.0\.1\/24/,
    isForm: true,
  },
  "a net's own address": {
    text: `${NODES}links:\n  - ends: [web 10.0.0.0/24, db]\n`,
    at: '4:12',
    what: /no machine can have 10.0.0.0\/24/,
    write: /another address of 10.0.0.0\/24/,
    isForm: true,
  },
  'an mtu': {
    text: `${NODES}links: [{ ends: [web, db], mtu: 9x }]\n`,
    at: '3:33',
    what: /mtu cannot be '9x'/,
    write: /from 68 to 65535/,
  },
  'a link address of many': {
    text: `${NODES}links: [{ ends: [{ node: web, mac: '01:00:5e:00:00:01' }, db] }]\n`,
    at: '3:36',
    what: /no link address of one machine/,
    write: /02:00/,
    isForm: true,
  },
  'a delay without a unit': {
    text: impaired('delay: 20'),
    at: '5:22',
    what: /delay cannot be '20'/,
    write: /unit: us, ms, s\n.*20ms/,
  },
  'a loss of more than all': {
    text: impaired('loss: 101%'),
    at: '5:21',
    what: /loss cannot be '101%'/,
    write: /at most 100%/,
    isForm: true,
  },
  'a jitter without delay': {
    text: impaired('jitter: 2ms'),
    at: '5:15',
    what: /jitter is nothing without delay/,
    write: /delay: 20ms/,
  },
  'a jitter of more than the delay': {
    text: impaired('delay: 1ms, jitter: 2ms'),
    at: '5:35',
    what: /jitter is more than delay/,
    write: /at most delay/,
    isForm: true,
  },
  'overtaking without delay': {
    text: impaired('reorder: 25%, rate: 1mbit'),
    at: '5:15',
    what: /reorder is nothing without delay/,
    write: /delay: 20ms/,
  },
  'a rate of nothing': {
    text: impaired('rate: 0mbit'),
    at: '5:21',
    what: /rate cannot be '0mbit'/,
    write: /without rate/,
    isForm: true,
  },
  'a rate in bytes': {
    text: impaired('rate: 10mbps'),
    at: '5:21',
    what: /rate cannot be '10mbps'/,
    write: /kbit, mbit/,
  },
  'an impairment that nobody knows': {
    text: impaired('lose: 1%'),
    at: '5:15',
    what: /impair has no 'lose'/,
    write: /loss/,
  },
  'an impairment that says nothing': {
    text: impaired(''),
    at: '5:13',
    what: /impair says nothing/,
    write: /delay: 20ms/,
  },
  "an impairment of the host's own link": {
    text: `${NODES}links:\n  - { physical: host, from: eth1, impair: { loss: 1% } }\n`,
    at: '4:17',
    what: /stays there is not impaired/,
    write: /a namespace/,
    isForm: true,
  },
  'a vxlan without id': { text: `${NODES}links: [{ vxlan: web }]\n`, at: '3:9', what: /has no 'id'/, write: /id: 42/ },
  'a route': {
    text: 'name: x\nnodes:\n  web: { routes: [default by 10.0.0.1] }\n',
    at: '3:19',
    what: /'default by 10.0.0.1' is no route/,
    write: /default via/,
  },
  'a route of two families': {
    text: 'name: x\nnodes:\n  web: { routes: [10.0.0.0/8 via fd00::1] }\n',
    at: '3:19',
    what: /no way to 10.0.0.0\/8/,
    write: /one family/,
    isForm: true,
  },
  'a route by who is not there': {
    text: 'name: x\nnodes:\n  web: { routes: [default via gw] }\n',
    at: '3:19',
    what: /no node 'gw'/,
    write: /web|one of/,
    isForm: true,
  },
  'a sysctl of the host': {
    text: 'name: x\nnodes:\n  web: { sysctls: { kernel.core_pattern: x } }\n',
    at: '3:21',
    what: /no sysctl of a network/,
    write: /net\.ipv4/,
  },
  'a sysctl that leads away': {
    text: 'name: x\nnodes:\n  web: { sysctls: { net/../kernel/core_pattern: x } }\n',
    at: '3:21',
    what: /no sysctl of a network/,
    write: /net\.ipv4/,
  },
  'a pool': {
    text: 'name: x\npool: 10.9.0.1/16\nnodes: [a]\n',
    at: '2:7',
    what: /is an address, and a net is wanted/,
    write: /10\.9\.0\.0\/16/,
    isForm: true,
  },
  'a pool without room': {
    text: 'name: x\npool: 10.9.0.0/31\nnodes: [a, b]\nlinks: [a-b]\n',
    at: '4:9',
    what: /no room for another net/,
    write: /a larger one/,
    isForm: true,
  },
  'nat of no bridge': {
    text: `${NODES}nat: [web]\n`,
    at: '3:7',
    what: /'web' is no bridge/,
    write: /nat: \[br0\]/,
    isForm: true,
  },
  'a port': {
    text: `${NODES}publish: ['8080:80']\n`,
    at: '3:11',
    what: /'8080:80' says no port of a node/,
    write: /8080:web:80/,
  },
  'a port that is too high': {
    text: `${NODES}publish: ['8080:web:80000']\n`,
    at: '3:11',
    what: /cannot be '80000'/,
    write: /from 1 to 65535/,
    isForm: true,
  },
  'an expectation': {
    text: `${NODES}expect:\n  - web reach db\n  - web reaches db\n`,
    at: '5:5',
    what: /'web reaches db' is no expectation/,
    write: /web reach db/,
  },
  'an expectation of nobody': {
    text: `${NODES}expect: [wbe reach db]\n`,
    at: '3:10',
    what: /no namespace 'wbe'/,
    write: /web/,
    isForm: true,
  },
  'an expectation of a port': {
    text: `${NODES}expect: [web port db:0]\n`,
    at: '3:10',
    what: /'db:0' is no port/,
    write: /db:80/,
    isForm: true,
  },
  'an address of a port of a bridge': {
    text: 'name: x\nnodes: { web: , br0: bridge }\nlinks: [{ ends: [web, br0 10.0.0.1/24] }]\n',
    at: '3:23',
    what: /a port of a bridge has no address/,
    write: /br0: \{ kind: bridge/,
    isForm: true,
  },
  "somebody else's bridge without addresses": {
    text: 'name: x\nnodes: { web: , br0: { kind: bridge, use: true } }\nlinks: [web-br0]\n',
    at: '3:9',
    what: /foreign bridge/,
    write: /with an address/,
    isForm: true,
  },
  'a bridge in a bridge': {
    text: 'name: x\nnodes: { br0: bridge, br1: { kind: bridge, in: br0 } }\n',
    at: '2:48',
    what: /'br0' is a bridge/,
    write: /in: a namespace/,
    isForm: true,
  },
  'a tag': { text: 'name: !!js/function "x"\nnodes: [a]\n', at: '1:7', what: /Unresolved tag/, write: /without a tag/ },
  'too much by aliases': {
    text: `${bomb.join('\n')}\nname: x\nnodes: *i\n`,
    at: '2:8',
    what: /more than 50000 parts/,
    write: /fewer aliases/,
  },
  'an alias of itself': {
    text: 'name: x\nnodes: &a\n  web: *a\n',
    at: '3:3',
    what: /nests too deep/,
    write: /nodes and links/,
  },
  'a loopback that is there': {
    text: 'name: x\nnodes: [a, b]\nlinks:\n  - ends: [a:lo, b]\n',
    at: '4:12',
    what: /there is another link 'lo' in a/,
    isForm: true,
    write: /another name/,
  },
  'a bridge that no kernel makes': {
    text: 'name: x\nnodes:\n  all: bridge\n',
    at: '3:3',
    what: /'all' cannot be the name of a bridge/,
    isForm: true,
    write: /at most 15 letters/,
  },
  'IPv6 on a link that is too small for it': {
    text: 'name: x\nnodes: [a, b]\nlinks:\n  - { ends: [a fd00::1/64, b], mtu: 1000 }\n',
    at: '4:14',
    what: /fd00::1 is not for a link of mtu 1000/,
    isForm: true,
    write: /mtu: 1280/,
  },
  'too deep': {
    text: `name: x\nnodes: ${'['.repeat(20_000)}${']'.repeat(20_000)}\n`,
    at: '2:28',
    what: /nests too deep/,
    write: /nodes and links/,
  },
};

/** Names that would do harm in a path, a message of the kernel or a rule. Each stands where a name is written. */
export const hostileNames: readonly string[] = [
  '../x',
  '..',
  '.',
  '/etc/passwd',
  'a/b',
  '-rf',
  'a b',
  'a\nb',
  'a\tb',
  'a\u0000b',
  'ü',
  '\u202Eevil',
  'a;b',
  '$(id)',
  "a'b",
  'a"b',
  '{',
  '',
  'x'.repeat(64),
];
