// What a lab file expects of its network: `web reach db`, `web not port db:22`.

import { isDnsName } from '../../kernel/packets/dns.ts';
import type { LabExpectation } from '../expectation.ts';
import { HOST } from '../lab.ts';
import { addressOf, requireList, requireWord } from './fields.ts';
import type { FileNode } from './lab-file.ts';
import { unknownWord, wrong, type Place, type Tree } from './tree.ts';

const MOST_EXPECTATIONS = 1000;
const EXAMPLE =
  'web reach db; web not reach 10.9.9.9; web port db:80; web name db.test is 10.0.0.3; web mtu 1400 to db';

export function readExpect(tree: Tree | undefined, nodes: readonly FileNode[]): readonly LabExpectation[] {
  const items = requireList(tree, 'expect', "expect: ['web reach db']");
  const beyond = items[MOST_EXPECTATIONS];
  if (beyond !== undefined) throw wrong(beyond.at, `more than ${MOST_EXPECTATIONS} expectations`, 'fewer');
  return items.map((item) => readExpectation(item, nodes));
}

function readExpectation(tree: Tree, nodes: readonly FileNode[]): LabExpectation {
  const { text, at } = requireWord(tree, 'an expectation', EXAMPLE);
  const [from = '', ...words] = text.split(/\s+/);
  const places = [HOST, ...nodes.filter(({ kind }) => kind !== 'bridge').map(({ name }) => name)];
  if (!places.includes(from))
    throw unknownWord(at, `there is no namespace '${from}' that could send anything`, from, places);
  const isNot = words[0] === 'not';
  const [verb, ...rest] = isNot ? words.slice(1) : words;
  const base = { text, from, isNot };
  const target = (word: string): string => requireTarget(word, at, nodes);
  const no = (): Error => wrong(at, `'${text}' is no expectation`, EXAMPLE);
  const [first, second, third, ...more] = rest;
  if (first === undefined || more.length > 0) throw no();
  if (verb === 'reach' && second === undefined) return { ...base, kind: 'reach', to: target(first) };
  if (verb === 'port' && second === undefined) {
    const [, to = '', port = ''] = /^(.+):(\d{1,5})$/.exec(first) ?? [];
    if (Number(port) < 1 || Number(port) > 65_535)
      throw wrong(at, `'${first}' is no port of a node`, 'db:80, [fd00::3]:80');
    return { ...base, kind: 'port', to: target(to.replace(/^\[(.*)\]$/, '$1')), port: Number(port) };
  }
  if (verb === 'name' && (second === undefined || (second === 'is' && third !== undefined))) {
    if (!isDnsName(first)) throw wrong(at, `'${first.slice(0, 70)}' is no name that can be asked for`, 'db.test');
    return { ...base, kind: 'name', name: first, is: third === undefined ? null : target(third) };
  }
  if (verb === 'mtu' && second === 'to' && third !== undefined) {
    const size = /^\d{1,5}$/.test(first) ? Number(first) : 0;
    if (size < 68 || size > 65_535) throw wrong(at, `'${first}' is no size of a packet`, 'a number from 68 to 65535');
    return { ...base, kind: 'mtu', size, to: target(third) };
  }
  throw no();
}

/** An address, or the name of a node. */
function requireTarget(word: string, at: Place, nodes: readonly FileNode[]): string {
  const address = addressOf(word);
  if (address !== undefined) return address;
  const names = [HOST, ...nodes.map(({ name }) => name)];
  if (names.includes(word)) return word;
  throw unknownWord(at, `'${word}' is no IP address and no node`, word, names);
}
