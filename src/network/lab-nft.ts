// What a namespace has of nftables, for a plan.

import { errorOfGap, NsError } from '../kernel/error.ts';
import type { Gap, Host, Reading } from '../kernel/host.ts';
import { decodeChains, decodeNftRules, decodeTables, encodeNftDump } from '../kernel/nftables/decode-objects.ts';
import type { NftChain, NftRule, NftTable } from '../kernel/nftables/objects.ts';

export interface NftSight {
  readonly tables: readonly NftTable[];
  readonly chains: readonly NftChain[];
  readonly rules: readonly NftRule[];
}

/** `door`: null: our own. Errors: UNSUPPORTED, DENIED. */
export function nftSight(host: Host, door: string | null): NftSight {
  const ask = <T>(
    what: 'GETTABLE' | 'GETCHAIN' | 'GETRULE',
    decode: (datagrams: readonly Uint8Array[], what: string) => Reading<readonly T[]>,
  ): readonly T[] => {
    const answer = host.netlink(encodeNftDump(what, door ?? undefined));
    const decoded = answer.ok ? decode(answer.value, 'nftables') : answer;
    if (!decoded.ok) throw nftError(decoded.gap);
    return decoded.value;
  };
  return {
    tables: ask('GETTABLE', decodeTables),
    chains: ask('GETCHAIN', decodeChains),
    rules: ask('GETRULE', decodeNftRules),
  };
}

function nftError(why: Gap): NsError {
  if (why.reason !== 'unsupported') return errorOfGap(why, 'cannot see what nftables has');
  return new NsError('UNSUPPORTED', {
    what: 'this kernel has no nftables, and without it there is no NAT',
    why: `${why.what}: ${why.errno ?? why.reason}`,
    tryThis:
      'modprobe nf_tables; or a kernel with CONFIG_NF_TABLES, CONFIG_NF_TABLES_INET, CONFIG_NFT_NAT, CONFIG_NFT_MASQ',
  });
}
