// Whom those in a network namespace ask for names.

import { parseResolvConf, type ResolverConfiguration } from '../../kernel/text/resolv-conf.ts';
import { findNetworkFile } from '../network-file.ts';
import type { NamespaceLook } from './namespace-look.ts';
import { plain, type Field } from './report.ts';

const KEY = 'resolv_conf';

export function resolvConfField(look: NamespaceLook): Field {
  const found = look.known('resolv.conf', findNetworkFile(look.host, look.namespace, look.isOurs, 'resolv.conf'));
  if (found === null) return plain(KEY, null);
  const configuration = parseResolvConf(found.bytes);
  const { nameservers, search, options } = configuration;
  const { file } = found;
  return { key: KEY, value: { file, nameservers, search, options }, lines: [file, ...linesOf(configuration)] };
}

function linesOf({ nameservers, search, options }: ResolverConfiguration): readonly string[] {
  return [
    ...nameservers.map((server) => `nameserver ${server}`),
    ...(search.length === 0 ? [] : [`search ${search.join(' ')}`]),
    ...(options.length === 0 ? [] : [`options ${options.join(' ')}`]),
  ];
}
