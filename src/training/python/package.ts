import { fileURLToPath } from 'node:url'

/** Folder of the package `engraft_trainer`, beside the sources and beside what is built of them. */
export const trainerFolder = fileURLToPath(new URL('../../../trainer/', import.meta.url))
