import { NsError } from '../../kernel/error.ts';
import type { Host } from '../../kernel/host.ts';
import type { JournalEntry } from '../../kernel/journal.ts';
import { resolveNetwork } from '../../inspect/network-names.ts';
import { requireOwnProc } from '../../namespaces/discover/own-proc.ts';
import { ipNetText, overlap, wholeNet } from '../../network/ip-net.ts';
import { attachedOf } from '../../network/lab-attach.ts';
import { askedOf, askedText, labOf, type Attached, type LabAsked } from '../../network/lab-words.ts';
import { flag, optionValue, type CommandDefinition, type Invocation } from '../define-command.ts';
import { upLab, type LabRun } from './net-lab.ts';
import { requireThisMachine } from './this-machine.ts';

export const netUp: CommandDefinition = {
  name: 'net up',
  summary: 'a network namespace with a link, an address, a bridge, a route and a resolver, in one',
  operands: '[NAME]',
  arity: [0, 1],
  description: [
    'Makes a network namespace NAME (ns1), as ip-netns(8) has them, with a link eth0 and its address inside, a bridge with',
    'the address of the gateway outside, the default route, and /etc/netns/NAME/resolv.conf. Nothing of the host is changed:',
    'it forwards as before, so who is inside reaches the host and its neighbours on the bridge, and no more than that.',
    '',
    'With --nat or --publish the host forwards, and has a table nstool_NAME of nftables, which nft(8) lists. --publish is for',
    'all addresses of the host but its loopback: that is led inside only where 127.0.0.1 is asked for, and what comes in from',
    'outside to 127.0.0.0/8 is dropped then. A port that the host listens on is refused, and one that leads elsewhere',
    'already, to another network or by rules of somebody else. Of what the host did before nothing is changed; where the',
    'rules of others drop what passes the host, the line that lets it pass is told, and where docker has its chain',
    'DOCKER-USER for that, two rules are added there. When the last network that needs it is gone, the host forwards no',
    'more, if it did not before.',
    '',
    'A plan is made first, and refused where something is in its way: a net that the host has a route to, a nameserver in',
    'it, a link, a bridge, a namespace or a file of somebody else. Then it is carried out step by step, each with its undo in',
    'the journal before. If one fails, all before it is undone at once; after a kill nstool gc does it, or the next net up.',
    'A second net up mends what differs, also from options that it was not made with, and changes nothing else; two at once',
    'wait for each other. nstool net down takes all of it away again.',
    '',
    'With --file it is a lab of many namespaces, bridges and links, with routes, sysctls, names, and what is expected of it',
    '(nstool net test). See docs/lab.md; the schema for editors is schema/lab.schema.json.',
  ],
  options: [
    { long: 'file', short: 'f', value: 'FILE', help: 'the lab that is described there; - is standard input' },
    { long: 'tutorial', help: "the tutorial's names of links: the bridge is lxcbr0, its port lxcbr0.1" },
    { long: 'bridge', value: 'NAME', help: 'of the bridge (nstool0)' },
    { long: 'use-bridge', help: 'the bridge is there, and not ours: only a port is added to it' },
    { long: 'address', value: 'IP/BITS', help: 'inside (192.168.10.11/24)' },
    { long: 'gateway', value: 'IP', help: 'of the bridge (the first address of the net)' },
    { long: 'dns', value: 'IP', help: 'a nameserver for who is inside (8.8.8.8); more than once for more' },
    { long: 'mtu', value: 'BYTES', help: 'of the links' },
    {
      long: 'ipv6',
      value: 'NET',
      optionalValue: true,
      help: 'an IPv6 address too: of this net, or this one (fd6e:7374:c0a8:a00::b/64)',
    },
    { long: 'stp', help: 'the bridge takes part in the spanning tree: links carry nothing for 30 s' },
    { long: 'attach', value: 'TARGET', help: 'into the network of a pid, container:web, ... in place of a new one' },
    { long: 'nat', help: "who is inside reaches what the host reaches, by the host's address" },
    {
      long: 'publish',
      value: '[IP:]PORT:PORT',
      help: "a port of the host's leads to one inside; of UDP with /udp; more than once for more",
    },
    { long: 'dry-run', help: 'print the steps with their reasons, and change nothing' },
    { long: 'json', short: 'J', help: 'as JSON' },
  ],
  examples: [
    { line: 'nstool net up', does: 'ns1 with 192.168.10.11' },
    { line: 'nstool net up lab --address 10.99.0.2/24 --bridge lab0 --dry-run', does: 'what would be made' },
    { line: 'nstool net up --nat --publish 8080:80', does: 'ns1 reaches the world, and the world port 80 of it' },
    { line: 'nstool net up -f lab.yaml --dry-run', does: 'what would be made of a lab file' },
    { line: 'nstool net up two --use-bridge --address 192.168.10.12/24', does: 'another one on the same bridge' },
  ],
  exitStatus: [
    [0, 'it stands'],
    [2, 'the command line is wrong, or something is in the way; nothing was changed'],
    [3, 'there is no such bridge'],
    [4, 'the kernel refused, or another nstool is at work on it; nothing was changed'],
    [5, 'the kernel lacks bridges or veth, nftables, or netem for a lab that is impaired; nothing was changed'],
  ],
  async run(invocation, context) {
    requireThisMachine(invocation);
    const file = optionValue(invocation, 'file');
    if (file !== undefined) return (await import('./net-file.ts')).upFile(invocation, context, file);
    const asked = askedOf({
      name: invocation.operands[0],
      tutorial: flag(invocation, 'tutorial'),
      bridge: optionValue(invocation, 'bridge'),
      useBridge: flag(invocation, 'use-bridge'),
      address: optionValue(invocation, 'address'),
      gateway: optionValue(invocation, 'gateway'),
      dns: invocation.options.get('dns') ?? [],
      mtu: optionValue(invocation, 'mtu'),
      ipv6: ipv6Word(invocation),
      stp: flag(invocation, 'stp'),
      nat: flag(invocation, 'nat'),
      publish: invocation.options.get('publish') ?? [],
    });
    const word = optionValue(invocation, 'attach');
    if (word !== undefined && invocation.options.has('dns'))
      throw new NsError('BAD_VALUE', {
        what: '--dns says nothing to a network with --attach',
        why: 'who is in it has a resolv.conf of his own',
      });
    const host = await context.host();
    return upLab(invocation, context, asked.name, (standing) => {
      const attached = word === undefined ? null : attach(host, word, asked, standing);
      return runOf(asked, attached, word);
    });
  },
};

