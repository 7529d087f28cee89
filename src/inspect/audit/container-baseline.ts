// What an engine gives a container that asks for nothing.

import { baselines, type Baseline } from '../../capabilities/baselines.ts';
import type { Identity } from '../../containers/identity.ts';

/** Of engines that have none of their own docker's, which most have taken over. */
export function baselineFor({ engine }: Identity): Baseline {
  const name = engine === 'podman' ? 'podman' : engine === 'cri-o' ? 'crio' : 'docker';
  const found = baselines.find((baseline) => baseline.name === name);
  if (found === undefined) throw new Error(`no baseline ${name}`);
  return found;
}
