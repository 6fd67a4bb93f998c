import { createRequire } from 'node:module';
import path from 'node:path';

/** A package from the folder that the user installed peers in; it is no part of this project. */
export function softwareFrom(folder, name) {
  try {
    return createRequire(path.join(path.resolve(folder), 'package.json'))(name);
  } catch (error) {
    throw new Error(`${name} cannot be loaded from ${folder} (\`npm install ${name}\` there): ${error.message.split('\n')[0]}`);
  }
}
