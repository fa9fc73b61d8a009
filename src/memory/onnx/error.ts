/** An embedding model that cannot be used. The message is for the operator: which file, what was wrong, what to do. */
export class EmbedderError extends Error {
  override readonly name = 'EmbedderError'
}
