/** What is used of the parser, bundled alone: whoever runs no definition of text never loads it. */
export { isScalar, LineCounter, parseDocument, visit } from 'yaml';
