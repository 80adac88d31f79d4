/** Text from elsewhere, fit to be shown. */

/** What could steer a terminal, turn the order of reading around, or not be seen at all. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/** Such characters made visible (SEC-28). */
export function printable(text: string): string {
  return text.replaceAll(UNSEEN, (character) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`);
}

/** Whether a text can be somebody's name in a list: 1 to 64 characters that are seen, none of them at the ends a space. */
export function isName(text: string): boolean {
  return text.length > 0 && text.length <= 64 && text === text.trim() && printable(text) === text;
}
