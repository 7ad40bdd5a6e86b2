/** Bytes that a person types: text, hexadecimal digits, or none at all, which is not the same as empty. */
export interface BytesField {
  encoding: 'null' | 'utf8' | 'hex';
  text: string;
}

export function emptyField(encoding: BytesField['encoding']): BytesField {
  return { encoding, text: '' };
}

/** What is wrong with the digits; null when the field can be sent. */
export function hexProblem({ encoding, text }: BytesField): string | null {
  if (encoding !== 'hex') return null;
  const digits = text.replace(/\s+/g, '');
  if (!/^[0-9a-fA-F]*$/.test(digits)) return 'Use the digits 0–9 and a–f only.';
  return digits.length % 2 === 0 ? null : 'A byte has two digits: one is missing.';
}

/** As the contract carries it. */
export function toPayload({ encoding, text }: BytesField): BytesField {
  return { encoding, text: encoding === 'null' ? '' : text };
}
