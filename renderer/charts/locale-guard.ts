/**
 * Under LANG=C Chromium calls its language `en-US@posix`, which Intl refuses with a RangeError; uPlot asks Intl with it as it
 * is loaded. Imported before uPlot, this gives such a browser a language that Intl knows.
 */
function isKnown(language: string): boolean {
  try {
    return Intl.getCanonicalLocales(language).length > 0;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

if (typeof navigator !== 'undefined' && !isKnown(navigator.language)) {
  Object.defineProperty(navigator, 'language', { configurable: true, value: 'en' });
}
