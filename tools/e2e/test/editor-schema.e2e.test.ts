import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { expect, it } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { REPOSITORY, runBellows } from './running-host.js';

/** The one the host reads it with. */
const { parse } = createRequire(path.join(REPOSITORY, 'host/package.json'))('yaml') as {
  readonly parse: (text: string) => { plugins: Record<string, { config?: object }> };
};

it('bellows config schema describes bellows.yaml with its plugins: a validator takes the file and finds a typing error in it', async () => {
  const { code, stdout } = await runBellows(['config', 'schema'], { cwd: REPOSITORY });
  expect(code).toBe(0);
  const isValid = new Ajv2020({ strict: false, validateFormats: false }).compile(JSON.parse(stdout));
  const config = parse(readFileSync(path.join(REPOSITORY, 'bellows.yaml'), 'utf8'));
  expect([isValid(config), isValid.errors]).toEqual([true, null]);
  config.plugins.compute = { ...config.plugins.compute, config: { executers: 2 } };
  expect(isValid(config)).toBe(false);
});

it('the schema that editors use in this repository takes its own configurations', () => {
  const schema = JSON.parse(readFileSync(path.join(REPOSITORY, 'docs/reference/config/bellows.schema.json'), 'utf8'));
  const isValid = new Ajv2020({ strict: false, validateFormats: false }).compile(schema);
  for (const file of ['bellows.yaml', 'docs/examples/three-jobs/bellows.yaml']) {
    expect([file, isValid(parse(readFileSync(path.join(REPOSITORY, file), 'utf8'))), isValid.errors]).toEqual([file, true, null]);
  }
  expect(readFileSync(path.join(REPOSITORY, 'bellows.yaml'), 'utf8')).toMatch(
    /^# yaml-language-server: \$schema=docs\/reference\/config\/bellows\.schema\.json\n/,
  );
});
