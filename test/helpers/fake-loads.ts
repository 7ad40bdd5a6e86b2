/** Loads that do nothing but keep their rows, for tests of what stands above them. */
import type { Loads } from '../../electron/services/load.ts';
import type { LoadAudit, LoadRow, LoadSpec } from '../../shared/models/load.ts';

export const CLEAN_AUDIT: LoadAudit = {
  at: 0,
  complete: true,
  acknowledged: 100,
  found: 100,
  lost: 0,
  removed: 0,
  unread: 0,
  duplicated: 0,
  storedThoughFailed: 0,
  lostRanges: [],
};

export class FakeLoads implements Loads {
  readonly rows: LoadRow[] = [];
  readonly calls: string[] = [];
  audits = new Map<string, LoadAudit>();
  private nextId = 1;

  start(spec: LoadSpec): Promise<LoadRow> {
    this.calls.push(`start ${spec.name}`);
    const row: LoadRow = {
      id: this.nextId++,
      spec,
      state: 'running',
      since: Date.now(),
      error: null,
      written:
        spec.kind === 'group'
          ? null
          : { sent: 100, acknowledged: 100, failed: 0, waiting: 0, perSecond: 10, medianMs: 2, p99Ms: 9, audit: null },
      consumed:
        spec.kind === 'producer'
          ? null
          : {
              consumed: 90,
              repeated: 3,
              perSecond: 10,
              rebalances: 1,
              crashes: 0,
              members: [{ number: 1, memberId: 'm-1', state: 'consuming', assignment: [], consumed: 90 }],
            },
    };
    this.rows.push(row);
    return Promise.resolve(row);
  }

  stop(id: number): Promise<LoadRow> {
    const row = this.row(id);
    this.calls.push(`stop ${row.spec.name}`);
    row.state = 'ended';
    return Promise.resolve(row);
  }

  async stopAll(): Promise<void> {
    await Promise.all(this.rows.map(({ id }) => this.stop(id)));
  }

  remove(id: number): void {
    this.calls.push(`remove ${this.row(id).spec.name}`);
    this.rows.splice(this.rows.indexOf(this.row(id)), 1);
  }

  change(id: number): Promise<LoadRow> {
    this.calls.push(`change ${this.row(id).spec.name}`);
    return Promise.resolve(this.row(id));
  }

  member(id: number, number: number, action: 'crash' | 'pause' | 'resume'): Promise<LoadRow> {
    this.calls.push(`${action} ${number} of ${this.row(id).spec.name}`);
    return Promise.resolve(this.row(id));
  }

  audit(id: number): Promise<LoadAudit> {
    const { spec } = this.row(id);
    this.calls.push(`audit ${spec.name}`);
    return Promise.resolve(this.audits.get(spec.name) ?? CLEAN_AUDIT);
  }

  list(): readonly LoadRow[] {
    return [...this.rows];
  }

  onChange(): () => void {
    return () => undefined;
  }

  async close(): Promise<void> {
    await this.stopAll();
  }

  private row(id: number): LoadRow {
    const row = this.rows.find((one) => one.id === id);
    if (row === undefined) throw new Error(`no load ${id}`);
    return row;
  }
}
