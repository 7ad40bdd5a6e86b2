/**
 * The levels of a node's loggers, changed at run time (the resource type BROKER_LOGGER, KIP-412). A logger without a level of its own has
 * that of the nearest parent (`log` of `log.cleaner`), finally that of the root. Levels end with the node's process.
 */

/** From the most verbose. No line of this node is more verbose than DEBUG or more severe than ERROR. */
export const LOGGER_LEVELS = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'] as const;
export type LoggerLevel = (typeof LOGGER_LEVELS)[number];

export const ROOT_LOGGER = 'root';

/** The least severity that a logger logs. Shared by all loggers of a name, and changed in place. */
export interface Threshold {
  severity: number;
}

export function severityOf(level: 'debug' | 'info' | 'warn' | 'error'): number {
  return LOGGER_LEVELS.indexOf(levelNamed(level));
}

export class LoggerLevels {
  private root: LoggerLevel;
  private readonly own = new Map<string, LoggerLevel>();
  private readonly thresholds = new Map<string, Threshold>();
  private readonly rootThreshold: Threshold;

  constructor(root: 'debug' | 'info' | 'warn' | 'error') {
    this.root = levelNamed(root);
    this.rootThreshold = { severity: LOGGER_LEVELS.indexOf(this.root) };
  }

  /** Sets the level of a logger, which exists from then on; undefined: of the root. */
  thresholdOf(name: string | undefined): Threshold {
    if (name === undefined) return this.rootThreshold;
    let threshold = this.thresholds.get(name);
    if (threshold === undefined) this.thresholds.set(name, (threshold = { severity: LOGGER_LEVELS.indexOf(this.levelOf(name)) }));
    return threshold;
  }

  has(name: string): boolean {
    return name === ROOT_LOGGER || this.thresholds.has(name);
  }

  /** The root first, the others by name, each with its effective level. */
  list(): { name: string; level: LoggerLevel }[] {
    const names = [...this.thresholds.keys()].sort();
    return [{ name: ROOT_LOGGER, level: this.root }, ...names.map((name) => ({ name, level: this.levelOf(name) }))];
  }

  /** The effective level of an existing logger. */
  set(name: string, level: LoggerLevel): void {
    if (name === ROOT_LOGGER) this.root = level;
    else this.own.set(name, level);
    this.apply();
  }

  /** Resets a logger to the level of its parent. */
  delete(name: string): void {
    this.own.delete(name);
    this.apply();
  }

  private levelOf(name: string): LoggerLevel {
    for (let at = name; ;) {
      const level = this.own.get(at);
      if (level !== undefined) return level;
      const dot = at.lastIndexOf('.');
      if (dot < 0) return this.root;
      at = at.slice(0, dot);
    }
  }

  private apply(): void {
    this.rootThreshold.severity = LOGGER_LEVELS.indexOf(this.root);
    for (const [name, threshold] of this.thresholds) threshold.severity = LOGGER_LEVELS.indexOf(this.levelOf(name));
  }
}

function levelNamed(level: 'debug' | 'info' | 'warn' | 'error'): LoggerLevel {
  return ({ debug: 'DEBUG', info: 'INFO', warn: 'WARN', error: 'ERROR' } as const)[level];
}
