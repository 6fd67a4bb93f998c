/** What the names of variables and options call a secret. */
const SECRET_WORDS = /^(?:[a-z]*(?:password|passwd|passphrase|secret|token|apikey)|pass|pwd|pw|secrets|key|credentials?)$/;

/** As the last word they make of it something about a secret, or where it is. */
const ABOUT_WORDS =
  /^(?:file|path|dir|folder|url|uri|host|port|endpoint|id|name|user|type|kind|mode|algorithm|size|length|limit|count|ttl|ms|seconds|minutes|hours|days|header|prefix|policy)$/;

/** Keys that everybody may see. */
const OPEN_KEYS = /^(?:public|primary|foreign|partition|sort|cache|routing|idempotency)$/;

/** As {@link isSecretName} of a variable. A shell keeps its working folder in `PWD`. */
export function isSecretVariable(name: string): boolean {
  return name !== 'PWD' && isSecretName(name);
}

/** Whether a variable or an option of this name holds a secret, as far as its name says: `DB_PASSWORD`, `apiKey`, not `TOKEN_FILE`. */
export function isSecretName(name: string): boolean {
  const words = name
    .replace(/([a-z\d])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .split(/[^a-z]+/)
    .filter((word) => word !== '');
  if (ABOUT_WORDS.test(words.at(-1) ?? '')) return false;
  return words.some((word, at) => SECRET_WORDS.test(word) && !(word === 'key' && OPEN_KEYS.test(words[at - 1] ?? '')));
}

/** The password in an address (`postgres://user:password@host/`), as it stands there and as it is meant. Nothing where there is none. */
export function passwordsIn(text: string): readonly string[] {
  const [, written] = /^[a-z][a-z\d+.-]*:\/\/[^\s/?#@:]*:([^\s/?#]+)@/i.exec(text) ?? [];
  if (written === undefined) return [];
  try {
    return [written, decodeURIComponent(written)];
  } catch {
    return [written]; // a % of its own
  }
}
