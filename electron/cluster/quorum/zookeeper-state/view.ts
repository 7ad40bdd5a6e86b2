/** What the ZooKeeper endpoint reads and decides on: the metadata image and the state of its clients, as of the same offset. */
import type { DecisionContext } from '../controller/decision.ts';
import type { ImageChange, MetadataImage } from '../image.ts';
import type { CoordinationImage, ZnodeChange } from './state.ts';

export interface ZooKeeperView {
  readonly image: MetadataImage;
  readonly zookeeper: CoordinationImage;
}

/** One change of the metadata log, with the changes that it makes to clients. */
export interface ZooKeeperChange {
  readonly metadata: ImageChange;
  readonly before: CoordinationImage;
  readonly after: CoordinationImage;
  /** Changes by clients and by triggers, in order. */
  readonly znodes: readonly ZnodeChange[];
  /** Sessions that ended or moved to another connection. */
  readonly sessions: readonly bigint[];
}

/** `zookeeper`, as the image, includes all decisions of the controller, also uncommitted ones. */
export interface ZooKeeperContext extends DecisionContext {
  readonly zookeeper: CoordinationImage;
}
