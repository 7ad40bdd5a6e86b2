/** Keeps the state of ZooKeeper's clients from the records of the metadata log; publishes nothing, which the loader of the log does. */
import { runWhole } from '../../lib/work-slices.ts';
import type { MetadataRecord, MetadataRecordIn } from '../../protocol/records/metadata-records.ts';
import type { AppliedAt } from '../image-apply.ts';
import type { ImageChange } from '../image.ts';
import type { LogState } from '../metadata-loader.ts';
import { applyCoordination } from './apply.ts';
import { diffCoordination, diffSessions } from './diff.ts';
import { coordinationRecords } from './snapshot.ts';
import { EMPTY_COORDINATION, type CoordinationImage, type ZnodeChange } from './state.ts';
import { updateSystemTimes } from './system-times.ts';
import type { ZooKeeperChange } from './view.ts';

export class ZooKeeperLogState implements LogState {
  private state = EMPTY_COORDINATION;
  private last: StateChange = { before: EMPTY_COORDINATION, after: EMPTY_COORDINATION, znodes: [], sessions: [] };

  get current(): CoordinationImage {
    return this.state;
  }

  get lastChange(): StateChange {
    return this.last;
  }

  apply(records: readonly MetadataRecord[], change: ImageChange, at: AppliedAt): void {
    const before = this.state;
    const { state: after, znodes, sessions } = applyZooKeeperRecords(before, records, change, at);
    this.change({ before, after, znodes, sessions });
  }

  *prepare(records: readonly MetadataRecord[], created: ImageChange, at: AppliedAt): Generator<undefined, () => void, undefined> {
    // Times that the snapshot holds are written over those of the creation.
    const { state: after } = yield* applyInSteps(withTimes(EMPTY_COORDINATION, created, at), records);
    return () => {
      const before = this.state;
      this.change({ before, after, znodes: diffCoordination(before, after), sessions: diffSessions(before, after) });
    };
  }

  snapshotRecords(): Iterable<MetadataRecordIn> {
    return coordinationRecords(this.state);
  }

  private change(change: StateChange): void {
    this.state = change.after;
    this.last = change;
  }
}

type StateChange = Omit<ZooKeeperChange, 'metadata'>;

interface Applied {
  readonly state: CoordinationImage;
  readonly znodes: readonly ZnodeChange[];
  readonly sessions: readonly bigint[];
}

/** The state after records of whole batches, whose changes of the image are `change`. Pure. */
export function applyZooKeeperRecords(
  before: CoordinationImage,
  records: readonly MetadataRecord[],
  change: ImageChange,
  at: AppliedAt,
): Applied {
  const { state, ...rest } = runWhole(applyInSteps(before, records));
  return { ...rest, state: withTimes(state, change, at) };
}

/** Records between two yields: about a millisecond of work. */
const RECORDS_PER_STEP = 512;

function* applyInSteps(before: CoordinationImage, records: readonly MetadataRecord[]): Generator<undefined, Applied, undefined> {
  let state = before;
  const znodes: ZnodeChange[] = [];
  const sessions: bigint[] = [];
  for (const [index, record] of records.entries()) {
    if (index % RECORDS_PER_STEP === RECORDS_PER_STEP - 1) yield;
    if (record.type !== 'NoOpRecord' || record.value.coordination === null) continue;
    const applied = applyCoordination(state, record.value.coordination);
    state = applied.image;
    for (const one of applied.changes) znodes.push(one);
    for (const id of applied.sessions) sessions.push(id);
  }
  return { state, znodes, sessions };
}

/** Records since when the changed parts of the image are as they are. */
function withTimes(state: CoordinationImage, change: ImageChange, { offset, epoch, timestamp = 0 }: AppliedAt): CoordinationImage {
  const system = updateSystemTimes(state.system, change, { zxid: offset, time: timestamp, epoch });
  return system === state.system ? state : { ...state, system };
}
