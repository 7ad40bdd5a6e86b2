/** Bytes that are not what the protocol says. The connection that sent them is closed; nothing else is touched. */
export class ProtocolError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'ProtocolError';
  }
}
