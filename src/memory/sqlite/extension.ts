import { getLoadablePath } from 'sqlite-vec'

/** Where the SQLite extension lies that compares vectors. Throws where none is built for this machine. */
export function vectorExtension (): string { return getLoadablePath() }
