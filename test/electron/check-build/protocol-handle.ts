/** `protocol.handle` (Electron 25) and the `Response` it wants, over what Electron 22 has. */
import { protocol } from 'electron';

class SmallResponse {
  readonly body: Uint8Array;
  readonly status: number;
  readonly headers: Record<string, string>;

  constructor(body: Uint8Array | string, init: { status?: number; headers?: Record<string, string> } = {}) {
    this.body = typeof body === 'string' ? Buffer.from(body) : body;
    this.status = init.status ?? 200;
    this.headers = init.headers ?? {};
  }
}

/** As Electron 22 has it; the types are those of a later one. */
interface OldProtocol {
  handle?: unknown;
  registerBufferProtocol(
    scheme: string,
    handler: (
      request: { url: string; method: string },
      answer: (response: { statusCode: number; headers: Record<string, string>; data: Buffer }) => void,
    ) => void,
  ): boolean;
}

const old = protocol as unknown as OldProtocol;

if (typeof old.handle !== 'function') {
  if (!('Response' in globalThis)) Object.defineProperty(globalThis, 'Response', { value: SmallResponse, configurable: true });
  old.handle = (scheme: string, handler: (request: { url: string; method: string }) => Promise<SmallResponse>): void => {
    old.registerBufferProtocol(scheme, (request, answer) => {
      handler(request).then(
        ({ status, headers, body }) => answer({ statusCode: status, headers, data: Buffer.from(body) }),
        (error: unknown) => answer({ statusCode: 500, headers: {}, data: Buffer.from(String(error)) }),
      );
    });
  };
}
