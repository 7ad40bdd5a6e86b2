/**
 * Stores where Kafka and ZooKeeper clients connect to the embedded cluster. Loopback unless the user chose otherwise: there is no
 * authentication. A change takes effect at the next start, since the addresses are those of every node. A file that cannot be parsed counts
 * as missing, so that no port is opened by accident.
 */
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { dirname } from 'node:path';
import { isWildcard } from '#shared/addresses';
import { advertisedHostProblem, bindAddressProblem, shortestAddress } from './listener-addresses.ts';
import type { EmbeddedListeners, ListenerAddresses } from '#shared/models/listeners';
import { ServiceError } from './errors.ts';
import { messageOf } from '#shared/errors';

const VERSION = 1;
const LOOPBACK_ONLY: ListenerAddresses = { bindHost: null, advertisedHost: null };

export interface EmbeddedListenersOptions {
  /** Null: settings are not stored. */
  readonly file: string | null;
  /** Options of the command line, which take precedence; null where absent. */
  readonly given: ListenerAddresses;
  /** Receives sentences for the user. */
  readonly report: (problem: string) => void;
}

export class EmbeddedListenersService {
  /** Addresses of the cluster of this run. */
  readonly active: ListenerAddresses;
  private readonly options: EmbeddedListenersOptions;
  private saved: ListenerAddresses;

  constructor(options: EmbeddedListenersOptions) {
    this.options = options;
    this.saved = this.read();
    this.active = this.fromCommandLine ? options.given : this.saved;
  }

  state(): EmbeddedListeners {
    const { active, saved, fromCommandLine } = this;
    return { active, saved, fromCommandLine, canSave: this.options.file !== null, addresses: addressesOfThisMachine() };
  }

  /** Stores the addresses for the next start. Throws `ServiceError` INVALID_PAYLOAD with the field, DATA_DIRECTORY. */
  save({ bindHost, advertisedHost }: ListenerAddresses): EmbeddedListeners {
    const { file } = this.options;
    if (file === null) {
      throw new ServiceError({
        code: 'DATA_DIRECTORY',
        message: 'The addresses were not saved: this run of Brokerdesk keeps no settings.',
      });
    }
    const checked = bindHost === null ? LOOPBACK_ONLY : checkAddresses(bindHost.trim(), advertisedHost?.trim() ?? '');
    try {
      store(file, checked);
    } catch (cause) {
      const why = messageOf(cause);
      const message = `The addresses were not saved: ${file} cannot be written: ${why}.`;
      throw new ServiceError({ code: 'DATA_DIRECTORY', message, advice: 'Free some space there or change its permissions.' }, { cause });
    }
    this.saved = checked;
    return this.state();
  }

  private get fromCommandLine(): boolean {
    const { bindHost, advertisedHost } = this.options.given;
    return bindHost !== null || advertisedHost !== null;
  }

  private read(): ListenerAddresses {
    const { file, report } = this.options;
    if (file === null) return LOOPBACK_ONLY;
    let text: string;
    try {
      text = readFileSync(file, 'utf8');
    } catch (error) {
      if (!isMissing(error)) report(`${file} cannot be read: ${String(error)}. The embedded cluster accepts clients of this machine only.`);
      return LOOPBACK_ONLY;
    }
    const parsed = parse(text);
    if (parsed === undefined) report(`${file} cannot be understood. The embedded cluster accepts clients of this machine only.`);
    return parsed ?? LOOPBACK_ONLY;
  }
}

function parse(text: string): ListenerAddresses | undefined {
  try {
    const value = JSON.parse(text) as { version?: unknown; bindHost?: unknown; advertisedHost?: unknown } | null;
    if (value?.version !== VERSION) return undefined;
    const { bindHost, advertisedHost } = value;
    if (bindHost === null) return LOOPBACK_ONLY;
    if (typeof bindHost !== 'string' || (advertisedHost !== null && typeof advertisedHost !== 'string')) return undefined;
    return checkAddresses(bindHost, advertisedHost ?? '');
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof ServiceError) return undefined;
    throw error;
  }
}

function checkAddresses(bindHost: string, advertisedHost: string): ListenerAddresses {
  const bindProblem = bindAddressProblem(bindHost);
  if (bindProblem !== undefined) throw refused('bindHost', `The listen address ${bindProblem}.`);
  const bind = shortestAddress(bindHost);
  if (advertisedHost === '') {
    if (!isWildcard(bind)) return { bindHost: bind, advertisedHost: null };
    throw refused(
      'advertisedHost',
      `Clients need an address that they can reach, and ${bind} is none: enter a host name or an IP address.`,
    );
  }
  const problem = advertisedHostProblem(advertisedHost);
  if (problem !== undefined) throw refused('advertisedHost', `The advertised host ${problem}.`);
  return { bindHost: bind, advertisedHost: shortestAddress(advertisedHost) };
}

function refused(field: keyof ListenerAddresses, message: string): ServiceError {
  return new ServiceError({ code: 'INVALID_PAYLOAD', message, field });
}

function store(file: string, addresses: ListenerAddresses): void {
  const aside = `${file}.${process.pid}.tmp`;
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  try {
    const descriptor = openSync(aside, 'w', 0o600);
    try {
      writeFileSync(descriptor, `${JSON.stringify({ version: VERSION, ...addresses }, null, 2)}\n`);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(aside, file);
  } catch (error) {
    rmSync(aside, { force: true });
    throw error;
  }
}

/** Addresses that other machines may reach, IPv4 first. Link-local addresses need a zone, which other machines do not have. */
function addressesOfThisMachine(): EmbeddedListeners['addresses'] {
  const found = Object.entries(networkInterfaces()).flatMap(([name, addresses]) =>
    (addresses ?? [])
      .filter(({ internal, scopeid }) => !internal && (scopeid ?? 0) === 0)
      .map(({ address }) => ({ address, interface: name })),
  );
  return found.sort((a, b) => Number(a.address.includes(':')) - Number(b.address.includes(':')));
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
