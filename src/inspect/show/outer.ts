// The containers that a container runs in.

import { containerName } from '../../containers/display-name.ts';
import type { ProcessLook } from './process-look.ts';
import { many, type Field } from './report.ts';

/** From the outermost in. */
export function outerField({ identity }: ProcessLook): Field {
  return many(
    'outer',
    identity?.outer ?? null,
    ({ engine, id, name, image }) => ({ engine, id, name, image }),
    (outer) => `${outer.engine ?? '-'} ${containerName(outer) ?? '-'}`,
  );
}
