/** Which rows of the view have to be built again. The collections of the state mark them, so that a part cannot forget to. */

/** By name or id, since the view was last built. */
export class StateChanges {
  /** Topics of whose row some input changed. */
  readonly topics = new Set<string>();
  /** Topics whose metadata changed: the rows of the groups that read them depend on it as well. */
  readonly topicMetadata = new Set<string>();
  /** Groups of whose row some input changed. */
  readonly groups = new Set<string>();

  clear(): void {
    for (const names of [this.topics, this.topicMetadata, this.groups]) names.clear();
  }
}

/** Marks each key whose value is replaced by another one or deleted. Values must not be changed in place. */
export class MarkedMap<Key, Value> extends Map<Key, Value> {
  private readonly mark: (key: Key) => void;

  constructor(mark: (key: Key) => void) {
    super();
    this.mark = mark;
  }

  override set(key: Key, value: Value): this {
    if (!this.has(key) || this.get(key) !== value) this.mark(key);
    return super.set(key, value);
  }

  override delete(key: Key): boolean {
    const isDeleted = super.delete(key);
    if (isDeleted) this.mark(key);
    return isDeleted;
  }

  override clear(): void {
    for (const key of this.keys()) this.mark(key);
    super.clear();
  }

  /** Marks nothing: no row depends on the order. */
  sort(isBefore: (a: Key, b: Key) => boolean): void {
    const entries = [...this].sort(([a], [b]) => (isBefore(a, b) ? -1 : 1));
    super.clear();
    for (const [key, value] of entries) super.set(key, value);
  }
}
