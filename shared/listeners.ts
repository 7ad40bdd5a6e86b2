/** Listeners of one kind of change. One that is added or removed while they are called counts from the next change on. */
export class Listeners<Value> {
  private readonly all = new Set<(value: Value) => void>();

  /** Returns the function that removes it. */
  add(listener: (value: Value) => void): () => void {
    this.all.add(listener);
    return () => void this.all.delete(listener);
  }

  notify(value: Value): void {
    for (const listener of [...this.all]) listener(value);
  }

  clear(): void {
    this.all.clear();
  }
}
