/** When the rows of one kind were read, in wall-clock ms. */

export class ReadTimes {
  /** Of the last complete round; 0: none. */
  roundAt = 0;
  /** Of any round so far. */
  private newestAt = 0;
  private readonly byName = new Map<string, number>();
  /** Names whose time is that of the last round. */
  private latest = new Set<string>();
  private readonly onAge: (name: string) => void;
  private readonly onTime: (name: string) => void;

  /**
   * `onAge`: the name is in the last round now and was not, or was and is not. `onTime`: it was in the last round and is in the new one, so that
   * its time alone differs.
   */
  constructor(onAge: (name: string) => void = () => undefined, onTime: (name: string) => void = () => undefined) {
    this.onAge = onAge;
    this.onTime = onTime;
  }

  /** Names that this round left out keep the time of the round that read them: one page's figures do not make another's fresh. */
  note(names: Iterable<string>, at: number): void {
    const before = at === this.roundAt ? new Set<string>() : this.latest;
    if (at !== this.roundAt) this.latest = new Set();
    this.roundAt = at;
    for (const name of names) {
      const wasLatest = before.delete(name) || this.latest.has(name);
      this.byName.set(name, at);
      this.latest.add(name);
      (wasLatest ? this.onTime : this.onAge)(name);
    }
    for (const name of before) this.onAge(name);
    if (at <= this.newestAt) this.findLatest();
    this.newestAt = Math.max(this.newestAt, at);
  }

  /** 0: never. */
  of(name: string): number {
    return this.byName.get(name) ?? 0;
  }

  /** The last round read it. */
  isLatest(name: string): boolean {
    return this.roundAt > 0 && this.of(name) === this.roundAt;
  }

  keepOnly(isKept: (name: string) => boolean): void {
    for (const name of this.byName.keys()) {
      if (isKept(name)) continue;
      this.byName.delete(name);
      this.latest.delete(name);
      this.onAge(name);
    }
  }

  /** After the clock was set back an earlier round may have had the same time as this one. */
  private findLatest(): void {
    for (const [name, at] of this.byName) {
      if (at !== this.roundAt || this.latest.has(name)) continue;
      this.latest.add(name);
      this.onAge(name);
    }
  }
}
