/** Text about the listeners of the embedded cluster. */
import type { EmbeddedListeners, ListenerAddresses } from '#shared/models/listeners';

/** Whether other machines and containers may reach it; loopback addresses that were chosen are none. */
export function isExposed({ bindHost }: ListenerAddresses): boolean {
  return bindHost !== null && bindHost !== '::1' && !/^127\./.test(bindHost);
}

export function describeListeners({ bindHost, advertisedHost }: ListenerAddresses): string {
  if (bindHost === null && advertisedHost === null) return 'This machine only (127.0.0.1)';
  const bind = bindHost ?? '127.0.0.1';
  const where = bind === '0.0.0.0' ? 'All IPv4 addresses (0.0.0.0)' : bind === '::' ? 'All addresses (::)' : bind;
  return advertisedHost === null ? where : `${where}, advertised as ${advertisedHost}`;
}

/** Choices for the address to bind to; one that is set and not among this machine's is kept. */
export function bindChoices(addresses: EmbeddedListeners['addresses'], current: string | null): { value: string; label: string }[] {
  const choices = [
    { value: '0.0.0.0', label: 'All IPv4 addresses (0.0.0.0)' },
    { value: '::', label: 'All IPv4 and IPv6 addresses (::)' },
    ...addresses.map((one) => ({ value: one.address, label: `${one.address} (${one.interface})` })),
  ];
  if (current !== null && !choices.some(({ value }) => value === current)) {
    choices.push({ value: current, label: `${current} (not an address of this machine now)` });
  }
  return choices;
}

export const NO_AUTHENTICATION =
  'There is no authentication yet: every client that reaches this address can read, change and delete everything in the embedded cluster.';
