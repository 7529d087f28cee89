// What people are told by a rule of whose it is.

import { decodeText } from '../text/text.ts';
import type { NftRule } from './objects.ts';

/** Of nft(8), or of `iptables -m comment`. Absent (null): it has none. */
export function ruleComment({ comment, expressions }: Pick<NftRule, 'comment' | 'expressions'>): string | null {
  if (comment !== null) return comment;
  const match = expressions.find((each) => each.kind === 'match' && each.name === 'comment');
  if (match?.kind !== 'match') return null;
  const end = match.info.indexOf(0);
  return decodeText(end < 0 ? match.info : match.info.subarray(0, end));
}
