// Writes fixtures/netlink/firewall.ndjson: all that a router's rules are read from, as a recorded host. Needs root, nft
// and iptables.
//
//   npx tsx scripts/capture-firewall.ts

import { writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { fileURLToPath } from 'node:url';
import { linuxHost } from '../src/host/linux/linux-host.ts';
import { formatArchive, type ArchiveHeader } from '../src/host/recorded/archive.ts';
import { recording } from '../src/host/recorded/recorder.ts';
import { readRuleset } from '../src/network/firewall/read-ruleset.ts';
import { DOCKER_RULES, legacy } from '../test/support/firewall-cases.ts';
import { FirewallLab } from '../test/support/firewall-lab.ts';
import { FIREWALL_RULES } from '../test/support/firewall-rules.ts';
import { withoutLocalVersion } from './anonymise.ts';

const file = fileURLToPath(new URL('../fixtures/netlink/firewall.ndjson', import.meta.url));
const host = linuxHost();
const header: ArchiveHeader = {
  nstool_recording: 1,
  date: new Date().toISOString().slice(0, 10),
  kernel: withoutLocalVersion(release()),
  distribution: 'Debian GNU/Linux 12',
  made_by: 'scripts/capture-firewall.ts',
  anonymised: true,
  self: { pid: 7, uid: 0 },
};

const lab = await FirewallLab.start();
try {
  await lab.script(`nft -f - <<'EOF'\n${FIREWALL_RULES}\nEOF\n${DOCKER_RULES}`);
  await lab.script(
    legacy(
      'iptables -N inner; iptables -A FORWARD -s 192.0.2.0/24 -p tcp -m tcp --dport 23 -j inner; iptables -A inner -j DROP',
    ),
  );
  const recorder = recording(host);
  readRuleset(recorder.host, lab.door);
  writeFileSync(file, formatArchive(header, recorder.entries()).replaceAll(lab.door, '/run/netns/router'));
} finally {
  await lab.end();
}
