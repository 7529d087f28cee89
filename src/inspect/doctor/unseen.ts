// What was not looked at on a way, so that nobody takes silence for more than it is.

import { conditionsOf } from './link-checks.ts';
import type { Path } from './path.ts';
import type { Sight } from './sight.ts';

const BEYOND: Readonly<Record<string, string>> = {
  physical: 'the network behind it',
  hidden: 'the namespace behind it, which nothing leads to',
  program: 'the program that has it',
  tunnel: 'the tunnel that it is',
  other: 'what it leads to',
};

/** Each as a sentence's end: "not looked at: …". */
export function unseenOn(sight: Sight, { hops }: Path): readonly string[] {
  const found: string[] = [];
  for (const { place, oif, end, answer } of hops) {
    const name = sight.of(place).name;
    if (end.is === 'leaves') {
      const { exit } = end;
      found.push(
        `${BEYOND[exit.why] ?? 'what comes after it'}: the way goes on by ${exit.link.name} in ${sight.of(exit.place).name}, and nobody sees what comes back`,
      );
    }
    if (end.is === 'unknown') found.push(`what ${name} does with it`);
    if (answer.is !== 'unknown' && !answer.byKernel)
      found.push(`the decision of the kernel of ${name}: its tables were read in its place`);
    if (oif !== null && conditionsOf(sight, { place, link: oif })?.hasXdp === true)
      found.push(`the program at ${oif.name} in ${name} (XDP)`);
    const ruleset = sight.of(place).ruleset();
    if (ruleset === null) found.push(`the firewall of ${name}`);
    else if (ruleset.gaps.length > 0) found.push(`all of the firewall of ${name}: some of it could not be read`);
  }
  const last = hops.at(-1);
  if (last?.end.is === 'delivered' && last.routed.protocol !== 'icmp') found.push('what the program at the port does');
  return found;
}
