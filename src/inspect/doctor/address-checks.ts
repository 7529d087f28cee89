// What is wrong with the address that a packet leaves with.

import { fixIn, finding, type Finding } from './finding.ts';
import type { Hop } from './path.ts';
import type { Sight } from './sight.ts';

/** Source: include/uapi/linux/if_addr.h. */
const IFA_F_DADFAILED = 0x08;
const IFA_F_OPTIMISTIC = 0x04;
const IFA_F_TENTATIVE = 0x40;

export function addressChecks(sight: Sight, { place, iif, oif, came, routed, end }: Hop): readonly Finding[] {
  const mine = iif === null ? [came.source] : end.is === 'delivered' ? [routed.destination] : [];
  // IPv6 does not even choose an address that is not in use yet.
  const waiting =
    iif === null && oif !== null && came.destination.includes(':')
      ? place.addresses?.filter(
          (one) => one.ifindex === oif.ifindex && one.family === 'inet6' && one.scope === 'global',
        )
      : [];
  const all = [...(place.addresses ?? []).filter(({ address }) => mine.includes(address)), ...(waiting ?? [])];
  const unusable =
    all.find(({ flags }) => (flags & IFA_F_DADFAILED) !== 0) ??
    all.find(({ flags }) => (flags & (IFA_F_TENTATIVE | IFA_F_OPTIMISTIC)) === IFA_F_TENTATIVE);
  if (unusable === undefined) return [];
  const link = place.byIndex.get(unusable.ifindex)?.name ?? String(unusable.ifindex);
  const hasFailed = (unusable.flags & IFA_F_DADFAILED) !== 0;
  const text = `${unusable.address}/${unusable.prefixLength}`;
  const why = hasFailed ? 'another one on that link has it' : 'it is being found out whether another one has it';
  return [
    finding(
      'D5',
      place,
      `the address ${unusable.address} of ${link} in ${sight.of(place).name} is not in use: ${why}`,
      {
        link,
        certainty: hasFailed ? 'certain' : 'possible',
        evidence: [`${link}: ${text} ${hasFailed ? 'dadfailed' : 'tentative'}`],
        fix: fixIn(
          sight,
          place,
          ['ip', 'address', 'replace', text, 'dev', link, 'nodad'],
          'takes it without asking; only if nobody else has it',
        ),
      },
    ),
  ];
}
