import { createHash, timingSafeEqual } from 'node:crypto';
import { ConfigError, type ErrorDetail, ROLES, type Role, z } from '@bellows/sdk';
import { schemaProblems } from '../operations/schema-problems.js';
import { readTextFile } from '../text-file.js';
import { parseYaml } from '../yaml-file.js';
import { NAME_VALUE } from './name-value.js';

export interface TokenEntry {
  readonly name: string;
  readonly role: Role;
  /** SHA-256 of the token, 64 hexadecimal digits. */
  readonly sha256: string;
  /** The one tenant the bearer may call for, unless an admin. Default: any. */
  readonly tenant?: string | undefined;
  /** The one user. Default: the name of the token, and any other the bearer names. */
  readonly user?: string | undefined;
}

/** Who may use a host. */
export interface TokenUsers {
  /** Whose token it is. */
  find(token: string): TokenEntry | undefined;
  /** The entry of a bearer who was found before; undefined when the token was taken back. */
  named(name: string): TokenEntry | undefined;
}

const boundName = z.string().regex(NAME_VALUE, 'expected 1 to 200 printable ASCII characters').exactOptional();

const tokensSchema = z.array(
  z.strictObject({
    name: z.string().min(1).max(200),
    role: z.enum(ROLES),
    sha256: z.string().regex(/^[0-9a-f]{64}$/i, 'expected 64 hexadecimal digits: make an entry with `bellows token new`'),
    tenant: boundName,
    user: boundName,
  }),
);

/**
 * Who may do what: hashed tokens with roles. Holds no token itself. SHA-256 and not a slow hash, because tokens are 256 random bits, not
 * words somebody chose: there is nothing to guess, and a slow one would let strangers keep the host busy.
 */
export class TokenTable implements TokenUsers {
  readonly #entries: readonly (TokenEntry & { readonly digest: Buffer })[];

  constructor(entries: readonly TokenEntry[]) {
    this.#entries = entries.map((entry) => ({ ...entry, digest: Buffer.from(entry.sha256, 'hex') }));
  }

  /** Takes the same time whichever entry matches, or none. */
  find(token: string): TokenEntry | undefined {
    const digest = digestOf(token);
    let found: TokenEntry | undefined;
    for (const entry of this.#entries) if (timingSafeEqual(entry.digest, digest)) found = entry;
    return found;
  }

  named(name: string): TokenEntry | undefined {
    return this.#entries.find((entry) => entry.name === name);
  }
}

/** `ConfigError` (`TOKENS_FILE_INVALID`) with every fault. YAML or JSON: a list of `{ name, role, sha256, tenant?, user? }`. */
export async function loadTokenTable(file: string): Promise<TokenTable> {
  const read = await readTextFile(file, { maxBytes: MAX_BYTES });
  if ('fault' in read) throw invalid(file, [{ path: 'host.tokensFile', message: `the tokens file ${file} ${read.fault}` }]);
  return new TokenTable(parseTokens(read.text, file));
}

/** Some thousand entries. */
const MAX_BYTES = 1_048_576;

/** Each fault names the file and the line it is in. Throws as `loadTokenTable` does. */
export function parseTokens(text: string, file: string): readonly TokenEntry[] {
  const problems: ErrorDetail[] = [];
  const parsed = parseYaml(text, file, problems);
  if (parsed === undefined) throw invalid(file, problems);
  const { value: entries, lineOf } = parsed;
  if (entries === null) {
    throw invalid(file, [
      { path: file, message: 'the tokens file is empty: give it an entry that `bellows token new` makes, or write [] for none' },
    ]);
  }
  const checked = tokensSchema.safeParse(entries);
  const found = checked.success ? repeated(checked.data) : schemaProblems(checked.error, tokensSchema, { input: entries, prefix: PREFIX });
  if (checked.success && found.length === 0) return checked.data;
  const placed = found.map((problem) => {
    const line = lineOf(problem.path.slice(PREFIX.length));
    return { ...problem, message: `${problem.message} (${line === undefined ? '' : `line ${line} of `}${file})` };
  });
  throw invalid(file, placed);
}

const PREFIX = 'tokens';

export function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

function repeated(entries: readonly TokenEntry[]): ErrorDetail[] {
  const problems: ErrorDetail[] = [];
  for (const key of ['name', 'sha256'] as const) {
    const seen = new Map<string, number>();
    for (const [index, entry] of entries.entries()) {
      const value = entry[key].toLowerCase();
      const first = seen.get(value);
      if (first === undefined) seen.set(value, index);
      else problems.push({ path: `tokens[${index}].${key}`, message: `is the same as tokens[${first}].${key}: each must be of its own` });
    }
  }
  return problems;
}

function invalid(file: string, details: readonly ErrorDetail[]): ConfigError {
  const [first] = details;
  const more = details.length > 1 ? ` (and ${details.length - 1} more, see details)` : '';
  return new ConfigError('TOKENS_FILE_INVALID', `The tokens file ${file} is not valid: ${first?.path}: ${first?.message}${more}`, {
    phase: 'validate',
    details,
  });
}
