/** What a caller of the host may set; each wins over the environment and the file. */
export interface HostOptions {
  readonly configFile?: string;
  readonly port?: number;
  readonly address?: string;
  readonly dataDir?: string;
  readonly logLevel?: 'debug' | 'info' | 'warn' | 'error';
  /** The environment: `BELLOWS_CONFIG`, `BELLOWS_PORT`, `BELLOWS_DATA`, and what `${env:NAME}` reads. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute; what relative paths of options and environment are meant from. */
  readonly cwd: string;
}
