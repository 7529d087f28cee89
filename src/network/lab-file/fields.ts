// What a part of a lab file has to be: each of these takes a tree, and gives its value or says what is wrong with it.

import { parseAddress, formatAddress } from '../../kernel/netlink/address-text.ts';
import { ipNetText, isMachineOf, isOrdinary, netText, parseIpNet, type IpNet } from '../ip-net.ts';
import { unknownWord, wrong, type MapEntry, type MapTree, type Place, type ScalarTree, type Tree } from './tree.ts';

/** A text with its place, for what is found out later. */
export interface Word {
  readonly text: string;
  readonly at: Place;
}

export type Fields = ReadonlyMap<string, MapEntry>;

export function requireMap(tree: Tree, what: string, example: string): MapTree {
  if (tree.type === 'map') return tree;
  throw wrong(tree.at, `${what} is ${kindOf(tree)}, and takes names with values`, example);
}

/** `keys`: all that it may have. */
export function fieldsOf(tree: MapTree, what: string, keys: readonly string[]): Fields {
  for (const { key, at } of tree.entries)
    if (!keys.includes(key)) throw unknownWord(at, `${what} has no '${key}'`, key, keys);
  return new Map(tree.entries.map((entry) => [entry.key, entry]));
}

/** One alone is a list of one. */
export function listOf(tree: Tree | undefined): readonly Tree[] {
  if (tree === undefined || isNothing(tree)) return [];
  return tree.type === 'list' ? tree.items : [tree];
}

/** A list, even of one. */
export function requireList(tree: Tree | undefined, what: string, example: string): readonly Tree[] {
  if (tree === undefined || isNothing(tree)) return [];
  if (tree.type === 'list') return tree.items;
  throw wrong(tree.at, `${what} is ${kindOf(tree)}, and takes a list`, example);
}

export function isNothing(tree: Tree): boolean {
  return tree.type === 'scalar' && tree.value === null;
}

/** Of a number it is how that is written. */
export function requireWord(tree: Tree, what: string, example: string): Word {
  if (tree.type === 'scalar' && (typeof tree.value === 'string' || typeof tree.value === 'number'))
    return { text: tree.text, at: tree.at };
  throw wrong(tree.at, `${what} is ${kindOf(tree)}, and takes a word`, example);
}

/** From `least` to `most`. */
export function requireNumber(tree: Tree, what: string, least: number, most: number): number {
  const value = tree.type === 'scalar' ? tree.value : null;
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
  throw wrong(tree.at, `${what} cannot be ${shown(tree)}`, `a number from ${least} to ${most}`);
}

export function requireBoolean(tree: Tree, what: string): boolean {
  if (tree.type === 'scalar' && typeof tree.value === 'boolean') return tree.value;
  throw wrong(tree.at, `${what} cannot be ${shown(tree)}`, 'true or false');
}

export function requireOneOf<T extends string>(tree: Tree, what: string, known: readonly T[]): T {
  const text = tree.type === 'scalar' ? tree.text : '';
  const found = known.find((each) => each === text);
  if (found !== undefined) return found;
  throw unknownWord(tree.at, `${what} cannot be ${shown(tree)}`, text, known);
}

/** An address with the length of its net, that a machine can have. */
export function requireNet(word: Word): IpNet {
  const net = parseIpNet(word.text);
  if (net === undefined)
    throw wrong(word.at, `'${word.text}' is no address with the length of its net`, '10.0.0.1/24, or fd00::1/64');
  if (!isOrdinary(net.address) || !isMachineOf(net, net.address))
    throw wrong(word.at, `no machine can have ${ipNetText(net)}`, `another address of ${netText(net)}`);
  return net;
}

/** A net alone: bits after its prefix are not taken, as they would mean nothing. */
export function requireWholeNet(word: Word): IpNet {
  const net = parseIpNet(word.text);
  if (net === undefined) throw wrong(word.at, `'${word.text}' is no net`, '10.9.0.0/16, or fd00:9::/48');
  if (netText(net) !== ipNetText(net))
    throw wrong(word.at, `'${word.text}' is an address, and a net is wanted`, netText(net));
  return net;
}

/** As inet_ntop(3) has it; undefined: it is no address. */
export function addressOf(text: string): string | undefined {
  const bytes = parseAddress(text);
  return bytes === undefined ? undefined : formatAddress(bytes);
}

export function requireAddress(word: Word): string {
  const address = addressOf(word.text);
  if (address === undefined) throw wrong(word.at, `'${word.text}' is no IP address`, '10.0.0.1, or fd00::1');
  return address;
}

function kindOf(tree: Tree): string {
  if (tree.type !== 'scalar') return tree.type === 'map' ? 'a map' : 'a list';
  return tree.value === null ? 'empty' : `'${shortened(tree)}'`;
}

function shown(tree: Tree): string {
  return tree.type === 'scalar' && tree.value !== null ? `'${shortened(tree)}'` : kindOf(tree);
}

const LONGEST_SHOWN = 60;

function shortened({ text }: ScalarTree): string {
  return text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}…` : text;
}
