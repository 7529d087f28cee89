// resolv.conf: whom a process asks for names. Source: resolv.conf(5). Lines of other words are passed over, as the C
// library does.

import { decodeText } from './text.ts';

export interface ResolverConfiguration {
  /** As they are written: addresses, if it is right. */
  readonly nameservers: readonly string[];
  /** Domains to try; the last line of `search` or `domain` wins. */
  readonly search: readonly string[];
  readonly options: readonly string[];
}

export function parseResolvConf(bytes: Uint8Array): ResolverConfiguration {
  const nameservers: string[] = [];
  const options: string[] = [];
  let search: readonly string[] = [];
  for (const line of decodeText(bytes).split('\n')) {
    const [word = '', ...rest] = line.split(/[ \t]+/);
    const [first] = rest;
    if (word === 'nameserver' && first !== undefined && first !== '') nameservers.push(first);
    if (word === 'search' || word === 'domain') search = rest.filter(Boolean);
    if (word === 'options') options.push(...rest.filter(Boolean));
  }
  return { nameservers, search, options };
}