/** Without a value the option is empty. */
function ipv6Word(invocation: Invocation): string | null | undefined {
  if (!invocation.options.has('ipv6')) return null;
  const word = optionValue(invocation, 'ipv6');
  return word === '' ? undefined : word;
}

/** Errors: as of resolveNetwork; UNSUPPORTED; BAD_VALUE, where it is our own. */
function attach(host: Host, word: string, { name }: LabAsked, standing: JournalEntry | null): Attached {
  requireOwnProc(host);
  const { inode, door } = resolveNetwork(host, word);
  if (door.through.length === 0 && typeof door.at === 'string')
    return attachedOf(host, { name, path: door.at, inode }, standing);
  throw new NsError('UNSUPPORTED', {
    what: `nothing but a descriptor leads into net:[${inode}]`,
    tryThis: `nstool net attach ${name} ${word}; then --attach netns:${name}`,
  });
}

function runOf(asked: LabAsked, attached: Attached | null, word: string | undefined): LabRun {
  const { name, address, gateway, bridge, ipv6 } = asked;
  const addresses = [address, ...(ipv6 === null ? [] : [ipv6.address])].map(ipNetText).join(' and ');
  const inside = attached === null ? name : `${attached.link} in ${word ?? ''}`;
  const far = asked.nameservers.filter((server) => !overlap(address, wholeNet(server)));
  const notes = [
    `${inside} has ${addresses}, and ${gateway} on ${bridge} is its gateway; away with it: nstool net down ${name}`,
    ...(attached === null && far.length > 0 && !asked.nat
      ? [`${far.join(', ')} cannot be reached from ${name}: there is no NAT (--nat)`]
      : []),
    ...(attached !== null && attached.routed.size > 0 ? [`its default route stays as it is`] : []),
  ];
  return { lab: labOf(asked, attached), what: askedText(asked, word), notes };
}
