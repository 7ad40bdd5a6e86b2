/** When the rows of one kind were read, in wall-clock ms. */

interface ReadTime {
  readonly name: string;
  at: number;
}

export class ReadTimes {
  /** Of the last complete round; 0: none. */
  roundAt = 0;
  /** Of any round so far. */
  private newestAt = 0;
  private readonly byName = new Map<string, ReadTime>();
  /** Those of the last round, and of some that were forgotten since. */
  private latest: ReadTime[] = [];
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
    const last = this.roundAt;
    const before = at === last ? [] : this.latest;
    if (at !== last) this.latest = [];
    this.roundAt = at;
    for (const name of names) this.noteName(name, at, last);
    for (const { name, at: readAt } of before) if (readAt !== at && readAt > 0) this.onAge(name);
    if (at <= this.newestAt) this.findLatest(last);
    this.newestAt = Math.max(this.newestAt, at);
  }

  /** 0: never. */
  of(name: string): number {
    return this.byName.get(name)?.at ?? 0;
  }

  /** The last round read it. */
  isLatest(name: string): boolean {
    return this.roundAt > 0 && this.of(name) === this.roundAt;
  }

  keepOnly(isKept: (name: string) => boolean): void {
    for (const [name, time] of this.byName) {
      if (isKept(name)) continue;
      this.byName.delete(name);
      time.at = 0;
      this.onAge(name);
    }
  }

  private noteName(name: string, at: number, last: number): void {
    let time = this.byName.get(name);
    if (time === undefined) this.byName.set(name, (time = { name, at: 0 }));
    const wasLatest = last > 0 && time.at === last;
    if (time.at !== at || !wasLatest) this.latest.push(time);
    time.at = at;
    (wasLatest ? this.onTime : this.onAge)(name);
  }

  /** After the clock was set back an earlier round may have had the same time as this one. */
  private findLatest(last: number): void {
    if (this.roundAt === last) return;
    this.latest = [];
    for (const time of this.byName.values()) {
      if (time.at !== this.roundAt) continue;
      this.latest.push(time);
      this.onAge(time.name);
    }
  }
}
