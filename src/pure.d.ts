// All that a pure room may use beyond the language itself. Anything else a runtime offers (process, Buffer, console,
// timers, node:*) is declared nowhere for these rooms and does not compile.

declare class TextDecoder {
  constructor(label?: 'utf-8' | 'latin1', options?: { fatal?: boolean; ignoreBOM?: boolean });
  decode(input?: Uint8Array): string;
}

declare class TextEncoder {
  encode(input?: string): Uint8Array;
}
