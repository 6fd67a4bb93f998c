import { describe, expect, it } from '@jest/globals';
import { isSecretName, isSecretVariable, passwordsIn } from '../src/secret-names.js';

describe('a name', () => {
  it.each([
    'DB_PASSWORD',
    'API_KEY',
    'apiKey',
    'GITHUB_TOKEN',
    'TOKEN_PROD',
    'SECRET_KEY_BASE',
    'PGPASS_PASSPHRASE',
    'client-secret',
    'PASSWORD2',
    'PGPASSWORD',
    'accesstoken',
  ])('says that there is a secret: %s', (name) => {
    expect(isSecretName(name)).toBe(true);
  });

  it.each([
    '',
    'NODE_ENV',
    'PORT',
    'DATABASE_URL',
    'TOKEN_FILE',
    'PASSWORD_MIN_LENGTH',
    'PUBLIC_KEY',
    'SORT_KEY',
    'MONKEY',
    'COMPASS',
    'MAX_TOKENS',
    '__proto__',
  ])('says nothing of the kind: %s', (name) => {
    expect(isSecretName(name)).toBe(false);
  });
});

it('of a variable says nothing of the kind where a shell keeps its folder, though an option of that name holds a password', () => {
  expect(['PWD', 'MYSQL_PWD', 'DB_PASSWORD', 'HOME'].map(isSecretVariable)).toEqual([false, true, true, false]);
  expect(isSecretName('pwd')).toBe(true);
});

describe('the password in an address', () => {
  it('is found as it stands and as it is meant', () => {
    expect(passwordsIn('postgres://app:hunter%212@db/x?y')).toEqual(['hunter%212', 'hunter!2']);
    expect(passwordsIn('amqp://:100%sure@mq')).toEqual(['100%sure']);
  });

  it.each([
    'production',
    '/var/lib/app',
    'https://host:8080/path@x',
    'https://user@host',
    'mail:someone@example.org',
    `a${':'.repeat(100_000)}@`,
  ])('is none where there is none: %.40s', (text) => {
    expect(passwordsIn(text)).toEqual([]);
  });
});
