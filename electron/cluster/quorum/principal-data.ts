/** The serialized form of a principal: a version, then Apache Kafka's `DefaultPrincipalData` (KIP-590). */
import { ProtocolError } from '../protocol/errors.ts';
import { Reader } from '../protocol/reader.ts';
import { bool, defineMessage, string } from '../protocol/schema.ts';
import { Writer } from '../protocol/writer.ts';
import type { Principal } from '../security/session.ts';

const VERSION = 0;

const principalData = defineMessage({
  name: 'DefaultPrincipalData',
  versions: [VERSION, VERSION],
  flexible: 0,
  fields: {
    type: string('0+'),
    name: string('0+'),
    tokenAuthenticated: bool('0+', { default: false }),
  },
});

export function encodePrincipal(principal: Principal): Buffer {
  const writer = new Writer();
  writer.int16(VERSION);
  principalData.codec(VERSION).encode(writer, principal);
  return writer.finishBuffer();
}

/** Throws `ProtocolError`. */
export function decodePrincipal(data: Uint8Array): Principal {
  const reader = new Reader(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
  const version = reader.int16();
  if (version !== VERSION) throw new ProtocolError(`a principal has version ${version}; ${VERSION} is known`);
  const { type, name } = principalData.codec(VERSION).decode(reader);
  return { type, name };
}
