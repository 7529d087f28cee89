// Who traces a process, read.

import { valueOf, type Host } from './host.ts';
import { parseTracer } from './text/tracer.ts';

/** The pid of its tracer. null: nobody traces it, or it is not told. */
export function tracerOf(host: Pick<Host, 'readFile'>, pid: number): number | null {
  const path = `/proc/${pid}/status`;
  const bytes = valueOf(host.readFile(path));
  const tracer = bytes === undefined ? undefined : valueOf(parseTracer(bytes, path));
  return tracer === undefined || tracer === 0 ? null : tracer;
}
