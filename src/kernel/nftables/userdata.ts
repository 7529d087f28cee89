// What nft(8) notes in tables, chains, rules and elements for itself: type, length, text, again and again. The kernel does
// not read it. Source: libnftnl, udata.h.

import { NFTNL_UDATA_COMMENT } from '../abi/netfilter.ts';
import { decodeText } from '../text/text.ts';

/** Absent (null): it has none. */
export function commentIn(bytes: Uint8Array | undefined): string | null {
  if (bytes === undefined) return null;
  for (let offset = 0; offset + 2 <= bytes.length;) {
    const [type, length = 0] = bytes.subarray(offset, offset + 2);
    const body = bytes.subarray(offset + 2, offset + 2 + length);
    if (type === NFTNL_UDATA_COMMENT && body.length === length) {
      const end = body.indexOf(0);
      return decodeText(end < 0 ? body : body.subarray(0, end));
    }
    offset += 2 + length;
  }
  return null;
}
