/** Decides which links open in the system's browser: web pages only, and only right after the user activated a control. */

/** As Chromium's transient activation: an older gesture does not count. */
const GESTURE_MS = 5_000;
const MAX_ADDRESS = 2_000;
/** Electron's input events that can activate a control. */
const GESTURES: ReadonlySet<string> = new Set(['mouseDown', 'mouseUp', 'keyDown', 'rawKeyDown', 'touchStart', 'touchEnd', 'gestureTap']);

export class LinkPolicy {
  private gestureAt = -Infinity;

  /** `now`: monotonic milliseconds, here and below. */
  noteInput(type: string, now: number): void {
    if (GESTURES.has(type)) this.gestureAt = now;
  }

  /** True if the address may be opened now. One gesture opens one link. */
  takeGesture(address: string, now: number): boolean {
    if (!isWebPage(address) || now - this.gestureAt > GESTURE_MS) return false;
    this.gestureAt = -Infinity;
    return true;
  }
}

/** An address without credentials, over HTTPS. */
export function isWebPage(address: string): boolean {
  const url = address.length > MAX_ADDRESS ? null : URL.parse(address);
  return url !== null && url.protocol === 'https:' && url.hostname !== '' && url.username === '' && url.password === '';
}
