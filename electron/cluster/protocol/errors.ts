/** Bytes that violate the protocol. The connection that sent them is closed; nothing else is affected. */
export class ProtocolError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'ProtocolError';
  }
}
