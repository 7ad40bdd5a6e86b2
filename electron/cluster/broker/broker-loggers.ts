/**
 * The loggers of this broker as configuration resources (BROKER_LOGGER, KIP-412): the key is the name of a logger, the value its level. Only the
 * broker itself reads and changes them; nothing is stored. Error codes are those of Apache Kafka.
 */
import { LOGGER_LEVELS, ROOT_LOGGER, type LoggerLevel, type LoggerLevels } from '../lib/logger-levels.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import { KafkaError } from '../protocol/kafka-error.ts';

const SET = 0;
const DELETE = 1;

/** A change of IncrementalAlterConfigs. */
export interface LoggerChange {
  readonly name: string;
  readonly configOperation: number;
  readonly value: string | null;
}

/** Throws INVALID_REQUEST where `name` is not the id of this broker. */
export function requireOwnLoggers(name: string, brokerId: number): void {
  if (name === '') throw invalidRequest('Loggers are those of one broker; name its id.');
  if (!/^[+-]?\d+$/.test(name)) throw invalidRequest(`A broker id is a whole number, not "${name}".`);
  if (Number(name) !== brokerId) throw invalidRequest(`This is broker ${brokerId}; send the request to broker ${Number(name)}.`);
}

/** Changes all or, where one is refused or `validateOnly`, none. Throws INVALID_REQUEST, INVALID_CONFIG. */
export function alterLoggers(levels: LoggerLevels, changes: readonly LoggerChange[], validateOnly: boolean): void {
  const names = new Set(changes.map(({ name }) => name));
  if (names.size < changes.length) throw invalidRequest('A logger is named twice.');
  const missing = changes.find(({ configOperation, value }) => configOperation !== DELETE && value === null);
  if (missing !== undefined)
    throw invalidRequest(`Logger ${missing.name} needs a level; delete the setting to use the level of its parent.`);
  const checked = changes.map((change) => ({ name: change.name, level: levelOf(levels, change) }));
  if (validateOnly) return;
  for (const { name, level } of checked) {
    if (level === undefined) levels.delete(name);
    else levels.set(name, level);
  }
}

/** Undefined: the level is deleted. */
function levelOf(levels: LoggerLevels, { name, configOperation, value }: LoggerChange): LoggerLevel | undefined {
  if (configOperation !== SET && configOperation !== DELETE) {
    throw invalidRequest(`The level of a logger can be set (0) and deleted (1); ${configOperation} is neither.`);
  }
  if (!levels.has(name)) {
    throw new KafkaError(
      ErrorCode.INVALID_CONFIG,
      `Logger ${name} does not exist; DescribeConfigs returns the names of the broker's loggers.`,
    );
  }
  if (configOperation === DELETE) {
    if (name === ROOT_LOGGER) throw invalidRequest('The level of the root logger cannot be deleted; set another one.');
    return undefined;
  }
  const level = LOGGER_LEVELS.find((known) => known === value);
  if (level === undefined) {
    throw new KafkaError(
      ErrorCode.INVALID_CONFIG,
      `Logger ${name} cannot have level "${value}"; the levels are ${LOGGER_LEVELS.join(', ')}.`,
    );
  }
  return level;
}

function invalidRequest(message: string): KafkaError {
  return new KafkaError(ErrorCode.INVALID_REQUEST, message);
}
