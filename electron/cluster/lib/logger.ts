/** Structured log lines. A node's logger adds the node; `child` adds fields to every line of one part. */
import { LoggerLevels, severityOf } from './logger-levels.ts';

export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A field `part` names the child: its level is the one of that name in `levels`. */
  child(fields: LogFields): Logger;
  /** The levels of this logger and all its children. */
  readonly levels: LoggerLevels;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogFields = Readonly<Record<string, unknown>>;
export type LogSink = (level: LogLevel, message: string, fields: LogFields) => void;

/** A logger that passes every line to `sink` that its level in `levels` permits; a single level is that of the root. */
export function createLogger(sink: LogSink, levels: LogLevel | LoggerLevels = 'info', fields: LogFields = {}): Logger {
  const known = typeof levels === 'string' ? new LoggerLevels(levels) : levels;
  const { part } = fields;
  const threshold = known.thresholdOf(typeof part === 'string' ? part : undefined);
  const write = (level: LogLevel) => {
    const severity = severityOf(level);
    return (message: string, more?: LogFields): void => {
      if (severity >= threshold.severity) sink(level, message, more === undefined ? fields : { ...fields, ...more });
    };
  };
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: (more) => createLogger(sink, known, { ...fields, ...more }),
    levels: known,
  };
}

/** Drops every line. */
export const silentLogger: Logger = createLogger(() => undefined);
