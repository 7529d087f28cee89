// A host as the reading commands see it, recorded.

import type { Entry } from '../../host/recorded/archive.ts';
import { recording } from '../../host/recorded/recorder.ts';
import { sharedDoors } from '../../host/recorded/shared-doors.ts';
import type { Host } from '../../kernel/host.ts';
import { askAll } from './ask-all.ts';
import { discreetHost, withoutEnvironments } from './discreet-host.ts';

export interface CaptureOptions {
  /** Also the environments of processes, which hold secrets. */
  readonly environments: boolean;
}

/** The answers to all that the commands ask of this host now. Errors: FOREIGN_PROC. */
export async function captureHost(host: Host, { environments }: CaptureOptions): Promise<readonly Entry[]> {
  const recorder = recording(discreetHost(sharedDoors(host)));
  await askAll(environments ? recorder.host : withoutEnvironments(recorder.host));
  return recorder.entries();
}
