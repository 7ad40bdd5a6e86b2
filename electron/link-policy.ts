/** Which links the page may hand to the system's browser: those that a person has just asked for, and nothing but web pages. */

/** As Chromium's transient activation: a gesture older than this asks for nothing any more. */
const GESTURE_MS = 5_000;
const MAX_ADDRESS = 2_000;
/** Of Electron's input events, those by which a person activates a control. Movements and wheels are none. */
const GESTURES: ReadonlySet<string> = new Set(['mouseDown', 'mouseUp', 'keyDown', 'rawKeyDown', 'touchStart', 'touchEnd', 'gestureTap']);

export class LinkPolicy {
  private gestureAt = -Infinity;

  /** `now`: monotonic milliseconds, here and below. */
  noteInput(type: string, now: number): void {
    if (GESTURES.has(type)) this.gestureAt = now;
  }

  /** Whether the address may be opened now. One gesture opens one link. */
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
