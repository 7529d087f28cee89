// A rule of iptables-legacy as iptables-save(8) has it, without its chain.

import { formatAddress } from '../netlink/address-text.ts';
import { textOf } from '../netlink/message.ts';
import type { LegacyRule, LegacySelector } from './decode-table.ts';
import { decodeXtMatch, type XtFamily } from './match.ts';
import { decodeXtTarget } from './target.ts';

const PROTOCOLS: Readonly<Record<number, string>> = {
  1: 'icmp',
  6: 'tcp',
  17: 'udp',
  47: 'gre',
  50: 'esp',
  51: 'ah',
  58: 'ipv6-icmp',
  132: 'sctp',
};

export function savedRule({ selector, matches, target }: LegacyRule, family: XtFamily): string {
  const words = [
    ...selectorWords(selector),
    ...matches.map(({ name, revision, info }) => decodeXtMatch(name, revision, info, family).text),
  ];
  if (target.code === 'target') {
    const { name, revision, info } = target.target;
    words.push(decodeXtTarget(name, revision, info, family).text);
  } else if ('chain' in target) words.push(`${target.code === 'goto' ? '-g' : '-j'} ${target.chain}`);
  else if (target.code !== 'continue') words.push(`-j ${target.code.toUpperCase()}`);
  return words.join(' ');
}

function selectorWords(selector: LegacySelector): readonly string[] {
  const { inverted, iif, oif, protocol } = selector;
  const word = (key: keyof typeof inverted, option: string, text: string): readonly string[] =>
    text === '' ? [] : [`${inverted[key] ? '! ' : ''}${option} ${text}`];
  return [
    ...word('source', '-s', netText(selector.source, selector.sourceMask)),
    ...word('destination', '-d', netText(selector.destination, selector.destinationMask)),
    ...word('iif', '-i', nameText(iif)),
    ...word('oif', '-o', nameText(oif)),
    ...word('protocol', '-p', protocol === 0 ? '' : (PROTOCOLS[protocol] ?? String(protocol))),
    ...(selector.isFragment ? ['-f'] : []),
  ];
}

function netText(address: Uint8Array, mask: Uint8Array): string {
  const bits = Array.from(mask, (byte) => byte.toString(2).padStart(8, '0')).join('');
  const length = bits.replace(/0+$/, '').length;
  if (length === 0) return '';
  const isPrefix = !bits.slice(0, length).includes('0');
  return `${formatAddress(address)}/${isPrefix ? length : formatAddress(mask)}`;
}

/** A whole name counts with its NUL. */
function nameText(name: Uint8Array): string {
  if (name.length === 0) return '';
  const text = textOf(name) ?? '';
  return name.includes(0) || text.endsWith('+') ? text : `${text}+`;
}
