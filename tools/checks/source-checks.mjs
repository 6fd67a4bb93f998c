import { readFileSync } from 'node:fs';
import path from 'node:path';

const MAX_LINES = 400;
const FORBIDDEN_NAMES = new Set(['utils', 'util', 'common', 'core', 'lib', 'helpers', 'helper', 'types', 'misc']);
const TEXT = /\.(ts|mts|cts|js|mjs|cjs|json|yaml|yml|md|sh|css|html|rs)$|(^|\/)(\.ci\/run|\.npmrc|\.gitignore)$/;
/** Made by npm, which writes where it fetched from. */
const LOCK_FILE = /(^|\/)package-lock\.json$/;

// Written so that this file does not find itself.
const MARKS = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX', 'HA' + 'CK'].join('|')})\\b`);
const MACHINE = new RegExp(
  [
    '(?<![\\w.])/(work|farm|root|home|Users)/[A-Za-z0-9_.-]+',
    'registry\\.npm' + 'js\\.org',
    'deb\\.debian' + '\\.org',
    '/tmp/bash' + '_jobs',
    'sub' + 'agent',
    'before' + '-stop',
  ].join('|'),
);

export function unfinishedMarks(tree) {
  return linesThatMatch(tree, MARKS, () => true);
}

export function machineWords(tree) {
  return linesThatMatch(tree, MACHINE, () => true);
}

export function fileLength({ root, files }) {
  return files.filter(isSource).flatMap((file) => {
    const lines = readFileSync(path.join(root, file), 'utf8').trimEnd().split('\n').length;
    return lines > MAX_LINES ? [`${file} has ${lines} lines: split it by what it is about`] : [];
  });
}

export function names({ files }) {
  return files.filter(isSource).flatMap((file) => {
    const inSource = file.slice(file.indexOf('src/') + 'src/'.length).split('/');
    const bad = inSource.map((part) => part.replace(/\..*$/, '')).filter((part) => FORBIDDEN_NAMES.has(part));
    return bad.map((part) => `${file}: “${part}” says nothing about what is inside; name the thing`);
  });
}

/** `src` of any project. */
export function isSource(file) {
  return /(^|\/)src\//.test(file) && /\.(ts|tsx)$/.test(file);
}

function linesThatMatch({ root, files }, pattern, concerns) {
  return files
    .filter((file) => TEXT.test(file) && !LOCK_FILE.test(file) && concerns(file))
    .flatMap((file) =>
      readFileSync(path.join(root, file), 'utf8')
        .split('\n')
        .flatMap((line, index) => (pattern.test(line) ? [`${file}:${index + 1}: ${line.trim().slice(0, 120)}`] : [])),
    );
}
