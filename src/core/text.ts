/** Text from elsewhere, fit to be shown. */

/** What could steer a terminal, or turn the order of reading around, made visible (SEC-28). */
export function printable(text: string): string {
  return text.replaceAll(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
  );
}
