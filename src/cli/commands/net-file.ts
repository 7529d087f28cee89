// `net up -f FILE`: from a lab file and what the machine has to a lab.

import { resolveNetwork } from '../../inspect/network-names.ts';
import { NsError } from '../../kernel/error.ts';
import type { Host } from '../../kernel/host.ts';
import type { JournalEntry } from '../../kernel/journal.ts';
import { requireOwnProc } from '../../namespaces/discover/own-proc.ts';
import { ipNetText, overlap, parseIpNet, wholeNet, type IpNet } from '../../network/ip-net.ts';
import type { Word } from '../../network/lab-file/fields.ts';
import type { LabFile } from '../../network/lab-file/lab-file.ts';
import { labOfFile, type AttachedTo, type Surroundings } from '../../network/lab-file/lab-of-file.ts';
import { decodeLab } from '../../network/lab-memory.ts';
import { lookInto } from '../../network/lab-sight.ts';
import { endsOf, requireLabName, type Lab } from '../../network/lab.ts';
import type { Context, Invocation, Outcome } from '../define-command.ts';
import { readLabFile } from '../lab-file.ts';
import { upLab, type LabRun } from './net-lab.ts';

/** Whatever makes a lab without a file. */
const OTHERS = [
  'tutorial',
  'bridge',
  'use-bridge',
  'address',
  'gateway',
  'dns',
  'mtu',
  'ipv6',
  'stp',
  'attach',
  'nat',
  'publish',
];

export async function upFile(invocation: Invocation, context: Context, path: string): Promise<Outcome> {
  const other = OTHERS.find((each) => invocation.options.has(each));
  if (other !== undefined)
    throw new NsError('USAGE', {
      what: `--${other} and --file`,
      why: 'the file says all of the lab',
      tryThis: 'one of them',
    });
  const file = await readLabFile(path, context);
  const name = nameOf(file, path, invocation.operands[0]);
  const host = await context.host();
  return upLab(invocation, context, name, (standing) => runOf(labFromFile(host, file, name, standing), path));
}

/** Errors: BAD_VALUE. */
export function nameOf({ name }: LabFile, path: string, operand: string | undefined): string {
  if (operand !== undefined) return requireLabName(operand);
  if (name !== null) return name.text;
  throw new NsError('BAD_VALUE', { what: `${path}: the lab has no name`, tryThis: 'name: shop' });
}

/** Errors: BAD_VALUE; as of targets and the questions to the host; UNSUPPORTED. */
export function labFromFile(host: Host, file: LabFile, name: string, standing: JournalEntry | null): Lab {
  const before = decodeLab(standing?.note);
  return labOfFile(file, name, {
    taken: takenNets(host, before),
    attach: (word, node) => attachTo(host, word, node, before),
  });
}

/** Of what the host has a way to, but for what the lab itself has made. */
function takenNets(host: Host, before: Lab | undefined): Surroundings['taken'] {
  const own = before === undefined ? [] : addressesOf(before);
  return lookInto(host)
    .routes.flatMap(({ destination, table }): readonly IpNet[] => {
      if (destination === 'default' || table === LOCAL_TABLE) return [];
      const net = destination.includes('/') ? parseIpNet(destination) : wholeNet(destination);
      return net === undefined || net.prefixLength === 0 ? [] : [net];
    })
    .filter((net) => !own.some((each) => overlap(each, net)));
}

/** Of addresses of the host itself. */
const LOCAL_TABLE = 255;

function addressesOf({ nodes, links }: Lab): readonly IpNet[] {
  const bridges = nodes.flatMap((node) => (node.kind === 'bridge' ? node.addresses : []));
  return [...bridges, ...links.flatMap(endsOf).flatMap(({ addresses }) => addresses)];
}

function attachTo(host: Host, word: Word, node: string, before: Lab | undefined): AttachedTo {
  requireOwnProc(host);
  const { inode, door } = resolveNetwork(host, word.text);
  if (door.through.length > 0 || typeof door.at !== 'string')
    throw new NsError('UNSUPPORTED', {
      what: `nothing but a descriptor leads into net:[${inode}]`,
      tryThis: `nstool net attach ${node} ${word.text}; then attach: netns:${node}`,
    });
  const own = before?.links.flatMap(endsOf).filter((end) => end.node === node) ?? [];
  const links = new Set(lookInto(host, door.at).links.keys());
  for (const { link } of own) links.delete(link);
  return { path: door.at, inode, links };
}

function runOf(lab: Lab, path: string): LabRun {
  const { name, expect = [] } = lab;
  const places = lab.nodes.filter((node) => node.kind !== 'bridge');
  const told = places.slice(0, MOST_TOLD).flatMap((node) => {
    const own = lab.links.flatMap(endsOf).filter((end) => end.node === node.name);
    const addresses = own.flatMap((end) => end.addresses).map(ipNetText);
    return addresses.length === 0 ? [] : [`${node.name} has ${addresses.join(' and ')}`];
  });
  return {
    lab,
    what: `net up ${name} -f ${path}`,
    notes: [
      ...told,
      ...(expect.length === 0 ? [] : [`what ${name} is expected to do is tested by nstool net test ${name}`]),
      `away with it: nstool net down ${name}`,
    ],
  };
}

const MOST_TOLD = 10;
