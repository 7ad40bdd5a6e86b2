/** Structured log lines. A node's logger adds the node; `child` adds what a part wants on every line of its own. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  child(fields: LogFields): Logger;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogFields = Readonly<Record<string, unknown>>;
export type LogSink = (level: LogLevel, message: string, fields: LogFields) => void;

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

/** A logger that hands every line at or above `level` to `sink`. */
export function createLogger(sink: LogSink, level: LogLevel = 'info', fields: LogFields = {}): Logger {
  const lowest = LEVELS.indexOf(level);
  const write =
    (lineLevel: LogLevel) =>
    (message: string, more?: LogFields): void => {
      if (LEVELS.indexOf(lineLevel) >= lowest) sink(lineLevel, message, more === undefined ? fields : { ...fields, ...more });
    };
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: (more) => createLogger(sink, level, { ...fields, ...more }),
  };
}

/** Drops every line. */
export const silentLogger: Logger = createLogger(() => undefined);
