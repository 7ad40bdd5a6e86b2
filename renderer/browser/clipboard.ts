/** Writes text to the system clipboard, and reports whether it succeeded. */
import { useClipboard } from '@vueuse/core';

/** False: the browser, or the desktop's permissions, refused it. */
export async function writeClipboard(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Refused, or the page is no secure context (web mode at another address than loopback), where there is no Clipboard API.
    return writeByCommand(text);
  }
}

/** A navigator without the Clipboard API, so that the browser's copy command is used. */
const WITHOUT_API: Navigator = Object.create(null) as Navigator;

/** The event gets the text itself: the command would change the line ends of a text field. */
async function writeByCommand(text: string): Promise<boolean> {
  let isWritten = false;
  const give = (event: ClipboardEvent): void => {
    if (event.clipboardData === null) return;
    event.clipboardData.setData('text/plain', text);
    event.preventDefault();
    event.stopImmediatePropagation();
    isWritten = true;
  };
  document.addEventListener('copy', give, { capture: true });
  try {
    // The command copies nothing where nothing is selected.
    await useClipboard({ legacy: true, navigator: WITHOUT_API }).copy(' ');
  } finally {
    document.removeEventListener('copy', give, { capture: true });
  }
  return isWritten;
}
