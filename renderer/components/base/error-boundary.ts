/** What an ErrorBoundary captures, and how it renders its content. */
import type { FunctionalComponent } from 'vue';

const MAX_TEXT = 500;
/** How Vue names the phases in development, and by number in production: setup, render, and the update of a component. */
const RENDER_PHASES = /^(?:setup function|render function|component update)$|#runtime-(?:0|1|15)$/;

export const isRenderFailure = (info: string): boolean => RENDER_PHASES.test(info);

/** To the console, as an error that nothing captures: the content shows the reason only, and its stack names the component. */
export function logError(error: unknown): void {
  if (typeof reportError === 'function') reportError(error);
}

export function textOfError(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
}

/** Renders the slot as a component of its own: an error of a slot is reported to the component that renders it, and captured above that. */
export const SlotContent: FunctionalComponent = (_props, { slots }) => slots['default']?.();
