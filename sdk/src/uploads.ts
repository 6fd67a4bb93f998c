/** Files sent with `POST /v1/files`, kept by content until the host sweeps those nobody read for a day. */
export interface IUploads {
  /** The bytes behind a `url` that the upload answered. `NotFoundError` (`UPLOAD_UNKNOWN`) when there are none. */
  read(url: string): Promise<Uint8Array>;
}
