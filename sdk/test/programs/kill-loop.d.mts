export function killLoop(options: {
  readonly kind: 'sqlite' | 'files';
  readonly folder: string;
  readonly rounds: number;
  readonly linesOf: (round: number) => number;
}): Promise<{ readonly values: number; readonly streams: number }>;
