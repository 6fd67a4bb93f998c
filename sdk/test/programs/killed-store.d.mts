export function killedStore(folder: string): Promise<void>;
