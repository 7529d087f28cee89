// What to type where somebody else's firewall drops what a lab's packets need.

import type { ForwardObstacle } from '../../network/lab-forward.ts';
import type { Json } from '../../render/json.ts';
import { quotedVisibly } from '../shell-quoting.ts';

export function obstacleJson(obstacle: ForwardObstacle): Readonly<Record<string, Json>> {
  const { chain, text: rule, isCertain: certain, links, isRouted: routed } = obstacle;
  return { table: tableText(obstacle), chain, rule, certain, links, routed, command: commandText(obstacle) };
}

function tableText({ family, table }: ForwardObstacle): string {
  return `${family} ${table}`;
}

export function obstacleNote(obstacle: ForwardObstacle): string {
  const { chain, links, isRouted, isCertain, text } = obstacle;
  const where = `table ${obstacle.family} ${quotedVisibly(obstacle.table)}, chain ${quotedVisibly(chain)}`;
  const drops = isCertain ? 'drops' : 'may drop';
  const what = isRouted
    ? `what ${links.join(', ')} and others say to each other`
    : `also what only crosses ${links.join(', ')}, as bridge-nf-call-iptables is on`;
  return `${where}, ${drops} ${what} (${text}); to let it pass: ${commandText(obstacle)}`;
}

function commandText(obstacle: ForwardObstacle): string {
  const { links } = obstacle;
  const tool = xtablesOf(obstacle);
  return links
    .flatMap((link) => {
      const name = quotedVisibly(link);
      return tool === undefined ? nft(obstacle, name) : iptables(obstacle, tool, name);
    })
    .join(' && ');
}

/** Of a table that iptables made: by nft(8) it could not read it any more. */
function xtablesOf({ family, table, base }: ForwardObstacle): string | undefined {
  if (family === 'legacy ip') return 'iptables-legacy';
  if (family === 'legacy ip6') return 'ip6tables-legacy';
  if (table !== 'filter' || base.chain !== 'FORWARD') return undefined;
  return family === 'ip' ? 'iptables' : family === 'ip6' ? 'ip6tables' : undefined;
}

function iptables({ into, isRouted }: ForwardObstacle, tool: string, link: string): readonly string[] {
  const insert = `${tool} -I ${quotedVisibly(into)}`;
  if (!isRouted) return [`${insert} -i ${link} -o ${link} -j ACCEPT`];
  return [
    `${insert} -i ${link} -j ACCEPT`,
    `${insert} -o ${link} -m conntrack --ctstate RELATED,ESTABLISHED,DNAT -j ACCEPT`,
  ];
}

function nft({ family, table, into, isRouted }: ForwardObstacle, link: string): readonly string[] {
  const insert = `nft insert rule ${family} ${quotedVisibly(table)} ${quotedVisibly(into)}`;
  if (!isRouted) return [`${insert} iifname ${link} oifname ${link} accept`];
  return [
    `${insert} iifname ${link} accept`,
    `${insert} oifname ${link} ct state established,related accept`,
    `${insert} oifname ${link} ct status dnat accept`,
  ];
}
